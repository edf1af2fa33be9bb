"""Fields that JSON records of all formats share: ids, ranges, fields kept in `meta`, and extras.

Extras are the parts of a document that a format cannot hold, as a JSON object stored next to the
rest::

    {"id": "7", "tokens": [[0, 4], [5, 9]], "scores": [[0, 4, "person", 0.98]], "meta": {…}}

A field is present only if the format alone would give another value. Scores belong to entities by
range and label; an entity that has been changed since has no score.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from nerine.core.document import Document, Token
from nerine.core.errors import FormatError
from nerine.core.strict_json import kind_of

Record = dict[str, Any]

MORE_FIELDS = "more_fields"
"""The field of a record for fields whose names it has already."""


def shown(value: Any) -> str:
    """The beginning of a value of a record, for a message."""
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # nested deeply; a number of thousands of digits
        return kind_of(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def id_of(record: Mapping[str, Any]) -> str | None:
    """The record's id as a string."""
    value = record.get("id")
    return None if value is None else str(value)


def is_ranges(value: Any) -> bool:
    """Whether `value` is a list of [start, end]."""
    return (
        isinstance(value, list)
        and {type(pair) for pair in value} <= {list}
        and {len(pair) for pair in value} <= {2}
        and {type(bound) for pair in value for bound in pair} <= {int}
    )


def is_score(value: Any) -> bool:
    """Whether `value` is a number from 0 to 1."""
    return type(value) in (int, float) and 0 <= value <= 1


def meta_of(record: Mapping[str, Any], used: Collection[str]) -> Record:
    """The fields that are not `used`, and the id if it is not a string, to be written back.

    Those in the object `MORE_FIELDS` are fields too.
    """
    meta = {key: value for key, value in record.items() if key not in used and key != "id"}
    if "id" in record and not isinstance(record["id"], str):
        meta["id"] = record["id"]
    if isinstance(meta.get(MORE_FIELDS), dict):
        meta |= meta.pop(MORE_FIELDS)
    return meta


def with_meta(document: Document, own: Record, meta: Mapping[str, Any]) -> Record:
    """A record of the document's id, the fields `own` and those of `meta`.

    Fields of `meta` that have the names of others, such as a second text, are in `MORE_FIELDS`.
    """
    rest = dict(meta)
    record: Record = {}
    if "id" in rest and id_of(rest) == document.id:
        record["id"] = rest.pop("id")
    elif document.id is not None:
        record["id"] = document.id
    record |= own
    more = {name: rest.pop(name) for name in [*rest] if name in {*record, "id", MORE_FIELDS}}
    return record | rest | ({MORE_FIELDS: more} if more else {})


def extras_of(document: Document, plain: Document) -> Record:
    """The parts of `document` beyond `plain`, the document that the format itself holds."""
    extras: Record = {}
    if document.id != plain.id:
        extras["id"] = document.id
    if document.tokens != plain.tokens:
        extras["tokens"] = document.tokens and [[each.start, each.end] for each in document.tokens]
    scores = [[e.start, e.end, e.label, e.score] for e in document.entities if e.score is not None]
    if scores:
        extras["scores"] = scores
    if document.meta != plain.meta:
        extras["meta"] = dict(document.meta)
    return extras


def with_extras(plain: Document, extras: Record) -> Document:
    """`plain` with its `extras`; raises `FormatError` if their form is not valid."""
    scored = extras.get("scores", [])
    valid = {
        "id": isinstance(extras.get("id"), str | None),
        "tokens": extras.get("tokens") is None or is_ranges(extras["tokens"]),
        "scores": isinstance(scored, list)
        and all(
            isinstance(entry, list)
            and [type(part) for part in entry[:-1]] == [int, int, str]
            and is_score(entry[-1])
            for entry in scored
        ),
        "meta": isinstance(extras.get("meta", {}), dict),
    }
    for name, is_valid in valid.items():
        if not is_valid:
            raise FormatError(
                f"the field {name!r} holds {str(extras[name])[:60]!r}",
                expected="the value that Nerine wrote",
            )
    changes: dict[str, Any] = {name: extras[name] for name in ("id", "meta") if name in extras}
    if "tokens" in extras:
        ranges = extras["tokens"]
        changes["tokens"] = None if ranges is None else tuple(Token(*pair) for pair in ranges)
    if "scores" in extras:
        scores = {(start, end, label): score for start, end, label, score in scored}
        changes["entities"] = tuple(
            replace(each, score=scores.get((each.start, each.end, each.label)))
            for each in plain.entities
        )
    return replace(plain, **changes)
