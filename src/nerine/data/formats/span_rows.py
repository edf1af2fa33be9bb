"""Rows with a text and its entities → documents, and what a reader of rows counts."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nerine.core.document import Document, Entity, Token
from nerine.core.errors import FormatError
from nerine.data.formats.offsets import OffsetChecker, StatedRange
from nerine.data.formats.options import ReadLog, ReadOptions
from nerine.data.formats.placed import read_each
from nerine.data.formats.records import Record
from nerine.data.formats.spans.items import Item, item_list, items_of
from nerine.data.formats.unusual import treat


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
        found: dict[tuple[int, int, str], tuple[Entity, Record]] = {}
        for item, bounds in zip(items, ranges, strict=True):
            if bounds is None:
                continue
            start, end = bounds
            own = item.fields
            if item.own_field and item.range.shown == self.text[start:end]:
                own = {name: each for name, each in own.items() if name != item.own_field}
            key = (start, end, item.label)
            found.setdefault(key, (Entity(*key, item.score), own))
        ordered = [found[key] for key in sorted(found)]
        extra = [[e.start, e.end, e.label, fields] for e, fields in ordered if fields]
        meta = dict(self.meta) | ({"entity_fields": extra} if extra else {})
        return Document(self.text, tuple(e for e, _ in ordered), self.tokens, self.id, meta)

    def _items(self, options: ReadOptions, log: ReadLog) -> list[Item]:
        filled = [
            {name: part for name, part in item.items() if part is not None}
            if isinstance(item, Mapping)
            else item
            for item in item_list(self.items)
        ]
        return items_of(filled, self.text, options, log)


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
