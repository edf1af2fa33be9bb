"""Shards: the pieces of a run's inputs that are tagged apart from each other.

A shard begins where a record does: at a line of text or JSON lines, a row of a table, a row group
of Parquet. Where the shards begin depends on the inputs and on the size that is asked for, never on
who tags them. The batches of a tagger end with a shard, and scores depend in their last digits on
the texts that share a batch: so a run writes the same bytes with one process or with a hundred.

A compressed file and standard input are one shard each: they can't be read from the middle.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from nerine.core.errors import TaggingError
from nerine.serving.files.durable import readable
from nerine.serving.files.records import BEGIN, Position
from nerine.serving.files.remote import File, scanned

UNCHANGED = "an input that does not change meanwhile"
"""What is expected of an input in messages."""

_CHUNK = 1 << 20
_BACK = 1 << 14
"""The bytes before a place that are read first for the records before it."""

ByteRange = tuple[int, int | None]
"""The offset of some bytes in a file, and their number; None for all that follow."""


class Piece(NamedTuple):
    """Consecutive records of an input, in the terms of `Shard`."""

    start: Position = BEGIN
    end: int | None = None
    sha256: str | None = None


class Divisible(Protocol):
    """An input that can be divided, such as the readers of `inputs`."""

    def pieces(self, size: int) -> Iterator[Piece]:
        """The consecutive pieces that are its shards: one or more.

        Args:
            size: About how many bytes a piece has.
        """

    def hashes(self, ends: Sequence[int | None], start: int = 0) -> Iterator[str | None]:
        """The SHA-256 of consecutive shards, of their bytes in the file as they are now.

        Args:
            ends: Where each shard ends, in order; None for the end of the file.
            start: Where the first one begins.

        Returns:
            A hash for each shard; None if there is no file.
        """


@dataclass(frozen=True, slots=True)
class Shard:
    """A piece of an input.

    Attributes:
        number: Its number in the run, from 0.
        input: The number of its input, from 0.
        start: Where its first record begins.
        end: Where its last record ends, in the unit of `start`; None if only the data tell.
        sha256: The hash of its bytes, in Parquet those of its column chunks; None without a file.
    """

    number: int = 0
    input: int = 0
    start: Position = BEGIN
    end: int | None = None
    sha256: str | None = None

    @property
    def is_first(self) -> bool:
        """Whether it is the first of its input."""
        return self.start == BEGIN

    def to_json(self) -> str:
        """The shard as a line of the manifest, without its number, which the line has."""
        return json.dumps([self.input, *self.start, self.end, self.sha256])

    @classmethod
    def from_json(cls, number: int, line: str) -> Shard:
        """The shard of line `number`."""
        input_, offset, row, end, sha256 = json.loads(line)
        return cls(number, input_, Position(offset, row), end, sha256)


WHOLE = Shard()
"""The shard that is all of an input."""


def plan_shards(inputs: Sequence[Divisible], size: int) -> Iterator[Shard]:
    """The shards of all inputs, in order; each input has one or more.

    Args:
        inputs: The inputs.
        size: About how many bytes a shard has.
    """
    number = 0
    for index, each in enumerate(inputs):
        for piece in each.pieces(size):
            yield Shard(number, index, *piece)
            number += 1


def pieces_between_lines(file: File, size: int) -> Iterator[Piece]:
    """Pieces that begin with lines, the first at or after each multiple of `size`.

    The file is read once.
    """
    start, digest = BEGIN, hashlib.sha256()
    offset, line, wanted = 0, 1, size
    with scanned(file) as stream:
        while chunk := stream.read(_CHUNK):
            done = 0
            # a line begins after a line feed
            while (at := chunk.find(b"\n", max(wanted - 1 - offset, done))) >= 0:
                line += chunk.count(b"\n", done, at + 1)
                digest.update(memoryview(chunk)[done : at + 1])
                done = at + 1
                yield Piece(start, offset + done, digest.hexdigest())
                start, digest = Position(offset + done, line), hashlib.sha256()
                wanted = (start.offset // size + 1) * size
            line += chunk.count(b"\n", done)
            digest.update(memoryview(chunk)[done:])
            offset += len(chunk)
    if offset > start.offset or not offset:
        yield Piece(start, offset, digest.hexdigest())


def places_before(file: File, position: Position) -> Iterator[Position]:
    """Places of lines before one, each further back than the last; not the beginning."""
    size = _BACK
    while size < position.offset:
        offset = position.offset - size
        with file.open("rb") as stream:
            stream.seek(offset)
            read = stream.read(size)
        if 0 < (begin := read.find(b"\n") + 1) < size:
            yield Position(offset + begin, position.line - read.count(b"\n", begin))
        size *= 4


def pieces_of(input_: Divisible, cuts: Iterable[Position], end: int | None) -> Iterator[Piece]:
    """The pieces of an input that begin at its beginning and at `cuts`.

    Args:
        input_: The input.
        cuts: Where the pieces after the first one begin.
        end: Where the last one ends.
    """
    starts = [BEGIN, *cuts]
    ends = [*(start.offset for start in starts[1:]), end]
    return itertools.starmap(Piece, zip(starts, ends, input_.hashes(ends), strict=True))


def cuts_among(positions: Iterable[Position], size: int) -> Iterator[Position]:
    """Of the positions, the first at or after each multiple of `size`, without the last one."""
    wanted = size
    for position, _ in itertools.pairwise(positions):
        if position.offset >= wanted:
            yield position
            wanted = (position.offset // size + 1) * size


def hashes_of(stream: BinaryIO, pieces: Iterable[Iterable[ByteRange]]) -> Iterator[str]:
    """The SHA-256 of pieces of a file, each from some ranges of its bytes."""
    for ranges in pieces:
        digest = hashlib.sha256()
        for offset, left in ranges:
            stream.seek(offset)
            while left != 0 and (
                chunk := stream.read(_CHUNK if left is None else min(_CHUNK, left))
            ):
                digest.update(chunk)
                left = None if left is None else left - len(chunk)
        yield digest.hexdigest()


def check_content(input_: Divisible, shard: Shard, name: str) -> None:
    """Raises `TaggingError` if the bytes of the shard are not those for which it was planned."""
    if shard.sha256 not in (None, *input_.hashes([shard.end], shard.start.offset)):
        raise TaggingError(
            f"the content from byte or row {shard.start.offset:,} on has changed",
            place=name,
            expected=UNCHANGED,
            hint="--overwrite starts again",
        )


def manifest_of(shards: Iterable[Shard]) -> bytes:
    """The manifest: a line for each shard."""
    return "".join(f"{shard.to_json()}\n" for shard in shards).encode()


def read_manifest(path: Path) -> list[Shard]:
    """The shards of a manifest. Raises `TaggingError` if it is damaged."""
    with readable(path):
        lines = path.read_text(encoding="utf-8").splitlines()
        return [Shard.from_json(number, line) for number, line in enumerate(lines)]
