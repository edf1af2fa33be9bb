"""What a Parquet file says of its column chunks in its footer, and of a page in the page's header.

pyarrow knows the footer too, but ends the whole process when a damaged one contradicts itself. Both
are structs in Thrift's compact protocol; their fields are those of `parquet.thrift` in the
specification (https://github.com/apache/parquet-format).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from nerine.core.errors import FormatError

_TAIL = struct.Struct("<I4s")
_MAGIC = b"PAR1"
_DEEPEST = 64
_TRUE, _FALSE, _BYTE, _I64, _DOUBLE = 1, 2, 3, 6, 7
_BINARY, _LIST, _SET, _MAP, _STRUCT = range(8, 13)
_NEXT_I32 = 0x15
"""The head of a field of 32 bits that follows the one before it."""
_HEADER = 32
"""More bytes than the first numbers of a page's header take."""
_CODECS = ("none", "snappy", "gzip", "lzo", "brotli", "lz4", "zstd", "lz4")


@dataclass(frozen=True, slots=True)
class ColumnChunk:
    """The values of a column in a group of rows.

    Attributes:
        name: The path of the column in the schema.
        codec: The name of the compression, `none` if there is none.
        unpacked: The number of bytes that its pages unpack to, as the footer states it.
        first_page: The place of its first page in the file.
        has_dictionary: Whether that page is a dictionary.
    """

    name: str
    codec: str
    unpacked: int
    first_page: int
    has_dictionary: bool


def read_chunks(path: Path) -> list[ColumnChunk]:
    """The column chunks of a file, group by group. Raises `FormatError` for a damaged footer."""
    with path.open("rb") as stream:
        footer = _footer(stream)
    try:
        groups = _Fields(footer).struct()[4]
        columns = [column[3] for group in groups for column in group[1]]
        return [_chunk(column) for column in columns]
    except (IndexError, KeyError, TypeError, ValueError, AttributeError, struct.error):
        raise FormatError(
            "this is not a valid Parquet file: its footer is damaged", place=str(path)
        ) from None


def unpacked_page_size(stream: BinaryIO, place: int) -> int:
    """The unpacked size that the header of a page at this place states; 0 if it states none."""
    stream.seek(place)
    fields = _Fields(stream.read(_HEADER))
    try:
        return fields.numbers(2)[1]
    except ValueError:
        return 0


def _footer(stream: BinaryIO) -> bytes:
    """The bytes of the footer; empty if the file does not end like Parquet."""
    end = stream.seek(0, 2) - _TAIL.size
    if end < 0:
        return b""
    stream.seek(end)
    size, magic = _TAIL.unpack(stream.read(_TAIL.size))
    if magic != _MAGIC or size > end:
        return b""
    stream.seek(end - size)
    return stream.read(size)


def _chunk(column: dict[int, Any]) -> ColumnChunk:
    dictionary = column.get(11) or 0
    first = min(column[9], dictionary) if dictionary > 0 else column[9]
    name = ".".join(part.decode("utf-8", "replace") for part in column[3])
    return ColumnChunk(name, _CODECS[column[4]], int(column[6]), max(0, first), dictionary > 0)


class _Fields:
    """Reads values of the compact protocol, one after the other."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def numbers(self, most: int) -> list[int]:
        """The first numbers of a struct that begins with so many fields of 32 bits."""
        found = []
        for _ in range(most):
            if self._byte() != _NEXT_I32:
                raise ValueError("another field")
            found.append(self._signed())
        return found

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """A struct: its values by the number of their field."""
        fields: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            step, kind = head >> 4, head & 0xF
            number = number + step if step else self._signed()
            fields[number] = kind == _TRUE if kind in (_TRUE, _FALSE) else self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if depth > _DEEPEST:
            raise ValueError("too deep")
        if kind in (_TRUE, _FALSE, _BYTE):
            return self._byte()
        if kind <= _I64:
            return self._signed()
        if kind == _DOUBLE:
            return struct.unpack("<d", self._bytes(8))[0]
        if kind == _BINARY:
            return self._bytes(self._number())
        if kind in (_LIST, _SET):
            head = self._byte()
            length = head >> 4
            length = self._number() if length == 0xF else length
            return [self._value(head & 0xF, depth + 1) for _ in range(length)]
        if kind == _MAP:
            length = self._number()
            kinds = self._byte() if length else 0
            return [
                (self._value(kinds >> 4, depth + 1), self._value(kinds & 0xF, depth + 1))
                for _ in range(length)
            ]
        if kind == _STRUCT:
            return self.struct(depth + 1)
        raise ValueError(f"type {kind}")

    def _byte(self) -> int:
        return self._bytes(1)[0]

    def _bytes(self, number: int) -> bytes:
        found = self._content[self._at : self._at + number]
        if len(found) < number:
            raise ValueError("the footer ends too early")
        self._at += number
        return found

    def _number(self) -> int:
        """A number of seven bits a byte, the last ones first."""
        value = 0
        for shift in range(0, 64, 7):
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise ValueError("a number has more than 64 bits")

    def _signed(self) -> int:
        value = self._number()
        return (value >> 1) ^ -(value & 1)
