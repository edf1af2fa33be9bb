"""Tags → spans, read strictly or leniently."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from nerine.core.tags.tag import OUTSIDE, Span, Tag, parse_tag

Reading = Literal["strict", "lenient"]


def decode_iob2(tags: Sequence[str]) -> list[Span]:
    """The strict reading of IOB2: an entity is a `B-` and the `I-` of its label that follow it.

    Most tags are `O` or continue an entity. They are compared as strings and not parsed.
    """
    spans = []
    start, label = -1, ""
    inside: str | None = None  # the tag that continues the entity
    for index, written in enumerate(tags):
        if written == inside:
            continue
        if start >= 0:
            spans.append(Span(start, index, label))
            start, inside = -1, None
        if written != OUTSIDE:
            kind, found = parse_tag(written)
            if kind == "B":
                start, label, inside = index, found, f"I-{found}"
    if start >= 0:
        spans.append(Span(start, len(tags), label))
    return spans


def decode_bounded(tags: list[Tag]) -> list[Span]:
    """The strict reading of BIOES: an entity counts if it has both ends."""
    spans = []
    start, label = -1, ""
    for index, tag in enumerate(tags):
        if tag.kind == "S":
            spans.append(Span(index, index + 1, tag.label))
        if tag.kind == "E" and start >= 0 and tag.label == label:
            spans.append(Span(start, index + 1, label))
        if tag.kind == "B":
            start, label = index, tag.label
        elif tag != Tag("I", label):
            start = -1
    return spans


def decode_lenient(tags: list[Tag]) -> list[Span]:
    """The lenient reading, the same for every scheme."""
    spans = []
    start = -1
    previous = Tag(OUTSIDE, "")
    for index, tag in enumerate([*tags, Tag(OUTSIDE, "")]):
        begins = begins_leniently(previous, tag)
        if start >= 0 and (begins or tag.kind == OUTSIDE):
            spans.append(Span(start, index, previous.label))
            start = -1
        if begins:
            start = index
        previous = tag
    return spans


def begins_leniently(previous: Tag, tag: Tag) -> bool:
    """Whether an entity begins at `tag`; for `B-` and `I-` as in conlleval.pl (CoNLL-2000)."""
    if tag.kind == OUTSIDE:
        return False
    return tag.kind in "BS" or previous.kind in "OES" or previous.label != tag.label
