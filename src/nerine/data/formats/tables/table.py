"""A table: a file of rows with a header, its delimiter, quotes and layout."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nerine.core.errors import FormatError
from nerine.core.json_values import Refuse
from nerine.data.formats.columns.header import missing_header
from nerine.data.formats.head import Head
from nerine.data.formats.options import ReadOptions
from nerine.data.formats.tables.layout import Layout, find_layout
from nerine.data.formats.tables.rows import (
    CARRIAGE_RETURN,
    DELIMITERS,
    LONGEST,
    QUOTE,
    Lines,
    Row,
    RowParser,
    invalid_row,
    parsed_rows,
    raw_lines,
    reads_quotes,
)

_MOST_LINES = 100

_EXAMPLES = (
    "'Sentence #', 'Word' and 'Tag' (a row for each token); 'text', 'start', 'end' and 'label' "
    "(a row for each entity); or 'text' and 'entities' (a row for each document)"
)
_NAME_BOTH = (
    "--token-column and --tag-column (token_column=…, tag_column=…) name the columns of tokens and "
    "tags, --text-field (text_field=…) that of texts"
)
_NAME_ENTITIES = (
    "--tag-column (tag_column=…) names the column of each text's entities; where another table has "
    "them, join the two into one with the columns 'start', 'end' and 'label'"
)


@dataclass(frozen=True, slots=True)
class Table:
    """A file of rows with a header.

    Attributes:
        path: The file.
        delimiter: The character between cells.
        quoted: Whether quotes surround cells.
        layout: What its rows are.
        refuse: What takes the errors of rows.
    """

    path: Path
    delimiter: str
    quoted: bool
    layout: Layout
    refuse: Refuse

    @classmethod
    def open(cls, path: Path, options: ReadOptions, refuse: Refuse) -> Table:
        """Finds the delimiter, layout and quotes of a file; raises `FormatError` if it cannot."""
        delimiter, layout = _delimiter_and_layout(raw_lines(path), options, str(path))
        quoted = reads_quotes(
            raw_lines(path),
            delimiter,
            len(layout.names),
            str(path),
            in_line=layout.kind != "documents" and "text" not in layout,
        )
        return cls(path, delimiter, quoted, layout, refuse)

    def rows(self) -> Iterator[Row]:
        """The rows after the header, of its width; empty ones have no cells."""
        width = len(self.layout.names)
        parser = RowParser(self.delimiter, self.quoted)
        rows = parsed_rows(raw_lines(self.path), parser, str(self.path))
        next(rows, None)
        for line, cells in rows:
            if not any(cells):
                yield line, []
                continue
            if len(cells) == width:
                yield line, cells
                continue
            error = FormatError(
                f"the row has {len(cells)} cells",
                place=f"{self.path}:{line}",
                expected=f"{width} cells, as in the header",
                hint=f"cells were split at each {DELIMITERS[self.delimiter]}"
                + (" outside of quotes" if self.quoted else ""),
            )
            self.refuse(error)

    def describe(self) -> str:
        """The delimiter, quotes and columns in words, for a note."""
        quotes = "" if self.quoted else ", quotes are characters of their cells"
        return f"table with {DELIMITERS[self.delimiter]}s{quotes}: {self.layout.describe()}"


def recognises(head: Head) -> bool:
    """Whether the file is a table whose header tells what its rows are."""
    lines = list(enumerate(re.findall("[^\n]*\n|[^\n]+", head.text), start=1))
    if not head.is_whole:
        lines = lines[:-1]
    try:
        delimiter, layout = _delimiter_and_layout(lines, ReadOptions(), str(head.path))
        width = len(layout.names)
        quoted = reads_quotes(lines, delimiter, width, str(head.path), in_line=False)
        rows = parsed_rows(lines, RowParser(delimiter, quoted), str(head.path))
        widths = [len(cells) for _, cells in itertools.islice(rows, 1, 50) if any(cells)]
    except FormatError:
        return False
    return len(lines) > 1 and set(widths) == {width}


def _delimiter_and_layout(lines: Lines, options: ReadOptions, place: str) -> tuple[str, Layout]:
    """The delimiter with which the header has columns that are known, and their layout."""
    head = list(_beginning(lines))
    if not any(line.strip() for _, line in head):
        raise FormatError("the file is empty", place=place, expected=f"a header: {_EXAMPLES}")
    place = f"{place}:{head[0][0]}"
    if "\r" in head[0][1].rstrip("\r\n") and QUOTE not in head[0][1]:
        raise invalid_row(CARRIAGE_RETURN, ",", place)
    found: dict[str, Layout] = {}
    header: list[str] = []
    problem: FormatError | None = None
    for delimiter in filter(head[0][1].__contains__, DELIMITERS):
        names, first = _two_rows(head, delimiter)
        header = max(header, names, key=len)
        try:
            layout = find_layout(names, first if len(first) == len(names) else [], options, place)
        except FormatError as error:
            problem = problem or error
        else:
            found |= {delimiter: layout} if layout else {}
    if len(found) == 1:
        return next(iter(found.items()))
    if found:
        shown = " and ".join(DELIMITERS[each] for each in found)
        raise FormatError(f"the header can be split at {shown}", place=place)
    if problem is not None:
        raise problem
    shown = ", ".join(repr(name[:40]) for name in header[:20]) or repr(head[0][1][:40].strip())
    if len(header) == 2 and (without_header := missing_header(head[0][1])):
        raise FormatError(
            f"there is no header: the first row is {shown}",
            place=place,
            expected="the names of the columns in the first row",
            hint=without_header,
        )
    raise FormatError(
        f"the columns do not tell what the rows are: {shown}",
        place=place,
        expected=f"a header with names such as {_EXAMPLES}",
        hint=_NAME_BOTH if options.text_field is None else _NAME_ENTITIES,
    )


def _beginning(lines: Lines) -> Iterator[tuple[int, str]]:
    """The first lines, in which the header and the first row must be found."""
    size = 0
    for number, line in itertools.islice(lines, _MOST_LINES):
        yield number, line
        size += len(line)
        if size > LONGEST:
            return


def _two_rows(lines: Lines, delimiter: str) -> list[list[str]]:
    """The cells of the header and of the first row, as far as they can be read."""
    parser = RowParser(delimiter)
    found: list[list[str]] = []
    for _, line in lines:
        if parser.feed(line) is not None:
            parser = RowParser(delimiter, quoted=False)
            parser.feed(line)
        if not parser.is_open and (any(parser.cells) or not found):
            found.append(parser.cells)
        if len(found) == 2:
            return found
    return [*found, [], []][:2]
