"""A leaner form of BERT-like models for tagging.

A token-classification model of transformers computes logits for every subword, padding included.
`LeanModel` computes the same logits for the first subwords of words only, with fewer and larger
operations:

- queries, keys and values of a layer come from one matrix product;
- in the last layer, everything after attention is computed for the wanted rows only (three in
  five on WNUT 17);
- the scale of attention is part of the queries' weights.

PyTorch runs this module, and ONNX models are exported from it. Any other model is run as it is
(`WholeModel`), after a trial of how its windows may be batched.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from nerine.core.errors import CheckpointError, first_line
from nerine.model.batching import Batching, Sharing

# The parts of a layer: queries, keys, values, the attention's output and norm, then those of the
# feed-forward network: up, down and norm.
_BERT = (
    *("attention.self.query", "attention.self.key", "attention.self.value"),
    *("attention.output.dense", "attention.output.LayerNorm"),
    *("intermediate.dense", "output.dense", "output.LayerNorm"),
)
_DISTILBERT = (
    *("attention.q_lin", "attention.k_lin", "attention.v_lin"),
    *("attention.out_lin", "sa_layer_norm"),
    *("ffn.lin1", "ffn.lin2", "output_layer_norm"),
)

# `model_type` → the attribute with the layers, and the names of their parts.
_ARCHITECTURES = {
    "bert": ("encoder.layer", _BERT),
    "roberta": ("encoder.layer", _BERT),
    "xlm-roberta": ("encoder.layer", _BERT),
    "camembert": ("encoder.layer", _BERT),
    "distilbert": ("transformer.layer", _DISTILBERT),
}


class LeanModel(nn.Module):
    """`forward(input_ids, attention_mask, rows)` → the logits of `rows`, `(rows, tags)`.

    `input_ids` and `attention_mask` are `(batch, length)`, `rows` (rows) counts through both:
    `row = sentence * length + position`. The number of rows of a matrix product is rounded up to a
    multiple of `round_to`: oneDNN keeps a kernel for each number of rows that it has seen.

    `vocabulary` is the number of its subwords. Its texts may share a batch with padding, since
    attention to padding is exactly zero.
    """

    batching = Batching()

    def __init__(self, model: Any, layers: Sequence[nn.Module], parts: Sequence[str]) -> None:
        super().__init__()
        self.embeddings = _Embeddings(model.base_model.embeddings)
        self.vocabulary = int(self.embeddings.words.num_embeddings)
        self.layers = nn.ModuleList(
            Layer(layer, parts, heads=model.config.num_attention_heads) for layer in layers
        )
        self.classifier = model.classifier
        self.round_to = 1

    def forward(self, input_ids: Tensor, attention_mask: Tensor, rows: Tensor) -> Tensor:
        """The logits of `rows`, `(rows, tags)`."""
        wanted = len(rows)
        rows = filled_up(rows, self.round_to)
        hidden = filled_up(self.embeddings(input_ids).flatten(0, 1), self.round_to)
        unseen = (1.0 - attention_mask[:, None, None, :].to(hidden.dtype)) * _FAR
        layers: list[Layer] = list(self.layers)  # type: ignore[arg-type] # made above
        for layer in layers[:-1]:
            hidden = layer(hidden, unseen)
        hidden = layers[-1](hidden, unseen, rows)
        logits: Tensor = self.classifier(hidden)
        return logits[:wanted] if self.round_to > 1 else logits


def filled_up(values: Tensor, multiple: int) -> Tensor:
    """`values` with zeros appended, so that their length is a multiple."""
    if multiple == 1 or not len(values) % multiple:
        return values
    missing = multiple - len(values) % multiple
    return functional.pad(values, (0, 0) * (values.dim() - 1) + (0, missing))


# Added to the attention scores of padding before the softmax, which makes them zero.
_FAR = -1e4
# Logits of up to 1 differ by a quarter of this from one length of a batch to another, after 24
# layers with random weights; padding that matters changes them by more.
_ROUNDING = 2e-5


class _Embeddings(nn.Module):
    """Normalised embeddings of subwords, positions and token type 0, `(batch, length, width)`."""

    def __init__(self, embeddings: Any) -> None:
        super().__init__()
        self.words = embeddings.word_embeddings
        self.norm = embeddings.LayerNorm
        places = embeddings.position_embeddings
        # RoBERTa and its like count positions from the one after the padding id, without padding.
        self.padding = places.padding_idx
        table = places.weight.detach().clone()
        if getattr(embeddings, "token_type_embeddings", None) is not None:
            table += embeddings.token_type_embeddings.weight.detach()[0]
        self.places = nn.Embedding.from_pretrained(table)

    def forward(self, input_ids: Tensor) -> Tensor:
        if self.padding is None:
            places = torch.arange(input_ids.shape[1], device=input_ids.device)
        else:
            seen = (input_ids != self.padding).long()
            places = torch.cumsum(seen, dim=1) * seen + self.padding
        hidden: Tensor = self.norm(self.words(input_ids) + self.places(places))
        return hidden


class Layer(nn.Module):
    """Attention and feed-forward, each followed by its residual and its norm."""

    def __init__(self, layer: nn.Module, parts: Sequence[str], *, heads: int) -> None:
        super().__init__()
        *projections, output, norm, up, down, last_norm = map(layer.get_submodule, parts)
        self.attention = Attention(*projections, heads=heads)
        self.output, self.attention_norm = output, norm
        self.up = nn.Sequential(up, nn.GELU())
        self.down, self.feed_forward_norm = down, last_norm

    def forward(self, hidden: Tensor, unseen: Tensor, rows: Tensor | None = None) -> Tensor:
        """Hidden states before and after this layer; with `rows`, of these subwords only."""
        context = self.attention(hidden, unseen)
        if rows is not None:
            context, hidden = context[rows], hidden[rows]
        hidden = self.attention_norm(hidden + self.output(context))
        result: Tensor = self.feed_forward_norm(hidden + self.down(self.up(hidden)))
        return result


class Attention(nn.Module):
    """Self-attention within each sentence of a batch, `(batch · length, width)` → the same shape.

    It uses torch's fused operator, or a few plain ones after `take_apart`, which ONNX Runtime
    computes fastest.
    """

    def __init__(self, query: Any, key: Any, value: Any, *, heads: int) -> None:
        super().__init__()
        width: int = query.out_features
        self.heads, self.size = heads, width // heads
        scale = self.size**-0.5
        self.merged = _linear(
            torch.cat((query.weight * scale, key.weight, value.weight)),
            torch.cat((query.bias * scale, key.bias, value.bias)),
        )
        self.apart = nn.ModuleList()
        self.round_to = 1

    def forward(self, hidden: Tensor, unseen: Tensor) -> Tensor:
        """The attention output of hidden states."""
        batch, length = unseen.shape[0], unseen.shape[3]
        if self.apart:
            shape = batch, length, self.heads, self.size
            query, key, value = (part(hidden).view(shape).transpose(1, 2) for part in self.apart)
            mixed = torch.softmax(query @ key.transpose(2, 3) + unseen, dim=-1) @ value
        else:
            merged: Tensor = self.merged(hidden)
            if self.round_to > 1:
                merged = merged[: batch * length]
            parts = merged.view(batch, length, 3, self.heads, self.size).permute(2, 0, 3, 1, 4)
            query, key, value = parts
            mixed = functional.scaled_dot_product_attention(query, key, value, unseen, scale=1.0)
        mixed = mixed.transpose(1, 2).reshape(batch * length, self.heads * self.size)
        return filled_up(mixed, self.round_to)

    def take_apart(self) -> None:
        """For export: uses three products and plain operators from now on."""
        weights, biases = self.merged.weight.chunk(3), self.merged.bias.chunk(3)
        self.apart.extend(map(_linear, weights, biases))


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    """A linear layer with given weights, `(outputs, inputs)`."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
    layer.weight, layer.bias = nn.Parameter(weight.detach()), nn.Parameter(bias.detach())
    return layer


