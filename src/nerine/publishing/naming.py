"""Records as they are published: names take the place of paths of this machine.

The folders above a corpus concern nobody else, and may contain a user's name. The files in the
checkpoint's folder stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nerine.core.filenames import INFO_FILE, ONNX_INFO_FILE
from nerine.model.provenance.sources import shown_name, without_paths

_TAGS = ("id2label", "label2id")


@dataclass(frozen=True, slots=True)
class Shortened:
    """A path that is published as a name.

    Attributes:
        file: The file that contains it.
        field: The field of the file.
        name: The name that is published.
    """

    file: str
    field: str
    name: str


def public_record(file: str, values: Mapping[str, Any]) -> tuple[dict[str, Any], list[Shortened]]:
    """A JSON file of a checkpoint as it is published, and the paths that were replaced.

    Args:
        file: Its name, such as `nerine.json` or `config.json`.
        values: Its content. Tags are never taken for paths.

    Returns:
        The content with names for paths, and a `Shortened` for each.
    """
    public = dict(values)
    if file == INFO_FILE:
        public = without_paths(values)
        public["provenance"] = _named(public["provenance"])
    elif file == ONNX_INFO_FILE:
        report = values["report"]
        for key, kind in (("corpus", None), ("checkpoint", "folder")):
            if isinstance(report.get(key), str):
                report = {**report, key: shown_name(report[key], kind)}
        public["report"] = report
    else:
        public |= {key: _named(each) for key, each in values.items() if key not in _TAGS}
    return public, [*_differences(file, values, public)]


def _named(value: Any) -> Any:
    """`value` with a name for each absolute path that exists, or lies in the user's home."""
    if isinstance(value, Mapping):
        return {key: _named(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_named(each) for each in value]
    if not isinstance(value, str):
        return value
    path, root = Path(value), Path("/")
    try:
        home = Path.home()
        in_home = home != root and path.is_relative_to(home)
        is_here = path.is_absolute() and path != root and (in_home or path.exists())
    except (OSError, ValueError, RuntimeError):  # too long for a path, or no home
        return value
    return shown_name(value, "folder") if is_here else value


def _differences(file: str, before: Any, after: Any, field: str = "") -> Iterator[Shortened]:
    if isinstance(after, Mapping):
        for key, each in after.items():
            yield from _differences(file, before[key], each, f"{field}.{key}" if field else key)
    elif isinstance(after, list):
        for index, each in enumerate(after):
            yield from _differences(file, before[index], each, f"{field}[{index}]")
    elif before != after:
        yield Shortened(file, field, after)
