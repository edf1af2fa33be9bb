"""Loads models and tokenizers of transformers from folders.

Only this module calls `from_pretrained`, and maps its errors to ours. Weights are read from
safetensors only, and code in the folder is never run. transformers gets folders only, so that it
does not ask the hub.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import transformers
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForTokenClassification,
    AutoTokenizer,
)
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES,
)

from nerine.core.errors import CheckpointError
from nerine.core.filenames import ADAPTATION_FILE, INFO_FILE, RUN_FILE
from nerine.core.strict_json import CUT_SHORT
from nerine.model.loading.extra_weights import groups_of
from nerine.model.loading.sources import Source, find_source
from nerine.model.loading.tokenizer import check_fast, loading_errors
from nerine.model.loading.trust import check_folder

_LOCAL = {"trust_remote_code": False, "local_files_only": True}
"""Options of `from_pretrained`: no code of the folder is run, and no file of the hub fetched."""

_ARCHITECTURES = frozenset(MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES)


@dataclass(frozen=True, slots=True)
class Pretrained:
    """A token-classification or masked-language model with its tokenizer.

    Attributes:
        model: The model of transformers.
        tokenizer: Its tokenizer, a fast one.
        unlike: Parameters that the weights lack or hold in another shape; those of a new head.
        source: Where both were found.
        unused: Tensors of the weights that the architecture has no place for, apart from those of a
            pooler, which no token's logits depend on.
    """

    model: Any
    tokenizer: Any
    unlike: tuple[str, ...]
    source: Source
    unused: tuple[str, ...] = ()


def load_encoder(
    name: str | Source, tags: Sequence[str], *, revision: str | None = None
) -> Pretrained:
    """An encoder with a new head for `tags`.

    `name` is a hub id, a folder, or `package:NAME` for weights in a Python package. Raises
    `CheckpointError`, `HubError`, `EncodingError` or `MissingExtraError`.
    """
    source = find_source(name, revision=revision)
    _check_ended(source)
    check_folder(source.folder, architectures=_ARCHITECTURES)
    loaded = _load(source, tags)
    _check_body(loaded)
    _own_memory(loaded.model)
    return loaded


def load_masked_language_model(name: str | Source, *, revision: str | None = None) -> Pretrained:
    """An encoder with its masked-language head, or a new one if the weights have none.

    A new head predicts subwords by the input embeddings. Raises the errors of `load_encoder`, and
    `CheckpointError` for an encoder that cannot be trained to predict masked words.
    """
    source = find_source(name, revision=revision)
    _check_ended(source)
    check_folder(source.folder, architectures=_ARCHITECTURES)
    with _errors_of(source):
        kind = AutoConfig.from_pretrained(source.folder, **_LOCAL).model_type
    if kind not in MODEL_FOR_MASKED_LM_MAPPING_NAMES:
        raise CheckpointError(
            f"the installed transformers has no masked-language head for {kind}",
            place=str(source),
            expected="an encoder of an architecture that learns by predicting masked words, such "
            "as bert",
            hint="nerine train --encoder can fine-tune it as it is",
        )
    loaded = _load(source, kind=AutoModelForMaskedLM)
    _check_body(loaded)
    if loaded.tokenizer.mask_token_id is None:
        raise CheckpointError(
            "the tokenizer has no mask token",
            place=str(source),
            expected="an encoder that was pretrained by predicting masked words",
            hint="nerine train --encoder can fine-tune it as it is",
        )
    _own_memory(loaded.model)
    _begin_new_head(loaded)
    return loaded


def _check_ended(source: Source) -> None:
    """Raises `CheckpointError` for the folder of a run that has not ended."""
    marks = (INFO_FILE, ADAPTATION_FILE)
    has_ended = any((source.folder / name).is_file() for name in marks)
    if (source.folder / RUN_FILE).is_file() and not has_ended:
        raise CheckpointError(
            "this run has not ended",
            place=str(source),
            expected=f"a folder with {' or '.join(marks)}",
            hint=f"resume it: nerine train (or distill, adapt) … -o {source} --resume",
        )


def _own_memory(model: Any) -> None:
    """Gives each parameter memory of its own."""
    for parameter in model.parameters():
        # transformers cuts some merged matrices in parts, which training could not save
        if parameter.untyped_storage().nbytes() > parameter.nbytes:
            parameter.data = parameter.data.clone()


def _begin_new_head(loaded: Pretrained) -> None:
    """Gives the parameters of a new head the values with which it begins.

    transformers leaves some biases as they happen to be in memory, and ties the output matrix to
    the input embeddings unless the configuration says otherwise: then it begins with these.
    """
    model = loaded.model
    parameters = dict(model.named_parameters(remove_duplicate=False))
    new = {name: parameters[name] for name in loaded.unlike if name in parameters}
    given, made = model.get_input_embeddings().weight, model.get_output_embeddings()
    output = given if made is None or made.weight.shape != given.shape else made.weight
    with torch.no_grad():
        for name, parameter in new.items():
            if parameter.dim() == 1:
                parameter.fill_(0.0 if name.endswith("bias") else 1.0)
            elif parameter is output and output is not given:
                parameter.copy_(given)


def load_model(
    name: str | Source, *, revision: str | None = None, weights: bool = True
) -> Pretrained:
    """A model with its own head, from a folder or the hub.

    Without `weights` it is on torch's meta device and cannot be run.
    """
    source = find_source(name, revision=revision)
    check_folder(source.folder, architectures=_ARCHITECTURES)
    loaded = _load(source, weights=weights)
    if loaded.unlike:
        architecture = type(loaded.model).__name__
        others = f"; {architecture} has no place for {groups_of(loaded.unused)}"
        others = others if loaded.unused else ""
        _check_body(loaded, others)
        raise CheckpointError(
            f"the weights have no {loaded.unlike[0]}: this is an encoder without a "
            f"token-classification head{others}",
            place=str(source),
            expected=f"a checkpoint that was fine-tuned for token classification ({architecture})",
            hint=f"fine-tune it first: nerine train CORPUS --encoder {name} -o RUN",
        )
    return loaded


def _check_body(loaded: Pretrained, others: str = "") -> None:
    """Raises `CheckpointError` if the weights lack parameters of the encoder itself."""
    prefix = f"{loaded.model.base_model_prefix}."
    body = [key for key in loaded.unlike if key.startswith(prefix) and ".pooler." not in key]
    if body:
        raise CheckpointError(
            f"the weights lack {len(body)} parameters of the encoder, such as {body[0]}{others}",
            place=str(loaded.source),
            expected=f"weights of a {type(loaded.model).__name__}",
            hint="the architecture in config.json is not the one that these weights belong to",
        )


def load_tokenizer(name: str | Source, *, revision: str | None = None) -> tuple[Any, int]:
    """The tokenizer of an encoder, and the most subwords that the encoder takes at once.

    Weights are neither fetched nor read.
    """
    source = find_source(name, revision=revision, weights=False)
    _check_ended(source)
    check_folder(source.folder, weights=False, architectures=_ARCHITECTURES)
    with _errors_of(source), quiet():
        config = AutoConfig.from_pretrained(source.folder, **_LOCAL)
        tokenizer = AutoTokenizer.from_pretrained(source.folder, **_LOCAL, use_fast=True)
        with torch.device("meta"):
            model = AutoModel.from_config(config)
    return tokenizer, longest_input(model, tokenizer)


def encoder_width(name: str | Source, *, revision: str | None = None) -> int:
    """The width of an encoder's hidden states, from its configuration alone."""
    source = find_source(name, revision=revision, weights=False)
    check_folder(source.folder, weights=False, architectures=_ARCHITECTURES)
    with _errors_of(source):
        config = AutoConfig.from_pretrained(source.folder, **_LOCAL)
    return width_of(config)


