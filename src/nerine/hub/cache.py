"""The hub's own cache: where the files of a repository lie, and what is known of it offline.

models--owner--name/             and datasets--owner--name/
    refs/main                    the commit that the branch meant when the hub was asked last
    snapshots/COMMIT/…           the files of a state: links to blobs/HASH
    .listed/COMMIT.json          ours: what the hub lists (`nerine.hub.listing`)
"""

from __future__ import annotations

import uuid
from pathlib import Path

from huggingface_hub import constants

from nerine.hub.names import RepoName, is_commit

_SHOWN = 5


def storage_of(repo: RepoName) -> Path:
    """The repository's folder in the cache."""
    return Path(constants.HF_HUB_CACHE) / f"{repo.kind}s--{repo.id.replace('/', '--')}"


def snapshot_folder(repo: RepoName, commit: str) -> Path:
    """Where the cache holds the files of a state."""
    return storage_of(repo) / "snapshots" / commit


def known_commit(repo: RepoName) -> str | None:
    """The revision itself if it is a commit, or what it meant when the hub was asked last."""
    if is_commit(repo.revision):
        return repo.revision
    ref = _ref(repo)
    commit = ref.read_text(encoding="utf-8").strip() if ref.is_file() else None
    return commit if is_commit(commit) else None


def cached_commit(repo: RepoName) -> str | None:
    """The commit that is meant, as far as is known here, if the cache has files of it."""
    commit = known_commit(repo)
    return commit if commit and snapshot_folder(repo, commit).is_dir() else None


def cached_names(repo: RepoName, commit: str) -> list[str]:
    """The files of a state that are in the cache."""
    folder = snapshot_folder(repo, commit)
    return sorted(path.relative_to(folder).as_posix() for path in _files(folder))


def remember(repo: RepoName, commit: str) -> None:
    """Writes which commit a branch or tag means, where the hub's library looks for it offline.

    Done last, so that a branch never leads to half a snapshot.
    """
    if not repo.is_pinned and known_commit(repo) != commit:
        write_whole(_ref(repo), commit)


def forget(path: Path) -> None:
    """Takes a file and what it links to out of the cache."""
    target = path.resolve()
    path.unlink(missing_ok=True)
    target.unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """Writes a file whole, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def what_is_cached(repo: RepoName) -> str:
    """In words: the revisions of the repository in the cache, or else other repositories there."""
    storage = storage_of(repo)
    known = sorted(
        path.relative_to(storage / "refs").as_posix() for path in _files(storage / "refs")
    )
    commits = sorted(path.name for path in _children(storage / "snapshots"))
    if known or commits:
        return ", ".join([f"{repo.id}@{each}" for each in [*known, *commits]][:_SHOWN])
    prefix = f"{repo.kind}s--"
    others = sorted(
        path.name.removeprefix(prefix).replace("--", "/")
        for path in _children(storage.parent)
        if path.name.startswith(prefix)
    )
    more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
    return (", ".join(others[:_SHOWN]) + more) if others else "nothing is"


def _ref(repo: RepoName) -> Path:
    return storage_of(repo) / "refs" / (repo.revision or constants.DEFAULT_REVISION)


def _children(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
