"""One commit of a repository: its file list, and files fetched into the cache and checked.

The commit is known before anything is fetched, so that all files are of one state. Each file is
compared with the size and the hash that the hub lists. In the cache that hash is its name, so that
it can be checked again without the hub.

`huggingface_hub.snapshot_download` and `verify_repo_checksums` are not used. Both list files
without a timeout and through any number of pages; the first trusts the ETag of a server, which can
be a path out of the cache, and does not compare hashes; the second needs the hub, so that it could
check nothing offline, and reads files that other programs have fetched.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from huggingface_hub import HfApi, constants, get_hf_file_metadata, hf_hub_download, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled, RevisionNotFoundError

from nerine.core.display import visible
from nerine.core.errors import HubError
from nerine.hub import cache
from nerine.hub.errors import errors_of, hub_error, is_http_library_error, is_offline
from nerine.hub.files import HASH, RemoteFile
from nerine.hub.names import RepoName, check_file_name, is_commit
from nerine.hub.progress import progress_bars

logger = logging.getLogger("nerine.hub")

T = TypeVar("T")

_BUSY = {429, 500, 502, 503, 504}
_TRIES = 4
_LONGEST_WAIT = 30.0  # seconds


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One commit of a repository, some of whose files are in the cache.

    Attributes:
        repo: The repository.
        commit: The commit.
        files: All files of the commit by their names; only the cached ones if `is_partial`.
        notes: What a user should know.
        is_partial: Whether the list of files is unknown.

    Raises:
        HubError: If the name of a file leads out of the folder.
    """

    repo: RepoName
    commit: str
    files: Mapping[str, RemoteFile]
    notes: tuple[str, ...] = ()
    is_partial: bool = False

    def __post_init__(self) -> None:
        for name in self.files:
            check_file_name(name, str(self.repo))

    @property
    def folder(self) -> Path:
        """The folder in the cache that holds the fetched files."""
        return cache.snapshot_folder(self.repo, self.commit)

    def fetch(self, *names: str) -> None:
        """Fetches files that are not in the folder yet, and checks all of them.

        Args:
            names: Their names in the repository.

        Raises:
            HubError: If a name leads out of the folder, or a file cannot be fetched or is altered.
        """
        for name in names:
            check_file_name(name, str(self))
            if is_offline() and not (self.folder / name).is_file():
                raise HubError(
                    f"HF_HUB_OFFLINE is set, and {name} is not in the cache at "
                    f"{constants.HF_HUB_CACHE}",
                    place=str(self),
                    expected="all files that are needed",
                    hint="fetch them where the hub can be reached, with the same command",
                )
            logger.info("%s of %s", visible(name), self)
            listed = self.files.get(name, RemoteFile(None, None))
            with progress_bars(), errors_of(self.repo):
                problem = listed.mismatch(path := self._download(name))
                if problem and not is_offline():
                    problem = listed.mismatch(path := self._download(name, again=True))
                if problem:
                    cache.forget(path)
                    raise HubError(
                        f"{name} is not what the hub lists: {problem}",
                        place=str(self.repo),
                        hint="it was altered or cut short on its way, and is not kept: pull again",
                    )

    def _download(self, name: str, *, again: bool = False) -> Path:
        repo_id, kind = self.repo.id, self.repo.kind
        if (again or not (self.folder / name).is_file()) and not is_offline():
            # `huggingface_hub` makes paths of the commit and the hash that a server names
            address = hf_hub_url(repo_id, name, revision=self.commit, repo_type=kind)
            offer = _with_retries(lambda: get_hf_file_metadata(address))
            if offer.commit_hash not in (None, self.commit):
                raise HubError(
                    f"the hub offers {name} of {visible(offer.commit_hash)!r}",
                    place=str(self.repo),
                    expected=f"that of the commit {self.commit}",
                    hint=f"is {constants.ENDPOINT} the hub? Try again if it is",
                )
            if offer.etag is None or not HASH.fullmatch(offer.etag):
                raise HubError(
                    f"the hub offers {name} under {visible(str(offer.etag))!r}",
                    place=str(self.repo),
                    expected="a hash of its content",
                    hint=f"is {constants.ENDPOINT} the hub?",
                )
        return _with_retries(
            lambda: Path(
                hf_hub_download(
                    repo_id, name, revision=self.commit, repo_type=kind, force_download=again
                )
            )
        )

    def write_ref(self) -> None:
        """Lets the branch or tag mean this commit offline, once all needed files are fetched.

        Raises:
            HubError: If the cache cannot be written.
        """
        with errors_of(self.repo):
            cache.write_ref(self.repo, self.commit)

    def __str__(self) -> str:
        return f"{self.repo.id}@{self.commit}"


