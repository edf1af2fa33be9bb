"""Annotations that may overlap → entities, which do not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from nerine.core.document import Entity
from nerine.core.errors import FormatError
from nerine.data.formats.options import ReadOptions

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Candidate(Generic[Key]):
    """An annotation that is an entity unless it has a `fault`, such as "is in pieces".

    `key` is what its source knows it by.
    """

    key: Key
    start: int
    end: int
    label: str
    fault: str | None = None
    score: float | None = None


def keep_apart(
    candidates: Iterable[Candidate[Key]], options: ReadOptions, place: Callable[[Key], str]
) -> tuple[dict[Key, Entity], list[Key]]:
    """The entities by their keys, in order of the text, and the keys of all others.

    Of annotations that overlap, the one that begins first is an entity, and the longest of
    these. Without `options.set_aside`, the first annotation that is none is an error.
    """
    kept: dict[Key, Entity] = {}
    aside: list[Key] = []
    reached: Candidate[Key] | None = None
    for each in sorted(candidates, key=lambda one: (one.start, -one.end)):
        fault = each.fault
        if fault is None and reached is not None and each.start < reached.end:
            fault = f"overlaps {reached.label} [{reached.start}, {reached.end})"
        if fault is None:
            kept[each.key] = Entity(each.start, each.end, each.label, each.score)
            reached = each
            continue
        if not options.set_aside:
            raise FormatError(
                f"{each.label} [{each.start}, {each.end}) {fault}",
                place=place(each.key),
                expected="entities in one piece, each with one label, that do not overlap",
                hint="--set-aside (set_aside=True) keeps such annotations aside and counts them",
            )
        aside.append(each.key)
    return kept, aside
