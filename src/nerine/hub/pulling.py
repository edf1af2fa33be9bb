"""A repository → a folder of the hub's own cache, with what is needed of it, checked.

The state of the repository is named by its commit before anything is fetched, so that all files
are of one state. Each file is compared with the size and the hash that the hub lists; in the
cache, it is called by that hash, so that it can be checked again without the hub. The weights come
last: where they are, everything else is.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from huggingface_hub import (
    HfApi,
    constants,
    get_hf_file_metadata,
    hf_hub_download,
    hf_hub_url,
)
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

from nerine.errors import HubError
from nerine.formats.files import file_hash
from nerine.hub.bars import bars
from nerine.hub.cache import (
    cached_commit,
    cached_names,
    forget,
    is_known,
    note_absent,
    remember,
    snapshot_folder,
)
from nerine.hub.errors import errors_of, hub_error, is_of_http, is_offline
from nerine.hub.files import Listed, git_hash, is_sha256
from nerine.hub.names import RepoName, check_file_name, is_commit
from nerine.markup import visible

T = TypeVar("T")

_BUSY = {429, 500, 502, 503, 504}
_TRIES = 4
_LONGEST_WAIT = 30.0  # seconds
_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state of a repository, as far as it was fetched.

    `folder` lies in the hub's cache and holds what was fetched. `listed` are all files of the
    repository, by the hub's list; None where it was not asked. `notes` say what a user should
    know.
    """

    repo: RepoName
    commit: str
    folder: Path
    listed: Mapping[str, Listed] | None = None
    notes: tuple[str, ...] = ()

    def fetch(self, name: str) -> None:
        """Puts one more file into the folder, if it is not there; raises `HubError`."""
        check_file_name(name, str(self))
        with bars():
            _fetch(self.repo, self.commit, name, (self.listed or {}).get(name))

    def has(self, name: str) -> bool:
        """Whether the repository has a file of this name in this state; raises `HubError`."""
        if self.listed is not None:
            return name in self.listed
        if (self.folder / name).is_file():
            return True
        with errors_of(self.repo):
            repo_id, kind = self.repo.id, self.repo.kind
            return _patiently(
                lambda: HfApi().file_exists(repo_id, name, repo_type=kind, revision=self.commit)
            )

    def __str__(self) -> str:
        return f"{self.repo.id}@{self.commit}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted of a repository.

    `choose` turns the names of its files into those that are needed, in the order of their
    fetching: none, where some are missing that it cannot do without. `lacking` says so of a list
    of names. `optional` files change how the others are used: they are fetched too where the
    repository has them, and that has to be known.
    """

    choose: Callable[[Sequence[str]], Sequence[str]]
    lacking: Callable[[Sequence[str]], str]
    optional: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class State:
    """What is known of a repository's state before its files are fetched."""

    commit: str
    listed: Mapping[str, Listed] | None = None
    notes: tuple[str, ...] = ()


def pull(repo: RepoName, wanted: Wanted) -> Snapshot:
    """The files of `repo` that are wanted, in the hub's cache.

    What is in the cache is not fetched again. A commit that is there is not asked for at all;
    offline, or where the hub cannot be reached, the cache has to do. Raises `HubError`; a snapshot
    is never returned with a file missing or altered.
    """
    with errors_of(repo), bars():
        state = _state(repo, wanted)
        here = cached_names(repo, state.commit)
        names = here if state.listed is None else [*state.listed]
        for name in names:
            check_file_name(name, str(repo))
        chosen = wanted.choose(names)
        if not chosen and state.listed is None:
            raise OfflineModeIsEnabled
        if not chosen:
            raise HubError(wanted.lacking(names), place=str(repo), hint="it holds " + _shown(names))
        others = [name for name in wanted.optional if name in names]
        for name in [*others, *chosen]:
            _fetch(repo, state.commit, name, (state.listed or {}).get(name))
        if state.listed is not None:
            note_absent(repo, state.commit, set(wanted.optional) - set(names))
            remember(repo, state.commit)
    folder = snapshot_folder(repo, state.commit)
    return Snapshot(repo, state.commit, folder, state.listed, state.notes)


def _state(repo: RepoName, wanted: Wanted) -> State:
    """Which commit is meant, and what the hub lists for it, or else the cache knows."""
    cached = cached_commit(repo)
    whole, unknown = False, list[str]()
    if cached is not None:
        whole = bool(wanted.choose(cached_names(repo, cached)))
        unknown = [each for each in wanted.optional if not is_known(repo, cached, each)]
        if repo.is_pinned and whole and not unknown:
            return State(cached)
    asked = ", ".join(unknown)
    notes = (f"{repo}: whether it has {asked} is not known: read without",) if unknown else ()
    if is_offline():
        if cached is None:
            raise OfflineModeIsEnabled
        return State(cached, notes=notes)
    return ask_hub(repo, State(cached, notes=notes) if cached and whole else None)


