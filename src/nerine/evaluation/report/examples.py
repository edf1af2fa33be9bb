"""Outcomes of the error analysis with the text around them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from nerine.core.document import Document, Entity
from nerine.evaluation.error_analysis import Outcome
from nerine.evaluation.report.content import Report

_AROUND = 160
"""Code points shown before the first and after the last entity of an outcome."""
_LONGEST = 600
"""Code points above which only the beginning and the end of a piece are shown."""

ELLIPSIS = " … "


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a text, inside a gold entity, a predicted one, both or neither."""

    text: str
    gold: bool = False
    predicted: bool = False

    @property
    def sides(self) -> str:
        """The sides as class names: `gold`, `predicted`, both with a space, or neither."""
        return " ".join(side for side in ("gold", "predicted") if getattr(self, side))


@dataclass(frozen=True, slots=True)
class Mention:
    """An entity as it is shown: surface form, label and score."""

    surface: str
    label: str
    score: float | None


@dataclass(frozen=True, slots=True)
class Example:
    """An outcome with the text around it; `seen` is as in `Report.is_seen`."""

    kind: str
    place: str
    pieces: tuple[Piece, ...]
    gold: tuple[Mention, ...]
    predicted: tuple[Mention, ...]
    seen: bool | None

    @property
    def text(self) -> str:
        """The pieces as one text."""
        return "".join(piece.text for piece in self.pieces)


def examples(report: Report, outcomes: Iterable[Outcome]) -> Iterator[Example]:
    """Examples of outcomes, in the same order; places are relative to the corpus."""
    folder = report.corpus.rstrip("/") + "/"
    for outcome in outcomes:
        document = report.gold[outcome.document]
        yield Example(
            kind=outcome.kind,
            place=report.place(outcome.document).removeprefix(folder),
            pieces=tuple(_context(document, outcome)),
            gold=_mentions(document, outcome.gold),
            predicted=_mentions(document, outcome.predicted),
            seen=report.is_seen(outcome),
        )


def _mentions(document: Document, entities: Sequence[Entity]) -> tuple[Mention, ...]:
    return tuple(
        Mention(_elided(document.surface(entity)), entity.label, entity.score)
        for entity in entities
    )


def _context(document: Document, outcome: Outcome) -> Iterator[Piece]:
    """The text around the entities, cut where an entity begins or ends."""
    entities = [*outcome.gold, *outcome.predicted]
    first = max(0, min(entity.start for entity in entities) - _AROUND)
    last = min(len(document.text), max(entity.end for entity in entities) + _AROUND)
    inner = {bound for entity in entities for bound in (entity.start, entity.end)}
    if first:
        yield Piece(ELLIPSIS)
    for start, end in pairwise(sorted({first, last} | inner)):
        gold, predicted = (
            any(entity.start <= start < entity.end for entity in side)
            for side in (outcome.gold, outcome.predicted)
        )
        yield Piece(_elided(document.text[start:end]), gold, predicted)
    if last < len(document.text):
        yield Piece(ELLIPSIS)


def _elided(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    return text[: _LONGEST // 2] + ELLIPSIS + text[-_LONGEST // 2 :]
