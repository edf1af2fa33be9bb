"""CSV and TSV with a header: rows as they stand in the file, with a column more.

A row is what Python's `csv` makes of it, strictly: a cell with a quote behind its closing quote
is a fault of the row. A row may go over several lines.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nerine.core.document import Entity
from nerine.core.errors import FormatError
from nerine.core.files import decoded
from nerine.serving.files.lines import LONGEST, Lines, closed, too_long
from nerine.serving.files.records import BEGIN, Position, Record, entities_json, missing, taken


class CsvSource:
    """A table with the text in one of its columns. Empty lines stay empty lines."""

    dropped = b""

    def __init__(self, lines: Lines, column: str, into: str, delimiter: str) -> None:
        self.name = lines.name
        self._lines = lines
        self._column, self._into, self._delimiter = column, into, delimiter
        self._header: _Row | None = None

    @property
    def size(self) -> int | None:
        """The bytes of the file."""
        return self._lines.size

    def done(self, position: Position) -> int:
        """How many of them are done at `position`."""
        return self._lines.done(position)

    def check(self) -> None:
        """Raises `FormatError` if the header lacks the column, or has one of our name."""
        self._header = next(_rows(self._lines.peeked(), self.name, self._delimiter, BEGIN), None)
        place = f"{self.name}:1"
        if self._header is None:
            raise FormatError("the file is empty", place=place, expected="a header")
        if self._header.fault is not None:
            raise FormatError(self._header.fault, place=place, expected="a header")
        names = self._header.cells
        if self._column not in names:
            raise missing(self._column, names, place, "column")
        if names.count(self._column) > 1:
            raise FormatError(f"two columns are called {self._column!r}", place=place)
        if self._into in names:
            raise taken(self._into, place, "column")
        self._lines.check_whole()

    def _checked(self) -> _Row:
        if self._header is None:
            self.check()
        if self._header is None:
            raise ValueError("check() has not found a header")
        return self._header

    def records(self, start: Position) -> Iterator[Record]:
        """A record for each row from `start` on; the header is one too, with nothing to tag."""
        header = self._checked()
        width, index = len(header.cells), header.cells.index(self._column)
        rows = _rows(self._lines.after(start), self.name, self._delimiter, start)
        if start == BEGIN:
            first = next(rows)
            yield Record(self._widened(first.raw, self._into), first.number, first.after)
        for row in rows:
            cells, fault, text = row.cells, row.fault, None
            if fault is None and cells:
                if len(cells) == width:
                    text = cells[index]
                else:
                    fault = f"the row has {len(cells)} cells, the header {width}"
            yield Record(row.raw, row.number, row.after, text, fault)

    def rendered(self, record: Record, entities: Sequence[Entity]) -> bytes:
        """The row's own bytes, with a cell more."""
        return self._widened(record.raw, entities_json(entities))

    def _widened(self, raw: bytes, cell: str) -> bytes:
        row = raw.removesuffix(b"\n").removesuffix(b"\r")
        added = f"{self._delimiter}{_quoted(cell, self._delimiter)}".encode()
        return row + added + raw[len(row) :]

    def assemble(self, rendered: Path, output: Path) -> None:
        """What was rendered is the output."""
        rendered.replace(output)


def _quoted(cell: str, delimiter: str) -> str:
    if not set(cell) & {delimiter, '"', "\r", "\n"}:
        return cell
    escaped = cell.replace('"', '""')
    return f'"{escaped}"'


@dataclass(frozen=True, slots=True)
class _Row:
    """A row: its bytes, its first line, where the next one begins, and its cells or its fault.

    An empty line has no cells.
    """

    raw: bytes
    number: int
    after: Position
    cells: list[str]
    fault: str | None = None


def _rows(lines: Iterator[bytes], name: str, delimiter: str, start: Position) -> Iterator[_Row]:
    # csv counts characters of a cell, and refuses more than 131,072 if nothing is said
    csv.field_size_limit(LONGEST)
    pulled = _Pulled(lines, name, start)
    reader = csv.reader(pulled, delimiter=delimiter, strict=True)
    with closed(lines):
        while (row := _row(reader, pulled)) is not None:
            yield row


def _row(reader: Iterator[list[str]], pulled: _Pulled) -> _Row | None:
    number, cells, fault = pulled.line, [], None
    try:
        cells = next(reader)
    except StopIteration:
        return None
    except csv.Error as error:
        fault = f"this is no row: {error}"
    raw, undecoded = pulled.given()
    return _Row(raw, number, Position(pulled.offset, pulled.line), cells, undecoded or fault)


class _Pulled:
    """The lines that `csv` pulls for a row, as text, and as the bytes that they were."""

    def __init__(self, lines: Iterator[bytes], name: str, start: Position) -> None:
        self._lines = lines
        self._name = name
        self.offset, self.line = start
        self._taken: list[bytes] = []
        self._held = 0
        self._fault: str | None = None

    def __iter__(self) -> _Pulled:
        return self

    def __next__(self) -> str:
        raw = next(self._lines)
        if self._held + len(raw) > LONGEST:
            raise too_long(f"{self._name}:{self.line - len(self._taken)}")
        place = f"{self._name}:{self.line}"
        self._taken.append(raw)
        self._held += len(raw)
        self.offset += len(raw)
        self.line += 1
        bare = raw.removeprefix(codecs.BOM_UTF8) if self.offset == len(raw) else raw
        try:
            return decoded(bare, place)
        except FormatError as error:
            self._fault = error.found
            return bare.decode(errors="replace")  # to find the row's end; its cells are not used

    def given(self) -> tuple[bytes, str | None]:
        """The bytes since the last call, and what is wrong with them as text."""
        result = b"".join(self._taken), self._fault
        self._taken, self._held, self._fault = [], 0, None
        return result
