"""CSV and TSV with a header: rows keep their bytes, and a column is added.

A row is what Python's `csv` makes of it in strict mode: characters after a closing quote are an
error of the row. A row may extend over several lines. In TSV files whose quotes do not surround
cells, which the whole file tells, they are characters like any other, and a row is a line.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator, Sequence
from dataclasses import replace

from nerine.core.document import Entity
from nerine.core.encodings import decoded
from nerine.core.errors import FormatError
from nerine.data.formats.tables.rows import reads_quotes
from nerine.serving.files.lines import LONGEST, Lines, closing, too_long
from nerine.serving.files.records import (
    BEGIN,
    Position,
    Record,
    entities_json,
    name_taken,
    text_missing,
)
from nerine.serving.files.text import LineReader


class CsvReader(LineReader):
    """A table with the text in one of its columns. Empty lines stay empty lines."""

    def __init__(self, lines: Lines, column: str, into: str, delimiter: str) -> None:
        super().__init__(lines, into)
        self._column, self._delimiter = column, delimiter
        self._header: list[str] = []
        self._quoted = True

    def check(self) -> None:
        """Raises `FormatError` if the header lacks the column, or has one named `into`."""
        header, self._header = next(self._rows(self._lines.peek(), BEGIN), (None, []))
        place = f"{self.name}:1"
        problem = header.error if header else "the file is empty"
        if problem is not None:
            raise FormatError(problem, place=place, expected="a header")
        if self._column not in self._header:
            raise text_missing(self._column, self._header, place, "column")
        if self._header.count(self._column) > 1:
            raise FormatError(f"two columns are called {self._column!r}", place=place)
        if self._into in self._header:
            raise name_taken(self._into, place, "column")
        self._lines.check_whole()
        if self._delimiter == "\t" and self._lines.path is not None:
            lines = enumerate(map(_decoded_leniently, self._lines.peek()), start=1)
            width = len(self._header)
            self._quoted = reads_quotes(lines, self._delimiter, width, self.name, in_line=False)

    def records(self, start: Position) -> Iterator[Record]:
        """A record for each row from `start` on; the header is one too, with nothing to tag."""
        if not self._header:
            self.check()
        width, index = len(self._header), self._header.index(self._column)
        rows = self._rows(self._lines.after(start), start)
        if start == BEGIN:
            first, _ = next(rows)
            yield replace(first, raw=self._with_cell(first.raw, self._into))
        for row, cells in rows:
            if row.error is not None or not cells:
                yield row
            elif len(cells) == width:
                yield replace(row, text=cells[index])
            else:
                error = f"the row has {len(cells)} cells, the header {width}"
                yield replace(row, error=error)

    def _rows(self, lines: Iterator[bytes], start: Position) -> Iterator[tuple[Record, list[str]]]:
        """Rows as records without text, and their cells. An empty line has no cells."""
        # csv counts the characters of a cell, and refuses more than 131,072 by default
        csv.field_size_limit(LONGEST)
        source = _RowLines(lines, self.name, start)
        reader = csv.reader(
            source,
            delimiter=self._delimiter,
            strict=True,
            quoting=csv.QUOTE_MINIMAL if self._quoted else csv.QUOTE_NONE,
        )
        with closing(lines):
            while True:
                number, cells, problem = source.line, [], None
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    problem = f"this is not a valid row: {error}"
                raw, not_utf8 = source.take()
                after = Position(source.offset, source.line)
                yield Record(raw, number, after, error=not_utf8 or problem), cells

    def render(self, record: Record, entities: Sequence[Entity]) -> bytes:
        """The row's own bytes with a cell added."""
        return self._with_cell(record.raw, entities_json(entities))

    def _with_cell(self, raw: bytes, cell: str) -> bytes:
        row = raw.removesuffix(b"\n").removesuffix(b"\r")
        if self._quoted and set(cell) & {self._delimiter, '"', "\r", "\n"}:
            escaped = cell.replace('"', '""')
            cell = f'"{escaped}"'
        return row + f"{self._delimiter}{cell}".encode() + raw[len(row) :]


def _decoded_leniently(raw: bytes) -> str:
    """A line for finding quotes; bytes that are not UTF-8 are an error of their row later."""
    return raw.decode(errors="replace").removeprefix("\ufeff")


class _RowLines:
    """The lines that `csv` reads for a row, as text, and as the bytes that they were."""

    def __init__(self, lines: Iterator[bytes], name: str, start: Position) -> None:
        self._lines = lines
        self._name = name
        self.offset, self.line = start
        self._taken: list[bytes] = []
        self._held = 0
        self._error: str | None = None

    def __iter__(self) -> _RowLines:
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
            self._error = error.found
            return bare.decode(errors="replace")  # to find the row's end; its cells are not used

    def take(self) -> tuple[bytes, str | None]:
        """The bytes since the last call, and the error if they are not UTF-8."""
        result = b"".join(self._taken), self._error
        self._taken, self._held, self._error = [], 0, None
        return result
