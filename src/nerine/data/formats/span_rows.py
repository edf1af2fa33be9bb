"""Rows with a text and its entities → documents, and what a reader of rows counts."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nerine.core.document import Document, Token
from nerine.core.errors import FormatError
from nerine.data.formats.offsets import OffsetChecker, StatedRange
from nerine.data.formats.options import ReadLog, ReadOptions
from nerine.data.formats.placed import read_each
from nerine.data.formats.spans.items import ITEM, RANGE_FIELDS, Item, items_of, located
from nerine.data.formats.unusual import treat

_PAIRS = ("span", "offsets", "offset", "indices", "range", "position")
"""Fields that hold the start and the end of an entity."""


@dataclass(frozen=True, slots=True)
class SpanRow:
    """A text with its entities as they are in their file.

    Attributes:
        text: The text.
        items: The entities: mappings, lists of start, end and label, or lists of fields.
        id: The document's id.
        meta: Its other fields.
        tokens: Its tokens.
    """

    text: str
    items: Any
    id: str | None
    meta: Mapping[str, Any]
    tokens: tuple[Token, ...] | None = None

    def stated(self, options: ReadOptions) -> list[StatedRange]:
        """The ranges of its entities, for the first pass of the checker of offsets."""
        return [each.range for each in self._items(options, ReadLog())]

    def document(self, checker: OffsetChecker, options: ReadOptions, log: ReadLog) -> Document:
        """The document; exact duplicates are one entity. Raises `FormatError` without a place."""
        items = self._items(options, log)
        ranges = checker.ranges(self.text, [each.range for each in items])
        items = [
            _without_own_text(item, self.text[slice(*found)]) if found else item
            for item, found in zip(items, ranges, strict=True)
        ]
        entities, fields = located(items, ranges)
        meta = dict(self.meta) | ({"entity_fields": fields} if fields else {})
        return Document(self.text, entities, self.tokens, self.id, meta)

    def _items(self, options: ReadOptions, log: ReadLog) -> list[Item]:
        values = [
            value for item in item_list(self.items) for value in _with_range(item, options, log)
        ]
        return items_of(values, self.text, has_tokens=False, options=options, log=log)


def checked(
    rows: Callable[[ReadLog], Iterable[tuple[str, SpanRow]]], options: ReadOptions, log: ReadLog
) -> Iterator[tuple[str, Document]]:
    """The documents of rows, each with its place; `rows` returns them from the first one."""

    def stated() -> Iterator[tuple[str, list[StatedRange]]]:
        for _, row in rows(ReadLog(unreadable=[])):
            with contextlib.suppress(FormatError):  # raised when the row is read
                yield row.text, row.stated(options)

    checker = OffsetChecker(stated, options, log)
    return read_each(rows(log), lambda row, _: row.document(checker, options, log), log)


def item_list(items: Any) -> list[Any]:
    """The entities as a list, also those that are stored as one list for each field."""
    if isinstance(items, Mapping) and set(items) & {"entities", "spans"}:
        items = items.get("entities", items.get("spans"))
    if isinstance(items, Mapping) and items:
        lists = list(items.values())
        if (
            all(isinstance(each, list) for each in lists)
            and len({len(each) for each in lists}) == 1
        ):
            return [dict(zip(items, each, strict=True)) for each in zip(*lists, strict=True)]
    if not isinstance(items, list | tuple):
        raise FormatError(
            f"the entities are {str(items)[:60]!r}", expected=f"a list of entities: {ITEM}"
        )
    return list(items)


def _with_range(item: Any, options: ReadOptions, log: ReadLog) -> Iterator[Any]:
    """An entity without its empty fields and with a start and an end; nothing if it is skipped."""
    if not isinstance(item, Mapping):
        yield item
        return
    fields = {name: value for name, value in item.items() if value is not None}
    name = next((name for name in _PAIRS if name in fields), None)
    if name is None or any(bound in fields for pair in RANGE_FIELDS for bound in pair):
        yield fields
        return
    value = fields.pop(name)
    pairs = value if isinstance(value, list) and value and isinstance(value[0], list) else [value]
    if len(pairs) > 1:
        found = f"an entity has {len(pairs)} pieces: {str(pairs)[:60]}"
        treat("pieces", found, options, log)
        return
    if not isinstance(pairs[0], list | tuple) or len(pairs[0]) != 2:
        raise FormatError(f"an entity has the range {str(pairs[0])[:60]!r}", expected=ITEM)
    yield {"start": pairs[0][0], "end": pairs[0][1], **fields}


def _without_own_text(item: Item, text: str) -> Item:
    """The entity without a field that only repeats its text."""
    if item.fields.get(item.own_field) != text:
        return item
    rest = {name: value for name, value in item.fields.items() if name != item.own_field}
    return item._replace(fields=rest)


class Counts:
    """What a log counted before a reader began, for readers that read their rows twice."""

    def __init__(self, log: ReadLog) -> None:
        self._log = log
        self._before = [dict(counts) for counts in self._counts()]

    def _counts(self) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
        return self._log.skipped, self._log.accepted, self._log.remarks

    def restart(self) -> None:
        """Sets the counts of rows back."""
        for counts, before in zip(self._counts(), self._before, strict=True):
            counts.clear()
            counts.update(before)


def unlabelled(options: ReadOptions, log: ReadLog, found: str) -> bool:
    """Whether a text without annotation is kept; False if it is skipped; an error by default."""
    expected = "entities, or an empty list for a text without entities"
    return treat("unlabelled", found, options, log, expected=expected)