def ask_hub(repo: RepoName, otherwise: State | None) -> State:
    """The commit of a repository and its files, as the hub lists them.

    Where the hub is out of reach, `otherwise` has to do, if there is that. Then it is asked once.
    """
    try:
        return _asked(repo, tries=1 if otherwise else _TRIES)
    except Exception as error:
        if otherwise is None or not _is_passing(error):
            raise
        reason = hub_error(repo, error).found
        note = f"{reason}: {repo.id}@{otherwise.commit} of the cache is used"
        return replace(otherwise, notes=(note, *otherwise.notes))


def _asked(repo: RepoName, tries: int) -> State:
    ask = HfApi().model_info if repo.kind == "model" else HfApi().dataset_info
    longest = constants.HF_HUB_DOWNLOAD_TIMEOUT  # seconds of silence; else it would wait for ever
    info: Any = _patiently(
        lambda: ask(repo.id, revision=repo.revision, files_metadata=True, timeout=longest), tries
    )
    if not is_commit(info.sha):
        raise HubError("the hub names no commit", place=str(repo))
    files = {}
    for each in info.siblings or []:
        large = each.lfs.sha256 if each.lfs else None
        files[each.rfilename] = Listed(each.size, large or each.blob_id)
    return State(info.sha, files)


def _patiently(ask: Callable[[], T], tries: int = _TRIES) -> T:
    """Asks again where the hub is busy, after as long as it says, or where it breaks off."""
    for tried in range(1, tries):
        try:
            return ask()
        except Exception as error:  # which library speaks HTTP is the hub's library's business
            if not _is_passing(error):
                raise
            response = getattr(error, "response", None)
            wait = response.headers.get("Retry-After", "") if response is not None else ""
            time.sleep(min(float(wait) if wait.isdigit() else 2.0**tried / 2, _LONGEST_WAIT))
    return ask()


def _is_passing(error: Exception) -> bool:
    """Whether the hub is out of reach, rather than of another mind."""
    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in _BUSY
    return is_of_http(error)


def _fetch(repo: RepoName, commit: str, name: str, listed: Listed | None) -> Path:
    """A file of the cache, fetched if it is not there; what is not as listed is fetched anew."""
    with errors_of(repo):
        path = _download(repo, commit, name)
        wrong = _what_is_wrong(path, listed)
        if wrong and not is_offline():
            path = _download(repo, commit, name, again=True)
            wrong = _what_is_wrong(path, listed)
    if wrong:
        forget(path)
        raise HubError(
            f"{name} is not what the hub lists: {wrong}",
            place=str(repo),
            hint="it was altered or cut short on its way, and is not kept: pull again",
        )
    return path


def _download(repo: RepoName, commit: str, name: str, *, again: bool = False) -> Path:
    here = snapshot_folder(repo, commit) / name
    if (again or not here.is_file()) and not is_offline():
        _check_offered(repo, commit, name)
    return _patiently(
        lambda: Path(
            hf_hub_download(
                repo.id, name, revision=commit, repo_type=repo.kind, force_download=again
            )
        )
    )


def _check_offered(repo: RepoName, commit: str, name: str) -> None:
    """The hub's library believes which commit and hash a server says a file is of."""
    address = hf_hub_url(repo.id, name, revision=commit, repo_type=repo.kind)
    metadata = _patiently(lambda: get_hf_file_metadata(address))
    if metadata.commit_hash not in (None, commit):
        raise HubError(
            f"the hub offers {name} of {visible(metadata.commit_hash)!r}",
            place=str(repo),
            expected=f"that of the commit {commit}",
            hint=f"is {constants.ENDPOINT} the hub? Try again if it is",
        )
    offered = metadata.etag
    if offered is None or not _HASH.fullmatch(offered):
        raise HubError(
            f"the hub offers {name} under {visible(str(offered))!r}",
            place=str(repo),
            expected="a hash of its content",
            hint=f"is {constants.ENDPOINT} the hub?",
        )


def _what_is_wrong(path: Path, listed: Listed | None) -> str | None:
    """How a file differs from what the hub lists, or from the hash that the cache calls it by."""
    size = path.stat().st_size
    if listed and listed.size is not None and listed.size != size:
        return f"{size:,} bytes instead of {listed.size:,}"
    wanted = listed.hash if listed and listed.hash else path.resolve().name
    if not _HASH.fullmatch(wanted):
        return None  # a cache without links, on systems that have none
    found = file_hash(path) if is_sha256(wanted) else git_hash(path)
    return None if found == wanted else f"its hash is {found[:16]}… instead of {wanted[:16]}…"


def _shown(names: Iterable[str]) -> str:
    """A few names of a repository's files."""
    shown = [visible(name) for name in names]
    return ", ".join(shown[:8]) + (" …" if len(shown) > 8 else "") if shown else "no files at all"
