"""The lines of files and of standard input, uncompressed, and what is broken about them."""

from __future__ import annotations

import contextlib
import functools
import itertools
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import BinaryIO, TypeVar

from nerine.core.errors import FormatError, NerineError, TaggingError
from nerine.serving.files.compression import DAMAGES, uncompressed
from nerine.serving.files.records import BEGIN, Position

Item = TypeVar("Item")

LONGEST = 1 << 26
"""The most bytes of a record: a longer one was surely cut at the wrong places."""

_BUFFER = 1 << 20
_UNREADABLE = (OSError, *DAMAGES)


class Lines:
    """Lines as bytes, with their line ends. Only a line feed ends a line."""

    def __init__(self, path: Path | None, compression: str = "") -> None:
        self.path = path
        self.name = "standard input" if path is None else str(path)
        self._compression = compression
        self._raw: BinaryIO | None = None
        self._waiting = self._pulled(sys.stdin.buffer, 1) if path is None else iter(())

    @property
    def size(self) -> int | None:
        """The bytes of the file as it lies on the disk."""
        return None if self.path is None else self.path.stat().st_size

    def done(self, position: Position) -> int:
        """How many of these are done at `position`; of a compressed file, as many as were read."""
        if not self._compression:
            return position.offset
        return 0 if self._raw is None or self._raw.closed else self._raw.tell()

    def peeked(self) -> Iterator[bytes]:
        """The lines from the first on, of which standard input loses none by this."""
        if self.path is not None:
            return self.after(BEGIN)
        self._waiting, ahead = itertools.tee(self._waiting)
        return ahead

    def check_whole(self) -> None:
        """Reads a compressed file to its end; raises `FormatError` where it breaks off.

        That is quick beside a model. Of a file that is not compressed, nobody can tell.
        """
        if self._compression:
            for _ in self.after(BEGIN):
                pass

    def after(self, start: Position) -> Iterator[bytes]:
        """The lines from `start` on. Standard input goes on where it stands.

        Raises `FormatError` with the line at which the data are broken, and `TaggingError` where
        the disk fails, which may be over at the next try.
        """
        if self.path is None:
            yield from self._waiting
            return
        try:
            raw = self.path.open("rb", buffering=_BUFFER)
        except OSError as error:
            raise unreadable(error, self.name) from error
        with raw:
            self._raw = raw
            yield from self._pulled(self._opened(raw, start.offset), start.line)

    def _opened(self, raw: BinaryIO, offset: int) -> BinaryIO:
        if not self._compression:
            raw.seek(offset)
            return raw
        try:
            stream = uncompressed(raw, self._compression)
            while offset:
                skipped = len(stream.read(min(offset, _BUFFER)))
                offset = offset - skipped if skipped else 0
        except _UNREADABLE as error:
            raise unreadable(error, self.name) from error
        return stream

    def _pulled(self, stream: BinaryIO, line: int) -> Iterator[bytes]:
        pull = functools.partial(stream.readline, LONGEST)
        try:
            for raw in iter(pull, b""):
                if len(raw) == LONGEST and not raw.endswith(b"\n"):
                    raise too_long(f"{self.name}:{line}")
                yield raw
                line += 1
        except _UNREADABLE as error:
            raise unreadable(error, f"{self.name}:{line}") from error


@contextlib.contextmanager
def closed(items: Iterator[Item]) -> Iterator[Iterator[Item]]:
    """Ends a generator when it is left, whatever happens, with its files and threads."""
    try:
        yield items
    finally:
        if isinstance(items, Generator):
            items.close()


def too_long(place: str) -> FormatError:
    """The error for a record whose end does not come."""
    return FormatError(
        f"this record is longer than {LONGEST >> 20} MiB",
        place=place,
        expected="a text in each line, or a cell whose quotes are closed",
        hint="perhaps the file is of another format: --format states it",
    )


def unreadable(error: Exception, place: str) -> NerineError:
    """The error for data that cannot be read: broken ones, or a disk that fails."""
    if isinstance(error, OSError) and error.errno is not None:
        return TaggingError(f"cannot be read: {error.strerror}", place=place)
    breaks_off = isinstance(error, EOFError) or "runcated" in str(error)
    return FormatError(
        "the compressed data break off"
        if breaks_off
        else f"the compressed data are broken: {error}",
        place=place,
        expected="a whole file",
        hint="copy or download it again",
    )
