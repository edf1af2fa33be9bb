"""What the hub lists of a repository, kept in its cache, and the files that are fetched by it.

For a model it is known which files make it. Which files make a corpus is told by all of their
names, so that these have to be known offline, too: a shard that was not fetched must be missed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from huggingface_hub import constants
from huggingface_hub.errors import OfflineModeIsEnabled

from nerine.errors import HubError
from nerine.hub.errors import errors_of, hub_error, is_offline
from nerine.hub.names import RepoName, check_file_name
from nerine.hub.pulling import (
    TRIES,
    Kind,
    Listed,
    Snapshot,
    State,
    ask_hub,
    cached_commit,
    cached_names,
    is_passing,
    known_commit,
    remember,
    snapshot_folder,
    storage_of,
    write_whole,
)


def list_files(repo: RepoName, *, kind: Kind = "dataset") -> Snapshot:
    """One state of `repo` with the names of all its files, of which none is fetched.

    A commit whose list is in the cache is not asked for. Offline, or where the hub cannot be
    reached, the cache has to do. Raises `HubError`.
    """
    with errors_of(repo, kind):
        state = _listed_state(repo, kind)
        for name in state.listed or ():
            check_file_name(name, str(repo))
    folder = snapshot_folder(repo, state.commit, kind)
    return Snapshot(repo, state.commit, folder, state.listed, state.notes, kind)


def fetch_files(snapshot: Snapshot, names: Iterable[str]) -> None:
    """Puts some of a snapshot's files into its folder, checked; raises `HubError`."""
    for name in names:
        if is_offline() and not (snapshot.folder / name).is_file():
            raise _not_fetched(snapshot, name)
        snapshot.fetch(name)


def keep_state(snapshot: Snapshot) -> None:
    """Lets the branch or tag of a snapshot mean its state where the hub cannot be asked.

    For the end, when all that is needed was fetched.
    """
    with errors_of(snapshot.repo, snapshot.kind):
        remember(snapshot.repo, snapshot.commit, snapshot.kind)


def _not_fetched(snapshot: Snapshot, name: str) -> HubError:
    return HubError(
        f"HF_HUB_OFFLINE is set, and {name} is not in the cache at {constants.HF_HUB_CACHE}",
        place=str(snapshot),
        expected="all files that are needed",
        hint="fetch them where the hub can be reached, with the same command",
    )


def _listed_state(repo: RepoName, kind: Kind) -> State:
    commit = known_commit(repo, kind)
    known = None if commit is None else _known_list(repo, commit, kind)
    if commit is not None and known and (repo.is_pinned or is_offline()):
        return State(commit, known)
    if is_offline():
        return _unlisted_state(repo, kind)
    try:
        state = ask_hub(repo, kind, tries=1 if known else TRIES)
    except Exception as error:
        if commit is None or not known or not is_passing(error):
            raise
        reason = hub_error(repo, error, kind).found
        return State(commit, known, (f"{reason}: {repo.id}@{commit} of the cache is used",))
    _keep_list(repo, state, kind)
    return state


def _unlisted_state(repo: RepoName, kind: Kind) -> State:
    """What another program has fetched, of which there is no list here."""
    commit = cached_commit(repo, kind)
    if commit is None:
        raise OfflineModeIsEnabled
    here = {name: Listed(None, None) for name in cached_names(repo, commit, kind)}
    return State(commit, here, (f"{repo}: whether the cache has all of its files is not known",))


def _keep_list(repo: RepoName, state: State, kind: Kind) -> None:
    """Writes what the hub lists beside the state's files in the cache."""
    rows = {name: [each.size, each.hash] for name, each in (state.listed or {}).items()}
    write_whole(_list_path(repo, state.commit, kind), json.dumps(rows))


def _known_list(repo: RepoName, commit: str, kind: Kind) -> dict[str, Listed] | None:
    """What was kept; None for what is not there, or was spoilt."""
    try:
        rows = json.loads(_list_path(repo, commit, kind).read_text(encoding="utf-8"))
        return {name: Listed(size, digest) for name, (size, digest) in rows.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def _list_path(repo: RepoName, commit: str, kind: Kind) -> Path:
    return storage_of(repo, kind) / ".listed" / f"{commit}.json"
