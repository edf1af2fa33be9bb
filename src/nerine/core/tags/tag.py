"""Tags and spans: the two notations of an entity over words."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from nerine.core.errors import SchemeError

OUTSIDE = "O"


class Span(NamedTuple):
    """An entity as a half-open range of words.

    Attributes:
        start: Its first word, counted from 0.
        end: The word after its last one.
        label: Its class.
    """

    start: int
    end: int
    label: str


class Tag(NamedTuple):
    """A parsed tag: `kind` is O, B, I, E or S, also for schemes that write L and U."""

    kind: str
    label: str


_OUTSIDE = Tag(OUTSIDE, "")


@lru_cache(maxsize=10_000)
def parse_tag(tag: str) -> Tag:
    """Parses a tag; raises `SchemeError` if its form is unknown."""
    if tag == OUTSIDE:
        return _OUTSIDE
    kind, hyphen, label = tag.partition("-")
    kind = {"L": "E", "U": "S"}.get(kind, kind)
    if kind not in ("B", "I", "E", "S") or not hyphen or not label:
        raise SchemeError(
            f"tag {tag!r} has an unknown form",
            expected="'O', or B-, I-, E-, S-, L- or U- before a label, as in 'B-person'",
        )
    return Tag(kind, label)


def is_tag(value: str) -> bool:
    """Whether `value` has the form of a tag."""
    try:
        parse_tag(value)
    except SchemeError:
        return False
    return True


def are_tags(value: str) -> bool:
    """Whether `value` is several tags with spaces between them."""
    tags = value.split()
    return len(tags) > 1 and all(map(is_tag, tags))
