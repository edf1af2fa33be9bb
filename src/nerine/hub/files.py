"""A file of a repository: what the hub says of it, and what git calls it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PIECE = 1 << 22
_SHA256_DIGITS = 64


@dataclass(frozen=True, slots=True)
class Listed:
    """A file as the hub lists it, as far as it says so.

    Attributes:
        size: Its bytes.
        hash: Git's name for the content, or for a large file its SHA-256.
    """

    size: int | None
    hash: str | None


def is_sha256(digest: str) -> bool:
    """Whether a hash of the hub's is the SHA-256 of a large file, and not git's name for one."""
    return len(digest) == _SHA256_DIGITS


def git_hash(content: Path | bytes) -> str:
    """What git calls a file with this content: a SHA-1."""
    size = len(content) if isinstance(content, bytes) else content.stat().st_size
    digest = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    for piece in pieces_of(content):
        digest.update(piece)
    return digest.hexdigest()


def pieces_of(content: Path | bytes) -> Iterator[bytes]:
    """The content of a file, or some bytes, one after another; a file is never held whole."""
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as stream:
        while piece := stream.read(_PIECE):
            yield piece
