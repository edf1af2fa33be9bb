"""Folders → models and tokenizers of transformers.

This is the one place that calls `from_pretrained`, and where its many errors become ours. Weights
are read from safetensors only, and no code that lies beside them is ever run. transformers is
given folders only, so that it asks the hub for nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import transformers
from transformers import AutoConfig, AutoModel, AutoModelForTokenClassification, AutoTokenizer
from transformers.models.auto.modeling_auto import MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES

from nerine.core.errors import CheckpointError, EncodingError, NerineError, first_line
from nerine.model.loading.sources import Source, find_source
from nerine.model.loading.trust import check_folder

_LOCAL = {"trust_remote_code": False, "local_files_only": True}
"""How a folder is read: nothing in it is run, and nothing is asked for elsewhere."""

_ARCHITECTURES = frozenset(MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES)
_RUST_PANIC = "PanicException"
"""A defect of tokenizers, met by a damaged tokenizer.json. Python has it beside `Exception`."""


@dataclass(frozen=True, slots=True)
class Pretrained:
    """A token-classification model with its tokenizer.

    `unlike` names parameters that the weights lack or hold in another shape: a new head has them,
    a checkpoint in use must not. `source` is where both were found.
    """

    model: Any
    tokenizer: Any
    unlike: tuple[str, ...]
    source: Source


def load_encoder(
    name: str | Source, tags: Sequence[str], *, revision: str | None = None
) -> Pretrained:
    """An encoder with a new head for `tags`.

    `name` is a hub id, a folder, or `package:NAME` for weights that a Python package ships.
    """
    source = find_source(name, revision=revision)
    _check(source)
    loaded = _load(source, tags)
    prefix = f"{loaded.model.base_model_prefix}."
    body = [key for key in loaded.unlike if key.startswith(prefix) and ".pooler." not in key]
    if body:
        raise CheckpointError(
            f"the weights lack {len(body)} parameters of the encoder, such as {body[0]}",
            place=str(source),
            expected=f"weights of a {type(loaded.model).__name__}",
            hint="the architecture in config.json is not the one that these weights belong to",
        )
    return loaded


def load_model(
    name: str | Source, *, revision: str | None = None, weights: bool = True
) -> Pretrained:
    """A model with its own head, as a folder or the hub has it; an outline without `weights`."""
    source = find_source(name, revision=revision)
    _check(source)
    loaded = _load(source) if weights else _outline(source)
    if loaded.unlike:
        raise CheckpointError(
            f"the weights have no {loaded.unlike[0]}: this is an encoder without a "
            "token-classification head",
            place=str(source),
            expected="a checkpoint that was fine-tuned for token classification",
            hint=f"fine-tune it first: nerine train CORPUS --encoder {name} -o RUN",
        )
    return loaded


def load_tokenizer(name: str | Source, *, revision: str | None = None) -> tuple[Any, int]:
    """The tokenizer of an encoder, and the most subwords that the encoder takes at once.

    No weights are read.
    """
    source = find_source(name, revision=revision, weights=False)
    _check(source, weights=False)
    with _errors_of(source), quiet():
        config = AutoConfig.from_pretrained(source.folder, **_LOCAL)
        tokenizer = AutoTokenizer.from_pretrained(source.folder, **_LOCAL, use_fast=True)
        with torch.device("meta"):  # the shape of a model, which tells how it counts positions
            model = AutoModel.from_config(config)
    return tokenizer, longest_input(model, tokenizer)


def encoder_width(name: str | Source, *, revision: str | None = None) -> int:
    """The width of an encoder's hidden states, from its configuration alone."""
    source = find_source(name, revision=revision, weights=False)
    _check(source, weights=False)
    with _errors_of(source):
        config = AutoConfig.from_pretrained(source.folder, **_LOCAL)
    return width_of(config)


def width_of(config: Any) -> int:
    """The width of hidden states, by a model's configuration."""
    return int(getattr(config, "hidden_size", None) or config.dim)


