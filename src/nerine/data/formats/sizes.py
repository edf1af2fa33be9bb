"""Limits of what is read into memory at once, so that a damaged or hostile file cannot fill it."""

from __future__ import annotations

import zlib
from pathlib import Path

from nerine.core.errors import FormatError
from nerine.core.files import opened, read_text

MOST = 128 * 1024 * 1024
"""The maximum size of one document: its characters, and `LINE` for each of its lines."""

LINE = 128
"""The size of a line beyond its characters: a million token lines are a document's maximum."""

MOST_TEXT = 64 * 1024 * 1024
"""The maximum number of bytes of a file that is one text."""

MOST_UNPACKED = 64 * 1024 * 1024
MOST_PER_BYTE = 200
"""A file may unpack to `MOST_UNPACKED` bytes, or this many for each of its own if that is more."""

MOST_VALUES = 1_000_000
MOST_VALUES_PER_BYTE = 4
"""Packed data may hold `MOST_VALUES`, and this many more for each byte of the file."""

_PIECE = 1024 * 1024
# MessagePack: the number of bytes after a type's first one, or of those that hold a length
_WIDTHS = {0xCA: 4, 0xCB: 8, **{0xCC + i: 1 << i for i in range(4)}}
_WIDTHS |= {0xD0 + i: 1 << i for i in range(4)} | {0xD4 + i: 1 + (1 << i) for i in range(5)}
_LENGTHS = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xC7: 1, 0xC8: 2, 0xC9: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}
_COUNTS = {0xDC: (2, 1), 0xDD: (4, 1), 0xDE: (2, 2), 0xDF: (4, 2)}
_EXTENSIONS = range(0xC7, 0xCA)


def grown(size: int, line: str, path: Path, number: int, end: str) -> int:
    """The size of a document with one more line.

    Args:
        size: The size before.
        line: The line.
        path: The file of the line, for the error.
        number: Its number there.
        end: What ends a document, such as "an empty line after each sentence".

    Raises:
        FormatError: If the document is larger than `MOST`.
    """
    size += len(line) + LINE
    if size > MOST:
        raise FormatError(
            "one document goes on for too many lines",
            place=f"{path}:{number}",
            expected=f"{end}; up to {MOST // LINE:,} lines or {MOST:,} characters each",
        )
    return size


def read_limited(path: Path) -> str:
    """The content of a file that is one text; raises `FormatError` if it is too large."""
    size = path.stat().st_size if path.is_file() else 0
    if size > MOST_TEXT:
        raise FormatError(
            f"the file has {size:,} bytes",
            place=str(path),
            expected=f"at most {MOST_TEXT:,} bytes in a file that is one text",
        )
    return read_text(path)


def check_unpacked_size(path: Path) -> None:
    """Raises `FormatError` if a file is not packed by zlib, or unpacks to far more than its size.

    Nothing that is unpacked is kept.
    """
    most = max(MOST_UNPACKED, MOST_PER_BYTE * path.stat().st_size) if path.is_file() else 0
    unpacker, unpacked = zlib.decompressobj(), 0
    with opened(path) as stream:
        while piece := stream.read(_PIECE):
            while piece and unpacked <= most:
                unpacked += len(unpacker.decompress(piece, _PIECE))
                piece = unpacker.unconsumed_tail
    if unpacked > most:
        raise FormatError(
            f"the file unpacks to more than {most:,} bytes",
            place=str(path),
            expected="a file that does not unpack to far more than its size",
        )


def count_values(packed: bytes, most: int) -> int:
    """The number of values in MessagePack data; raises `ValueError` if there are more than `most`.

    Each value needs some 60 bytes of memory, however few it needs in the data.
    """
    position, left, count = 0, 1, 0
    while left and position < len(packed):
        kind = packed[position]
        position, left, count = position + 1, left - 1, count + 1
        if 0x80 <= kind < 0xA0:
            left += (kind & 0x0F) * (2 if kind < 0x90 else 1)
        elif 0xA0 <= kind < 0xC0:
            position += kind & 0x1F
        elif kind in _COUNTS:
            width, each = _COUNTS[kind]
            left += int.from_bytes(packed[position : position + width], "big") * each
            position += width
        elif kind in _LENGTHS:
            width = _LENGTHS[kind]
            length = int.from_bytes(packed[position : position + width], "big")
            position += width + length + (kind in _EXTENSIONS)
        else:
            position += _WIDTHS.get(kind, 0)
        if count + left > most:
            raise ValueError(f"it holds more than {most:,} values")
    return count
