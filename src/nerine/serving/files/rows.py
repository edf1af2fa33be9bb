"""Rows of CSV and TSV, each with the bytes of its lines.

A row is what Python's `csv` makes of it in strict mode: characters after a closing quote are an
error of the row. A row may extend over several lines. If a lone quote opens a cell, so that rows
after it would be read as one text, only its own line fails, and the next row begins after it.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from nerine.core.encodings import decoded
from nerine.core.errors import FormatError
from nerine.core.streams import PAUSE, Pause
from nerine.serving.files.lines import KEPT, LONGEST, closing, size_of, too_long
from nerine.serving.files.records import Position, Record

LONE_QUOTE = "a quote opens a cell of this row, and the lines after it would be rows of their own"
"""The error of a row with a lone quote."""

_MANY_LINES = {1: 20, 2: 5}
_FEW_LINES = 3


def lines_of_lone_quote(width: int) -> int:
    """Number of lines in a quoted cell that would be rows, from which on its quote is a lone one.

    The more cells a row has, the less often has a line of a text so many delimiters by chance.
    """
    return _MANY_LINES.get(width, _FEW_LINES)


@dataclass(frozen=True, slots=True)
class RowFormat:
    """How the rows of a table are written.

    Attributes:
        delimiter: The character between cells.
        quoted: Whether quotes surround cells; if not, they are characters of their cells.
        width: The number of cells of a row; 0 for any number.
        lone_quotes: The number of lines in a quoted cell that would be rows by themselves, from
            which on its quote is a lone one; 0 to read all quotes in pairs.
    """

    delimiter: str
    quoted: bool = True
    width: int = 0
    lone_quotes: int = 0

    @property
    def finds_lone_quotes(self) -> bool:
        """Whether a lone quote is told by the lines after it, which have all cells of a row."""
        return self.quoted and self.lone_quotes > 0 and self.width > 0

    def is_row(self, raw: bytes) -> bool:
        """Whether a line would be a row by itself, if quotes are read as characters."""
        return raw.count(self.delimiter.encode()) == self.width - 1 and bool(raw.strip())

    def is_lone_quote(self, first: bytes, rows: int) -> bool:
        """Whether a quote opens a cell in the line `first`, and `rows` lines would be rows."""
        return rows >= self.lone_quotes and (self.lone_quotes == 1 or self.is_row(first))


@dataclass(frozen=True, slots=True)
class Row:
    """A row as a record without text.

    Attributes:
        record: Its bytes and place, with an error if it is not valid.
        cells: Its cells; none for an empty line, and for a row that is not valid.
    """

    record: Record
    cells: list[str]


def table_rows(
    lines: Iterator[bytes | Pause], form: RowFormat, name: str, start: Position
) -> Iterator[Row | Pause]:
    """The rows in lines from `start` on. Errors call the table `name`."""
    source = _RowLines(lines, form, name, start)
    reader = _csv_reader(source, form)
    with closing(lines):
        while True:
            try:
                yield source.row(reader)
            except StopIteration:
                return
            except _PauseError:
                yield PAUSE
            if source.has_paused:
                source.has_paused = False
                yield PAUSE


class _PauseError(Exception):
    """The lines pause between two rows."""


class _RowError(Exception):
    """A row cannot be read further."""


@dataclass(slots=True)
class _RowLines:
    """The lines that `csv` reads for a row, as text, and as the bytes that they were."""

    lines: Iterator[bytes | Pause]
    form: RowFormat
    name: str
    start: Position
    has_paused: bool = False
    _offset: int = 0
    _line: int = 0
    _taken: list[bytes] = field(default_factory=list)
    _again: deque[bytes] = field(default_factory=deque)
    _size: int = 0
    _rows: int = 0
    _lost: tuple[int, int] = (0, 0)
    _not_utf8: str | None = None

    def __post_init__(self) -> None:
        self._offset, self._line = self.start

    def __iter__(self) -> _RowLines:
        return self

    def __next__(self) -> str:
        raw = self._read()
        while isinstance(raw, Pause):
            if not self._taken:
                raise _PauseError
            self.has_paused = True  # after this row
            raw = self._read()
        number = self._line + len(self._taken)
        is_first = self._offset == 0 and not self._taken
        self._taken.append(raw)
        self._size += size_of(raw)
        if self._size > LONGEST:
            self._read_on()
            raise _RowError(too_long(self._size, sum(map(len, self._taken))))
        if self.form.finds_lone_quotes and len(self._taken) > 1:
            self._rows = self._rows + 1 if self.form.is_row(raw) else 0
            if self.form.is_lone_quote(self._taken[0], self._rows):
                raise _RowError(LONE_QUOTE)
        bare = raw.removeprefix(codecs.BOM_UTF8) if is_first else raw
        try:
            return decoded(bare, f"{self.name}:{number}")
        except FormatError as error:
            self._not_utf8 = error.found
            return bare.decode(errors="replace")  # to find the row's end; its cells are not used

    def row(self, reader: Iterator[list[str]]) -> Row:
        """The next row, by the `csv` reader of these lines."""
        cells: list[str] = []
        problem = None
        is_open = False
        try:
            cells = next(reader)
        except _RowError as error:  # after which csv begins a new row
            return Row(self._take(str(error)), [])
        except csv.Error as error:
            problem = f"this is not a valid row: {error}"
            is_open = "unexpected end" in problem
        if cells and self.form.width not in (0, len(cells)):
            problem = f"the row has {len(cells)} cells, the header {self.form.width}"
        if problem and self._holds_rows(is_open):
            problem = LONE_QUOTE
        record = self._take(problem)
        return Row(record, [] if record.error else cells)

    def _read(self) -> bytes | Pause:
        return self._again.popleft() if self._again else next(self.lines)

    def _holds_rows(self, is_open: bool) -> bool:
        """Whether a line inside the row, before that which closes a quote, would be a row."""
        inner = self._taken[1:] if is_open else self._taken[1:-1]
        return self.form.finds_lone_quotes and any(map(self.form.is_row, inner))

    def _read_on(self) -> None:
        """Reads to the end of a row that is too long, and keeps only some of its bytes."""
        is_open = self.form.quoted and sum(line.count(b'"') for line in self._taken) % 2 == 1
        bytes_lost = lines_lost = 0
        with contextlib.suppress(StopIteration):
            while is_open:
                raw = self._read()
                if isinstance(raw, Pause):
                    continue
                self._size += size_of(raw)
                if self._size <= KEPT:
                    self._taken.append(raw)
                else:
                    bytes_lost, lines_lost = bytes_lost + size_of(raw), lines_lost + 1
                is_open = raw.count(b'"') % 2 == 0
        self._lost = bytes_lost, lines_lost

    def _take(self, problem: str | None) -> Record:
        """The row since the last call; of one that swallows others, only its first line."""
        number, taken = self._line, self._taken
        if problem == LONE_QUOTE:
            self._again.extendleft(reversed(taken[1:]))
            taken = taken[:1]
        self._offset += sum(map(size_of, taken)) + self._lost[0]
        self._line += len(taken) + self._lost[1]
        after = Position(self._offset, self._line)
        error = problem if problem == LONE_QUOTE else self._not_utf8 or problem
        self._taken, self._size, self._rows = [], 0, 0
        self._lost, self._not_utf8 = (0, 0), None
        return Record(b"".join(taken), number, after, error=error)


def count_rows(lines: Iterable[bytes | Pause], form: RowFormat) -> int:
    """The number of valid rows that are not empty, the header among them."""
    text = (line.decode() for line in lines if not isinstance(line, Pause))
    return sum(1 for cells in _csv_reader(text, form) if cells)


def _csv_reader(lines: Iterator[str], form: RowFormat) -> Iterator[list[str]]:
    # csv counts the characters of a cell, and refuses more than 131,072 by default
    csv.field_size_limit(LONGEST)
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if form.quoted else csv.QUOTE_NONE
    return csv.reader(lines, delimiter=form.delimiter, strict=True, quoting=quoting)
