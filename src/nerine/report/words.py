"""Words and numbers that every form of the report shows alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

KINDS = {
    "correct": "the range and the label of a gold entity",
    "wrong type": "the range of a gold entity with another label",
    "wrong boundary": "overlaps a gold entity of its label, with another range",
    "wrong type and boundary": "overlaps a gold entity of another label",
    "split": "one gold entity was found as several",
    "merged": "several gold entities were found as one",
    "missed": "a gold entity that no predicted one overlaps",
    "spurious": "a predicted entity that overlaps no gold one",
}
"""What the kinds of outcomes mean, in the order in which they are shown."""

SCHEMAS = {
    "strict": "start, end and label",
    "exact": "start and end, whatever the label",
    "partial": "start and end; an overlap counts half",
    "type": "the label; any overlap will do",
}
"""What counts in the schemas of SemEval-2013."""

LISTED = 15
"""So many rows have lists of the most frequent."""

Row = TypeVar("Row")


def number(value: float) -> str:
    """A score or a loss to three decimals."""
    return f"{value:.3f}"


def percent(share: float) -> str:
    """A share as `95 %`, with the space that does not break."""
    return f"{100 * share:g} %"


def most(rows: Sequence[Row]) -> Sequence[Row]:
    """The first rows of a list of the most frequent."""
    return rows[:LISTED]
