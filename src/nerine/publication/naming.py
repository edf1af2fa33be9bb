"""Records fit to be published: names stand where paths of this machine stood.

The folders above a corpus concern nobody else, and may bear a user's name. The files here stay as
they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nerine.backends.saved import PYTORCH, SavedModels
from nerine.records import shown_name, without_paths

_PATH_KEYS = ("_name_or_path", "name_or_path", "tokenizer_file", "vocab_file", "merges_file")
"""Where transformers may put the folder that a configuration was loaded from."""


@dataclass(frozen=True, slots=True)
class Shortened:
    """A path that is published as a name: in which file, in which field, and as what."""

    file: str
    field: str
    name: str


def public_info(info: Mapping[str, Any]) -> dict[str, Any]:
    """`nerine.json` as it is published."""
    return without_paths(info)


def public_configuration(values: Mapping[str, Any]) -> dict[str, Any]:
    """`config.json` or `tokenizer_config.json` as it is published."""
    return {
        key: shown_name(each) if key in _PATH_KEYS and isinstance(each, str) else each
        for key, each in values.items()
    }


def public_models(models: SavedModels, variants: tuple[str, ...]) -> dict[str, Any]:
    """`onnx.json` as it is published: of `variants` alone.

    Where the one that was chosen stays here, PyTorch is to be used.
    """
    kept = {name: each for name, each in models.models.items() if name in variants}
    chosen = models.chosen if models.chosen in kept else PYTORCH
    report = {
        key: shown_name(each, "folder" if key == "checkpoint" else None)
        if key in ("corpus", "checkpoint") and isinstance(each, str)
        else each
        for key, each in models.report.items()
    }
    return SavedModels(models.weights, chosen, kept, report).to_dict()


def shortened(file: str, before: Any, after: Any, field: str = "") -> Iterator[Shortened]:
    """The strings that differ between the two, which are alike in everything else."""
    if isinstance(after, Mapping) and isinstance(before, Mapping):
        for key in after:
            if key in before:
                place = f"{field}.{key}" if field else str(key)
                yield from shortened(file, before[key], after[key], place)
    elif isinstance(after, str) and before != after:
        yield Shortened(file, field, after)


def json_bytes(values: Mapping[str, Any]) -> bytes:
    """As Nerine and transformers write such files."""
    return (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode()
