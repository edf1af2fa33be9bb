"""A repository → a folder of the hub's own cache, with what is needed of it, checked.

The state of the repository is named by its commit before anything is fetched, so that all files
are of one state. Each file is compared with the size and the hash that the hub lists; in the
cache, it is called by that hash, so that it can be checked again without the hub. The weights come
last: where they are, everything else is.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from huggingface_hub import (
    HfApi,
    constants,
    get_hf_file_metadata,
    hf_hub_download,
    hf_hub_url,
)
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
from huggingface_hub.utils import (
    are_progress_bars_disabled,
    disable_progress_bars,
    enable_progress_bars,
)

from nerine.errors import HubError
from nerine.formats.files import file_hash
from nerine.hub.errors import errors_of, hub_error, is_of_http, is_offline
from nerine.hub.names import RepoName, check_file_name, is_commit
from nerine.markup import visible

Kind = Literal["model", "dataset"]
T = TypeVar("T")

_BUSY = {429, 500, 502, 503, 504}
TRIES = 4
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
    kind: Kind = "model"

    def fetch(self, name: str) -> None:
        """Puts one more file into the folder, if it is not there; raises `HubError`."""
        check_file_name(name, str(self))
        with _progress():
            _fetch(self.repo, self.commit, name, (self.listed or {}).get(name), self.kind)

    def __str__(self) -> str:
        return f"{self.repo.id}@{self.commit}"


@dataclass(frozen=True, slots=True)
class Listed:
    """A file as the hub lists it: `size` in bytes, `hash` (git's SHA-1, or SHA-256 if large)."""

    size: int | None
    hash: str | None


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


def pull(repo: RepoName, wanted: Wanted, *, kind: Kind = "model") -> Snapshot:
    """The files of `repo` that are wanted, in the hub's cache.

    What is in the cache is not fetched again. A commit that is there is not asked for at all;
    offline, or where the hub cannot be reached, the cache has to do. Raises `HubError`; a snapshot
    is never returned with a file missing or altered.
    """
    with errors_of(repo, kind), _progress():
        state = _state(repo, wanted, kind)
        here = cached_names(repo, state.commit, kind)
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
            _fetch(repo, state.commit, name, (state.listed or {}).get(name), kind)
        if state.listed is not None:
            _note_absent(repo, state.commit, set(wanted.optional) - set(names), kind)
            remember(repo, state.commit, kind)
    folder = snapshot_folder(repo, state.commit, kind)
    return Snapshot(repo, state.commit, folder, state.listed, state.notes, kind)


def _state(repo: RepoName, wanted: Wanted, kind: Kind) -> State:
    """Which commit is meant, and what the hub lists for it, or else the cache knows."""
    cached = cached_commit(repo, kind)
    whole, unknown = False, list[str]()
    if cached is not None:
        whole = bool(wanted.choose(cached_names(repo, cached, kind)))
        unknown = [each for each in wanted.optional if not _is_known(repo, cached, each, kind)]
        if repo.is_pinned and whole and not unknown:
            return State(cached)
    asked = ", ".join(unknown)
    notes = (f"{repo}: whether it has {asked} is not known: read without",) if unknown else ()
    if is_offline():
        if cached is None:
            raise OfflineModeIsEnabled
        return State(cached, notes=notes)
    try:
        return ask_hub(repo, kind, tries=1 if whole else TRIES)
    except Exception as error:
        if cached is None or not whole or not is_passing(error):
            raise
        reason = hub_error(repo, error, kind).found
        return State(cached, notes=(f"{reason}: {repo.id}@{cached} of the cache is used", *notes))


def ask_hub(repo: RepoName, kind: Kind, tries: int) -> State:
    """The commit and its files, as the hub has them."""
    ask = HfApi().model_info if kind == "model" else HfApi().dataset_info
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


def _patiently(ask: Callable[[], T], tries: int = TRIES) -> T:
    """Asks again where the hub is busy, after as long as it says, or where it breaks off."""
    for tried in range(1, tries):
        try:
            return ask()
        except Exception as error:  # which library speaks HTTP is the hub's library's business
            if not is_passing(error):
                raise
            response = getattr(error, "response", None)
            wait = response.headers.get("Retry-After", "") if response is not None else ""
            time.sleep(min(float(wait) if wait.isdigit() else 2.0**tried / 2, _LONGEST_WAIT))
    return ask()


def is_passing(error: Exception) -> bool:
    """Whether the hub is out of reach, rather than of another mind."""
    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in _BUSY
    return is_of_http(error)


def _fetch(repo: RepoName, commit: str, name: str, listed: Listed | None, kind: Kind) -> Path:
    """A file of the cache, fetched if it is not there; what is not as listed is fetched anew."""
    with errors_of(repo, kind):
        path = _download(repo, commit, name, kind)
        wrong = _what_is_wrong(path, listed)
        if wrong and not is_offline():
            path = _download(repo, commit, name, kind, again=True)
            wrong = _what_is_wrong(path, listed)
    if wrong:
        _forget(path)
        raise HubError(
            f"{name} is not what the hub lists: {wrong}",
            place=str(repo),
            hint="it was altered or cut short on its way, and is not kept: pull again",
        )
    return path


def _download(repo: RepoName, commit: str, name: str, kind: Kind, *, again: bool = False) -> Path:
    here = snapshot_folder(repo, commit, kind) / name
    if (again or not here.is_file()) and not is_offline():
        _check_offered(repo, commit, name, kind)
    return _patiently(
        lambda: Path(
            hf_hub_download(repo.id, name, revision=commit, repo_type=kind, force_download=again)
        )
    )


def _check_offered(repo: RepoName, commit: str, name: str, kind: Kind) -> None:
    """The hub's library believes which commit and hash a server says a file is of."""
    address = hf_hub_url(repo.id, name, revision=commit, repo_type=kind)
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
    found = file_hash(path) if len(wanted) == 64 else _git_hash(path)
    return None if found == wanted else f"its hash is {found[:16]}… instead of {wanted[:16]}…"


def _git_hash(path: Path) -> str:
    """What git calls a file of this content."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _forget(path: Path) -> None:
    """Takes a file and what it links to out of the cache."""
    target = path.resolve()
    path.unlink(missing_ok=True)
    target.unlink(missing_ok=True)


def snapshot_folder(repo: RepoName, commit: str, kind: Kind) -> Path:
    """Where the cache holds the files of a state."""
    return storage_of(repo, kind) / "snapshots" / commit


def storage_of(repo: RepoName, kind: Kind) -> Path:
    """The repository's folder in the hub's cache."""
    return Path(constants.HF_HUB_CACHE) / f"{kind}s--{repo.id.replace('/', '--')}"


def cached_commit(repo: RepoName, kind: Kind) -> str | None:
    """The commit that is meant, as far as is known here, if the cache has files of it."""
    commit = known_commit(repo, kind)
    return commit if commit and snapshot_folder(repo, commit, kind).is_dir() else None


def known_commit(repo: RepoName, kind: Kind) -> str | None:
    """The revision itself if it is a commit, or what it meant when the hub was asked last."""
    if is_commit(repo.revision):
        return repo.revision
    ref = storage_of(repo, kind) / "refs" / (repo.revision or constants.DEFAULT_REVISION)
    commit = ref.read_text(encoding="utf-8").strip() if ref.is_file() else None
    return commit if is_commit(commit) else None


def cached_names(repo: RepoName, commit: str, kind: Kind) -> list[str]:
    """The files of a state that are in the cache."""
    folder = snapshot_folder(repo, commit, kind)
    if not folder.is_dir():
        return []
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def _is_known(repo: RepoName, commit: str, name: str, kind: Kind) -> bool:
    """Whether a file is in the cache, or the cache says that the repository has none such."""
    here = snapshot_folder(repo, commit, kind) / name
    absent = storage_of(repo, kind) / ".no_exist" / commit / name
    return here.is_file() or absent.is_file()


def _note_absent(repo: RepoName, commit: str, names: Iterable[str], kind: Kind) -> None:
    """Notes in the cache, as the hub's library does it, what the repository has not."""
    for name in names:
        if not _is_known(repo, commit, name, kind):
            absent = storage_of(repo, kind) / ".no_exist" / commit / name
            absent.parent.mkdir(parents=True, exist_ok=True)
            absent.touch()


def remember(repo: RepoName, commit: str, kind: Kind) -> None:
    """Writes which commit a branch or tag means, where the hub's library looks for it offline.

    Done last, so that a branch never leads to half a snapshot.
    """
    if repo.is_pinned or known_commit(repo, kind) == commit:
        return
    ref = storage_of(repo, kind) / "refs" / (repo.revision or constants.DEFAULT_REVISION)
    write_whole(ref, commit)


def write_whole(path: Path, text: str) -> None:
    """Writes a file whole, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


@contextlib.contextmanager
def _progress() -> Iterator[None]:
    """The hub's bars on a terminal, and nothing in a pipe."""
    hidden = not sys.stderr.isatty() and not are_progress_bars_disabled()
    if hidden:
        disable_progress_bars()
    try:
        yield
    finally:
        if hidden:
            enable_progress_bars()


def _shown(names: Iterable[str]) -> str:
    """A few names of a repository's files."""
    shown = [visible(name) for name in names]
    return ", ".join(shown[:8]) + (" …" if len(shown) > 8 else "") if shown else "no files at all"
