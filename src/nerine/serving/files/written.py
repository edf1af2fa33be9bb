"""A text as it is written in its record, and changes of it that leave all other bytes as they are.

In its record, a text is written in its own way: as it is in a line of a text file, with escapes in
JSON, and perhaps in quotes in a table. Only the parts that are replaced are rewritten.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from nerine.core.errors import FormatError
from nerine.core.files import json_line
from nerine.data.formats.tables.rows import quoted_cell

_WHITE = " \t\n\r"
_BOM = "\ufeff"
# A code point of a text in JSON: an escaped pair of surrogates, another escape, or itself.
_JSON_UNIT = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|.", re.DOTALL
)
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
_QUOTED_UNIT = re.compile(r'""|[^"]', re.DOTALL)


class Change(NamedTuple):
    """A part of a text that is to be replaced.

    Attributes:
        start: Its first code point, counted from 0.
        end: The code point after its last one.
        label: The label of the entity.
        new: What takes its place.
        score: The probability of the entity; None if it has none.
        is_found: Whether it was found, and not just has the same name as one that was.
    """

    start: int
    end: int
    label: str
    new: str
    score: float | None = None
    is_found: bool = True


class Splice(NamedTuple):
    """A part of a record that was replaced.

    Attributes:
        at: Its first byte in the new record, counted from 0.
        size: The number of its bytes there.
        label: The label of the entity.
        original: What stood there, as it was written.
    """

    at: int
    size: int
    label: str
    original: str


@dataclass(frozen=True, slots=True)
class WrittenText:
    """A text as it is written in a record.

    Attributes:
        record: The whole record.
        start: The first code point of the text in the record, counted from 0.
        end: The code point after its last one.
        form: How it is written: `"plain"`, with the escapes of `"json"`, or as a cell that is
            `"quoted"`, or is not but may be (`"cell"`).
        delimiter: The character between cells.
        others: The names of the other fields or columns of the record.
    """

    record: str
    start: int
    end: int
    form: Literal["plain", "json", "quoted", "cell"] = "plain"
    delimiter: str = ""
    others: Sequence[str] = ()

    def units(self) -> list[int]:
        """Where each code point of the text begins in the record, and where the text ends."""
        if self.form == "json" and "\\" in self.record:
            pattern = _JSON_UNIT
        elif self.form == "quoted" and '"' in self.record[self.start : self.end]:
            pattern = _QUOTED_UNIT
        else:
            return [*range(self.start, self.end + 1)]
        found = pattern.finditer(self.record, self.start, self.end)
        return [*(match.start() for match in found), self.end]

    def written(self, text: str) -> str:
        """A text in this form."""
        if self.form == "json":
            return json_line(text)[1:-1]
        if self.form == "quoted":
            return text.replace('"', '""')
        if any(sign in text for sign in ("\r", "\n", self.delimiter) if sign):
            raise FormatError(f"{text!r} can't be written here")
        return text

    def spliced(self, text: str, changes: Sequence[Change]) -> tuple[bytes, list[Splice]]:
        """The record with changes of its text.

        Args:
            text: The text.
            changes: What is changed, in order, by ranges of the text.

        Raises:
            FormatError: If a change can't be written in this place.
        """
        units = self.units()
        if len(units) != len(text) + 1:
            raise FormatError("the text is written in a way that is not known")
        if self.form == "cell" and any(
            quoted_cell(each.new, self.delimiter) != each.new for each in changes
        ):
            return self._in_quotes(text, changes)
        parts: list[bytes] = []
        splices = []
        before = size = 0
        for each in changes:
            start, end = units[each.start], units[each.end]
            kept, new = self.record[before:start].encode(), self.written(each.new).encode()
            parts += [kept, new]
            size += len(kept)
            splices.append(Splice(size, len(new), each.label, self.record[start:end]))
            size += len(new)
            before = end
        return b"".join([*parts, self.record[before:].encode()]), splices

    def _in_quotes(self, text: str, changes: Sequence[Change]) -> tuple[bytes, list[Splice]]:
        """The record with its cell in quotes, which is replaced as a whole."""
        new, before = "", 0
        for each in changes:
            new += text[before : each.start] + each.new
            before = each.end
        cell = quoted_cell(new + text[before:], self.delimiter).encode()
        head, tail = self.record[: self.start].encode(), self.record[self.end :].encode()
        original = self.record[self.start : self.end]
        return head + cell + tail, [Splice(len(head), len(cell), changes[0].label, original)]


def in_text_line(raw: bytes) -> WrittenText:
    """The text that is a line, without its line end and byte order mark."""
    line = raw.decode()
    end = len(line.removesuffix("\n").removesuffix("\r"))
    return WrittenText(line, line.startswith(_BOM), end)


def in_json_line(raw: bytes, name: str) -> WrittenText:
    """The text that is the member `name` of a JSON object.

    Raises `FormatError` if there are several: which of them counts depends on who reads it.
    """
    line = raw.decode()
    members = [*_members(line)]
    others = [member for member, _, _ in members if member != name]
    if len(members) > len(others) + 1:
        raise FormatError(f"the field {name!r} is there twice")
    start, end = next((start, end) for member, start, end in members if member == name)
    return WrittenText(line, start + 1, end - 1, "json", others=others)


def _members(line: str) -> Iterator[tuple[str, int, int]]:
    """The names of the members of a JSON object, and where their values begin and end."""
    at = line.index("{") + 1
    while True:
        at = _after_white(line, at)
        if line[at] == "}":
            return
        name, at = _DECODER.raw_decode(line, at)
        at = _after_white(line, _after_white(line, at) + 1)  # the colon
        _, end = _DECODER.raw_decode(line, at)
        yield name, at, end
        at = _after_white(line, end)
        at += line[at] == ","


def _after_white(line: str, at: int) -> int:
    while line[at] in _WHITE:
        at += 1
    return at


def in_row(
    raw: bytes, header: Sequence[str], name: str, delimiter: str, *, quoted: bool
) -> WrittenText:
    """The text that is a cell of a row.

    Args:
        raw: The row, which is valid, with its line end.
        header: The names of the columns.
        name: The column of the text.
        delimiter: The character between cells.
        quoted: Whether quotes surround cells.
    """
    row, column = raw.decode(), header.index(name)
    others = [each for each in header if each != name]
    end = len(row.removesuffix("\n").removesuffix("\r"))
    at = 0
    for _ in range(column):
        at = _cell_end(row, at, end, delimiter, quoted=quoted) + 1
    stop = _cell_end(row, at, end, delimiter, quoted=quoted)
    if quoted and row.startswith('"', at):
        return WrittenText(row, at + 1, stop - 1, "quoted", delimiter, others)
    return WrittenText(row, at, stop, "cell" if quoted else "plain", delimiter, others)


def _cell_end(row: str, at: int, end: int, delimiter: str, *, quoted: bool) -> int:
    """Where the cell ends that begins at `at`."""
    if quoted and row.startswith('"', at):
        at += 1
        while (at := row.index('"', at)) + 1 < end and row[at + 1] == '"':
            at += 2
        return at + 1
    found = row.find(delimiter, at, end)
    return end if found < 0 else found
