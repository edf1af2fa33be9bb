"""The hub's store in memory: repositories with commits, branches, tags and large files."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import pairwise

from hub import git

LARGE_SUFFIXES = (".bin", ".onnx", ".parquet", ".safetensors")
# The hub adds this file to a new repository: names that go to large file storage.
GIT_ATTRIBUTES = "".join(
    f"*{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in LARGE_SUFFIXES
).encode()
_START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Blob:
    """One file's content. `large`: it is in large file storage, and the tree has a pointer."""

    content: bytes
    large: bool = False

    @cached_property
    def oid(self) -> str:
        """The git id of the file, or of its pointer."""
        return git.object_id("blob", git.pointer(self.content) if self.large else self.content)

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the content."""
        return git.sha256(self.content)

    @property
    def etag(self) -> str:
        """The hub's ETag: the SHA-256 of a large file, else the git id."""
        return self.sha256 if self.large else self.oid


@dataclass(frozen=True)
class Commit:
    """One state of a repository: path -> blob, and its parent."""

    oid: str
    parent: str | None
    title: str
    message: str
    author: str
    date: datetime
    files: Mapping[str, Blob]

    @cached_property
    def folders(self) -> dict[str, str]:
        """Folder -> tree id; the root is ``""``."""
        return git.folder_ids({path: blob.oid for path, blob in self.files.items()})


@dataclass
class Repository:
    """One repository. Heads are ``refs/heads/…``, ``refs/tags/…`` and ``refs/pr/…``."""

    kind: str
    name: str
    private: bool = False
    gated: str | None = None
    granted: set[str] = field(default_factory=set)
    commits: dict[str, Commit] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    large: dict[str, bytes] = field(default_factory=dict)
    pending: dict[str, bytes] = field(default_factory=dict)
    parts: dict[tuple[str, int], bytes] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        """The user or organisation before the slash; empty for a name without one."""
        return self.name.rpartition("/")[0]

    @property
    def url_path(self) -> str:
        """The path of its page: ``mira/model`` or ``datasets/mira/corpus``."""
        return self.name if self.kind == "model" else f"{self.kind}s/{self.name}"

    def find(self, revision: str) -> Commit | None:
        """The commit of a branch, tag, full ref or (short) commit id."""
        for ref in (f"refs/heads/{revision}", f"refs/tags/{revision}", revision):
            if ref in self.refs:
                return self.commits[self.refs[ref]]
        found = [oid for oid in self.commits if len(revision) >= 7 and oid.startswith(revision)]
        return self.commits[found[0]] if len(found) == 1 else None

    def history(self, revision: str) -> list[Commit]:
        """The commits of a revision, the newest first."""
        commit = self.find(revision)
        found = []
        while commit is not None:
            found.append(commit)
            commit = self.commits.get(commit.parent) if commit.parent else None
        return found

    def last_change(self, path: str, revision: str) -> Commit:
        """The newest commit of a revision in which a file or folder changed."""
        history = self.history(revision)
        for newer, older in pairwise(history):
            if _content_at(newer, path) != _content_at(older, path):
                return newer
        return history[-1]

    def commit(
        self, ref: str, parent: Commit | None, files: Mapping[str, Blob], title: str, **words: str
    ) -> Commit:
        """A new commit on a ref, with all files of the new state."""
        date = _START + timedelta(seconds=len(self.commits))
        author, message = words.get("author", "hub"), words.get("message", "")
        root = git.folder_ids({path: blob.oid for path, blob in files.items()})[""]
        stamp = f"{author} <{author}@users> {int(date.timestamp())} +0000"
        above = f"parent {parent.oid}\n" if parent else ""
        text = f"tree {root}\n{above}author {stamp}\ncommitter {stamp}\n\n{title}\n\n{message}"
        oid = git.object_id("commit", text.encode())
        commit = Commit(
            oid, parent.oid if parent else None, title, message, author, date, dict(files)
        )
        self.commits[oid] = commit
        self.refs[ref] = oid
        self.large.update({blob.sha256: blob.content for blob in files.values() if blob.large})
        return commit

    def names(self, prefix: str) -> list[str]:
        """The names of the refs under a prefix such as ``refs/heads/``."""
        return [ref.removeprefix(prefix) for ref in self.refs if ref.startswith(prefix)]


def _content_at(commit: Commit, path: str) -> str | None:
    blob = commit.files.get(path)
    return blob.oid if blob else commit.folders.get(path)


@dataclass(frozen=True)
class Token:
    """The user of a token, and whether it may write."""

    user: str
    write: bool
    organisations: tuple[str, ...] = ()

    def owns(self, repository: Repository) -> bool:
        """Whether the repository belongs to the user, or to an organisation of the user."""
        return repository.owner in (self.user, *self.organisations)


@dataclass
class Store:
    """The state shared by the servers. `lock` is held while a request is answered."""

    page_size: int = 1000
    large_above: int = 10_000_000
    multipart_above: int | None = None
    hub_url: str = ""
    storage_url: str = ""
    tokens: dict[str, Token] = field(default_factory=dict)
    repositories: dict[tuple[str, str], Repository] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def blob(self, path: str, content: bytes) -> Blob:
        """A file's content, in large file storage depending on its name and size."""
        return Blob(content, self.is_large(path, len(content)))

    def is_large(self, path: str, size: int) -> bool:
        """Whether a file goes to large file storage. Empty files never do."""
        return size > 0 and (path.endswith(LARGE_SUFFIXES) or size > self.large_above)

    def blobs(self, files: Mapping[str, bytes]) -> dict[str, Blob]:
        """Blobs of several files."""
        return {path: self.blob(path, content) for path, content in files.items()}

    def create(
        self, kind: str, name: str, files: Mapping[str, bytes], private: bool = False
    ) -> Repository:
        """A new repository with its first commit."""
        repository = Repository(kind, name, private)
        repository.commit("refs/heads/main", None, self.blobs(files), "initial commit")
        self.repositories[kind, name] = repository
        return repository


def children(paths: Iterable[str], folder: str, recursive: bool) -> list[str]:
    """The paths in a folder, directly or at any depth, in order."""
    prefix = f"{folder}/" if folder else ""
    inside = [path for path in paths if path and path.startswith(prefix)]
    return sorted(path for path in inside if recursive or "/" not in path[len(prefix) :])
