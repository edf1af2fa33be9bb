"""Rows of tokens → records of tokens and tags, one for each sentence or document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from nerine.core.errors import FormatError
from nerine.core.files import errors_at, json_record
from nerine.core.json_values import Refuse
from nerine.core.tags import are_tags
from nerine.data.formats.options import ReadLog, ReadOptions
from nerine.data.formats.records import Record, is_ranges
from nerine.data.formats.sizes import grown
from nerine.data.formats.tables.cells import checked
from nerine.data.formats.tables.layout import EXTRAS, plain_name
from nerine.data.formats.tables.table import Table

_ENOUGH_DOCUMENTS = 20
_REPAIR = "--repair (repair=True)"
_END = "another value in the column of sentences"

Key = tuple[str, str]


@dataclass(slots=True)
class _Group:
    """The rows of one document so far; `columns` are the other cells of each token."""

    key: Key
    line: int
    tokens: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    columns: list[list[str]] = field(default_factory=list)
    extras: Record = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    size: int = 0


class TokenRows:
    """The documents of a table with a row for each token, as records of tokens and tags.

    A document ends where its sentence or document column changes; an empty cell there repeats the
    one above it. In a table without such a column, an empty row ends a document.
    """

    def __init__(self, table: Table, options: ReadOptions, log: ReadLog, refuse: Refuse) -> None:
        self._table, self._repairs, self._log, self._refuse = table, options.repair, log, refuse
        self._lines: list[int] = []
        layout = table.layout
        self._parts = [part for part in ("document", "sentence") if part in layout]
        self._shown = " and ".join(repr(layout.names[layout.columns[p]]) for p in self._parts)
        self._token, self._tag = layout.columns["token"], layout.columns["tag"]
        self._document, self._sentence, self._extras = map(
            layout.columns.get, ("document", "sentence", EXTRAS)
        )
        self._others = layout.others
        self._remarks = dict(log.remarks)

    def records(self) -> Iterator[tuple[str, Record]]:
        """The records with their places; each call reads the file, and counts, again."""
        self._log.remarks.clear()
        self._log.remarks.update(self._remarks)
        ended: dict[Key, int] = {}
        has_long = False
        for count, group in enumerate(self._groups(), start=1):
            place = f"{self._table.path}:{group.line}"
            if self._parts and group.key in ended:
                self._begin_again(group, ended[group.key], place)
            ended[group.key] = group.line
            self._lines = group.lines
            has_long = has_long or len(group.tokens) != 1
            if count == _ENOUGH_DOCUMENTS and not has_long:
                self._check_key(place)
            yield place, self._record(group, place)
        if not has_long and len(ended) > 1:
            self._check_key(str(self._table.path))

    def place_of(self, place: str, token: int) -> str:
        """The file and line of a token of the record that was returned last, at a place."""
        return f"{place.rpartition(':')[0]}:{self._lines[token]}"

    def _groups(self) -> Iterator[_Group]:
        group: _Group | None = None
        is_after_empty = has_ended = False
        key: Key = ("", "")
        for line, cells in self._table.rows():
            if not cells:
                is_after_empty = True
                continue
            if self._parts:
                key = self._key(cells, key, line)
            if group is None or (group.key != key if self._parts else is_after_empty):
                if group is not None:
                    has_ended = True
                    yield group
                group = _Group(key, line)
            is_after_empty = False
            group.size = grown(group.size, "".join(cells), self._table.path, line, _END)
            token = cells[self._token]
            if self._extras is None and token and " " not in cells[self._tag]:
                group.tokens.append(token)
                group.tags.append(cells[self._tag])
                group.lines.append(line)
                if self._others:
                    group.columns.append([cells[index] for index in self._others])
            else:
                self._add(group, cells, line)
        if group is not None:
            if not self._parts and not has_ended and not is_after_empty:
                raise self._no_sentences(str(self._table.path))
            yield group

    def _key(self, cells: list[str], before: Key, line: int) -> Key:
        """What tells the documents apart; empty cells repeat those above."""
        document, sentence = before
        if self._document is not None:
            document = cells[self._document].strip() or document
        if self._sentence is not None:
            sentence = cells[self._sentence].strip() or sentence
        if document or sentence:
            return document, sentence
        raise FormatError(
            f"the first row has nothing in the column {self._shown}",
            place=f"{self._table.path}:{line}",
            expected="the number or name of the sentence in its first row",
        )

    def _add(self, group: _Group, cells: list[str], line: int) -> None:
        """Adds a row without a token, one with a space in its tag, or of a table of Nerine."""
        token, tag = cells[self._token], cells[self._tag]
        place = f"{self._table.path}:{line}"
        extras = "" if self._extras is None else cells[self._extras]
        if extras and not group.tokens:
            with errors_at(place):
                group.extras = checked(json_record(extras, place))
            if not token and not tag:
                return
        if self._extras is None and are_tags(tag):
            self._refuse(_several_tags(tag, place))
        elif token:
            group.tokens.append(token)
            group.tags.append(tag)
            group.lines.append(line)
            if self._others:
                group.columns.append([cells[index] for index in self._others])
        elif self._repairs and self._log.unreadable is None:
            group.left_out.append(tag)
        else:
            error = FormatError(
                "the token is empty",
                place=place,
                expected="at least one character in every token",
                hint=f"{_REPAIR} leaves such rows out and counts them",
            )
            self._refuse(error)

    def _record(self, group: _Group, place: str) -> Record:
        for tag in dict.fromkeys(group.left_out):
            self._log.add_remark(f"with an empty token left out whose tag was {tag!r}")
        tags: list[Any] = group.tags
        if all(tag.isascii() and tag.isdigit() and len(tag) < 6 for tag in group.tags):
            tags = [int(tag) for tag in group.tags]
        record: Record = {"tokens": group.tokens, "ner_tags": tags}
        if self._parts:
            record["id"] = ":".join(filter(None, group.key))
        if self._others:
            record["columns"] = group.columns
            record["column_names"] = [self._table.layout.names[i] for i in self._others]
        if group.extras:
            _add_extras(record, group.extras, place)
        return record

    def _begin_again(self, group: _Group, line: int, place: str) -> None:
        """Raises `FormatError`, or with `repair` counts a document whose key was there before."""
        if self._repairs:
            self._log.add_remark("whose number or name an earlier document has too")
            return
        raise FormatError(
            f"{':'.join(filter(None, group.key))!r} in the column {self._shown} begins again, "
            f"after rows from line {line} on",
            place=place,
            expected="the rows of each sentence together, in their order",
            hint=f"if the rows are in their order, {_REPAIR} reads these as another document",
        )

    def _check_key(self, place: str) -> None:
        """Raises `FormatError` if an `id` gives every token a document of its own."""
        layout = self._table.layout
        if [plain_name(layout.names[layout.columns[part]]) for part in self._parts] == ["id"]:
            raise self._no_sentences(place, f", and {self._shown} is another one in every row")

    def _no_sentences(self, place: str, more: str = "") -> FormatError:
        return FormatError(
            f"no column tells where a sentence begins{more}",
            place=place,
            expected="a column such as 'Sentence #' or 'sentence_id', or an empty row after each "
            "sentence",
        )


def _several_tags(cell: str, place: str) -> FormatError:
    return FormatError(
        f"the cell {cell[:60]!r} holds several tags",
        place=place,
        expected="one tag in each row, as in the first one",
    )


def _add_extras(record: Record, extras: Record, place: str) -> None:
    """Adds what Nerine's own column says of the text; its tokens replace those that are shown."""
    text, ranges = extras.pop("text", None), extras.pop("offsets", None)
    if isinstance(text, str):
        record["text"] = text
        if is_ranges(ranges):
            surfaces = [text[start:end] for start, end in ranges]
            if [shown_token(surface) for surface in surfaces] == record["tokens"]:
                record |= {"tokens": surfaces, "offsets": ranges}
                ranges = None
    if not isinstance(text, str | None) or ranges is not None:
        raise FormatError(
            f"the column {EXTRAS!r} does not agree with the tokens",
            place=place,
            expected="the value that Nerine wrote",
        )
    record[EXTRAS] = extras


def shown_token(surface: str) -> str:
    """A token as it is written in a cell of one line."""
    return surface.translate({0x0A: "_", 0x0D: "_"})
