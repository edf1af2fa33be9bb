"""The entities of a record or of a row, in the forms that tools write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from nerine.core.document import Entity
from nerine.core.errors import FormatError
from nerine.data.formats.offsets import StatedRange
from nerine.data.formats.options import ReadLog, ReadOptions
from nerine.data.formats.records import Record, is_score, shown
from nerine.data.formats.unusual import treat

RANGE_FIELDS = (
    ("start", "end"),
    ("start_offset", "end_offset"),
    ("startOffset", "endOffset"),
    ("start_char", "end_char"),
    ("char_start", "char_end"),
    ("start_idx", "end_idx"),
    ("start_index", "end_index"),
    ("BeginOffset", "EndOffset"),
    ("begin", "end"),
    ("start", "stop"),
)
_USUAL_RANGES = RANGE_FIELDS[:2]
LABEL_FIELDS = (
    *("label", "labels", "tag", "type", "Type", "entity_type", "entity_label", "entity_group"),
    *("category", "class", "entity", "entityLabel"),
)
_OWN_TEXT = (
    *("text", "Text", "surface", "mention"),
    *("span_text", "entity_text", "covered_text"),
)
_PERHAPS_OWN_TEXT = ("value", "word", "entity")
"""Fields that hold an entity's own text in some files, and a normal form of it in others."""

_PLAIN_FIELDS = {"start", "end", "label"}
ITEM = '{"start": 0, "end": 4, "label": "person"} or [0, 4, "person"]'


class Item(NamedTuple):
    """An entity as its record has it.

    Attributes:
        range: Its range.
        label: Its label.
        score: Its score; None if there is none.
        fields: The fields that a `Document` has no place for.
        own_field: The one of these with the entity's own text; empty if there is none.
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
        any(start in value for start, _ in RANGE_FIELDS) or _pair(value.get("pos")) is not None
    )


def items_of(
    values: list[Any], text: str, *, has_tokens: bool, options: ReadOptions, log: ReadLog
) -> list[Item]:
    """The entities in a field of a record.

    Raises `FormatError` for what is not an entity, and for one without a label unless
    `options.skip` has "no-label".
    """
    found: list[Item] = []
    for value in values:
        if type(value) is dict and value.keys() == _PLAIN_FIELDS:
            start, end, label = value["start"], value["end"], value["label"]
            if type(start) is int and type(end) is int and type(label) is str and label:
                found.append(Item(StatedRange(start, end, None, label), label, None, {}))
                continue
        found.extend(_items(value, text, has_tokens, options, log))
    return found


def located(
    items: Iterable[Item], ranges: Iterable[tuple[int, int] | None]
) -> tuple[tuple[Entity, ...], list[list[Any]]]:
    """The entities at their ranges, in order and each once, and their other fields for the meta.

    The fields are [start, end, label, fields] for each entity that has some.
    """
    found: dict[tuple[int, int, str], Item] = {}
    for item, bounds in zip(items, ranges, strict=True):
        if bounds is not None:
            found.setdefault((*bounds, item.label), item)
    keys = sorted(found)
    entities = tuple([Entity(*key, found[key].score) for key in keys])
    return entities, [[*key, found[key].fields] for key in keys if found[key].fields]


def _items(
    value: Any, text: str, has_tokens: bool, options: ReadOptions, log: ReadLog
) -> Iterator[Item]:
    """The items of one value: one for each of its labels."""
    fields = _fields(value)
    bounds = next((pair for pair in RANGE_FIELDS if fields.keys() >= {*pair}), RANGE_FIELDS[0])
    start, end = (_offset(fields.get(name), log) for name in bounds)
    score = fields.get("score")
    if start is None or end is None or (score is not None and not is_score(score)):
        raise FormatError(
            f"{shown(value)} is not a valid entity",
            expected=f'{ITEM}, offsets as whole numbers, and an optional "score" from 0 to 1',
        )
    label_field = next((name for name in LABEL_FIELDS if name in fields), "label")
    own_field, own = _own_text(fields, text, label_field)
    labels = _labels(fields.get(label_field), value)
    if not labels:
        treat("no-label", f"the entity {shown(value)} has no label", options, log)
        return
    if label_field != "label":
        log.add_note(f"an entity's label is in its field {label_field!r}")
    if bounds not in _USUAL_RANGES:
        log.add_note(f"an entity's range is in its fields {bounds[0]!r} and {bounds[1]!r}")
    # with tokens, Prodigy's token numbers only repeat the range
    known = {*bounds, label_field, "score", *(("token_start", "token_end") if has_tokens else ())}
    rest = {name: part for name, part in fields.items() if name not in known}
    if own_field and own is None:
        log.add_remark(f"with a {own_field!r} of an entity that its text lacks, kept as a field")
    for label in labels:
        stated = StatedRange(start, end, own, label)
        yield Item(stated, label, score, rest, own_field)


def _fields(value: Any) -> Record:
    """The fields of an entity; those of a list by their order."""
    if isinstance(value, list | tuple) and len(value) == 3:
        names = (
            ("label", "start", "end") if isinstance(value[0], str) else ("start", "end", "label")
        )
        return dict(zip(names, value, strict=True))
    if isinstance(value, dict):
        pair = _pair(value.get("pos"))
        if pair is not None and "start" not in value:
            rest = {name: part for name, part in value.items() if name != "pos"}
            return {"start": pair[0], "end": pair[1], **rest}
        return value
    return {}


def _pair(value: Any) -> tuple[int, int] | None:
    is_pair = isinstance(value, list) and [type(part) for part in value] == [int, int]
    return (value[0], value[1]) if is_pair else None


def _offset(value: Any, log: ReadLog) -> int | None:
    """A whole number, also one that was written as 4.0; None for anything else."""
    if type(value) is float and value.is_integer():
        log.add_note("offsets are written with a decimal point, such as 4.0")
        return int(value)
    return value if type(value) is int else None


def _labels(value: Any, item: Any) -> list[str]:
    """The labels of an entity; none if it has no label."""
    if value is None:
        return []
    labels = value if isinstance(value, list) else [value]
    if any(type(label) is not str for label in labels):
        raise FormatError(
            f"{shown(item)} is not a valid entity: its label is {shown(value)}",
            expected="a name as the label",
        )
    return [label for label in labels if label]


def _own_text(fields: Mapping[str, Any], text: str, label_field: str) -> tuple[str, str | None]:
    """The field with the entity's own text, and that text; None if it is only a form of it."""
    for name in (*_OWN_TEXT, *_PERHAPS_OWN_TEXT):
        own = fields.get(name)
        if name == label_field or not isinstance(own, str) or not own.strip():
            continue
        if name in _OWN_TEXT or own.casefold() in text.casefold():
            return name, own
        return name, None
    return "", None
