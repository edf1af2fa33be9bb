"""The files that transformers would read a model's weights from, checked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from nerine.core.errors import CheckpointError
from nerine.core.filenames import CONFIG_FILE, INDEX_FILE, WEIGHTS_FILE
from nerine.core.strict_json import CUT_SHORT, MEGABYTE, read_object, shown
from nerine.model.loading.trust.headers import Header, TensorPlace, read_header

_MOST_INDEX_BYTES = 25 * MEGABYTE
_PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json", "model.pt", "model.bin")
_OTHER_FRAMEWORKS = ("tf_model.h5", "flax_model.msgpack", "model.ckpt.index", "rust_model.ot")
_RANKS = re.compile(r"shard-\d{5}-model-\d{5}-of-\d{5}\.safetensors")


def check_presence(folder: Path, *, weights: bool) -> None:
    """Raises `CheckpointError` without a configuration or, if asked for, without safe weights."""
    if not (folder / CONFIG_FILE).is_file():
        raise CheckpointError(
            "the folder holds no config.json, so it is not a checkpoint",
            place=str(folder),
            expected="config.json, model.safetensors and tokenizer.json, as save_pretrained "
            "writes them",
        )
    if not weights or any((folder / name).is_file() for name in (WEIGHTS_FILE, INDEX_FILE)):
        return
    found, hint = "the folder holds no weights", None
    present = [name for name in (*_PICKLES, *_OTHER_FRAMEWORKS) if (folder / name).exists()]
    if present and present[0] in _PICKLES:
        found = f"the weights are a pickle ({present[0]}), which can run code when it is loaded"
        hint = (
            "convert them with transformers' save_pretrained on a machine without anything of "
            "value, or take a revision that has safetensors"
        )
    elif present:
        found = f"the weights are of another framework ({present[0]})"
        hint = "take a revision that has safetensors"
    raise CheckpointError(found, place=str(folder), expected=WEIGHTS_FILE, hint=hint)


def read_weights(folder: Path) -> Header:
    """The headers of all files of the weights, as one."""
    ranks = [path.name for path in sorted(folder.glob("shard-*")) if _RANKS.match(path.name)]
    if ranks:
        raise CheckpointError(
            f"{ranks[0]} is part of a distributed checkpoint, which would be read instead of "
            f"{WEIGHTS_FILE}",
            place=str(folder),
            expected=f"weights in {WEIGHTS_FILE} alone",
            hint="consolidate them with save_pretrained",
        )
    if (folder / WEIGHTS_FILE).is_file():
        return read_header(folder / WEIGHTS_FILE)
    index = folder / INDEX_FILE
    parsed = read_object(index, _MOST_INDEX_BYTES)
    file_of = parsed.get("weight_map")
    if not isinstance(file_of, dict) or not file_of or not isinstance(parsed.get("metadata"), dict):
        raise _wrong_index(index, "the index has no metadata or no weight_map")
    tensors_of: dict[str, set[str]] = {}
    for tensor, name in file_of.items():
        if not is_plain_name(name) or not name.endswith(".safetensors"):
            raise _wrong_index(index, f"{shown(name)} is not a safetensors file of this folder")
        if not (folder / name).is_file():
            raise _wrong_index(index, f"the shard {shown(name)} is missing")
        tensors_of.setdefault(name, set()).add(tensor)
    shapes: dict[str, tuple[int, ...]] = {}
    places: dict[str, TensorPlace] = {}
    for name, tensors in sorted(tensors_of.items()):
        found = read_header(folder / name)
        if set(found.shapes) != tensors:
            raise _wrong_index(index, f"{shown(name)} holds other tensors than the index says")
        shapes.update(found.shapes)
        places.update(found.places)
    return Header(shapes, places)


def is_plain_name(value: Any) -> bool:
    """Whether a value names a file in the folder of its own file, and no other place."""
    return (
        isinstance(value, str)
        and value not in ("", ".", "..")
        and not set(value) & set("/\\:\0")
        and value.isprintable()
    )


def _wrong_index(index: Path, found: str) -> CheckpointError:
    return CheckpointError(
        found,
        place=str(index),
        expected="an index of safetensors files of its folder, each tensor in the file it names",
        hint=CUT_SHORT,
    )