def longest_input(model: Any, tokenizer: Any) -> int:
    """The most subwords, special tokens included, that the model takes at once."""
    limits = [int(tokenizer.model_max_length)]
    positions = getattr(model.config, "max_position_embeddings", None)
    if positions is not None:
        limits.append(int(positions) - _position_offset(model))
    return min(limits)


def _position_offset(model: Any) -> int:
    """RoBERTa and its kin count positions from behind the padding id."""
    for name, module in model.base_model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, torch.nn.Embedding):
            return 0 if module.padding_idx is None else module.padding_idx + 1
    return 0


def _check(source: Source, *, weights: bool = True) -> None:
    """Before anything of a folder is loaded; without `weights` these need not be there."""
    check_folder(source.folder, weights=weights, architectures=_ARCHITECTURES)


def _load(source: Source, new_tags: Sequence[str] | None = None) -> Pretrained:
    with _errors_of(source), quiet():
        config = AutoConfig.from_pretrained(source.folder, **_LOCAL, **_head(new_tags))
        tokenizer = AutoTokenizer.from_pretrained(source.folder, **_LOCAL, use_fast=True)
        model, info = AutoModelForTokenClassification.from_pretrained(
            source.folder,
            **_LOCAL,
            config=config,
            use_safetensors=True,
            dtype=torch.float32,
            ignore_mismatched_sizes=new_tags is not None,
            output_loading_info=True,
        )
    mismatched = [entry[0] for entry in info["mismatched_keys"]]
    _check_vocabulary(model, tokenizer, source)
    unlike = tuple(sorted({*info["missing_keys"], *mismatched}))
    return Pretrained(model, tokenizer, unlike, source)


def _outline(source: Source) -> Pretrained:
    """A model without weights, on torch's meta device, with its tokenizer."""
    with _errors_of(source), quiet():
        config = AutoConfig.from_pretrained(source.folder, **_LOCAL)
        tokenizer = AutoTokenizer.from_pretrained(source.folder, **_LOCAL, use_fast=True)
        with torch.device("meta"):
            model = AutoModelForTokenClassification.from_config(config)
    _check_vocabulary(model, tokenizer, source)
    return Pretrained(model, tokenizer, (), source)


def _head(tags: Sequence[str] | None) -> dict[str, Any]:
    """What the configuration says of a new head."""
    if tags is None:
        return {}
    return {
        "num_labels": len(tags),
        "id2label": dict(enumerate(tags)),
        "label2id": {tag: index for index, tag in enumerate(tags)},
    }


def _check_vocabulary(model: Any, tokenizer: Any, source: Source) -> None:
    if not getattr(tokenizer, "is_fast", False):
        raise EncodingError(
            f"{type(tokenizer).__name__} is a slow tokenizer, which gives no character offsets",
            place=str(source),
            expected="a fast tokenizer (a folder with tokenizer.json)",
            hint="choose an encoder that has a tokenizer.json",
        )
    with _errors_of(source):
        tokenizer("")  # a damaged one fails here rather than on a user's text
    rows = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > rows:
        raise CheckpointError(
            f"the tokenizer has {len(tokenizer)} entries, the model's embeddings only {rows}",
            place=str(source),
            expected="a tokenizer that belongs to the model",
        )
    last = max(tokenizer.get_vocab().values(), default=-1)
    if last >= rows:
        raise CheckpointError(
            f"the tokenizer has an entry of number {last}, the model's embeddings only {rows} rows",
            place=str(source),
            expected="a tokenizer that belongs to the model",
        )


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without the reports that transformers prints while it loads; what matters is raised."""
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


@contextlib.contextmanager
def _errors_of(source: Source) -> Iterator[None]:
    """Errors of transformers and safetensors → ours, with the place."""
    try:
        yield
    except NerineError:
        raise
    except BaseException as error:  # the libraries below raise almost every kind there is
        if not isinstance(error, Exception) and type(error).__name__ != _RUST_PANIC:
            raise
        raise CheckpointError(
            f"cannot be loaded: {first_line(error)}",
            place=str(source),
            expected="a whole checkpoint: config.json, safetensors weights, tokenizer.json",
            hint="copy or download it again if it may be cut short",
        ) from error
