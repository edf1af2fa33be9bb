"""Repositories on this machine: the cache of `huggingface_hub`, and the file lists of Nerine.

::

    HF_HUB_CACHE/models--owner--name/            and datasets--owner--name/
        refs/main                                the commit of the branch when it was last pulled
        snapshots/COMMIT/…                       files of a commit: links to blobs/HASH
    HF_ASSETS_CACHE/nerine/hub/file-lists/models--owner--name--COMMIT.json
                                                 all files of a commit, with sizes and hashes

The first is the library's own, and gets nothing but its own files. The second is the folder that
`huggingface_hub` provides for files of other libraries.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path

from huggingface_hub import cached_assets_path, constants

from nerine.core.display import listed
from nerine.core.files import write_text
from nerine.hub.files import RemoteFile
from nerine.hub.names import RepoName, is_commit

_MOST_NAMES = 5


def snapshot_folder(repo: RepoName, commit: str) -> Path:
    """The folder with the cached files of a commit."""
    return _repo_folder(repo) / "snapshots" / commit


def known_commit(repo: RepoName) -> str | None:
    """The revision itself if it is a commit, or its commit when it was last pulled."""
    if is_commit(repo.revision):
        return repo.revision
    ref = _ref(repo)
    commit = ref.read_text(encoding="utf-8").strip() if ref.is_file() else None
    return commit if is_commit(commit) else None


def write_ref(repo: RepoName, commit: str) -> None:
    """Notes the commit of a branch or tag, where `huggingface_hub` looks for it offline.

    To be called last, so that a branch never leads to half a snapshot.
    """
    if not repo.is_pinned and known_commit(repo) != commit:
        ref = _ref(repo)
        ref.parent.mkdir(parents=True, exist_ok=True)
        write_text(ref, commit)


def write_file_list(repo: RepoName, commit: str, files: Mapping[str, RemoteFile]) -> None:
    """Saves the list of a commit's files, so that a missing file is missed offline, too.

    A folder that cannot be written is not an error: the list is then fetched again next time.
    """
    rows = {name: [file.size, file.hash] for name, file in files.items()}
    with contextlib.suppress(OSError, ValueError):
        write_text(_list_path(repo, commit), json.dumps(rows))


def read_file_list(repo: RepoName, commit: str) -> dict[str, RemoteFile] | None:
    """The saved list of a commit's files; None if it is absent or damaged."""
    try:
        rows = json.loads(_list_path(repo, commit).read_text(encoding="utf-8"))
        return {name: RemoteFile(size, digest) for name, (size, digest) in rows.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def forget(path: Path) -> None:
    """Removes a file, and the file that it links to, from the cache."""
    target = path.resolve()
    path.unlink(missing_ok=True)
    target.unlink(missing_ok=True)


def describe_cache(repo: RepoName) -> str:
    """The cached revisions of a repository in words, or else the other cached repositories."""
    folder = _repo_folder(repo)
    snapshots = folder / "snapshots"
    commits = sorted(path.name for path in snapshots.iterdir()) if snapshots.is_dir() else []
    revisions = [*names_below(folder / "refs"), *commits]
    if revisions:
        return ", ".join(f"{repo.id}@{revision}" for revision in revisions[:_MOST_NAMES])
    return listed(cached_ids(repo.kind), _MOST_NAMES) or "nothing is"


def cached_ids(kind: str) -> list[str]:
    """The ids of the cached repositories of a kind, `"model"` or `"dataset"`, sorted."""
    prefix = f"{kind}s--"
    folders = Path(constants.HF_HUB_CACHE).glob(f"{prefix}*")
    return sorted(each.name.removeprefix(prefix).replace("--", "/") for each in folders)


def _repo_folder(repo: RepoName) -> Path:
    return Path(constants.HF_HUB_CACHE) / f"{repo.kind}s--{repo.id.replace('/', '--')}"


def _ref(repo: RepoName) -> Path:
    return _repo_folder(repo) / "refs" / (repo.revision or constants.DEFAULT_REVISION)


def _list_path(repo: RepoName, commit: str) -> Path:
    folder = cached_assets_path("nerine", "hub", "file-lists", assets_dir=constants.HF_ASSETS_CACHE)
    return folder / f"{_repo_folder(repo).name}--{commit}.json"


def names_below(folder: Path) -> list[str]:
    """The names of the files in a folder and its subfolders, relative to it and sorted."""
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )
