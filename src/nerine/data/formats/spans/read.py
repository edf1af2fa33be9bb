"""Span records → documents."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nerine.core.document import Document, Entity, Token
from nerine.core.errors import FormatError
from nerine.core.files import read_records
from nerine.core.json_values import Refuse, ignore
from nerine.data.formats.head import Head
from nerine.data.formats.offsets import OffsetChecker, StatedRange
from nerine.data.formats.options import Offsets, ReadLog, ReadOptions
from nerine.data.formats.placed import read_each
from nerine.data.formats.records import Record, id_of, is_ranges, meta_of, shown
from nerine.data.formats.spans.annotators import Annotators
from nerine.data.formats.spans.items import Item, is_item, items_of
from nerine.data.formats.spans.layouts import (
    ENTITY_FIELDS,
    OFFSETS,
    Layout,
    entity_field_of,
    is_dataturks,
    is_rejected,
    layout_of,
    other_entity_field,
    shown_names,
    stated_unit,
)
from nerine.data.formats.tagged_words import locate_tokens
from nerine.data.formats.unusual import TWICE, treat

_DERIVED_OF_TOKEN = ("text", "start", "end", "id", "ws")
_ONE_SUGGESTION = "that accept or reject one suggestion and may lack other entities (_is_binary)"
_SOME = 20
_TAGS = ("ner_tags", "tags", "ner")
_TOKEN_NUMBERS = frozenset({"token_start", "token_end"})
_OTHER_TOKENS = (
    "with an entity whose token_start and token_end are not the tokens of its start and end, by "
    "which it is read"
)
_INSIDE = "with an entity that does not begin and end where the record's tokens do"

Records = Callable[[Refuse | None], Iterator[tuple[str, Record]]]
"""The records of a file with their places, from the first one at each call.

Errors of records that cannot be read go to the argument, as in `read_records`.
"""


def read(path: Path, options: ReadOptions, log: ReadLog) -> Iterator[tuple[str, Document]]:
    """The documents of a file of span records, each with its place."""

    name = str(path)

    def records(refuse: Refuse | None) -> Iterator[tuple[str, Record]]:
        return ((f"{name}:{line}", record) for line, record in read_records(path, refuse))

    return read_spans(records, options, log)


def recognises(head: Head) -> bool:
    """Whether a file holds span records, by its first one."""
    record = head.first_record
    try:
        values = layout_of(record, ReadOptions(), ReadLog()).values
        field = entity_field_of(record)
    except FormatError:
        return False
    if values is None or "annotation_id" in record:  # the latter is Label Studio's
        return False
    if values:
        return all(is_item(value) or is_dataturks(record) for value in values[:_SOME])
    if isinstance(record.get("tokens"), list) and any(record.get(name) for name in _TAGS):
        return False  # word records
    if field is None:  # Prodigy leaves `spans` out if there are none
        return "answer" in record and isinstance(record.get("tokens"), list)
    return field in ENTITY_FIELDS or is_dataturks(record)


def read_spans(
    records: Records, options: ReadOptions, log: ReadLog
) -> Iterator[tuple[str, Document]]:
    """The documents of span records, each with its place."""
    reader = _Reader(records, options, log)
    annotators = Annotators(records, options, log)

    def document_of(record: Record, place: str) -> Document | None:
        chosen = annotators.chosen(record)
        return annotators.merged(record, reader.document(chosen, place) if chosen else None)

    return read_each(records(log.refuse), document_of, log)


class _Reader:
    """Reads the records of one file."""

    def __init__(self, records: Records, options: ReadOptions, log: ReadLog) -> None:
        self._records = records
        self._options = options
        self._log = log
        self._checkers: dict[tuple[bool, str | None], OffsetChecker] = {}

    def _checker(self, unit: Offsets | None, layout: Layout) -> OffsetChecker:
        """The checker of all records whose ends are alike and that state the same unit."""
        inclusive = layout.inclusive
        if (inclusive, unit) not in self._checkers:
            options = self._options if unit is None else replace(self._options, offsets=unit)
            self._checkers[inclusive, unit] = OffsetChecker(
                lambda: self._stated(inclusive), options, self._log, inclusive=inclusive
            )
        return self._checkers[inclusive, unit]

    def _stated(self, inclusive: bool) -> Iterator[tuple[str, Sequence[StatedRange]]]:
        """The texts and ranges of all records whose ends are, or are not, inclusive."""
        aside = ReadLog()
        for _, record in self._records(ignore):
            with contextlib.suppress(FormatError):  # it is raised when the record is read
                layout = layout_of(record, self._options, aside)
                is_open = layout.inclusive == inclusive and stated_unit(record) is None
                if is_open and layout.values:
                    stated = [item.range for item in self._items(layout, aside)]
                    yield layout.text, stated

    def _items(self, layout: Layout, log: ReadLog) -> list[Item]:
        return items_of(layout.values or [], layout.text, self._options, log)

    def _layout(self, record: Record) -> Layout | None:
        """The layout of a record; None if it is rejected or unlabelled, and skipped."""
        options, log = self._options, self._log
        if is_rejected(record):
            found = f"the record is marked {shown(record.get('answer', record.get('status')))}"
            if not treat("rejected", found, options, log):
                return None
        layout = layout_of(record, options, log)
        if layout.values is not None:
            return layout
        found = f"the record has no entities; its fields are: {shown_names(record)}"
        name = other_entity_field(record)
        other = name and f"--tag-column {name} (tag_column={name!r}) reads that field as entities"
        if not treat("unlabelled", found, options, log, other_hint=other):
            return None
        return Layout(layout.text, [], layout.used, layout.inclusive)

    def document(self, record: Record, place: str) -> Document | None:
        """The document of a record; None if it is skipped."""
        log = self._log
        layout = self._layout(record)
        if layout is None:
            return None
        items = self._items(layout, log)
        stated = [item.range for item in items]
        unit = stated_unit(record)
        ranges = self._checker(unit, layout).ranges(layout.text, stated)
        has_tokens = "tokens" not in layout.used
        tokens, token_fields = _tokens(record, layout.text, place) if has_tokens else (None, [])
        entities: dict[tuple[int, int, str], Entity] = {}
        fields: dict[tuple[int, int, str], Record] = {}
        pairs = [(item, found) for item, found in zip(items, ranges, strict=True) if found]
        for item, found in pairs:
            key = (*found, item.label)
            if key not in entities:
                entities[key] = Entity(*key, item.score)
                own = _without_token_numbers(
                    _without_text(item, layout.text[slice(*found)]), found, tokens, log
                )
                if own:
                    fields[key] = own
        if len(entities) < len(pairs):
            log.add_remark(TWICE)
        if tokens and not _are_of_tokens(entities, tokens, layout.text):
            log.add_remark(_INSIDE)
        if record.get("_is_binary") is True:
            log.add_remark(_ONE_SUGGESTION)
        used = {*layout.used, "tokens"}
        meta = meta_of(record, used if unit is None else {*used, OFFSETS})
        if fields:
            meta["entity_fields"] = [[*key, fields[key]] for key in sorted(fields)]
        if any(token_fields):
            meta["token_fields"] = token_fields
        ordered = tuple([entities[key] for key in sorted(entities)])
        return Document(layout.text, ordered, tokens, id_of(record), meta)


def _are_of_tokens(
    entities: Iterable[tuple[int, int, str]], tokens: Sequence[Token], text: str
) -> bool:
    """Whether all entities begin and end where tokens do; those between spaces are taken to."""
    doubtful = [
        (start, end)
        for start, end, _ in entities
        if (start and text[start - 1] != " ") or text[end : end + 1] not in ("", " ")
    ]
    if not doubtful:
        return True
    starts, ends = {each.start for each in tokens}, {each.end for each in tokens}
    return all(start in starts and end in ends for start, end in doubtful)


def _without_text(item: Item, surface: str) -> Record:
    """An entity's fields without its text, as Nerine writes it, where that is the one it has."""
    if item.own_field != "text" or item.fields["text"] != surface:
        return item.fields
    return {name: part for name, part in item.fields.items() if name != "text"}


