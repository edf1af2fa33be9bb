"""What the README of a data set says at its head: configurations, and the names of tags.

The hub's own form: `configs` with patterns of files for each split, `dataset_info` with the
features of columns. Strangers write it, so that nothing in it is taken for what it should be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub.repocard import metadata_load

from nerine.core.display import visible
from nerine.core.errors import HubError, first_line

DEFAULT = "default"
_LARGEST = 2_000_000  # bytes; the metadata of hundreds of configurations fit
_NO_LIST = (str, bytes)


@dataclass(frozen=True, slots=True)
class StatedConfig:
    """A configuration of a README: `splits` are patterns of files, empty where it has none."""

    name: str
    splits: Mapping[str, tuple[str, ...]]
    folder: str = ""
    is_default: bool = False

    @property
    def patterns(self) -> tuple[str, ...]:
        """Those of all splits."""
        return tuple(pattern for each in self.splits.values() for pattern in each)


def read_metadata(path: Path, place: str) -> dict[str, Any]:
    """The metadata of a README; raises `HubError` where it cannot be read."""
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError(f"it is larger than {_LARGEST:,} bytes")
        return metadata_load(path) or {}
    except Exception as error:  # of YAML, of UTF-8, of what is nested too deeply
        raise HubError(
            f"the metadata of README.md cannot be read: {visible(first_line(error))}",
            place=place,
            expected="YAML between two lines of ---",
        ) from None


def stated_configs(metadata: Mapping[str, Any], place: str) -> list[StatedConfig]:
    """The configurations that a README states."""
    return [_config(each, place) for each in _mappings(metadata.get("configs"))]


def _config(stated: Mapping[str, Any], place: str) -> StatedConfig:
    name, folder = stated.get("config_name", DEFAULT), stated.get("data_dir") or ""
    if not isinstance(name, str) or not isinstance(folder, str):
        raise HubError(
            "a configuration of README.md has no name, or a folder without one", place=place
        )
    splits = _patterns(stated.get("data_files"))
    if folder:
        splits = {
            split: tuple(f"{folder.strip('/')}/{pattern}" for pattern in patterns)
            for split, patterns in splits.items()
        }
    is_default = stated.get("default") is True or name == DEFAULT
    return StatedConfig(name, splits, folder.strip("/"), is_default)


def _patterns(stated: object) -> dict[str, tuple[str, ...]]:
    """Split → patterns. What belongs to no split is for training, as the hub has it."""
    plain = [stated] if isinstance(stated, str) else _strings(stated)
    if plain:
        return {"train": tuple(plain)}
    found: dict[str, tuple[str, ...]] = {}
    for each in _mappings(stated):
        path, split = each.get("path"), each.get("split", "train")
        paths = (path,) if isinstance(path, str) else tuple(_strings(path))
        if isinstance(split, str) and paths:
            found[split] = (*found.get(split, ()), *paths)
    return found


def tag_names(metadata: Mapping[str, Any], config: str) -> dict[str, tuple[str, ...]]:
    """The names that a README states for columns of numbers, such as `ner_tags`."""
    stated = metadata.get("dataset_info")
    infos = [stated] if isinstance(stated, Mapping) else list(_mappings(stated))
    info = next((each for each in infos if each.get("config_name", DEFAULT) == config), None)
    if info is None and len(infos) == 1:
        info = infos[0]
    found: dict[str, tuple[str, ...]] = {}
    for each in _mappings((info or {}).get("features")):
        column, names = each.get("name"), _class_names(each)
        if isinstance(column, str) and names:
            found[column] = names
    return found


def _class_names(column: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The names in `{sequence: {class_label: {names: …}}}`: a list, or by their numbers."""
    inner: Any = column.get("sequence") or column.get("list")
    label = inner.get("class_label") if isinstance(inner, Mapping) else None
    names = label.get("names") if isinstance(label, Mapping) else None
    if isinstance(names, Mapping):
        by_number = {str(number): name for number, name in names.items()}
        names = [by_number.get(str(number)) for number in range(len(by_number))]
    strings = _strings(names)
    return tuple(strings) if strings else None


def _strings(stated: object) -> list[str]:
    """A list of strings; an empty one for all else."""
    if not isinstance(stated, list) or not all(isinstance(each, str) for each in stated):
        return []
    return stated


def _mappings(stated: object) -> Iterator[Mapping[str, Any]]:
    """The mappings in a list."""
    if isinstance(stated, Sequence) and not isinstance(stated, _NO_LIST):
        yield from (each for each in stated if isinstance(each, Mapping))
