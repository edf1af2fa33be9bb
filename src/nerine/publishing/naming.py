"""Records fit to be published: names stand where paths of this machine stood.

The folders above a corpus concern nobody else, and may bear a user's name. The files here stay as
they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nerine.model.backends.saved import PYTORCH, SavedModels
from nerine.model.provenance.sources import shown_name, without_paths

_REPORTED = {"corpus": None, "checkpoint": "folder"}
"""What `onnx.json` says of places, and what kind of place it is."""

_TAGS = ("id2label", "label2id")


@dataclass(frozen=True, slots=True)
class Shortened:
    """A path that is published as a name.

    Attributes:
        file: The file that it stands in.
        field: The field of the file.
        name: What is published.
    """

    file: str
    field: str
    name: str


def public_info(info: Mapping[str, Any]) -> dict[str, Any]:
    """`nerine.json` as it is published."""
    public = without_paths(info)
    return {**public, "provenance": _named(public["provenance"])}


def public_configuration(values: Mapping[str, Any]) -> dict[str, Any]:
    """`config.json` or `tokenizer_config.json` as it is published: its tags are no paths."""
    return {key: each if key in _TAGS else _named(each) for key, each in values.items()}


def public_report(report: Mapping[str, Any]) -> dict[str, Any]:
    """What `onnx.json` says of measurements, as it is published."""
    named = {
        key: shown_name(report[key], kind)
        for key, kind in _REPORTED.items()
        if isinstance(report.get(key), str)
    }
    return {**report, **named}


def public_models(models: SavedModels, variants: tuple[str, ...]) -> dict[str, Any]:
    """`onnx.json` as it is published: of `variants` alone.

    Where the one that was chosen stays here, PyTorch is to be used.
    """
    kept = {name: each for name, each in models.models.items() if name in variants}
    chosen = models.chosen if models.chosen in kept else PYTORCH
    return SavedModels(models.weights, chosen, kept, public_report(models.report)).to_dict()


def shortened(file: str, before: Any, after: Any, field: str = "") -> Iterator[Shortened]:
    """The strings that differ between the two, which are alike in everything else."""
    if isinstance(after, Mapping):
        for key, each in after.items():
            place = f"{field}.{key}" if field else str(key)
            yield from shortened(file, before[key], each, place)
    elif isinstance(after, list):
        for index, each in enumerate(after):
            yield from shortened(file, before[index], each, f"{field}[{index}]")
    elif before != after:
        yield Shortened(file, field, after)


def json_bytes(values: Mapping[str, Any]) -> bytes:
    """As Nerine and transformers write such files."""
    text = json.dumps(values, indent=2, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "backslashreplace")  # halves of surrogate pairs, as JSON has them


def _named(value: Any) -> Any:
    """`value` with a name for each path that leads somewhere on this machine."""
    if isinstance(value, Mapping):
        return {key: _named(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_named(each) for each in value]
    return shown_name(value, "folder") if isinstance(value, str) and _is_here(value) else value


def _is_here(text: str) -> bool:
    """Whether `text` is an absolute path of something that exists, or would in the own home."""
    path = Path(text)
    try:
        home = Path.home()
        below = path.is_relative_to(home) and home != Path("/")
        return path.is_absolute() and path != Path("/") and (below or path.exists())
    except (OSError, ValueError, RuntimeError):  # too long for a path, or there is no home
        return False
