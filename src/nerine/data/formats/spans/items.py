"""The entities of a record or row, in the forms that tools write."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from nerine.core.errors import FormatError
from nerine.data.formats.offsets import StatedRange
from nerine.data.formats.options import ReadLog, ReadOptions
from nerine.data.formats.records import Record, is_ranges, is_score, shown
from nerine.data.formats.unusual import treat

START = (
    *("start", "start_offset", "startOffset", "start_char", "char_start", "start_idx"),
    *("startIndex", "start_index", "start_pos", "start_position", "begin"),
    *("begin_offset", "BeginOffset"),
)
END = (
    *("end", "end_offset", "endOffset", "end_char", "char_end", "end_idx", "endIndex"),
    *("end_index", "end_pos", "end_position", "stop", "EndOffset"),
)
PAIR = ("span", "offsets", "offset", "indices", "range", "position", "pos")
LABEL = (
    *("label", "labels", "tag", "type", "Type", "entity_type", "entity_label", "entity_group"),
    *("category", "class", "entity", "entityLabel", "obj"),
)
_LENGTH = ("offset", "length")
_USUAL_RANGES = (("start", "end"), ("start_offset", "end_offset"))
_OWN_TEXT = (
    *("text", "Text", "surface", "mention", "span_text", "entity_text", "covered_text"),
    "surface_form",
)
_PERHAPS_OWN_TEXT = ("value", "word", "entity", "phrase")
"""Fields that hold an entity's own text in some files, and a normal form of it in others."""

_OWN_NAMES = frozenset({*_OWN_TEXT, *_PERHAPS_OWN_TEXT})
_NUMBER = re.compile("[0-9]{1,18}")
_PLAIN_FIELDS = {"start", "end", "label"}
ITEM = '{"start": 0, "end": 4, "label": "person"} or [0, 4, "person"]'


class Item(NamedTuple):
    """An entity as its record has it.

    Attributes:
        range: Its range.
        label: Its label.
        score: Its score; None if there is none.
        fields: The fields that a `Document` has no place for.
        own_field: The one of them that holds its own text; empty if there is none.
    """

    range: StatedRange
    label: str
    score: float | None
    fields: Record
    own_field: str = ""


def is_item(value: Any) -> bool:
    """Whether a value looks like an entity rather than, say, the label of a text."""
    if isinstance(value, list):
        return len(value) == 3 and [isinstance(part, str) for part in value].count(True) == 1
    return isinstance(value, dict) and (
        any(name in value for name in START)
        or any(_pieces(value.get(name)) for name in PAIR)
        or value.keys() >= {*_LENGTH}
    )


def is_labelled(value: Any) -> bool:
    """Whether a value looks like an entity and has a label."""
    return is_item(value) and not (isinstance(value, dict) and {*LABEL}.isdisjoint(value))


def item_list(values: Any, what: str = "the entities are") -> list[Any]:
    """The entities as a list, also those that are stored as one list for each field.

    `what` begins the message of the error for other values.
    """
    if isinstance(values, Mapping) and set(values) & {"entities", "spans"}:
        values = values.get("entities", values.get("spans"))
    if isinstance(values, Mapping) and not {*START, *PAIR}.isdisjoint(values):
        lists = list(values.values())
        if (
            all(isinstance(each, list) for each in lists)
            and len({len(each) for each in lists}) == 1
        ):
            return [dict(zip(values, each, strict=True)) for each in zip(*lists, strict=True)]
    if not isinstance(values, list | tuple):
        raise FormatError(f"{what} {shown(values)}", expected=f"a list of entities: {ITEM}")
    return list(values)


def items_of(values: list[Any], text: str, options: ReadOptions, log: ReadLog) -> list[Item]:
    """The entities in a field of a record.

    Raises `FormatError` for what is not an entity, and for one without a label or in several
    pieces unless `options.skip` has "no-label" or "pieces".
    """
    found: list[Item] = []
    for value in values:
        is_plain = type(value) is dict and value.keys() == _PLAIN_FIELDS
        if is_plain or (type(value) is list and len(value) == 3):
            start, end, label = (
                (value["start"], value["end"], value["label"]) if is_plain else value
            )
            if type(start) is int and type(end) is int and type(label) is str and label:
                found.append(Item(StatedRange(start, end, None, label), label, None, {}))
                continue
        found.extend(_items(value, text, options, log))
    return found


def _items(value: Any, text: str, options: ReadOptions, log: ReadLog) -> Iterator[Item]:
    """The items of one value: one for each of its labels."""
    fields = _fields(value)
    bounds = _bounds(fields, log)
    score = fields.get("score")
    if bounds is None:
        found = f"the entity {shown(value)} is in several pieces"
        treat("pieces", found, options, log)
        return
    names, start, end = bounds
    if start is None or end is None or (score is not None and not is_score(score)):
        raise FormatError(
            f"{shown(value)} is not a valid entity",
            expected=f'{ITEM}, offsets as whole numbers, and an optional "score" from 0 to 1',
        )
    label_field = next((name for name in LABEL if fields.get(name) is not None), "label")
    own_field, own = _own_text(fields, text, {label_field, *names})
    labels = _labels(fields.get(label_field), value, options)
    if not labels:
        treat("no-label", f"the entity {shown(value)} has no label", options, log)
        return
    if label_field != "label":
        log.add_note(f"an entity's label is in its field {label_field!r}")
    if names not in _USUAL_RANGES:
        listed = (
            f"fields {names[0]!r} and {names[1]!r}" if len(names) > 1 else f"field {names[0]!r}"
        )
        log.add_note(f"an entity's range is in its {listed}")
    known = {*names, label_field, "score"}
    rest = {name: part for name, part in fields.items() if name not in known}
    if own_field and own is None:
        log.add_remark(f"with a {own_field!r} of an entity that its text lacks, kept as a field")
    for label in labels:
        yield Item(StatedRange(start, end, own, label), label, score, rest, own_field)


def _fields(value: Any) -> Record:
    """The fields of an entity; those of a list by their order."""
    if isinstance(value, list | tuple) and len(value) == 3:
        if all(isinstance(part, str) for part in value):  # as Parquet has to store them
            value = [int(part) if _NUMBER.fullmatch(part) else part for part in value]
        names = (
            ("label", "start", "end") if isinstance(value[0], str) else ("start", "end", "label")
        )
        return dict(zip(names, value, strict=True))
    return value if isinstance(value, dict) else {}


def _bounds(fields: Record, log: ReadLog) -> tuple[tuple[str, ...], int | None, int | None] | None:
    """The fields of an entity's range, its start and its end; None if it is in several pieces."""
    start, end = fields.get("start"), fields.get("end")
    if type(start) is int and type(end) is int:
        return ("start", "end"), start, end
    first, last = (
        next((name for name in names if fields.get(name) is not None), names[0])
        for names in (START, END)
    )
    if first in fields or last in fields:
        return (first, last), _offset(fields.get(first), log), _offset(fields.get(last), log)
    start, length = (_offset(fields.get(name), log) for name in _LENGTH)
    if start is not None and length is not None:
        return _LENGTH, start, start + length
    for name in PAIR:
        pieces = _pieces(fields.get(name))
        if pieces:
            return ((name,), *pieces[0]) if len(pieces) == 1 else None
    return (first, last), None, None


def _pieces(value: Any) -> list[tuple[int, int]]:
    """The ranges in a value: one, or one for each piece; none if it has another form.

    A range is [start, end], or {"begin": 0, "end": 4} as in PubAnnotation's JSON.
    """
    values = value if isinstance(value, list) and value and type(value[0]) is not int else [value]
    found = []
    for each in values:
        if isinstance(each, dict):
            each = [
                next((each[name] for name in names if name in each), None) for names in (START, END)
            ]
        if not is_ranges([each]):
            return []
        found.append((each[0], each[1]))
    return found


def _offset(value: Any, log: ReadLog) -> int | None:
    """A whole number, also one that was written as 4.0; None for anything else."""
    if type(value) is float and value.is_integer():
        log.add_note("offsets are written with a decimal point, such as 4.0")
        return int(value)
    return value if type(value) is int else None


def _labels(value: Any, item: Any, options: ReadOptions) -> list[str]:
    """The labels of an entity; none if it has no label."""
    if value is None:
        return []
    labels = value if isinstance(value, list) else [value]
    names = options.tag_names or ()
    labels = [names[x] if type(x) is int and 0 <= x < len(names) else x for x in labels]
    if any(type(label) is not str for label in labels):
        raise FormatError(
            f"{shown(item)} is not a valid entity: its label is {shown(value)}",
            expected="a name as the label",
            hint="--tag-names (tag_names=…) gives the names of labels in order"
            if all(type(label) in (int, str) for label in labels)
            else None,
        )
    return [label for label in labels if label]


def _own_text(
    fields: Mapping[str, Any], text: str, taken: Collection[str]
) -> tuple[str, str | None]:
    """The field with the entity's own text, and that text; None if it is only a form of it."""
    if _OWN_NAMES.isdisjoint(fields):
        return "", None
    for name in (*_OWN_TEXT, *_PERHAPS_OWN_TEXT):
        own = fields.get(name)
        if isinstance(own, list) and len(own) == 1:  # one for each piece
            own = own[0]
        if name in taken or not isinstance(own, str) or not own.strip():
            continue
        if name in _OWN_TEXT or own.casefold() in text.casefold():
            return name, own
        return name, None
    return "", None
