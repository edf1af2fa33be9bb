"""Rows of CSV and TSV files, read one by one with bounded memory."""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from nerine.core.encodings import decoded
from nerine.core.errors import FormatError

LONGEST = 1 << 22
"""The maximum number of bytes of a row. Longer ones come from unclosed quotes and the like."""

QUOTE = '"'
CARRIAGE_RETURN = "a carriage return stands inside the row"
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "TAB", "|": "bar"}

_SPECIAL = frozenset('"\r\n')

Lines = Iterable[tuple[int, str]]
Row = tuple[int, list[str]]
"""The number of a row's first line, and its cells; an empty line has none."""


def raw_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file with their numbers and line ends, without byte order mark."""
    try:
        stream = path.open("rb")
    except OSError as error:
        raise FormatError(f"cannot be read: {error.strerror}", place=str(path)) from error
    with stream:
        number = 0
        while raw := stream.readline(LONGEST + 1):
            number += 1
            if len(raw) > LONGEST:
                found = f"this line is longer than {LONGEST >> 20} MiB"
                raise FormatError(found, place=f"{path}:{number}")
            if number == 1:
                raw = raw.removeprefix(codecs.BOM_UTF8)
            try:
                yield number, raw.decode()
            except UnicodeDecodeError:
                yield number, decoded(raw, f"{path}:{number}")  # raises the error


@dataclass(slots=True)
class RowParser:
    """Parses the lines of one row after another.

    With `quoted`, a cell that begins with a quote ends with one, may extend over several lines, and
    has its own quotes doubled (RFC 4180). Otherwise quotes are characters like any other.
    """

    delimiter: str
    quoted: bool = True
    cells: list[str] = field(default_factory=list)
    _open: list[str] | None = None

    @property
    def is_open(self) -> bool:
        """Whether the row goes on in the next line."""
        return self._open is not None

    def feed(self, line: str) -> str | None:
        """Adds a line; returns the problem if the row is not valid."""
        bare = line.removesuffix("\n").rstrip("\r")
        if self._open is None:
            self.cells = []
            if not self.quoted or QUOTE not in bare:
                self.cells = bare.split(self.delimiter) if bare else []
                return CARRIAGE_RETURN if "\r" in bare else None
        position = 0
        while position <= len(bare):
            start = position
            if self._open is None and not bare.startswith(QUOTE, position):
                position = bare.find(self.delimiter, position)
                position = len(bare) if position < 0 else position
                cell = bare[start:position]
                if "\r" in cell:
                    return CARRIAGE_RETURN
            else:
                position = self._quoted_cell(line, position + (self._open is None))
                if self._open is not None:
                    return None
                cell = self.cells.pop()
                if bare[position : position + 1] not in ("", self.delimiter):
                    return f"characters follow the closing quote of {cell[:40]!r}"
            self.cells.append(cell)
            position += 1
        return None

    def _quoted_cell(self, line: str, position: int) -> int:
        """Adds the cell that goes on at `position`; returns the position after its last quote."""
        parts = self._open = [] if self._open is None else self._open
        while (end := line.find(QUOTE, position)) >= 0:
            parts.append(line[position:end])
            if not line.startswith(QUOTE, end + 1):
                self.cells.append("".join(parts))
                self._open = None
                return end + 1
            parts.append(QUOTE)
            position = end + 2
        parts.append(line[position:])
        return len(line)


def quoted_cell(value: str, delimiter: str = ",") -> str:
    """A value as a cell, in quotes if it needs them (RFC 4180)."""
    if delimiter not in value and _SPECIAL.isdisjoint(value):
        return value
    doubled = value.replace(QUOTE, QUOTE * 2)
    return f'"{doubled}"'


def parsed_rows(lines: Lines, parser: RowParser, place: str) -> Iterator[Row]:
    """The rows in `lines`; raises `FormatError` with the line at which a bad row begins."""
    first = size = 0
    for number, line in lines:
        if not parser.is_open:
            first, size = number, 0
            if QUOTE not in line and "\r" not in line:
                bare = line.removesuffix("\n")
                yield number, bare.split(parser.delimiter) if bare else []
                continue
        problem = parser.feed(line)
        size += len(line)
        if problem is not None:
            raise invalid_row(problem, parser.delimiter, f"{place}:{number}")
        if not parser.is_open:
            yield first, parser.cells
        elif size > LONGEST:
            raise _unclosed(f"{place}:{first}", f"within {LONGEST >> 20} MiB")
    if parser.is_open:
        raise _unclosed(f"{place}:{first}", "before the end of the file")


def invalid_row(problem: str, delimiter: str, place: str) -> FormatError:
    """The error for a row with a problem that `RowParser.feed` found."""
    if problem != CARRIAGE_RETURN:
        expected = f"a {DELIMITERS[delimiter]} or the end of the row after it"
        return FormatError(problem, place=place, expected=expected)
    return FormatError(
        problem,
        place=place,
        expected="lines that end with a line feed",
        hint=r"if a carriage return ends a line: tr '\r' '\n' < FILE > NEW",
    )


def _unclosed(place: str, until: str) -> FormatError:
    return FormatError(
        f"the quote that opens a cell of this row is not closed {until}",
        place=place,
        expected='a cell between two quotes, each quote inside it doubled, such as """" for one '
        "quote",
    )


