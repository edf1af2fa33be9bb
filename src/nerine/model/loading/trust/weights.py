"""Which files transformers would take a model's weights from, and whether they can be trusted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from nerine.core.errors import CheckpointError
from nerine.core.filenames import CONFIG_FILE, INDEX_FILE, WEIGHTS_FILE
from nerine.core.strict_json import CUT_SHORT, MEGABYTE, read_object, shown
from nerine.model.loading.trust.headers import Header, read_header

_MOST_INDEX_BYTES = 25 * MEGABYTE
_PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json", "model.pt", "model.bin")
_OTHER_KINDS = ("tf_model.h5", "flax_model.msgpack", "model.ckpt.index", "rust_model.ot")
_RANKS = re.compile(r"shard-\d{5}-model-\d{5}-of-\d{5}\.safetensors")


def check_presence(folder: Path, *, weights: bool) -> None:
    """The folder holds a configuration, and `weights` that are no pickle."""
    if not (folder / CONFIG_FILE).is_file():
        raise CheckpointError(
            "the folder holds no config.json, so it is no checkpoint",
            place=str(folder),
            expected="config.json, model.safetensors and tokenizer.json, as save_pretrained "
            "writes them",
        )
    if weights and not any((folder / name).is_file() for name in (WEIGHTS_FILE, INDEX_FILE)):
        _refuse_other_weights(folder)


def read_weights(folder: Path) -> Header:
    """The headers of all files that the weights come from, as one."""
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
    return _read_shards(folder, folder / INDEX_FILE)


def is_plain_name(value: Any) -> bool:
    """Whether a value names a file in the folder that it stands in, and no other place."""
    return (
        isinstance(value, str)
        and value not in ("", ".", "..")
        and not set(value) & set("/\\:\0")
        and value.isprintable()
    )


def _refuse_other_weights(folder: Path) -> None:
    pickles = [name for name in _PICKLES if (folder / name).exists()]
    if pickles:
        raise CheckpointError(
            f"the weights are a pickle ({pickles[0]}), which can run code when it is loaded",
            place=str(folder),
            expected=WEIGHTS_FILE,
            hint="convert them on a machine that you can spare, with transformers' "
            "save_pretrained, or take a revision that has safetensors",
        )
    others = [name for name in _OTHER_KINDS if (folder / name).exists()]
    if others:
        raise CheckpointError(
            f"the weights are of another framework ({others[0]})",
            place=str(folder),
            expected=WEIGHTS_FILE,
            hint="take a revision that has safetensors",
        )
    raise CheckpointError("the folder holds no weights", place=str(folder), expected=WEIGHTS_FILE)


def _read_shards(folder: Path, index: Path) -> Header:
    """The weights that an index spreads over several files."""
    parsed = read_object(index, _MOST_INDEX_BYTES)
    where = parsed.get("weight_map")
    if not isinstance(where, dict) or not where or not isinstance(parsed.get("metadata"), dict):
        raise _lie(index, "the index has no metadata or no weight_map")
    shapes: dict[str, tuple[int, ...]] = {}
    for name in sorted({_shard_name(value, index) for value in where.values()}):
        found = read_header(_shard(folder, name, index)).shapes
        if set(found) != {tensor for tensor, shard in where.items() if shard == name}:
            raise _lie(index, f"{shown(name)} holds other tensors than the index says")
        shapes.update(found)
    return Header(shapes)


def _shard_name(value: Any, index: Path) -> str:
    if not is_plain_name(value) or not value.endswith(".safetensors"):
        raise _lie(index, f"the shard {shown(value)} is no safetensors file beside the index")
    return str(value)


def _shard(folder: Path, name: str, index: Path) -> Path:
    if not (folder / name).is_file():
        raise _lie(index, f"the shard {shown(name)} is missing")
    return folder / name


def _lie(index: Path, found: str) -> CheckpointError:
    return CheckpointError(
        found,
        place=str(index),
        expected="an index of the safetensors files beside it, each tensor in the file it names",
        hint=CUT_SHORT,
    )
