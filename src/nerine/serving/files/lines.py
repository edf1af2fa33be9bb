"""The lines of files and of standard input, decompressed, and the errors of damaged data."""

from __future__ import annotations

import contextlib
import functools
import itertools
import sys
from collections.abc import Generator, Iterator, Sequence
from typing import BinaryIO, TypeVar

from nerine.core.errors import FormatError, NerineError, TaggingError
from nerine.core.streams import Pause, line_pieces
from nerine.serving.files.compression import DATA_ERRORS, decompressed
from nerine.serving.files.records import BEGIN, Position
from nerine.serving.files.remote import File

Item = TypeVar("Item")

LONGEST = 1 << 26
"""The maximum number of bytes of a record; a longer one fails."""
KEPT = 1 << 27
"""The maximum number of bytes of a record that are written to the failures."""

_BUFFER = 1 << 20
_READ_ERRORS = (OSError, *DATA_ERRORS)


class LongLine(bytes):
    """A line of more than `LONGEST` bytes: at most `KEPT` of them, and how many it has."""

    size: int

    @classmethod
    def of(cls, content: bytes, size: int) -> LongLine:
        """The line of `size` bytes that begins with `content`."""
        line = cls(content)
        line.size = size
        return line

    @property
    def problem(self) -> str:
        """Why the line cannot be tagged."""
        return too_long(self.size, len(self))


def size_of(raw: bytes) -> int:
    """The number of bytes that a line has in its file."""
    return raw.size if isinstance(raw, LongLine) else len(raw)


class Lines:
    """Lines as bytes, with their line ends. Only a line feed ends a line.

    Lines of a pipe have pauses between them where it stands still.
    """

    def __init__(self, path: File | None, compression: str = "") -> None:
        self.path = path
        self.name = "standard input" if path is None else str(path)
        self.compression = compression
        self._raw: BinaryIO | None = None
        self._standard_input = (
            self._lines_of(line_pieces(sys.stdin.buffer), 1) if path is None else iter(())
        )

    @property
    def size(self) -> int | None:
        """The size of the file on the disk in bytes; None for standard input."""
        return None if self.path is None else self.path.stat().st_size

    def done(self, position: Position) -> int:
        """How many of these bytes lie before `position`; of a compressed file, were read."""
        if not self.compression:
            return position.offset
        return 0 if self._raw is None else self._raw.tell()

    def peek(self) -> Iterator[bytes]:
        """The lines from the first one on, without removing any from standard input."""
        ahead = self.after(BEGIN)
        if self.path is None:
            self._standard_input, ahead = itertools.tee(self._standard_input)
        return (line for line in ahead if not isinstance(line, Pause))

    def check_whole(self) -> None:
        """Reads a compressed file to its end; raises `FormatError` if it is cut off or damaged.

        This takes little time compared with a model. In other files, a cut cannot be detected.
        """
        if self.compression:
            for _ in self.after(BEGIN):
                pass

    def after(self, start: Position) -> Iterator[bytes | Pause]:
        """The lines from `start` on; of standard input, the next lines.

        Raises `FormatError` with the line at which the data are damaged, and `TaggingError` if the
        disk fails, after which another try may succeed.
        """
        if self.path is None:
            yield from self._standard_input
            return
        try:
            raw = self.path.open("rb", buffering=_BUFFER)
        except OSError as error:
            raise read_error(error, self.name) from error
        with raw, self._reading(raw):
            try:
                stream, left = decompressed(raw, self.compression), start.offset
                if stream is raw:
                    raw.seek(left)
                    left = 0
                while left:
                    skipped = len(stream.read(min(left, _BUFFER)))
                    left = left - skipped if skipped else 0
            except _READ_ERRORS as error:
                raise read_error(error, self.name) from error
            pieces = iter(functools.partial(stream.readline, _BUFFER), b"")
            yield from self._lines_of(pieces, start.line)

    @contextlib.contextmanager
    def _reading(self, raw: BinaryIO) -> Iterator[None]:
        """Lets `done` ask how much was read, as long as it is being read."""
        self._raw = raw
        try:
            yield
        finally:
            self._raw = None

    def _lines_of(self, pieces: Iterator[bytes | Pause], number: int) -> Iterator[bytes | Pause]:
        """The lines in pieces that end where a line does, or before."""
        held: list[bytes] = []
        size = 0
        try:
            for piece in pieces:
                if isinstance(piece, Pause):
                    yield piece
                    continue
                size += len(piece)
                if size <= KEPT:
                    held.append(piece)
                if piece.endswith(b"\n"):
                    yield _line(held, size)
                    held, size = [], 0
                    number += 1
        except _READ_ERRORS as error:
            raise read_error(error, f"{self.name}:{number}") from error
        if size:
            yield _line(held, size)


def _line(pieces: Sequence[bytes], size: int) -> bytes:
    line = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    return line if size <= LONGEST else LongLine.of(line, size)


@contextlib.contextmanager
def closing(items: Iterator[Item]) -> Iterator[Iterator[Item]]:
    """Closes an iterator on exit if it is a generator, and so its files and threads."""
    try:
        yield items
    finally:
        if isinstance(items, Generator):
            items.close()


def too_long(size: int, kept: int) -> str:
    """The problem of a record of `size` bytes, of which `kept` go to the failures."""
    cut = "" if kept == size else f"; only the first {kept:,} of them are kept here"
    return f"the record has {size:,} bytes, more than {LONGEST >> 20} MiB{cut}"


def read_error(error: Exception, place: str) -> NerineError:
    """The error for data that cannot be read: `TaggingError` for the disk, else `FormatError`."""
    if isinstance(error, OSError) and error.errno is not None:
        return TaggingError(f"cannot be read: {error.strerror}", place=place)
    is_cut_off = isinstance(error, EOFError) or "runcated" in str(error)
    return FormatError(
        "the compressed data are cut off"
        if is_cut_off
        else f"the compressed data are damaged: {error}",
        place=place,
        expected="a whole file",
        hint="copy or download it again",
    )
