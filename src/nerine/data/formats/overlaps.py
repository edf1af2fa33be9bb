"""Entities that overlap: which of them a flat format or a tag scheme takes."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable
from typing import Any, get_args

from nerine.core.display import counted
from nerine.core.document import Document, Entity
from nerine.core.errors import OverlapError, SettingsError
from nerine.data.formats.options import Overlaps

OVERLAPS_HINT = (
    "--overlaps outermost (overlaps='outermost') reads the longest of entities that overlap; "
    f"the ways are {', '.join(get_args(Overlaps))}"
)

_ORDERS: dict[str, Callable[[Entity], Any]] = {
    "outermost": lambda each: (each.start - each.end, each.start, each.label),
    "innermost": lambda each: (each.end - each.start, each.start, each.label),
    "first": lambda each: (each.start, -each.end, each.label),
}


def resolve_overlaps(document: Document, way: Overlaps) -> Document:
    """The document with entities that do not overlap.

    Args:
        document: A document whose entities may overlap.
        way: `"outermost"`, `"innermost"` and `"first"` take entities one by one: the longest first,
            the shortest first, or by their beginning and then the longest first. They leave out
            those that overlap one taken already. Ties go to the first one, then by label.
            `"drop"` leaves out all that overlap another, and `"error"` allows none.

    Raises:
        OverlapError: If entities overlap and the way is `"error"`.
        SettingsError: If the way is unknown.
    """
    if way not in get_args(Overlaps):
        raise SettingsError(
            f"{way!r} is not a way to treat entities that overlap",
            expected=f"one of {', '.join(get_args(Overlaps))}",
        )
    overlapping = set(document.overlapping())
    if not overlapping:
        return document
    if way == "error":
        raise overlap_error([document])
    if way == "drop":
        return document.with_entities(e for e in document.entities if e not in overlapping)
    taken: list[Entity] = []  # sorted by their beginnings
    for entity in sorted(document.entities, key=_ORDERS[way]):
        index = bisect_left(taken, entity.start, key=lambda each: each.start)
        is_free = (index == len(taken) or entity.end <= taken[index].start) and (
            index == 0 or taken[index - 1].end <= entity.start
        )
        if is_free:
            insort(taken, entity, key=lambda each: each.start)
    return document.with_entities(taken)


def check_flat(documents: Iterable[Document], purpose: str, place: str) -> None:
    """Raises `OverlapError` with the number of entities if some overlap.

    Args:
        documents: The documents.
        purpose: What needs entities that do not overlap, such as "training with tags".
        place: Where the documents are, for the message.
    """
    found = [document for document in documents if document.overlapping()]
    if found:
        raise OverlapError.placed(overlap_error(found, purpose), place)


def overlap_error(documents: Iterable[Document], purpose: str = "") -> OverlapError:
    """The error for those of the documents that have entities that overlap."""
    shown, entities, number = "", 0, 0
    for document in documents:
        overlapping = document.overlapping()
        number += bool(overlapping)
        shown = shown or ", ".join(
            f"{document.surface(e)[:40]!r} {e.label} [{e.start}, {e.end})" for e in overlapping[:2]
        )
        entities += len(overlapping)
    return OverlapError(
        f"{counted(entities, 'entity', 'entities')} in {counted(number, 'document')} overlap "
        f"others: {shown}{', …' if entities > 2 else ''}",
        expected=f"entities that do not overlap{', for ' if purpose else ''}{purpose}",
        hint=OVERLAPS_HINT,
    )
