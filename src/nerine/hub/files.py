"""A file of a repository as the hub lists it, and the hashes that the hub uses."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nerine.core.files import file_hash

HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
"""Git's SHA-1 of a small file, or the SHA-256 of a large one."""

_CHUNK_BYTES = 1 << 22
_SHA256_DIGITS = 64


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a repository; a field is None where the hub does not tell it.

    Attributes:
        size: Its bytes.
        hash: Git's SHA-1 of the content, or for a large file its SHA-256.
    """

    size: int | None
    hash: str | None

    def mismatch(self, path: Path) -> str | None:
        """How a local file differs from this one; None if it does not.

        Args:
            path: The local file. In the hub's cache the hash is its name there, which is used
                where the hub tells none.
        """
        size = path.stat().st_size
        if self.size is not None and self.size != size:
            return f"{size:,} bytes instead of {self.size:,}"
        expected = self.hash or path.resolve().name
        if not HASH.fullmatch(expected):
            return None  # a cache without links, on systems that have none
        found = file_hash(path) if is_sha256(expected) else git_hash(path)
        if found == expected:
            return None
        return f"its hash is {found[:16]}… instead of {expected[:16]}…"


def is_sha256(digest: str) -> bool:
    """Whether a hash is the SHA-256 of a large file, rather than git's SHA-1."""
    return len(digest) == _SHA256_DIGITS


def git_hash(content: Path | bytes) -> str:
    """Git's name for a file with this content: a SHA-1."""
    size = len(content) if isinstance(content, bytes) else content.stat().st_size
    digest = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    for chunk in chunks(content):
        digest.update(chunk)
    return digest.hexdigest()


def chunks(content: Path | bytes) -> Iterator[bytes]:
    """The content of a file in chunks of 4 MiB, or some bytes whole."""
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            yield chunk
