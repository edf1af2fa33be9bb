"""A data set on the hub → the files of its splits, checked, in the hub's own cache.

Only files that hold documents are fetched, and the README that says how they belong together.
A script in a repository is neither fetched nor run: the hub has converted data sets that are
scripts to Parquet, on a branch of its own.

The package `datasets` is not used for this: `load_dataset` downloads scripts, mixes the files of
several configurations without a word, and sends the login to another host (datasets-server).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import constants

from nerine.core.display import listed, visible
from nerine.core.errors import CorpusError, HubError
from nerine.core.filenames import CARD_FILE
from nerine.data.formats import FORMATS
from nerine.data.hub_datasets.layouts import Config, check_whole, find_configs
from nerine.data.hub_datasets.metadata import (
    StatedConfig,
    read_metadata,
    stated_configs,
    tag_names,
)
from nerine.data.split_files import match_splits
from nerine.hub.names import RepoName
from nerine.hub.snapshot import Snapshot, list_files, list_files_if_exists

CONVERTED = "refs/convert/parquet"
SAFE_FORMATS = ("columns", "spans", "words", "label-studio", "parquet", "csv")
"""Formats of one file each, whose reading runs no code of the file."""

_PARTIAL = "partial-"
_MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class CorpusFiles:
    """The files of a data set, by our splits, in the order of reading.

    `config` is their configuration; `tag_names` are those that the README states for columns of
    numbers; `notes` are for the user.
    """

    snapshot: Snapshot
    config: str
    splits: Mapping[str, tuple[Path, ...]]
    tag_names: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...] = ()


def pull_corpus(
    repo: RepoName,
    *,
    config: str | None = None,
    splits: Mapping[str, str] | None = None,
    format_: str | None = None,
) -> CorpusFiles:
    """Fetches the files of the data set `repo`.

    `config` names one of several configurations; `splits` gives the data set's own name for each
    of our splits that is wanted; `format_` is the format of the files. Raises `HubError` and
    `CorpusError`.
    """
    if format_ not in (None, *SAFE_FORMATS):
        raise CorpusError(
            f"the format {format_!r} is not read from the hub",
            place=str(repo),
            expected=f"one of {', '.join(SAFE_FORMATS)}",
            hint="fetch it as a folder, and look at it first",
        )
    formats = [format_] if format_ else SAFE_FORMATS
    extensions = frozenset(extension for name in formats for extension in FORMATS[name].extensions)
    main = list_files(repo)
    metadata: dict[str, Any] = {}
    if CARD_FILE in main.files:
        main.fetch(CARD_FILE)
        metadata = read_metadata(main.folder / CARD_FILE, str(main))
    snapshot, configs, notes = _find(main, stated_configs(metadata, str(main)), extensions)
    chosen = _choose(snapshot, configs, config)
    place = f"{snapshot}, configuration {visible(chosen.name)}"
    if chosen.flaw:
        hint = f"the hub may have converted it: {repo.id}@{CONVERTED}"
        raise HubError(chosen.flaw, place=place, hint=hint)
    meant = match_splits(chosen.splits, place, splits)
    for name in meant.values():
        check_whole(name, chosen.splits[name], place)
        if name.startswith(_PARTIAL):
            notes.append(f"{repo}: {visible(name)} is only the part of a split that was converted")
    others = [name for name in chosen.splits if name not in meant.values()]
    if others and not splits:
        notes.append(f"{repo}: splits that are not read: {listed(others, _MOST_SHOWN)}")
    snapshot.fetch(*(file for name in meant.values() for file in chosen.splits[name]))
    for state in (main, snapshot):
        state.write_ref()
    return CorpusFiles(
        snapshot,
        chosen.name,
        {
            split: tuple(snapshot.folder / file for file in chosen.splits[name])
            for split, name in meant.items()
        },
        tag_names(metadata, chosen.name),
        tuple(notes),
    )


def _find(
    main: Snapshot, stated: Sequence[StatedConfig], extensions: frozenset[str]
) -> tuple[Snapshot, Sequence[Config], list[str]]:
    """The snapshot to read, which may be the hub's conversion, its configurations, and notes."""
    repo, notes = main.repo, [*main.notes]
    configs = find_configs(main.files, stated, extensions)
    # names with two readings are a question to the user; a README that is wrong answers nothing
    readable = any(not (config.flaw and stated) for config in configs)
    script = f"{repo.id.rpartition('/')[2]}.py"
    if readable and (stated or script not in main.files):
        return main, configs, notes
    if repo.revision in (None, constants.DEFAULT_REVISION):  # the conversion is of that state
        converted = dataclasses.replace(repo, revision=CONVERTED)
        made = list_files_if_exists(converted, needed=not readable)
        if made and (found := find_configs(made.files, (), extensions)):
            notes += [*made.notes, f"{repo}: the hub's conversion to Parquet is read ({CONVERTED})"]
            return made, found, notes
    if readable:
        notes.append(f"{repo}: its files are read as they are, and its script {script} is not run")
        return main, configs, notes
    raise HubError(
        next((config.flaw for config in configs), "")
        or "the repository holds no files that can be read as a corpus",
        place=str(main),
        expected="files that are named like a split and end on one of "
        f"{', '.join(sorted(extensions))}; a script is never run, but the hub may have converted "
        f"it: {repo.id}@{CONVERTED}",
        hint=f"it holds {listed(sorted(main.files), _MOST_SHOWN) or 'nothing'}",
    )


def _choose(snapshot: Snapshot, found: Sequence[Config], name: str | None) -> Config:
    """The configuration called `name`; without a name the only one, or the default."""
    configs = {config.name: config for config in found}
    expected = f"one of: {listed(configs, _MOST_SHOWN)}"
    if name is not None and name not in configs:
        raise CorpusError(f"unknown configuration {name!r}", place=str(snapshot), expected=expected)
    default = next((config.name for config in found if config.is_default), None)
    chosen = name or (default if len(configs) > 1 else next(iter(configs)))
    if chosen is None:
        raise CorpusError(
            f"the data set has {len(configs)} configurations",
            place=str(snapshot),
            expected=expected,
            hint="name one with --config NAME (config=…)",
        )
    return configs[chosen]
