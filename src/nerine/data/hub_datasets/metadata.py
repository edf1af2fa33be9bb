"""The YAML metadata of a data set's README: configurations, and the names of tags.

The hub's own form: `configs` with patterns of files for each split, `dataset_info` with the
features of columns. It is untrusted: each value is checked for its type.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub.repocard import metadata_load

from nerine.core.display import visible
from nerine.core.errors import HubError, first_line

DEFAULT = "default"
_MOST_BYTES = 2_000_000  # enough for hundreds of configurations


@dataclass(frozen=True, slots=True)
class StatedConfig:
    """A configuration of a README: `splits` has patterns of files, and may be empty."""

    name: str
    splits: Mapping[str, tuple[str, ...]]
    folder: str = ""
    is_default: bool = False


def read_metadata(path: Path, place: str) -> dict[str, Any]:
    """The metadata of a README; raises `HubError` if it cannot be read."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError(f"it is larger than {_MOST_BYTES:,} bytes")
        return metadata_load(path) or {}
    except Exception as error:  # of YAML, of UTF-8, of what is nested too deeply
        raise HubError(
            f"the metadata of README.md cannot be read: {visible(first_line(error))}",
            place=place,
            expected="YAML between two lines of ---",
        ) from None


def stated_configs(metadata: Mapping[str, Any], place: str) -> list[StatedConfig]:
    """The configurations that a README states."""
    configs = []
    for stated in _mappings(metadata.get("configs")):
        name, folder = stated.get("config_name", DEFAULT), stated.get("data_dir") or ""
        if not isinstance(name, str) or not isinstance(folder, str):
            raise HubError(
                "the name or the folder of a configuration in README.md is not a string",
                place=place,
            )
        folder = folder.strip("/")
        files = stated.get("data_files")
        # patterns without a split are for training, as on the hub
        found = {"train": plain} if (plain := _strings(files)) else {}
        for entry in () if plain else _mappings(files):
            split, paths = entry.get("split", "train"), _strings(entry.get("path"))
            if isinstance(split, str) and paths:
                found.setdefault(split, []).extend(paths)
        splits = {
            split: tuple(f"{folder}/{pattern}" if folder else pattern for pattern in patterns)
            for split, patterns in found.items()
        }
        is_default = stated.get("default") is True or name == DEFAULT
        configs.append(StatedConfig(name, splits, folder, is_default))
    return configs


def tag_names(metadata: Mapping[str, Any], config: str) -> dict[str, tuple[str, ...]]:
    """The names that a README states for columns of numbers, such as `ner_tags`.

    The names are in `{sequence: {class_label: {names: …}}}`: a list, or a mapping by numbers. Those
    of a field of structs have the path of the field, such as `entities.label`.
    """
    stated = metadata.get("dataset_info")
    infos = [stated] if isinstance(stated, Mapping) else list(_mappings(stated))
    own = [info for info in infos if info.get("config_name", DEFAULT) == config]
    info = own[0] if own else infos[0] if len(infos) == 1 else {}
    found: dict[str, tuple[str, ...]] = {}
    for feature in _mappings(info.get("features")):
        _add_names(feature, "", found)
    return found


def _add_names(
    feature: Mapping[str, Any], path: str, found: dict[str, tuple[str, ...]], depth: int = 4
) -> None:
    """Adds the names of a feature, or of those of a struct in it, by their paths."""
    column = feature.get("name")
    if not isinstance(column, str) or depth == 0:
        return
    path = f"{path}.{column}" if path else column
    kinds = ("sequence", "list", "struct", "dtype")
    inner: Any = next((feature[kind] for kind in kinds if feature.get(kind)), None)
    if isinstance(inner, Mapping) and isinstance(inner.get("struct"), list):
        inner = inner["struct"]
    for each in _mappings(inner):
        _add_names(each, path, found, depth - 1)
    names: Any = inner
    for key in ("class_label", "names"):
        names = names.get(key) if isinstance(names, Mapping) else None
    if isinstance(names, Mapping):
        by_number = {str(number): name for number, name in names.items()}
        names = [by_number.get(str(number)) for number in range(len(by_number))]
    if isinstance(names, list) and (strings := _strings(names)):
        found[path] = tuple(strings)


def _strings(stated: object) -> list[str]:
    """A string, or a list of strings, as a list; an empty one for anything else."""
    if isinstance(stated, str):
        return [stated]
    if isinstance(stated, list) and all(isinstance(item, str) for item in stated):
        return stated
    return []


def _mappings(stated: object) -> Iterator[Mapping[str, Any]]:
    """The mappings in a list."""
    if isinstance(stated, list):
        yield from (item for item in stated if isinstance(item, Mapping))
