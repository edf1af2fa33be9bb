"""Which field of a record is its text, and which are its entities, for each tool's layout."""

from __future__ import annotations

from typing import Any, NamedTuple, get_args

from nerine.core.errors import FormatError
from nerine.data.formats.options import Offsets, ReadLog, ReadOptions
from nerine.data.formats.records import Record, shown
from nerine.data.formats.spans.items import is_item, is_labelled, item_list

TEXT_FIELDS = ("text", "data")
ENTITY_FIELDS = ("entities", "spans", "label", "labels")
OFFSETS = "offsets"
"""The field in which a record states the unit of its offsets."""

_OTHER_TEXT_FIELDS = ("content", "document", "sentence", "source_text")
_OTHER_ENTITY_FIELDS = (
    *(
        "annotations",
        "annotation",
        "ents",
        "named_entities",
        "mentions",
        "privacy_mask",
        "ner",
        "denotations",
    ),
)


_OTHERS = frozenset(ENTITY_FIELDS[1:])
_USUAL = frozenset({"text", "entities"})


class Layout(NamedTuple):
    """Where a record has its text and its entities.

    Attributes:
        text: The text.
        values: The entities as the record has them; None if there is no annotation.
        used: The fields that hold text and entities.
        inclusive: Whether the layout defines an end as the last character.
    """

    text: str
    values: list[Any] | None
    used: frozenset[str]
    inclusive: bool = False


def layout_of(record: Record, options: ReadOptions, log: ReadLog) -> Layout:
    """The layout of a record; raises `FormatError` if it has no text."""
    text, values = record.get("text"), record.get("entities")
    stated = options.tag_column if isinstance(options.tag_column, str) else None
    has_usual_text = isinstance(text, str) and options.text_field in (None, "text")
    is_usual = isinstance(values, list) and _OTHERS.isdisjoint(record) and stated is None
    if has_usual_text and is_usual:
        return Layout(str(text), values, _USUAL)
    if stated is None and (found := _layout_of_tool(record, options, log)) is not None:
        return found
    text_field = _text_field(record, options)
    if text_field not in TEXT_FIELDS and text_field != options.text_field:
        log.add_note(f"the text is in the field {text_field!r}")
    entity_field = entity_field_of(record) if stated is None else stated
    if entity_field is not None and entity_field not in (*ENTITY_FIELDS, stated):
        log.add_note(f"the entities are in the field {entity_field!r}")
    values = record.get(entity_field) if entity_field is not None else None
    if entity_field is None and ("answer" in record or "_task_hash" in record):
        values = []  # Prodigy leaves `spans` out if there are none
    if values is not None and not isinstance(values, list):
        values = item_list(values, f"the field {entity_field!r} holds")
    return Layout(record[text_field], values, frozenset({text_field, entity_field or text_field}))


def _layout_of_tool(record: Record, options: ReadOptions, log: ReadLog) -> Layout | None:
    """The layout of a record by a tool that names or counts otherwise; None for other records."""
    if is_dataturks(record) and options.text_field in (None, "content"):
        log.add_note("an entity's end is its last character, as Dataturks writes it")
        used = frozenset({"content", "annotation"})
        return Layout(record["content"], _dataturks_values(record["annotation"]), used, True)
    if _is_ubiai(record) and options.text_field in (None, "document"):
        return Layout(record["document"], record["tokens"], frozenset({"document", "tokens"}))
    manifest = _manifest_field(record)
    if manifest is not None and options.text_field in (None, "source"):
        values = record[manifest]["annotations"]["entities"]
        return Layout(record["source"], values, frozenset({"source"}))
    return None


def _text_field(record: Record, options: ReadOptions) -> str:
    names = (options.text_field,) if options.text_field else (*TEXT_FIELDS, *_OTHER_TEXT_FIELDS)
    found = next((name for name in names if isinstance(record.get(name), str)), None)
    if found is not None:
        return found
    usual = names if options.text_field else TEXT_FIELDS
    raise FormatError(
        f"the record has no text; its fields are: {shown_names(record)}",
        expected=f"a string in {' or '.join(map(repr, usual))}",
        hint="--text-field (text_field=…) names the field",
    )


def entity_field_of(record: Record) -> str | None:
    """The field that holds the entities of a record; None if there is none.

    Raises `FormatError` if several fields hold some.
    """
    filled = [
        name
        for name in ENTITY_FIELDS
        if isinstance(record.get(name), list) and any(map(is_item, record[name]))
    ]
    if len(filled) > 1:
        raise FormatError(
            f"entities are in the fields {' and '.join(map(repr, filled))}",
            expected="one field of entities",
            hint=f"rename or remove the one that does not count, such as {filled[1]!r}",
        )
    present = [name for name in ENTITY_FIELDS if name in record]
    others = [name for name in _OTHER_ENTITY_FIELDS if name in record]
    return next(iter((*filled, *present, *others)), None)


def other_entity_field(record: Record) -> str | None:
    """The first field that looks like entities, whatever its name; None if there is none."""
    for name, value in record.items():
        if name != "tokens" and isinstance(value, list) and value and all(map(is_labelled, value)):
            return name
    return None


def stated_unit(record: Record) -> Offsets | None:
    """The unit of offsets that a record states; None if it states none."""
    value = record.get(OFFSETS)
    if not isinstance(value, str):
        return None
    return next((unit for unit in get_args(Offsets) if unit == value), None)


def is_dataturks(record: Record) -> bool:
    """Whether a record is one of Dataturks' exports."""
    values = record.get("annotation", False)
    return (
        isinstance(record.get("content"), str)
        and (values is None or isinstance(values, list))
        and all(isinstance(each, dict) and "points" in each for each in values or ())
        and ("text" not in record)
    )


def _dataturks_values(values: Any) -> list[Any] | None:
    """Dataturks' annotations as entities: one for each of the points of an annotation."""
    if values is None:
        return None
    found = []
    for each in values:
        points = each["points"]
        if not isinstance(points, list) or not all(isinstance(point, dict) for point in points):
            raise FormatError(
                f"the points of an annotation are {shown(points)}",
                expected='[{"start": 0, "end": 3, "text": "Mira"}]',
            )
        rest = {name: value for name, value in each.items() if name not in ("label", "points")}
        found += [{**rest, "label": each.get("label"), **point} for point in points]
    return found


def _is_ubiai(record: Record) -> bool:
    """Whether a record is one of UBIAI's exports with relations, whose entities are `tokens`."""
    tokens = record.get("tokens")
    return (
        isinstance(record.get("document"), str)
        and isinstance(tokens, list)
        and all(isinstance(token, dict) and "entityLabel" in token for token in tokens)
    )


def _manifest_field(record: Record) -> str | None:
    """The field of a manifest of SageMaker Ground Truth that holds the annotations."""
    if not isinstance(record.get("source"), str):
        return None
    for name, value in record.items():
        inner = value.get("annotations") if isinstance(value, dict) else None
        if isinstance(inner, dict) and isinstance(inner.get("entities"), list):
            return name
    return None


def is_rejected(record: Record) -> bool:
    """Whether an annotator rejected or passed over a record, in Prodigy or in Argilla."""
    return record.get("answer") in ("reject", "ignore") or (
        record.get("status") == "Discarded" and "annotation" in record
    )


def is_skipped(record: Record, options: ReadOptions) -> bool:
    """Whether a record was rejected and is skipped for that."""
    return options.treatment("rejected") == "skip" and is_rejected(record)


def shown_names(record: Record) -> str:
    """The names of a record's fields for a message."""
    return ", ".join(name[:40] for name in list(record)[:20]) or "none"
