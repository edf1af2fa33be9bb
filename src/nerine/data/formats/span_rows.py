"""Rows with a text and its entities → documents, and what a reader of rows counts."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from nerine.core.document import Document, Entity, Token
from nerine.core.errors import FormatError
from nerine.core.files import errors_at
from nerine.data.formats.offsets import OffsetChecker, StatedRange
from nerine.data.formats.options import ReadLog, ReadOptions
from nerine.data.formats.records import Record, is_score
from nerine.data.formats.unusual import treat

START = ("start", "start_offset", "begin", "start_char", "start_idx", "start_index", "char_start")
END = ("end", "end_offset", "stop", "end_char", "end_idx", "end_index", "char_end")
LABEL = (
    "label",
    "labels",
    "type",
    "entity_type",
    "entity_label",
    "tag",
    "category",
    "entity_group",
)
SURFACE = (
    "text",
    "surface",
    "mention",
    "word",
    "span_text",
    "entity_text",
    "covered_text",
    "value",
)
PAIR = ("span", "offsets", "offset", "indices", "range", "position")
_ITEM = '{"start": 0, "end": 4, "label": "person"} or [0, 4, "person"]'


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
            if item.surface_field and own[item.surface_field] == self.text[start:end]:
                own = {name: each for name, each in own.items() if name != item.surface_field}
            key = (start, end, item.range.label)
            found.setdefault(key, (Entity(*key, item.score), own))
        ordered = [found[key] for key in sorted(found)]
        extra = [[e.start, e.end, e.label, fields] for e, fields in ordered if fields]
        meta = dict(self.meta) | ({"entity_fields": extra} if extra else {})
        return Document(self.text, tuple(e for e, _ in ordered), self.tokens, self.id, meta)

    def _items(self, options: ReadOptions, log: ReadLog) -> list[_Item]:
        return [each for item in item_list(self.items) for each in _entities(item, options, log)]


class _Item(NamedTuple):
    """An entity with its other fields, one of which may hold its own text."""

    range: StatedRange
    score: float | None
    fields: Record
    surface_field: str | None


def checked(
    rows: Callable[[ReadLog], Iterable[tuple[str, SpanRow]]], options: ReadOptions, log: ReadLog
) -> Iterator[tuple[str, Document]]:
    """The documents of rows, each with its place; `rows` returns them from the first one."""

    def stated() -> Iterator[tuple[str, list[StatedRange]]]:
        for _, row in rows(ReadLog(unreadable=[])):
            with contextlib.suppress(FormatError):  # raised when the row is read
                yield row.text, row.stated(options)

    checker = OffsetChecker(stated, options, log)
    for place, row in rows(log):
        try:
            with errors_at(place):
                document = row.document(checker, options, log)
        except FormatError as error:
            log.refuse(error)
        else:
            yield place, document


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
            f"the entities are {str(items)[:60]!r}", expected=f"a list of entities: {_ITEM}"
        )
    return list(items)


def _entities(item: Any, options: ReadOptions, log: ReadLog) -> Iterator[_Item]:
    """The entities of an item, one for each of its labels, with their other fields."""
    if isinstance(item, list | tuple) and len(item) == 3:
        item = dict(zip(("start", "end", "label"), item, strict=True))
    fields = dict(item) if isinstance(item, Mapping) else {}
    start, end = (_pop(fields, names) for names in (START, END))
    if start is None and end is None:
        start, end = _pair(_pop(fields, PAIR), options, log)
        if start is None:
            return
    label, score = _pop(fields, LABEL), fields.pop("score", None)
    labels = label if isinstance(label, list) else [] if label is None else [label]
    is_valid = type(start) is int and type(end) is int and (score is None or is_score(score))
    if not is_valid or not all(isinstance(each, str) for each in labels):
        raise FormatError(
            f"{str(item)[:80]!r} is not a valid entity",
            expected=f'{_ITEM}, offsets as whole numbers, and an optional "score" from 0 to 1',
        )
    if not any(labels):
        treat("no-label", f"the entity {str(item)[:80]!r} has no label", options, log)
    fields = {key: value for key, value in fields.items() if value is not None}
    surface_field = next((name for name in SURFACE if isinstance(fields.get(name), str)), None)
    shown = fields[surface_field] if surface_field else None
    for each in filter(None, labels):
        yield _Item(StatedRange(start, end, shown, each), score, fields, surface_field)


def _pop(fields: Record, names: Sequence[str]) -> Any:
    """Takes the value of the first of the names that has one."""
    for name in names:
        if fields.get(name) is not None:
            return fields.pop(name)
    return None


def _pair(value: Any, options: ReadOptions, log: ReadLog) -> tuple[Any, Any]:
    """Start and end from [start, end], or from a list of one such pair."""
    pairs = value if isinstance(value, list) and value and isinstance(value[0], list) else [value]
    if len(pairs) > 1:
        found = f"an entity has {len(pairs)} pieces: {str(pairs)[:60]}"
        treat("pieces", found, options, log)
        return None, None
    pair = pairs[0]
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        raise FormatError(f"an entity has the range {str(pair)[:60]!r}", expected=_ITEM)
    return pair[0], pair[1]


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
