"""CSV and TSV with a header: rows keep their bytes, and a column is added.

In CSV, quotes surround cells. In TSV they are characters like any other, unless the whole file
shows that they surround cells. `TaggingOptions.quoting` states it. Where it is not stated, a lone
quote that would make one text of several rows is an error before anything is tagged; on standard
input, which cannot be read twice, its row fails.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from nerine.core.document import Entity
from nerine.core.errors import FormatError
from nerine.core.files import json_line
from nerine.core.streams import Pause
from nerine.data.formats.tables.rows import DELIMITERS, QUOTE, quoted_cell, reads_quotes
from nerine.serving.files.lines import Lines, LongLine, closing
from nerine.serving.files.options import USUAL_ID, TaggingOptions
from nerine.serving.files.records import (
    BEGIN,
    Position,
    Record,
    document_missing,
    id_missing,
    name_taken,
    text_missing,
)
from nerine.serving.files.remote import File
from nerine.serving.files.rows import (
    LONE_QUOTE,
    Row,
    RowFormat,
    count_rows,
    lines_of_lone_quote,
    table_rows,
)
from nerine.serving.files.shards import Piece, cuts_among, pieces_of
from nerine.serving.files.text import LineReader
from nerine.serving.files.written import WrittenText, in_row

_READ_AROUND = "--quoting csv reads them around cells"
_READ_AS_CHARACTERS = "--quoting none (quoting=…) reads quotes as characters of their cells"
_HINT = f"{_READ_AS_CHARACTERS}; {_READ_AROUND}"


class CsvReader(LineReader):
    """A table with the text in one of its columns. Empty lines stay empty lines."""

    def __init__(self, lines: Lines, options: TaggingOptions, delimiter: str) -> None:
        super().__init__(lines, options)
        self._column, self._delimiter = options.text_field, options.separator or delimiter
        self._quoting = options.quoting
        self._header: list[str] = []
        self._quoted = self._quoting != "none"

    def check(self) -> None:
        """Raises `FormatError` if the header lacks the column or has one named `into`.

        Also if a lone quote would make one row of several.
        """
        header = next(self._first_rows(0, 0), None)
        place = f"{self.name}:1"
        problem = header.record.error if header else "the file is empty"
        if problem is not None:
            raise FormatError(problem, place=place, expected="a header")
        self._header = header.cells if header else []
        if self._column not in self._header:
            raise self._text_missing(place)
        if self._options.id is not None and self._options.id not in self._header:
            raise id_missing(self._options.id, self._header, place, "column")
        document = self._options.document
        if document is not None and document not in self._header:
            raise document_missing(document, self._header, place, "column")
        for name in dict.fromkeys((self._column, self._id_name, document or self._column)):
            if self._header.count(name) > 1:
                raise FormatError(f"two columns are called {name!r}", place=place)
        if self._added in self._header:
            raise name_taken(self._added, place, "column")
        self._lines.check_whole()
        if self._quoting is None and self._delimiter == "\t":
            self._quoted = self._tsv_is_quoted()
        if self._quoting is None and self._quoted and self._lines.path is not None:
            self._check_lone_quotes()

    @property
    def repeated_header(self) -> bytes:
        """The header as the beginning of a file of later rows."""
        with closing(self.records(BEGIN)) as records:
            return next(each.raw for each in records if not isinstance(each, Pause))

    def _text_missing(self, place: str) -> FormatError:
        """The error for a header without the column, which another delimiter may have."""
        for sign, name in DELIMITERS.items():
            if any(self._column in cell.split(sign) for cell in self._header):
                return FormatError(
                    f"the column {self._column!r} is missing, as the header is divided by a {name}",
                    place=place,
                    hint=f"--separator {sign!r} (separator={sign!r}) divides cells there",
                )
        more = ""
        if len(self._header) == 1:
            signs = [sign for sign in DELIMITERS if sign in self._header[0]]
            more = "".join(f"; --separator {sign!r} divides its cells there" for sign in signs)
        return text_missing(self._column, self._header, place, "column", more)

    @property
    def _id_name(self) -> str:
        """The column of the records' ids, which only a table of entities needs."""
        is_asked = self._options.rows == "entities"
        return self._options.id or (USUAL_ID if is_asked else self._column)

    def _tsv_is_quoted(self) -> bool:
        """Whether the file, or the header of standard input, shows that quotes surround cells."""
        lines = map(_decoded_leniently, self._lines.peek())
        if self._lines.path is None:
            return QUOTE in next(lines, "")
        width = len(self._header)
        try:
            if not reads_quotes(enumerate(lines, 1), "\t", width, self.name, in_line=False):
                return False
        except FormatError as error:
            raise FormatError(
                error.found, place=error.place, expected=error.expected, hint=_HINT
            ) from None
        lines = map(_decoded_leniently, self._lines.peek())
        if QUOTE in next(lines, "") or any(map(_shows_quoting, lines)):
            return True
        rows = self._first_rows(width, 1)
        return not any(row.record.error and b'"' in row.record.raw for row in rows)

    @functools.cached_property
    def _has_quotes(self) -> bool:
        """Whether there is a quote anywhere in the file."""
        return any(b'"' in line for line in self._lines.peek())

    def _check_lone_quotes(self) -> None:
        """Raises `FormatError` if a lone quote would make one row of several."""
        width = len(self._header)
        if not self._has_quotes:
            return
        for row in self._first_rows(width, lines_of_lone_quote(width)):
            if row.record.error == LONE_QUOTE:
                raise FormatError(
                    LONE_QUOTE,
                    place=f"{self.name}:{row.record.number}",
                    expected="quotes in pairs around cells, and each quote inside them doubled",
                    hint=_HINT,
                )

    def records(self, start: Position) -> Iterator[Record | Pause]:
        """A record for each row from `start` on; the header is one too, with nothing to tag."""
        if not self._header:
            self.check()
        width, index = len(self._header), self._header.index(self._column)
        has_id = self._options.rows == "entities" and self._id_name in self._header
        id_index = self._header.index(self._id_name) if has_id else None
        name = self._options.document
        document_index = None if name is None else self._header.index(name)
        is_header = start == BEGIN
        lone_quotes = 0 if self._quoting else lines_of_lone_quote(width)
        for row in self._rows(self._lines.after(start), start, width, lone_quotes):
            if isinstance(row, Pause):
                yield row
            elif is_header:
                yield replace(row.record, raw=self._with_cell(row.record.raw, self._added))
                is_header = False
            elif not row.cells:
                yield row.record
            else:
                if not (self._quoting or self.notes):
                    self._note_quotes(row)
                id_ = None if id_index is None else json_line(row.cells[id_index])
                document = None if document_index is None else row.cells[document_index]
                yield replace(row.record, text=row.cells[index], id=id_, document=document or None)

    def _note_quotes(self, row: Row) -> None:
        """Notes the first quote that might be read in the other way."""
        place = f"{self.name}:{row.record.number}"
        if not self._quoted:
            if any(cell.startswith(QUOTE) for cell in row.cells):
                found = f"{place}: quotes are read as characters of their cells; {_READ_AROUND}"
                self.notes = (found,)
        elif row.record.raw.count(b"\n") > 1:
            form = RowFormat(self._delimiter, width=len(self._header))
            lines = row.record.raw.splitlines()
            if form.width > 1 and all(map(form.is_row, lines)):
                found = f"{place}: a quoted cell has {len(lines)} lines that might be rows"
                self.notes = (f"{found}; {_READ_AS_CHARACTERS}",)

    def _first_rows(self, width: int, lone_quotes: int) -> Iterator[Row]:
        """The rows from the first one on, without removing any from standard input."""
        rows = self._rows(iter(self._lines.peek()), BEGIN, width, lone_quotes)
        return (row for row in rows if isinstance(row, Row))

    def _rows(
        self, lines: Iterator[bytes | Pause], start: Position, width: int, lone_quotes: int
    ) -> Iterator[Row | Pause]:
        """Rows with `width` cells, or any number if it is 0."""
        form = RowFormat(self._delimiter, self._quoted, width, lone_quotes)
        return table_rows(lines, form, self.name, start)

    @property
    def has_records_in_lines(self) -> bool:
        """Whether no row has several lines, and any of them can be read first."""
        return super().has_records_in_lines and not (self._quoted and self._has_quotes)

    def _pieces(self, file: File, size: int) -> Iterator[Piece]:
        if self.has_records_in_lines:
            return super()._pieces(file, size)
        if self.has_documents:  # the rows before one are found only from the beginning on
            return pieces_of(self, (), self.end)
        afters = (each.after for each in self.records(BEGIN) if not isinstance(each, Pause))
        return pieces_of(self, cuts_among(afters, size), self.end)

    def written_text(self, record: Record) -> WrittenText:
        """How the text of a row is written. Raises `FormatError` if it can't be changed."""
        return in_row(record.raw, self._header, self._column, self._delimiter, quoted=self._quoted)

    def render(self, record: Record, entities: Sequence[Entity]) -> bytes:
        """The row's own bytes with a cell added."""
        return self._with_cell(record.raw, self.entities_json(record, entities))

    def count(self, output: Path, compression: str) -> int:
        """The number of rows in an output, without empty ones and the header."""
        lines = Lines(output, compression).after(BEGIN)
        return max(0, count_rows(lines, RowFormat(self._delimiter, self._quoted)) - 1)

    def _with_cell(self, raw: bytes, cell: str | None) -> bytes:
        """A row with a cell added, if there is one."""
        if cell is None:
            return raw
        row = raw.removesuffix(b"\n").removesuffix(b"\r")
        if self._quoted:
            cell = quoted_cell(cell, self._delimiter)
        return row + f"{self._delimiter}{cell}".encode() + raw[len(row) :]


def _decoded_leniently(raw: bytes) -> str:
    """A line for finding quotes; bytes that are not UTF-8 are an error of their row later."""
    if isinstance(raw, LongLine):
        return ""  # fails anyway
    return raw.decode(errors="replace").removeprefix("\ufeff")


def _shows_quoting(line: str) -> bool:
    """Whether a line of a TSV has a cell that a program must have quoted for a quote in it."""
    if '""' not in line:
        return False
    cells = (cell for cell in line.rstrip("\r\n").split("\t") if len(cell) > 3)
    return any(
        cell.startswith(QUOTE) and cell.endswith(QUOTE) and '""' in cell[1:-1] for cell in cells
    )