def list_files(repo: RepoName) -> Snapshot:
    """The commit of `repo` with the names of its files; no file is fetched.

    The hub is not asked about a commit whose list is saved here. Offline, or where the hub cannot
    be reached, the cache is used. Raises `HubError`.
    """
    with errors_of(repo):
        return _list_files(repo)


def list_files_if_exists(repo: RepoName, *, needed: bool) -> Snapshot | None:
    """As `list_files`; None if the repository has no such revision.

    None also if nothing is known of it offline, unless it is `needed`.
    """
    absent = (RevisionNotFoundError,) if needed else (RevisionNotFoundError, OfflineModeIsEnabled)
    with errors_of(repo):
        try:
            return _list_files(repo)
        except absent:
            return None


def _list_files(repo: RepoName) -> Snapshot:
    commit = cache.known_commit(repo)
    saved = cache.read_file_list(repo, commit) if commit else None
    known = Snapshot(repo, commit, saved) if commit and saved else None
    if known and (repo.is_pinned or is_offline()):
        return known
    if is_offline():
        names = cache.names_below(cache.snapshot_folder(repo, commit)) if commit else []
        if not commit or not names:
            raise OfflineModeIsEnabled
        note = f"{repo}: whether the cache has all of its files is not known"
        files = dict.fromkeys(names, RemoteFile(None, None))
        return Snapshot(repo, commit, files, (note,), is_partial=True)
    try:
        fresh = _ask_hub(repo, tries=1 if known else _TRIES)
    except Exception as error:
        if known is None or not _is_temporary(error):
            raise
        note = f"{hub_error(repo, error).found}: {known} of the cache is used"
        return replace(known, notes=(note,))
    if fresh != known:
        cache.write_file_list(repo, fresh.commit, fresh.files)
    return fresh


def _ask_hub(repo: RepoName, tries: int) -> Snapshot:
    """The commit of a repository and its files, as the hub lists them now."""
    ask = HfApi().model_info if repo.kind == "model" else HfApi().dataset_info
    timeout = constants.HF_HUB_DOWNLOAD_TIMEOUT  # seconds of silence; the default has no limit
    info: Any = _with_retries(
        lambda: ask(repo.id, revision=repo.revision, files_metadata=True, timeout=timeout), tries
    )
    if not is_commit(info.sha):
        raise HubError("the hub names no commit", place=str(repo))
    files = {
        file.rfilename: RemoteFile(file.size, file.lfs.sha256 if file.lfs else file.blob_id)
        for file in info.siblings or []
    }
    return Snapshot(repo, info.sha, files)


def _with_retries(ask: Callable[[], T], tries: int = _TRIES) -> T:
    """Asks again if the hub is busy, after as long as it says, or if it breaks off."""
    for tried in range(1, tries):
        try:
            return ask()
        except Exception as error:  # `huggingface_hub` chooses the library that speaks HTTP
            if not _is_temporary(error):
                raise
            response = getattr(error, "response", None)
            wait = response.headers.get("Retry-After", "") if response is not None else ""
            time.sleep(min(float(wait) if wait.isdigit() else 2.0**tried / 2, _LONGEST_WAIT))
    return ask()


def _is_temporary(error: Exception) -> bool:
    """Whether the hub is out of reach or busy, rather than refusing."""
    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in _BUSY
    return is_http_library_error(error)
