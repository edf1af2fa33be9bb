"""What the hub lists of a repository, kept in its cache, and the files that are fetched by it.

Which files make a model or a corpus is told by all of their names, so that these have to be known
offline, too: a shard or a nerine.json that was not fetched must be missed.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from pathlib import Path

from huggingface_hub import constants
from huggingface_hub.errors import OfflineModeIsEnabled, RevisionNotFoundError

from nerine.core.errors import HubError
from nerine.hub.cache import (
    cached_commit,
    cached_names,
    known_commit,
    remember,
    snapshot_folder,
    storage_of,
    write_whole,
)
from nerine.hub.errors import errors_of, is_offline
from nerine.hub.files import Listed
from nerine.hub.names import RepoName, check_file_name
from nerine.hub.pulling import Snapshot, State, ask_hub


def list_files(repo: RepoName) -> Snapshot:
    """One state of `repo` with the names of all its files, of which none is fetched.

    A commit whose list is in the cache is not asked for. Offline, or where the hub cannot be
    reached, the cache has to do. Raises `HubError`.
    """
    with errors_of(repo):
        return _unfetched(repo)


def list_if_there(repo: RepoName, *, needed: bool) -> Snapshot | None:
    """As `list_files`; None where the repository has no such revision.

    Offline, also where nothing is known of it here, unless it is `needed`.
    """
    absent = (RevisionNotFoundError,) if needed else (RevisionNotFoundError, OfflineModeIsEnabled)
    with errors_of(repo):
        try:
            return _unfetched(repo)
        except absent:
            return None


def _unfetched(repo: RepoName) -> Snapshot:
    state = _listed_state(repo)
    for name in state.listed:
        check_file_name(name, str(repo))
    folder = snapshot_folder(repo, state.commit)
    return Snapshot(repo, state.commit, folder, state.listed, state.notes, state.is_partial)


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
    with errors_of(snapshot.repo):
        remember(snapshot.repo, snapshot.commit)


def _not_fetched(snapshot: Snapshot, name: str) -> HubError:
    return HubError(
        f"HF_HUB_OFFLINE is set, and {name} is not in the cache at {constants.HF_HUB_CACHE}",
        place=str(snapshot),
        expected="all files that are needed",
        hint="fetch them where the hub can be reached, with the same command",
    )


def _listed_state(repo: RepoName) -> State:
    commit = known_commit(repo)
    known = None if commit is None else _known_list(repo, commit)
    if commit is not None and known and (repo.is_pinned or is_offline()):
        return State(commit, known)
    if is_offline():
        return _unlisted_state(repo)
    state = ask_hub(repo, State(commit, known) if commit and known else None)
    if (state.commit, state.listed) != (commit, known):
        _keep_list(repo, state)
    return state


def _unlisted_state(repo: RepoName) -> State:
    """What another program has fetched, of which there is no list here."""
    commit = cached_commit(repo)
    if commit is None:
        raise OfflineModeIsEnabled
    here = {name: Listed(None, None) for name in cached_names(repo, commit)}
    note = f"{repo}: whether the cache has all of its files is not known"
    return State(commit, here, (note,), is_partial=True)


def _keep_list(repo: RepoName, state: State) -> None:
    """Writes what the hub lists beside the state's files in the cache.

    A cache that cannot be written is one that can be read: the hub is then asked again next time.
    """
    rows = {name: [each.size, each.hash] for name, each in state.listed.items()}
    with contextlib.suppress(OSError):
        write_whole(_list_path(repo, state.commit), json.dumps(rows))


def _known_list(repo: RepoName, commit: str) -> dict[str, Listed] | None:
    """What was kept; None for what is not there, or was spoilt."""
    try:
        rows = json.loads(_list_path(repo, commit).read_text(encoding="utf-8"))
        return {name: Listed(size, digest) for name, (size, digest) in rows.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def _list_path(repo: RepoName, commit: str) -> Path:
    return storage_of(repo) / ".listed" / f"{commit}.json"