class WholeModel(nn.Module):
    """Any token-classification model of transformers, with the inputs of `LeanModel`.

    `vocabulary` is the number of its subwords.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.vocabulary = int(model.get_input_embeddings().weight.shape[0])
        self._has_mask = takes_mask(model)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, rows: Tensor) -> Tensor:
        """The logits of `rows`, `(rows, tags)`."""
        mask = {"attention_mask": attention_mask} if self._has_mask else {}
        logits = self.model(input_ids=input_ids, **mask).logits
        result: Tensor = logits.flatten(0, 1)[rows]
        return result

    @cached_property
    def batching(self) -> Batching:
        """How windows are batched without a change in their logits, found out by a trial.

        A text runs alone and next to a longer one: convolutions, pooling and Fourier transforms
        mix a text with its padding. Raises `CheckpointError` for a model that cannot be run.
        """
        if self.model.config.model_type in _ARCHITECTURES:
            return Batching()
        input_ids, attention_mask, _ = probe(self, self.model.device)
        longest, length = input_ids.shape[1], int(attention_mask[1].sum())
        together = self.tried(input_ids, attention_mask)
        longer = self.tried(input_ids[:1], attention_mask[:1])
        shorter = self.tried(input_ids[1:, :length], attention_mask[1:, :length])
        sharing: Sharing = "padded"
        if not _alike(together[:longest], longer):
            sharing = "alone"
        elif not _alike(together[longest : longest + length], shorter):
            sharing = "equal lengths"
        return Batching(sharing, self._least_length(input_ids[:1], attention_mask[:1]))

    def _least_length(self, input_ids: Tensor, attention_mask: Tensor) -> int:
        """The length from which on all inputs can be run: 1, but Funnel pools its inputs."""
        failing = 0
        for length in range(1, input_ids.shape[1]):
            try:
                self.tried(input_ids[:, :length], attention_mask[:, :length])
            except CheckpointError:
                failing = length
            if not failing:
                break
        return failing + 1

    def tried(
        self, input_ids: Tensor, attention_mask: Tensor, rows: Tensor | None = None
    ) -> Tensor:
        """The logits of `rows`, by default of all; raises `CheckpointError` if there are none."""
        if rows is None:
            rows = torch.arange(input_ids.numel(), device=input_ids.device)
        try:
            with torch.inference_mode():
                logits: Tensor = self(input_ids, attention_mask, rows)
        except Exception as error:  # torch and transformers raise every kind
            raise CheckpointError(
                f"the model cannot be run: {first_line(error)}",
                place=f"{self.model.config.name_or_path}/config.json",
                expected="a model that needs the text alone, with a configuration that belongs to "
                "its weights",
            ) from error
        return logits


def takes_mask(model: Any) -> bool:
    """Whether a model of transformers takes an `attention_mask`; FNet has no attention."""
    return "attention_mask" in inspect.signature(model.forward).parameters


def lean_or_whole(model: Any) -> LeanModel | WholeModel:
    """A `LeanModel` with the weights of `model` if it computes the same, else a `WholeModel`.

    Most weights are shared, so that `model` must not be trained afterwards. Raises
    `CheckpointError` for a model that cannot be run.
    """
    whole = WholeModel(model).eval()
    inputs = probe(whole, model.device)
    expected = whole.tried(*inputs)
    config = model.config
    architecture = _ARCHITECTURES.get(config.model_type)
    activation = getattr(config, "hidden_act", None) or getattr(config, "activation", None)
    if architecture is None or activation != "gelu" or getattr(config, "is_decoder", False):
        return whole
    path, parts = architecture
    try:
        layers = list(model.base_model.get_submodule(path))
        if not layers:
            return whole
        lean = LeanModel(model, layers, parts).eval()
    except AttributeError:  # another version of transformers has other names
        return whole
    with torch.inference_mode():
        same = torch.allclose(lean(*inputs), expected, rtol=1e-4, atol=1e-4)
    return lean if same else whole


def probe(module: LeanModel | WholeModel, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs for comparing two forms of a model: two sentences, one of them padded."""
    input_ids = torch.arange(32).reshape(2, 16) * 7919 % module.vocabulary
    attention_mask = torch.ones_like(input_ids)
    attention_mask[1, 9:] = 0
    rows = torch.tensor([0, 3, 4, 15, 16, 20, 24])
    return input_ids.to(device), attention_mask.to(device), rows.to(device)


def _alike(found: Tensor, expected: Tensor) -> bool:
    """Whether logits differ by no more than rounding explains, even in a deep model."""
    largest = max(1.0, float(expected.abs().max()))
    return bool((found - expected).abs().max() <= _ROUNDING * largest)
