"""Tables of a report, for HTML and Markdown alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from nerine.core.display import escaped, markdown_table, short_path
from nerine.evaluation.calibration import ReliabilityDiagram
from nerine.evaluation.epochs import EpochRecord
from nerine.evaluation.error_analysis import Kind
from nerine.evaluation.metrics import Averages, Counts, PartialCounts
from nerine.evaluation.metrics.partial import Schema
from nerine.evaluation.report.content import Report

_SCORES = ("precision", "recall", "F1")
_MOST_ROWS = 15
"""Rows of a table of the most frequent."""

_KIND_MEANINGS: dict[Kind, str] = {
    "correct": "the range and the label of a gold entity",
    "wrong type": "the range of a gold entity, another label",
    "wrong boundary": "the label of a gold entity, another range that overlaps it",
    "wrong type and boundary": "another label, another range that overlaps",
    "split": "one gold entity was predicted as several",
    "merged": "several gold entities were predicted as one",
    "missed": "a gold entity without a predicted one",
    "spurious": "a predicted entity without a gold one",
}
_SCHEMA_MEANINGS: dict[Schema, str] = {
    "strict": "start, end and label",
    "exact": "start and end, whatever the label",
    "partial": "start and end; an overlap counts half",
    "type": "the label; any overlap",
}


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes:
        title: The title; HTML shows it to screen readers only.
        columns: The columns' names.
        rows: Cells of each row, not escaped.
        texts: Number of columns of text at the start; the others are numbers.
        totals: Rows at the foot.
        has_meanings: Whether the second column explains the first; HTML shows both in one cell.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    texts: int = 1
    totals: Sequence[Sequence[str]] = ()
    has_meanings: bool = False

    def to_markdown(self) -> Markup:
        """The table as Markdown; the names of totals are bold."""
        rows = [[escaped(cell) for cell in row] for row in self.rows]
        rows += [[f"**{escaped(name)}**", *map(escaped, cells)] for name, *cells in self.totals]
        columns = [*map(escaped, self.columns)]
        return Markup(markdown_table(columns, rows, texts=self.texts))  # noqa: S704  escaped above


def facts(report: Report) -> Table:
    """What was evaluated, in one row."""
    scores = report.scores
    counts = (f"{scores.documents:,}", f"{scores.overall.gold:,}")
    return Table(
        "What was evaluated",
        ("checkpoint", "corpus", "split", "documents", "gold entities"),
        [(short_path(report.checkpoint), short_path(report.corpus), report.split, *counts)],
        texts=3,
    )


def other_scores(report: Report) -> Table:
    """Scores by other ways to count."""
    found, other = report.scores, report.evaluation.other_reading
    ways: list[tuple[str, str, Counts | PartialCounts | Averages | None]] = [
        ("entities", "start, end and label", found.overall),
        *([(other[0], "the same tags, where they break their scheme", other[1])] if other else []),
        ("boundaries", "start and end, whatever the label", found.boundaries),
        *(
            (name, "each pair of form and label once", counts)
            for name, counts in report.evaluation.surfaces
        ),
        ("macro mean", "over labels, all with the same weight", found.macro),
        ("weighted mean", "over labels, weighted by gold entities", found.weighted),
    ]
    ways += [
        (f"SemEval {schema}", _SCHEMA_MEANINGS[schema], counts)
        for schema, counts in found.partial.items()
    ]
    return Table(
        "Scores by other ways to count",
        ("", "what counts", *_SCORES),
        [(name, meaning, *_three(scores)) for name, meaning, scores in ways if scores is not None],
        texts=2,
        has_meanings=True,
    )


def by_label(report: Report) -> Table:
    """Strict scores of each label, with the interval of F1."""
    *labels, total = (
        (label, *_three(counts), f"{number(f1.low)} to {number(f1.high)}", f"{counts.gold:,}")
        for label, counts, f1 in report.evaluation.rows
    )
    return Table(
        "Scores by label",
        ("label", *_SCORES, "F1 interval", "gold"),
        labels,
        totals=[total],
    )


def breakdown(title: str, groups: Mapping[str, Counts]) -> Table:
    """Strict scores by kinds of entity, such as seen and unseen names."""
    return Table(
        f"Scores by {title}",
        (title, *_SCORES, "gold"),
        [(name, *_three(counts), f"{counts.gold:,}") for name, counts in groups.items()],
    )


def probability_bins(found: ReliabilityDiagram) -> Table:
    """Precision of each range of probabilities that has entities."""
    return Table(
        "Precision by range of probabilities",
        ("probability", "entities", "mean", "precision"),
        [
            (
                f"{each.low:.2f}–{each.high:.2f}",
                f"{each.count:,}",
                *(number(each.mean_score), number(each.precision)),
            )
            for each in found.bins
        ],
    )


def calibration_by_label(found: ReliabilityDiagram) -> Table:
    """Calibration of each label."""
    return Table(
        "Calibration by label",
        ("label", "entities", "calibration error", "Brier score"),
        [
            (
                label,
                f"{each.entities:,}",
                number(each.expected_calibration_error),
                number(each.brier_score),
            )
            for label, each in found.labels.items()
        ],
    )


def outcomes(report: Report) -> Table:
    """Number of outcomes of each kind."""
    return Table(
        "Kinds of outcomes",
        ("kind", "meaning", "count"),
        [
            (kind, _KIND_MEANINGS[kind], f"{count:,}")
            for kind, count in report.evaluation.analysis.by_kind.items()
        ],
        texts=2,
        has_meanings=True,
    )


def outcomes_by_label(report: Report) -> Table:
    """Number of outcomes of each kind that occurs, by label."""
    analysis = report.evaluation.analysis
    kinds = [kind for kind, count in analysis.by_kind.items() if count]
    return Table(
        "Outcomes by label",
        ("label", *kinds),
        [
            (label, *(f"{counts.get(kind, 0):,}" for kind in kinds))
            for label, counts in analysis.by_label.items()
        ],
    )


def most_frequent(report: Report) -> list[Table]:
    """The most frequent confusions, and the names that were missed most often."""
    analysis = report.evaluation.analysis
    lists = {
        ("Most frequent confusions", "gold", "predicted", "count"): analysis.confusions,
        ("Names missed most often", "name", "label", "times"): analysis.missed_forms,
    }
    return [
        Table(
            title,
            columns,
            [(first, second, f"{count:,}") for first, second, count in rows[:_MOST_ROWS]],
            texts=2,
        )
        for (title, *columns), rows in lists.items()
    ]


def epochs(report: Report) -> Table:
    """Losses and scores of each epoch."""
    columns = ("epoch", "training loss", "validation loss", *_SCORES, "accuracy", "minutes")
    rows = [
        (
            f"{record.epoch:g}{' (kept)' if index == report.best_epoch else ''}",
            *(number(record.training_loss), number(record.validation_loss), *_three(record)),
            *(number(record.accuracy), f"{record.seconds / 60:.1f}"),
        )
        for index, record in enumerate(report.epochs or ())
    ]
    return Table("Epochs of the run", columns, rows)


def number(value: float) -> str:
    """A score or a loss with three decimals."""
    return f"{value:.3f}"


def _three(scores: Counts | PartialCounts | Averages | EpochRecord) -> tuple[str, str, str]:
    return number(scores.precision), number(scores.recall), number(scores.f1)
