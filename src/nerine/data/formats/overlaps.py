"""Annotations that may overlap → entities that do not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from nerine.core.document import Entity
from nerine.core.errors import FormatError
from nerine.data.formats.options import ReadOptions


@dataclass(frozen=True, slots=True)
class Annotation:
    """A labelled range from an annotation tool, which may overlap others.

    `key` identifies it in its source, such as a line number. `fault` says why it cannot be an
    entity whatever the others are, such as "is in pieces".
    """

    key: int
    start: int
    end: int
    label: str
    fault: str | None = None
    score: float | None = None


def without_overlap(
    annotations: Iterable[Annotation], options: ReadOptions, place: Callable[[int], str]
) -> tuple[dict[int, Entity], list[int]]:
    """The entities by key, in order of the text, and the keys of the annotations set aside.

    Of annotations that overlap, the one that begins first becomes an entity; of those that begin
    together, the longest. Without `options.set_aside`, any other annotation is an error.
    """
    entities: dict[int, Entity] = {}
    aside: list[int] = []
    last: Annotation | None = None
    for each in sorted(annotations, key=lambda one: (one.start, -one.end)):
        fault = each.fault
        if fault is None and last is not None and each.start < last.end:
            fault = f"overlaps {last.label} [{last.start}, {last.end})"
        if fault is None:
            entities[each.key] = Entity(each.start, each.end, each.label, each.score)
            last = each
            continue
        if not options.set_aside:
            raise FormatError(
                f"{each.label} [{each.start}, {each.end}) {fault}",
                place=place(each.key),
                expected="entities in one piece, each with one label, that do not overlap",
                hint="--set-aside (set_aside=True) keeps such annotations in meta and counts them",
            )
        aside.append(each.key)
    return entities, aside
