"""Rows of documents, whose cells hold lists → records of tags, or texts with entities."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Any

from nerine.core.errors import FormatError
from nerine.core.files import errors_at
from nerine.core.json_values import Refuse
from nerine.core.tags import is_tag
from nerine.data.formats.options import READ_ONE, UNION, ReadLog, ReadOptions
from nerine.data.formats.records import Record
from nerine.data.formats.sizes import grown
from nerine.data.formats.span_rows import SpanRow, unlabelled
from nerine.data.formats.spans.items import is_labelled, item_list
from nerine.data.formats.tables.cells import is_structured, structured
from nerine.data.formats.tables.layout import plain_name
from nerine.data.formats.tables.table import Table

_MOST_ROWS = 1000
_LIST_OF_RECORDS = re.compile(r"\s*\[\s*\{")
_ANNOTATOR = ("annotator", "annotation id")

_EXPECTED = (
    'a list of entities, such as \'[{"start": 0, "end": 4, "label": "person"}]\', or tags, '
    "such as 'B-person O O', one for each word"
)
_ADD_RANGES = (
    "if each row is one entity, add columns 'start' and 'end' with its range in characters of the "
    "text"
)


class DocumentRows:
    """The documents of a table with a row for each.

    The entities of a text are a list in JSON or as Python prints it, as in CSV files of Label
    Studio. Tags are such a list, or separated by spaces or commas; they belong to the tokens in
    another column, a list too or with spaces between them, or else to the words of the text, which
    are separated by white space.
    """

    def __init__(self, table: Table, options: ReadOptions, log: ReadLog, refuse: Refuse) -> None:
        self._table, self._layout = table, table.layout
        self._options, self._log, self._refuse = options, log, refuse

    def has_tags(self) -> bool:
        """Whether the first filled cells of annotation hold tags, not entities."""
        if "token" in self._layout:
            return True
        for _, cells in itertools.islice(self._rows(), _MOST_ROWS):
            cell = self._layout.cell(cells, "tag")
            with contextlib.suppress(FormatError):  # raised again when the row is read
                if cell.strip() and (value := self._value(cell)):
                    return isinstance(value, list) and isinstance(value[0], str | int)
        return False

    def tagged(self) -> Iterator[tuple[str, Record]]:
        """The rows as records of tokens and tags, with their places."""
        for line, cells in self._rows():
            place = f"{self._table.path}:{line}"
            try:
                with errors_at(place):
                    record = self._tagged(cells)
            except FormatError as error:
                self._refuse(error)
                continue
            if record is not None:
                yield place, record

    def texts(self) -> Iterator[tuple[str, SpanRow]]:
        """The rows as texts with entities, with their places.

        Where the table tells the annotator, following rows of one text are its annotations.
        """
        for _, same in itertools.groupby(self._rows(), key=self._text_of):
            group: list[tuple[int, list[str]]] = []
            size = 0
            for line, cells in same:
                size = grown(size, "".join(cells), self._table.path, line, "another text")
                group.append((line, cells))
            place = f"{self._table.path}:{group[0][0]}"
            try:
                with errors_at(place):
                    self._check_columns(group)
                    chosen = self._chosen(group)
                    found = [] if chosen else [self._by_others(group)]
                found += [self._items(line, cells) for line, cells in chosen]
            except FormatError as error:
                self._log.refuse(error)
                continue
            if any(items is not None for items in found):
                items = [item for each in found for item in each or ()]
                first = (chosen or group)[0][1]
                text = self._layout.cell(first, "text")
                yield place, SpanRow(text, items, self._id(first), self._meta(first))

    def _check_columns(self, rows: Sequence[tuple[int, list[str]]]) -> None:
        """Raises `FormatError` if another column holds labelled ranges too, and none is stated."""
        if isinstance(self._options.tag_column, str):
            return
        names, tag = self._layout.names, self._layout.columns["tag"]
        for index in self._layout.others:
            if any(_holds_entities(cells[index]) for _, cells in rows):
                raise FormatError(
                    f"entities are in the columns {names[tag]!r} and {names[index]!r}",
                    expected="one column of entities, as others may mean something else",
                    hint=f"--tag-column {names[tag]!r} (tag_column=…) reads the entities of one "
                    "column",
                )

    def _items(self, line: int, cells: list[str]) -> list[Any] | None:
        """The entities in a row; None if it has no annotation and is skipped."""
        cell = self._layout.cell(cells, "tag")
        with errors_at(f"{self._table.path}:{line}"):
            if cell.strip():
                return item_list(self._value(cell))
            # Label Studio leaves the cell empty where an annotation has no regions
            return [] if self._column("annotation id", cells) else self._unlabelled()

    def _text_of(self, row: tuple[int, list[str]]) -> tuple[Any, ...]:
        """What rows of one text share; the line if the table does not tell the annotator."""
        line, cells = row
        if not self._has_annotator:
            return (line,)
        return self._id(cells), self._layout.cell(cells, "text")

    def _chosen(self, group: list[tuple[int, list[str]]]) -> list[tuple[int, list[str]]]:
        """Those of several annotations of one text that `ReadOptions.annotations` names."""
        way = self._options.annotations
        wanted = way.removeprefix("by=")
        if way.startswith("by="):
            if not self._has_annotator:
                raise FormatError("no column tells the annotators", expected="a column 'annotator'")
            own = [row for row in group if self._annotator(row[1]) == wanted][-1:]
            if own and len(group) > 1:
                self._log.add_remark(READ_ONE.format(f"that by {wanted}"))
            return own
        if len(group) == 1:
            return group
        if way == "union":
            self._log.add_remark(UNION)
            return group
        if way in ("first", "latest"):
            self._log.add_remark(READ_ONE.format(f"the {way}"))
            name = "created at" if way == "first" else "updated at"
            ordered = sorted(group, key=lambda row: self._column(name, row[1]))
            return [ordered[0 if way == "first" else -1]]
        shown = ", ".join(self._annotator(cells) for _, cells in group)
        raise FormatError(
            f"the text has {len(group)} annotations, by {shown[:100]}",
            expected="one annotation of each text",
            hint="--annotations first, latest, union or by=NAME (annotations=…) states which one "
            "counts",
        )

    def _by_others(self, group: Sequence[tuple[int, list[str]]]) -> list[Any] | None:
        """The entities of a text that the annotator who is asked for did not label."""
        wanted = self._options.annotations.removeprefix("by=")
        by = ", ".join(self._annotator(cells) for _, cells in group)
        found = f"the text has no annotation by {wanted!r}, but by {by[:100]}"
        return [] if unlabelled(self._options, self._log, found) else None

    @property
    def _has_annotator(self) -> bool:
        """Whether the table tells the annotators."""
        return any(plain_name(name) in _ANNOTATOR for name in self._layout.names)

    def _annotator(self, cells: list[str]) -> str:
        return self._column(_ANNOTATOR[0], cells) or self._column(_ANNOTATOR[1], cells)

    def _column(self, name: str, cells: list[str]) -> str:
        """The cell of the column with a plain name; empty if there is none."""
        pairs = zip(self._layout.names, cells, strict=False)
        return next((cell for each, cell in pairs if plain_name(each) == name), "")

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        return ((line, cells) for line, cells in self._table.rows() if cells)

    def _tagged(self, cells: list[str]) -> Record | None:
        layout = self._layout
        text, tag_cell = layout.cell(cells, "text"), layout.cell(cells, "tag")
        cell = layout.cell(cells, "token" if "token" in layout else "text")
        is_list = "token" in layout and is_structured(cell)
        tokens = structured(cell) if is_list else cell.split()
        tags = self._value(tag_cell) if tag_cell.strip() else []
        if not tags and tokens and not tag_cell.strip():
            if self._unlabelled() is None:
                return None
            tags = ["O"] * len(tokens)
        record: Record = self._meta(cells) | {"tokens": tokens, "ner_tags": _plain_list(tags)}
        record["tokens"] = _plain_list(tokens)
        if text:
            record["text"] = text
        if (own := self._id(cells)) is not None:
            record["id"] = own
        return record

    def _unlabelled(self) -> list[Any] | None:
        name = self._layout.names[self._layout.columns["tag"]]
        found = f"the column {name!r} is empty"
        return [] if unlabelled(self._options, self._log, found) else None

    def _value(self, cell: str) -> Any:
        """The value of a cell of annotation: a list, or a mapping that holds one."""
        if is_structured(cell):
            value = structured(cell)
            return list(value) if isinstance(value, tuple) else value
        tags = cell.replace(",", " ").split() if " " not in cell.strip() else cell.split()
        if not any(is_tag(tag) for tag in tags):
            raise FormatError(
                f"the cell {cell[:60]!r} holds no entities",
                expected=_EXPECTED,
                hint=_ADD_RANGES,
            )
        return tags

    def _id(self, cells: list[str]) -> str | None:
        parts = (self._layout.cell(cells, part) for part in ("document", "sentence"))
        return ":".join(filter(None, parts)) or None

    def _meta(self, cells: list[str]) -> Record:
        return {self._layout.names[index]: cells[index] for index in self._layout.others}


def _holds_entities(cell: str) -> bool:
    """Whether a cell is a list of labelled ranges."""
    if not _LIST_OF_RECORDS.match(cell):
        return False
    with contextlib.suppress(FormatError):
        items = structured(cell)
        return all(is_labelled(item) for item in items)
    return False


def _plain_list(values: Any) -> Any:
    return list(values) if isinstance(values, tuple) else values