def _without_token_numbers(
    fields: Record, found: tuple[int, int], tokens: Sequence[Token] | None, log: ReadLog
) -> Record:
    """An entity's fields without Prodigy's numbers of tokens, which only repeat its range.

    Numbers of other tokens are kept, with a remark.
    """
    if tokens is None or _TOKEN_NUMBERS.isdisjoint(fields):
        return fields
    first: Any = fields.get("token_start")
    last: Any = fields.get("token_end")
    are_numbers = type(first) is int and type(last) is int and 0 <= first <= last < len(tokens)
    if are_numbers and (tokens[first].start, tokens[last].end) == found:
        return {name: part for name, part in fields.items() if name not in _TOKEN_NUMBERS}
    log.add_remark(_OTHER_TOKENS)
    return fields


def _tokens(record: Record, text: str, place: str) -> tuple[tuple[Token, ...] | None, list[Record]]:
    """The tokens, and for each its fields that a `Document` has no place for."""
    values = record.get("tokens")
    if values is None:
        return None, []
    if is_ranges(values):
        return tuple(itertools.starmap(Token, values)), []
    if isinstance(values, list) and all(isinstance(value, str) for value in values):
        return locate_tokens(text, values, lambda i: f"{place}, token {i}"), []
    fields = []
    for value in values if isinstance(values, list) else [None]:
        token = value if isinstance(value, dict) else {}
        start, end = token.get("start"), token.get("end")
        is_range = type(start) is int and type(end) is int and 0 <= start < end
        if not is_range or token.get("text", text[start:end]) != text[start:end]:
            raise FormatError(
                "the field 'tokens' does not agree with the text",
                expected='[start, end] for each token, or {"text": "Mira", "start": 0, "end": 4}',
            )
        fields.append({key: value for key, value in token.items() if key not in _DERIVED_OF_TOKEN})
    return tuple(Token(value["start"], value["end"]) for value in values), fields
