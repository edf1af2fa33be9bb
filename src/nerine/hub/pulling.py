"""One state of a repository, and its files, fetched into the hub's own cache and checked.

The state of the repository is named by its commit before anything is fetched, so that all files
are of one state. Each file is compared with the size and the hash that the hub lists; in the
cache, it is called by that hash, so that it can be checked again without the hub.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
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
from huggingface_hub.errors import HfHubHTTPError

from nerine.core.display import visible
from nerine.core.errors import HubError
from nerine.core.files import file_hash
from nerine.hub.bars import bars
from nerine.hub.cache import (
    forget,
    snapshot_folder,
)
from nerine.hub.errors import errors_of, hub_error, is_of_http, is_offline
from nerine.hub.files import Listed, git_hash, is_sha256
from nerine.hub.names import RepoName, check_file_name, is_commit

T = TypeVar("T")

_BUSY = {429, 500, 502, 503, 504}
_TRIES = 4
_LONGEST_WAIT = 30.0  # seconds
_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state of a repository, as far as it was fetched.

    Attributes:
        repo: The repository.
        commit: The commit.
        folder: Where in the hub's cache lies what was fetched.
        listed: All files of the repository, by the hub's list; only those in the cache where there
            is no such list.
        notes: What a user should know.
        is_partial: Whether there is no such list.
    """

    repo: RepoName
    commit: str
    folder: Path
    listed: Mapping[str, Listed]
    notes: tuple[str, ...] = ()
    is_partial: bool = False

    def fetch(self, name: str) -> None:
        """Puts one more file into the folder, if it is not there.

        Args:
            name: Its name in the repository.

        Raises:
            HubError: For a name that leads out of the folder, and a file that cannot be fetched.
        """
        check_file_name(name, str(self))
        with bars():
            _fetch(self.repo, self.commit, name, self.listed.get(name))

    def has(self, name: str) -> bool:
        """Whether the repository has a file of this name in this state, as far as is known.

        Args:
            name: The name.
        """
        return name in self.listed

    def __str__(self) -> str:
        return f"{self.repo.id}@{self.commit}"


@dataclass(frozen=True, slots=True)
class State:
    """What is known of a repository's state before its files are fetched; as in `Snapshot`."""

    commit: str
    listed: Mapping[str, Listed]
    notes: tuple[str, ...] = ()
    is_partial: bool = False


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


def _fetch(repo: RepoName, commit: str, name: str, listed: Listed | None) -> None:
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