def width_of(config: Any) -> int:
    """The width of the hidden states in a model's configuration."""
    return int(getattr(config, "hidden_size", None) or config.dim)


def longest_input(model: Any, tokenizer: Any) -> int:
    """The most subwords, special tokens included, that the model takes at once."""
    limits = [int(tokenizer.model_max_length)]
    positions = getattr(model.config, "max_position_embeddings", None)
    if positions is not None and positions > 0:  # XLNet's -1 stands for any number
        padding = (
            getattr(module, "padding_idx", None)  # also of I-BERT's own kind of embedding
            for name, module in model.base_model.named_modules()
            if name.endswith("position_embeddings") and hasattr(module, "weight")
        )
        # RoBERTa and its like count positions from the one after the padding id.
        offset = next(padding, None)
        limits.append(int(positions) - (0 if offset is None else offset + 1))
    return min(limits)


def _load(
    source: Source,
    new_tags: Sequence[str] | None = None,
    *,
    weights: bool = True,
    kind: Any = AutoModelForTokenClassification,
) -> Pretrained:
    """The model of a `kind` with its own head, or with a new one for `new_tags`."""
    head = {}
    if new_tags is not None:
        head = {
            "num_labels": len(new_tags),
            "id2label": dict(enumerate(new_tags)),
            "label2id": {tag: index for index, tag in enumerate(new_tags)},
        }
    unlike: set[str] = set()
    unused: set[str] = set()
    with _errors_of(source), quiet():
        config = AutoConfig.from_pretrained(source.folder, **_LOCAL, **head)
        tokenizer = AutoTokenizer.from_pretrained(source.folder, **_LOCAL, use_fast=True)
        if weights:
            model, info = kind.from_pretrained(
                source.folder,
                **_LOCAL,
                config=config,
                use_safetensors=True,
                dtype=torch.float32,
                ignore_mismatched_sizes=new_tags is not None,
                output_loading_info=True,
            )
            unlike = {*info["missing_keys"], *(entry[0] for entry in info["mismatched_keys"])}
            unused = {key for key in info["unexpected_keys"] if ".pooler." not in f".{key}"}
        else:
            with torch.device("meta"):
                model = kind.from_config(config)
    _check_vocabulary(model, tokenizer, source)
    return Pretrained(model, tokenizer, tuple(sorted(unlike)), source, tuple(sorted(unused)))


def _check_vocabulary(model: Any, tokenizer: Any, source: Source) -> None:
    check_fast(tokenizer, str(source))
    with _errors_of(source):
        tokenizer("")  # a damaged one fails here rather than on a user's text
        rows = model.get_input_embeddings().weight.shape[0]
    last = max(tokenizer.get_vocab().values(), default=-1)
    if len(tokenizer) > rows or last >= rows:
        size = f"{len(tokenizer)} entries" if len(tokenizer) > rows else f"an entry with id {last}"
        raise CheckpointError(
            f"the tokenizer has {size}, but the model's embeddings only {rows} rows",
            place=str(source),
            expected="a tokenizer that belongs to the model",
        )


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silences what transformers prints while it loads; errors are still raised."""
    logging = transformers.utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _errors_of(source: Source) -> contextlib.AbstractContextManager[None]:
    return loading_errors(
        str(source),
        "cannot be loaded",
        expected="a whole checkpoint: config.json, safetensors weights, tokenizer.json",
        hint=CUT_SHORT,
    )