def reads_quotes(lines: Lines, delimiter: str, width: int, place: str, *, in_line: bool) -> bool:
    """Whether quotes in a file surround cells; if not, they are characters of their cells.

    They surround cells if every row then has `width` cells. They do not if that fails, but every
    line has `width` cells on its own. If both readings work, no quoted cell needs its quotes: a
    comma file is read by RFC 4180; in other files the header, a doubled quote or a column with
    quotes around every cell must show that they surround cells, as no program writes them around
    some cells without need.

    A row of several lines, each of which has `width` cells on its own, may come from two lone
    quotes. Where cells should be `in_line`, such as tokens, and in TAB-separated files, it counts
    as a failure; it is an error if the other reading fails too. In other files with texts it is an
    error if both work.
    """
    found = _Quotes(RowParser(delimiter), width)
    has_quotes = False
    filled = 0
    for number, line in lines:
        filled += bool(line.strip())
        if QUOTE in line or found.parser.is_open:
            has_quotes = True
            found.add(number, line)
            if not found.is_quoted and not found.is_plain:
                return True  # the error of the quoted reading tells the line
    if not has_quotes:
        return True
    found.is_shown = found.is_shown or filled - 1 in found.enclosed.values()
    if found.parser.is_open or not found.is_quoted:
        return found.is_shown or not found.is_plain
    in_line = in_line or delimiter == "\t"
    if found.doubtful and (found.is_plain != in_line or found.is_shown):
        raise FormatError(
            "a quote opens a cell that ends in another line, and each of these lines would be a "
            "row of its own",
            place=f"{place}:{found.doubtful}",
            expected='"""" for a cell of one quote, or no quotes around cells at all',
        )
    return not found.is_plain or (not found.doubtful and (found.is_shown or delimiter == ","))


@dataclass(slots=True)
class _Quotes:
    """What the lines with quotes tell.

    `is_quoted` and `is_plain` are whether quotes can surround cells, and whether they can be
    characters; `is_shown` whether a cell or the header needs the first reading; `doubtful` is the
    first line of a row that may be several.
    """

    parser: RowParser
    width: int
    is_quoted: bool = True
    is_plain: bool = True
    is_shown: bool = False
    doubtful: int = 0
    enclosed: Counter[int] = field(default_factory=Counter)
    _first: int = 0
    _size: int = 0
    _whole: int = 0

    def add(self, number: int, line: str) -> None:
        """Adds a line with quotes, or one inside a cell."""
        bare = line.removesuffix("\n").rstrip("\r")
        cells = bare.split(self.parser.delimiter)
        is_whole = len(cells) == self.width
        self.is_plain = self.is_plain and (is_whole or not bare)
        enclosed = [len(cell) > 2 and cell[0] == cell[-1] == QUOTE for cell in cells]
        self.enclosed.update(index for index, is_enclosed in enumerate(enclosed) if is_enclosed)
        if self.parser.delimiter == ",":
            self.is_shown = self.is_shown or any(
                len(each) > 1 and each.startswith(QUOTE) and each.endswith(QUOTE) for each in cells
            )
        if not self.is_quoted:
            return
        if not self.parser.is_open:
            self._first, self._size, self._whole = number, 0, 0
        self._size, self._whole = self._size + len(line), self._whole + is_whole
        self.is_quoted = self.parser.feed(line) is None and self._size <= LONGEST
        if not self.is_quoted or self.parser.is_open:
            return
        self.is_quoted = len(self.parser.cells) == self.width
        unquoted = set(self.parser.cells) - set(cells)
        needs_quotes = any(QUOTE in each or "\r" in each for each in unquoted)
        self.is_shown = self.is_shown or number == 1 or needs_quotes
        if number > self._first and self._whole == number - self._first + 1:
            self.doubtful = self.doubtful or self._first
