"""The names of a data set's files → its configurations and their splits.

A README says it by patterns (`nerine.data.hub_datasets.metadata`), or the names do::

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

_ABOUT = ("dataset_infos.json", "dataset_info.json", "dataset_dict.json", "config.json")
_DATA = "data"


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration: for each of its splits, by the data set's own names, the files.

    `flaw` says why these cannot be read, where they cannot.
    """

    name: str
    splits: Mapping[str, tuple[str, ...]]
    is_default: bool = False
    flaw: str = ""


def find_configs(
    names: Iterable[str], stated: Sequence[StatedConfig], extensions: Collection[str]
) -> list[Config]:
    """The configurations of a data set with files of these names.

    A README states them, or else the names of the files that end on `extensions` do.
    """
    visible_names = sorted(name for name in names if not _is_hidden(name))
    if not stated:
        return _by_name(visible_names, extensions)
    found = [_as_stated(each, visible_names, extensions) for each in stated]
    return [each for each in found if each is not None]


def _as_stated(
    stated: StatedConfig, names: Sequence[str], extensions: Collection[str]
) -> Config | None:
    """A configuration of a README; None where nothing says which its files are."""
    if not stated.splits:
        own = {each.name: each for each in _by_name(names, extensions, stated.folder)}
        meant = own.get(stated.name) or (next(iter(own.values())) if len(own) == 1 else None)
        return meant and Config(stated.name, meant.splits, stated.is_default)
    splits = {split: _matching(each, names) for split, each in stated.splits.items()}
    lacking = [each for each in stated.patterns if not _matching([each], names)]
    foreign = [name for each in splits.values() for name in each if not _ends_on(name, extensions)]
    flaw = ""
    if lacking:
        flaw = f"README.md speaks of {visible(lacking[0])!r}, and the repository has no such file"
    elif foreign:
        ends = ", ".join(sorted(extensions))
        flaw = f"README.md names {visible(foreign[0])!r}, which ends on none of {ends}"
    return Config(stated.name, splits, stated.is_default, flaw)


def _matching(patterns: Iterable[str], names: Sequence[str]) -> tuple[str, ...]:
    """The files that patterns name, in the order of the patterns, each once."""
    found: dict[str, None] = {}
    for pattern in patterns:
        found |= dict.fromkeys(name for name in names if matches(name, pattern))
    return tuple(found)


def matches(name: str, pattern: str) -> bool:
    """Whether a pattern with `*` and `?` inside of a folder's name, and `**` for folders, fits.

    It takes time in proportion to both, whatever a stranger wrote.
    """
    parts = name.split("/")
    reached = {0}  # how many of the name's parts the pattern can have taken so far
    for piece in pattern.strip("/").split("/"):
        if piece == "**":
            reached = set(range(min(reached), len(parts) + 1)) if reached else set()
        else:
            reached = {i + 1 for i in reached if i < len(parts) and fnmatchcase(parts[i], piece)}
    return len(parts) in reached


def _by_name(names: Iterable[str], extensions: Collection[str], folder: str = "") -> list[Config]:
    """The configurations that the names of files and folders tell, sorted."""
    prefix = f"{folder}/" if folder else ""
    found: dict[str, dict[str, list[str]]] = {}
    candidates = [
        name for name in names if name.startswith(prefix) and _may_be_corpus(name, extensions)
    ]
    for name in candidates:
        config, split = _place_of(PurePosixPath(name.removeprefix(prefix)))
        if split:
            found.setdefault(config or DEFAULT, {}).setdefault(split, []).append(name)
    if not found and len({_family(name) for name in candidates}) == 1:
        found = {DEFAULT: {"train": candidates}}  # one table alone, which is called anyhow
    return [
        Config(
            config,
            {split: tuple(files) for split, files in splits.items()},
            is_default=config == DEFAULT,
            flaw=next((flaw for split in splits.items() if (flaw := _two_tables(*split))), ""),
        )
        for config, splits in sorted(found.items())
    ]


def _place_of(path: PurePosixPath) -> tuple[str, str]:
    """The configuration and the split that a path tells, each empty where it does not."""
    folders = list(path.parent.parts)
    split = without_shard(path.stem) if split_named(path.name) else ""
    if split and not split_named(split):
        split = path.name  # the extension says it, as in eng.testa
    if not split:
        split = next((each for each in reversed(folders) if split_named(each)), "")
    config = [each for each in folders if each != _DATA and not split_named(each)]
    return "/".join(config), split


def _two_tables(split: str, files: Sequence[str]) -> str:
    """What is wrong with files that the names give to one split, though they lie apart."""
    paths = [PurePosixPath(name) for name in files]
    tables = {
        str(path.parent / without_shard(path.stem)) if split_named(path.name) else f"{path.parent}/"
        for path in paths
    }
    if len(tables) < 2:
        return ""
    first, second, *_ = sorted(tables)
    return f"{visible(first)} and {visible(second)} both look like the {visible(split)} split"


def _family(name: str) -> str:
    """What the shards of one table have in common."""
    path = PurePosixPath(name)
    return str(path.parent / without_shard(path.stem)) + path.suffix


def _may_be_corpus(name: str, extensions: Collection[str]) -> bool:
    base = name.rpartition("/")[2]
    return not is_unrelated(base) and base not in _ABOUT and _ends_on(name, extensions)


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "__")) for part in name.split("/"))


def _ends_on(name: str, extensions: Collection[str]) -> bool:
    return PurePosixPath(name).suffix.lower() in extensions


def check_whole(split: str, files: Sequence[str], place: str) -> None:
    """Raises `HubError` where a split's files do not make one table."""
    missing = missing_shards(files)
    if missing:
        raise HubError(
            f"the {visible(split)} split is not whole: the repository lacks {visible(missing[0])}",
            place=place,
            expected="all shards of a table",
        )
    kinds = sorted({PurePosixPath(name).suffix.lower() for name in files})
    if len(kinds) > 1:
        raise HubError(
            f"the {visible(split)} split is there in several kinds of files: {', '.join(kinds)}",
            place=place,
            expected="files of one kind",
            hint="--format (format=…) states which",
        )
