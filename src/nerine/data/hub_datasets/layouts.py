"""The names of a data set's files → its configurations and their splits.

A README states them by patterns (`nerine.data.hub_datasets.metadata`), or the names tell::

    train.parquet, data/train-00000-of-00002.parquet     the configuration `default`
    en/train-00000-of-00001.parquet, en/dev.conll        the configuration `en`
    en/train/0000.parquet                                the same, as the hub converts data sets
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from nerine.core.display import visible
from nerine.core.errors import HubError
from nerine.data.hub_datasets.metadata import DEFAULT, StatedConfig
from nerine.data.split_files import is_unrelated, missing_shards, split_named, without_shard

_NO_DATA = ("dataset_infos.json", "dataset_info.json", "dataset_dict.json", "config.json")
_DATA = "data"


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration: the files of each split, by the data set's own name of the split.

    `flaw` is the reason if they cannot be read.
    """

    name: str
    splits: Mapping[str, tuple[str, ...]]
    is_default: bool = False
    flaw: str = ""


def find_configs(
    names: Iterable[str], stated: Sequence[StatedConfig], extensions: Collection[str]
) -> list[Config]:
    """The configurations of a data set with files of these names.

    A README states them, or else the names of the files with one of the `extensions` tell.
    """
    names = sorted(
        name for name in names if not any(part.startswith((".", "__")) for part in name.split("/"))
    )
    if not stated:
        return _by_name(names, extensions)
    configs = []
    for config in stated:
        if config.splits:
            configs.append(_by_patterns(config, names, extensions))
            continue
        own = {found.name: found for found in _by_name(names, extensions, config.folder)}
        meant = own.get(config.name) or (next(iter(own.values())) if len(own) == 1 else None)
        if meant:
            configs.append(Config(config.name, meant.splits, config.is_default))
    return configs


def _by_patterns(stated: StatedConfig, names: Sequence[str], extensions: Collection[str]) -> Config:
    """A configuration whose files a README states by patterns."""
    splits: dict[str, tuple[str, ...]] = {}
    flaw = ""
    for split, patterns in stated.splits.items():
        found: dict[str, None] = {}  # in the order of the patterns, each file once
        for pattern in patterns:
            files = [name for name in names if matches(name, pattern)]
            if not files and not flaw:
                flaw = f"README.md names {visible(pattern)!r}, and the repository has no such file"
            found |= dict.fromkeys(files)
        splits[split] = tuple(found)
    foreign = [
        name for files in splits.values() for name in files if _suffix(name) not in extensions
    ]
    if foreign and not flaw:
        ends = ", ".join(sorted(extensions))
        flaw = f"README.md names {visible(foreign[0])!r}, which ends on none of {ends}"
    return Config(stated.name, splits, stated.is_default, flaw)


def matches(name: str, pattern: str) -> bool:
    """Whether a name fits a pattern with `*` and `?` within a part, and `**` for any folders.

    The time is proportional to the lengths of both, for any pattern.
    """
    parts = name.split("/")
    reached = {0}  # numbers of the name's parts that the pattern can have matched so far
    for piece in pattern.strip("/").split("/"):
        if piece == "**":
            reached = set(range(min(reached), len(parts) + 1)) if reached else set()
        else:
            reached = {i + 1 for i in reached if i < len(parts) and fnmatchcase(parts[i], piece)}
    return len(parts) in reached


def _by_name(names: Sequence[str], extensions: Collection[str], folder: str = "") -> list[Config]:
    """The configurations that the names of files and folders tell, sorted."""
    prefix = f"{folder}/" if folder else ""
    found: dict[str, dict[str, list[str]]] = {}
    candidates = []
    for name in names:
        base = name.rpartition("/")[2]
        if (
            name.startswith(prefix)
            and _suffix(name) in extensions
            and base not in _NO_DATA
            and not is_unrelated(base)
        ):
            candidates.append(name)
            path = PurePosixPath(name.removeprefix(prefix))
            folders = path.parent.parts
            split = without_shard(path.stem) if split_named(path.name) else ""
            if split and not split_named(split):
                split = path.name  # the extension tells, as in eng.testa
            split = split or next(filter(split_named, reversed(folders)), "")
            inner = [each for each in folders if each != _DATA and not split_named(each)]
            if split:
                config = "/".join(inner) or DEFAULT
                found.setdefault(config, {}).setdefault(split, []).append(name)
    if not found and len({_table(name) + _suffix(name) for name in candidates}) == 1:
        found = {DEFAULT: {"train": candidates}}  # one table alone, with any name
    configs = []
    for config, splits in sorted(found.items()):
        flaw = ""
        for split, files in splits.items():
            tables = sorted(
                {
                    _table(name)
                    if split_named(name.rpartition("/")[2])
                    else f"{PurePosixPath(name).parent}/"
                    for name in files
                }
            )
            if len(tables) > 1 and not flaw:
                first, second = visible(tables[0]), visible(tables[1])
                flaw = f"{first} and {second} both look like the {visible(split)} split"
        files_of = {split: tuple(files) for split, files in splits.items()}
        configs.append(Config(config, files_of, config == DEFAULT, flaw))
    return configs


def _table(name: str) -> str:
    """The path that the shards of one table have in common."""
    path = PurePosixPath(name)
    return str(path.parent / without_shard(path.stem))


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def check_whole(split: str, files: Sequence[str], place: str) -> None:
    """Raises `HubError` if the files of a split do not make one whole table."""
    missing = missing_shards(files)
    if missing:
        raise HubError(
            f"the {visible(split)} split is incomplete: {visible(missing[0])} is missing",
            place=place,
            expected="all shards of a table",
        )
    kinds = sorted({_suffix(name) for name in files})
    if len(kinds) > 1:
        raise HubError(
            f"the {visible(split)} split has several kinds of files: {', '.join(kinds)}",
            place=place,
            expected="files of one kind",
            hint="choose one with --format (format=…)",
        )
