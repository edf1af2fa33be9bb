"""The hub that tests use: three hosts, their store and their faults."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from hub import routes
from hub.faults import Fault
from hub.server import Journal, Record, Server
from hub.store import Commit, Repository, Store, Token


class Hub:
    """A hub on loopback, empty at first, that serves inside a ``with`` block.

    `page_size` is the number of entries on a page of a listing; files above `large_above` bytes go
    to large file storage; objects above `multipart_above` bytes are sent in parts of that size
    (None: never).
    """

    def __init__(
        self,
        *,
        page_size: int = 1000,
        large_above: int = 10_000_000,
        multipart_above: int | None = None,
    ) -> None:
        self.store = Store(page_size, large_above, multipart_above)
        self.waits: list[float] = []  # seconds that a client in this process would have waited
        self._journal = Journal()
        self._hosts = {
            name: Server(name, self._journal, partial(answer, self.store))
            for name, answer in (
                ("hub", routes.hub),
                ("storage", routes.storage),
                ("elsewhere", routes.elsewhere),
            )
        }
        self.store.hub_url = self._hosts["hub"].url
        self.store.storage_url = self._hosts["storage"].url
        self._journal.elsewhere = self._hosts["elsewhere"].url

    def __enter__(self) -> Self:
        for host in self._hosts.values():
            host.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.go_down()

    def go_down(self) -> None:
        """Refuses connections from now on; the store and the records stay."""
        for host in self._hosts.values():
            host.stop()

    @property
    def endpoint(self) -> str:
        """The address for HF_ENDPOINT."""
        return self.store.hub_url

    def add_user(
        self, name: str, *, token: str, write: bool = True, organisations: tuple[str, ...] = ()
    ) -> None:
        """Adds a user with a token; a second call adds another token, also without `write`."""
        self.store.tokens[token] = Token(name, write, organisations)

    def add_repo(
        self,
        name: str,
        files: Mapping[str, bytes],
        *,
        kind: str = "model",
        private: bool = False,
        gated: bool | str = False,
    ) -> Commit:
        """Adds a repository with exactly these files, names unchecked; returns its commit.

        `gated` is ``"auto"``, ``"manual"`` or True for the former.
        """
        repository = self.store.create(kind, name, files, private)
        repository.gated = "auto" if gated is True else gated or None
        return repository.history("main")[0]

    def add_commit(
        self,
        name: str,
        files: Mapping[str, bytes],
        *,
        kind: str = "model",
        branch: str = "main",
        delete: tuple[str, ...] = (),
        title: str = "change",
    ) -> Commit:
        """Adds a commit to a branch (from main if new): files added, replaced, deleted."""
        with self.store.lock:
            repository = self.repository(name, kind)
            parent = repository.find(branch) or repository.find("main")
            kept = dict(parent.files) if parent else {}
            state = {path: blob for path, blob in kept.items() if path not in delete}
            state |= self.store.blobs(files)
            return repository.commit(f"refs/heads/{branch}", parent, state, title)

    def repository(self, name: str, kind: str = "model") -> Repository:
        """The stored repository; KeyError if it does not exist."""
        return self.store.repositories[kind, name]

    def exists(self, name: str, kind: str = "model") -> bool:
        """Whether the repository exists."""
        return (kind, name) in self.store.repositories

    def commits(self, name: str, revision: str = "main", kind: str = "model") -> list[Commit]:
        """The commits of a revision, the newest first."""
        return self.repository(name, kind).history(revision)

    def files(self, name: str, revision: str = "main", kind: str = "model") -> dict[str, bytes]:
        """Path -> content at a revision; KeyError if the revision does not exist."""
        commit = self.repository(name, kind).find(revision)
        if commit is None:
            raise KeyError(revision)
        return {path: blob.content for path, blob in commit.files.items()}

    def grant(self, name: str, user: str, kind: str = "model") -> None:
        """Adds a user to the list of a gated repository."""
        self.repository(name, kind).granted.add(user)

    def fault(self, fault: Fault) -> None:
        """Adds a fault."""
        self._journal.faults.add(fault)

    def mend(self) -> None:
        """Removes all faults."""
        self._journal.faults.clear()

    @property
    def requests(self) -> list[Record]:
        """All requests so far to all three hosts, in the order of their arrival."""
        return list(self._journal.requests)

    @property
    def crashes(self) -> list[str]:
        """Tracebacks of errors in the hub itself, which are bugs of the hub."""
        return list(self._journal.crashes)

    def forget_requests(self) -> None:
        """Clears the record of requests."""
        self._journal.requests.clear()

    def matching(self, path: str, method: str = "*") -> list[Record]:
        """The requests that a fault with this path and method would have hit."""
        wanted = Fault(method=method, path=path)
        return [record for record in self.requests if wanted.hits(record.method, record.path)]

    def bytes_received(self, path: str = "", method: str = "*") -> int:
        """Bytes of the bodies of matching requests, those of cut ones included."""
        return sum(record.received for record in self.matching(path, method))

    def bytes_sent(self, path: str = "", method: str = "*") -> int:
        """Bytes of the bodies of the replies to matching requests."""
        return sum(record.sent for record in self.matching(path, method))

    def environment(self, home: Path, token: str | None = None) -> dict[str, str]:
        """Environment variables with which another process uses this hub.

        An empty HF_TOKEN counts as none, and overrides one in the environment.
        """
        return {
            "HF_ENDPOINT": self.endpoint,
            "HF_HOME": str(home),
            "HF_HUB_CACHE": str(home / "hub"),
            "HF_HUB_OFFLINE": "0",
            "TRANSFORMERS_OFFLINE": "0",
            "HF_DATASETS_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_UPDATE_DOWNLOAD_COUNTS": "0",  # datasets counts downloads at another host
            "HF_TOKEN_PATH": str(home / "token"),
            "HF_TOKEN": token or "",
            "HUGGING_FACE_HUB_TOKEN": "",
            "NO_PROXY": "127.0.0.1",
        }
