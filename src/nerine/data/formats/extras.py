"""What a format has no place for, as a JSON object that is kept beside what it holds.

::

    {"id": "7", "tokens": [[0, 4], [5, 9]], "scores": [[0, 4, "person", 0.98]], "meta": {…}}

Each field stands there only where the format alone would give something else. Scores belong to
entities by range and label; an entity that has been changed since has none.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nerine.core.document import Document, Token
from nerine.core.errors import FormatError
from nerine.core.files import errors_at
from nerine.data.formats.comments import is_ranges
from nerine.data.formats.records import Record

_FIELDS = ("id", "tokens", "scores", "meta")


def extras_of(document: Document, plain: Document) -> Record:
    """What `document` has beyond `plain`, the document that a reader of the format would see."""
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


def with_extras(plain: Document, extras: Record, place: str) -> Document:
    """`plain` with what stands in `extras`; raises `FormatError` where that does not fit."""
    wrong = [name for name in _FIELDS if name in extras and not _fits(name, extras[name])]
    if wrong:
        raise FormatError(
            f"the field {wrong[0]!r} holds {str(extras[wrong[0]])[:60]!r}",
            place=place,
            expected="what Nerine wrote there",
        )
    changes: dict[str, Any] = {name: extras[name] for name in ("id", "meta") if name in extras}
    if "tokens" in extras:
        ranges = extras["tokens"]
        changes["tokens"] = None if ranges is None else tuple(Token(*pair) for pair in ranges)
    if "scores" in extras:
        scores = {(start, end, label): score for start, end, label, score in extras["scores"]}
        changes["entities"] = tuple(
            replace(each, score=scores.get((each.start, each.end, each.label)))
            for each in plain.entities
        )
    with errors_at(place):
        return replace(plain, **changes)


def _fits(name: str, value: Any) -> bool:
    if name == "id":
        return value is None or isinstance(value, str)
    if name == "meta":
        return isinstance(value, dict)
    if name == "tokens":
        return value is None or is_ranges(value)
    return isinstance(value, list) and all(_is_score(entry) for entry in value)


def _is_score(entry: Any) -> bool:
    return (
        isinstance(entry, list)
        and [type(part) for part in entry[:3]] == [int, int, str]
        and len(entry) == 4
        and type(entry[3]) in (int, float)
        and 0 <= entry[3] <= 1
    )
