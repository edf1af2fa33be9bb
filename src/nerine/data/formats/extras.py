"""Parts of a document that a format cannot hold, as a JSON object stored next to the rest.

::

    {"id": "7", "tokens": [[0, 4], [5, 9]], "scores": [[0, 4, "person", 0.98]], "meta": {…}}

A field is present only if the format alone would give another value. Scores belong to entities by
range and label; an entity that has been changed since has no score.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nerine.core.document import Document, Token
from nerine.core.errors import FormatError
from nerine.data.formats.records import Record, is_ranges, is_score


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
    for name in ("id", "tokens", "scores", "meta"):
        if name in extras and not _is_valid(name, extras[name]):
            raise FormatError(
                f"the field {name!r} holds {str(extras[name])[:60]!r}",
                expected="the value that Nerine wrote",
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
    return replace(plain, **changes)


def _is_valid(name: str, value: Any) -> bool:
    if name == "id":
        return value is None or isinstance(value, str)
    if name == "meta":
        return isinstance(value, dict)
    if name == "tokens":
        return value is None or is_ranges(value)
    return isinstance(value, list) and all(
        isinstance(entry, list)
        and [type(part) for part in entry[:3]] == [int, int, str]
        and len(entry) == 4
        and is_score(entry[3])
        for entry in value
    )
