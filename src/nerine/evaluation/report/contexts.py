"""Outcomes in their context: what a reader needs to see of a text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from nerine.core.document import Document, Entity
from nerine.evaluation.error_analysis import Outcome
from nerine.evaluation.report.content import Report

_AROUND = 160
"""So many code points are shown before and behind the entities of an outcome."""
_LONGEST = 600
"""A longer piece is shown by its beginning and its end."""

ELLIPSIS = " … "


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a text, in a gold entity, in a predicted one, in both or in none."""

    text: str
    gold: bool = False
    predicted: bool = False


@dataclass(frozen=True, slots=True)
class Mention:
    """An entity as it is shown: its surface, its label and its score."""

    surface: str
    label: str
    score: float | None


@dataclass(frozen=True, slots=True)
class Example:
    """An outcome with the text around it.

    `seen` says whether the gold surface forms, or the predicted ones where there is no gold
    entity, are all among the training split's; None where that is not known.
    """

    kind: str
    place: str
    pieces: tuple[Piece, ...]
    gold: tuple[Mention, ...]
    predicted: tuple[Mention, ...]
    seen: bool | None


def examples(report: Report, outcomes: Iterable[Outcome]) -> Iterator[Example]:
    """Each of the report's `outcomes` as an example."""
    for outcome in outcomes:
        document = report.gold[outcome.document]
        yield Example(
            kind=outcome.kind,
            place=_short_place(report, outcome.document),
            pieces=tuple(_context(document, outcome)),
            gold=_mentions(document, outcome.gold),
            predicted=_mentions(document, outcome.predicted),
            seen=report.is_seen(outcome),
        )


def _short_place(report: Report, document: int) -> str:
    """The place of a document inside the corpus, whose own place stands in the report's head."""
    return report.place(document).removeprefix(report.corpus.rstrip("/") + "/")


def _mentions(document: Document, entities: Sequence[Entity]) -> tuple[Mention, ...]:
    return tuple(
        Mention(_elided(document.surface(entity)), entity.label, entity.score)
        for entity in entities
    )


def _context(document: Document, outcome: Outcome) -> Iterator[Piece]:
    """The text around the entities, cut wherever one of them begins or ends."""
    entities = [*outcome.gold, *outcome.predicted]
    first = max(0, min(entity.start for entity in entities) - _AROUND)
    last = min(len(document.text), max(entity.end for entity in entities) + _AROUND)
    inner = {bound for entity in entities for bound in (entity.start, entity.end)}
    if first:
        yield Piece(ELLIPSIS)
    for start, end in pairwise(sorted({first, last} | inner)):
        yield Piece(
            _elided(document.text[start:end]),
            gold=_is_inside(start, outcome.gold),
            predicted=_is_inside(start, outcome.predicted),
        )
    if last < len(document.text):
        yield Piece(ELLIPSIS)


def _is_inside(position: int, entities: Sequence[Entity]) -> bool:
    return any(entity.start <= position < entity.end for entity in entities)


def _elided(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    return text[: _LONGEST // 2] + ELLIPSIS + text[-_LONGEST // 2 :]
