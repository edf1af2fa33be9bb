"""A data set on the hub → the files of its splits, checked, in the hub's own cache.

Only files that hold documents are fetched, and the README that says how they belong together.
A script in a repository is neither fetched nor run: the hub has converted the data sets of such
scripts to Parquet, on a branch of its own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import constants

from nerine.core.display import visible
from nerine.core.errors import CorpusError, HubError
from nerine.core.filenames import CARD_FILE
from nerine.data.formats import FORMATS
from nerine.data.hub_datasets.layouts import Config, check_whole, find_configs
from nerine.data.hub_datasets.metadata import read_metadata, stated_configs, tag_names
from nerine.data.split_files import match_splits
from nerine.hub.names import RepoName
from nerine.hub.snapshot import Snapshot, list_files, list_files_if_exists

CONVERTED = "refs/convert/parquet"
SAFE_FORMATS = ("columns", "spans", "words", "label-studio", "parquet")
"""Formats of one file each, that are read without code of others."""

_PARTIAL = "partial-"
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class CorpusFiles:
    """The files of a data set, by our splits, in the order in which they are to be read.

    `config` is the configuration that they are of; `tag_names` are those that the README states
    for columns of numbers; `notes` say what a user should know of how they were found.
    """

    snapshot: Snapshot
    config: str
    splits: Mapping[str, tuple[Path, ...]]
    tag_names: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _DataSet:
    """A data set whose files are known by name: `snapshot` has them, which may be converted."""

    main: Snapshot
    snapshot: Snapshot
    configs: Sequence[Config]
    metadata: Mapping[str, Any]
    notes: tuple[str, ...]


def pull_corpus(
    repo: RepoName,
    *,
    config: str | None = None,
    splits: Mapping[str, str] | None = None,
    format_: str | None = None,
) -> CorpusFiles:
    """The files of the data set `repo`.

    `config` names one of several configurations; `splits` says for each of our splits that is
    wanted what the data set calls it; `format_` is that of the files. Raises `HubError` and
    `CorpusError`.
    """
    found = _look_at(repo, _extensions(format_, str(repo)))
    chosen = _chosen_config(found, config)
    place = f"{found.snapshot}, configuration {visible(chosen.name)}"
    if chosen.flaw:
        hint = f"what the hub may have converted: {repo.id}@{CONVERTED}"
        raise HubError(chosen.flaw, place=place, hint=hint)
    meant = match_splits(chosen.splits, place, splits)
    for name in meant.values():
        check_whole(name, chosen.splits[name], place)
    files = {split: chosen.splits[name] for split, name in meant.items()}
    snapshot = found.snapshot
    snapshot.fetch(*(name for each in files.values() for name in each))
    for state in (found.main, snapshot):
        state.write_ref()
    return CorpusFiles(
        snapshot,
        chosen.name,
        {split: tuple(snapshot.folder / name for name in each) for split, each in files.items()},
        tag_names(found.metadata, chosen.name),
        (*found.notes, *_notes_on_splits(str(repo), chosen, meant, left_out=not splits)),
    )


def _extensions(format_: str | None, place: str) -> frozenset[str]:
    """The ends of the names of files that may be read."""
    if format_ not in (None, *SAFE_FORMATS):
        raise CorpusError(
            f"the format {format_!r} is not read from the hub",
            place=place,
            expected=f"one of {', '.join(SAFE_FORMATS)}",
            hint="fetch it as a folder, and look at it first",
        )
    formats = [format_] if format_ else SAFE_FORMATS
    return frozenset(extension for name in formats for extension in FORMATS[name].extensions)


def _look_at(repo: RepoName, extensions: frozenset[str]) -> _DataSet:
    """The README of a data set is fetched, and nothing else yet."""
    main = list_files(repo)
    metadata: dict[str, Any] = {}
    if CARD_FILE in main.files:
        main.fetch(CARD_FILE)
        metadata = read_metadata(main.folder / CARD_FILE, str(main))
    stated = stated_configs(metadata, str(main))
    configs = find_configs(main.files, stated, extensions)
    # names that leave two readings are a question to the user; a README that is wrong is no answer
    readable = any(not (each.flaw and stated) for each in configs)
    script = _script(main) if not stated else None
    if readable and script is None:
        return _DataSet(main, main, configs, metadata, main.notes)
    converted = _converted(main, needed=not readable)
    made = find_configs(converted.files, (), extensions) if converted else []
    if converted and made:
        note = f"{repo}: Parquet is read that the hub made of it ({CONVERTED})"
        return _DataSet(main, converted, made, metadata, (*main.notes, *converted.notes, note))
    if not readable:
        raise _unreadable(main, configs, extensions)
    note = f"{repo}: its files are read as they are, for its script {script} is never run"
    return _DataSet(main, main, configs, metadata, (*main.notes, note))


def _script(main: Snapshot) -> str | None:
    """The script that makes a data set of the files beside it: it is called as the repository."""
    name = f"{main.repo.id.rpartition('/')[2]}.py"
    return name if name in main.files else None


def _converted(main: Snapshot, *, needed: bool) -> Snapshot | None:
    """What the hub itself made of a data set that is a script, or of files of other kinds."""
    if main.repo.revision not in (None, constants.DEFAULT_REVISION):
        return None  # of which state the conversion is, nobody says
    return list_files_if_exists(dataclasses.replace(main.repo, revision=CONVERTED), needed=needed)


def _unreadable(
    snapshot: Snapshot, configs: Sequence[Config], extensions: frozenset[str]
) -> HubError:
    names = [visible(name) for name in sorted(snapshot.files)]
    flaw = next((each.flaw for each in configs), "")
    return HubError(
        flaw or "the repository holds no files that can be read as a corpus",
        place=str(snapshot),
        expected="files with the name of a split that end on one of "
        f"{', '.join(sorted(extensions))}; a script is never run, but the hub may have converted "
        f"it: {snapshot.repo.id}@{CONVERTED}",
        hint=f"it holds {_some(names)}",
    )


def _chosen_config(found: _DataSet, name: str | None) -> Config:
    configs = {each.name: each for each in found.configs}
    known = _some([visible(each) for each in configs])
    if name is not None and name not in configs:
        raise CorpusError(
            f"there is no configuration {name!r}",
            place=str(found.snapshot),
            expected=f"one of: {known}",
        )
    default = next((each.name for each in found.configs if each.is_default), None)
    wanted = name or (default if len(configs) > 1 else next(iter(configs)))
    if wanted is None:
        raise CorpusError(
            f"the data set has {len(configs)} configurations",
            place=str(found.snapshot),
            expected=f"one of: {known}",
            hint="--config NAME (config=…) says which",
        )
    return configs[wanted]


def _notes_on_splits(
    place: str, config: Config, meant: Mapping[str, str], *, left_out: bool
) -> list[str]:
    """What is not all of a corpus, though it may look like it."""
    notes = [
        f"{place}: {visible(name)} is only the part of a split that the hub converted"
        for name in meant.values()
        if name.startswith(_PARTIAL)
    ]
    others = [visible(name) for name in config.splits if name not in meant.values()]
    if others and left_out:
        notes.append(f"{place}: splits that are not read: {_some(others)}")
    return notes


def _some(names: Sequence[str]) -> str:
    """A few names, and how many more there are."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return (", ".join(names[:_SHOWN]) + more) if names else "nothing"
