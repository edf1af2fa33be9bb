"""Words and numbers that every form of the report shows alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from nerine.evaluation.assessment import Evaluation
from nerine.evaluation.calibration import Reliability
from nerine.evaluation.error_analysis import Kind
from nerine.evaluation.metrics import Averages, Counts, PartialCounts
from nerine.evaluation.metrics.partial import Schema
from nerine.evaluation.report.content import Report

Scores = Counts | PartialCounts | Averages
Row = TypeVar("Row")

SCORES = ("precision", "recall", "F1")


def three(scores: Scores) -> tuple[str, str, str]:
    """The values of these columns."""
    return number(scores.precision), number(scores.recall), number(scores.f1)


KIND_MEANINGS: dict[Kind, str] = {
    "correct": "the range and the label of a gold entity",
    "wrong type": "the range of a gold entity, another label",
    "wrong boundary": "the label of a gold entity, another range that overlaps it",
    "wrong type and boundary": "another label, another range that overlaps",
    "split": "one gold entity was found as several",
    "merged": "several gold entities were found as one",
    "missed": "a gold entity without a predicted one",
    "spurious": "a predicted entity without a gold one",
}

_SCHEMA_MEANINGS: dict[Schema, str] = {
    "strict": "start, end and label",
    "exact": "start and end, whatever the label",
    "partial": "start and end; an overlap counts half",
    "type": "the label; any overlap will do",
}

_LISTED = 15
"""So many rows have lists of the most frequent."""


def ways_to_count(assessment: Evaluation) -> Iterator[tuple[str, str, Scores]]:
    """Name, meaning and scores of each way to count."""
    found = assessment.evaluation
    yield "entities", "start, end and label", found.overall
    if assessment.lenient is not None:
        yield "lenient reading", "broken tags as conlleval reads them", assessment.lenient
    yield "boundaries", "start and end, whatever the label", found.boundaries
    if found.surface is not None:
        yield "surface forms", "each pair of surface form and label once", found.surface
    yield "macro mean", "over labels, each of which counts alike", found.macro
    yield "weighted mean", "over labels, each by its gold entities", found.weighted
    for schema, counts in found.partial.items():
        yield f"SemEval {schema}", _SCHEMA_MEANINGS[schema], counts


BIN_COLUMNS = ("probability", "entities", "mean", "precision")


def bin_rows(found: Reliability) -> Iterator[list[str]]:
    """A row for each range of probabilities in which there are entities."""
    for each in found.bins:
        scores = (number(each.mean_score), number(each.precision))
        yield [f"{each.low:.2f}–{each.high:.2f}", f"{each.count:,}", *scores]


RELIABILITY_COLUMNS = ("label", "entities", "calibration error", "Brier score")


def reliability_row(found: Reliability) -> tuple[str, str, str]:
    """What stands in the columns of a table of reliability (DeGroot & Fienberg, 1983) behind the
    label.
    """
    return f"{found.entities:,}", number(found.error), number(found.brier)


EPOCH_COLUMNS = ("epoch", "training loss", "validation loss", *SCORES, "accuracy", "minutes")


def epoch_rows(report: Report) -> Iterator[list[str]]:
    """A row for each epoch of the run."""
    for index, record in enumerate(report.epochs or ()):
        values = (
            *(record.training_loss, record.validation_loss),
            *(record.precision, record.recall, record.f1, record.accuracy),
        )
        yield [
            f"{record.epoch:g}{' (kept)' if index == report.best_epoch else ''}",
            *map(number, values),
            f"{record.seconds / 60:.1f}",
        ]


def number(value: float) -> str:
    """A score or a loss to three decimals."""
    return f"{value:.3f}"


def percent(share: float) -> str:
    """A share as `95 %`, with a space that does not break."""
    return f"{100 * share:g}\u00a0%"


def most(rows: Sequence[Row]) -> Sequence[Row]:
    """The first rows of a list of the most frequent."""
    return rows[:_LISTED]
