"""Scores, evaluations, error analyses and epochs as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nerine.cli.terminal import Titled, cell, number_table, print_line, print_numbers, table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from nerine.evaluation.epochs import EpochRecord
    from nerine.evaluation.error_analysis import ErrorAnalysis
    from nerine.evaluation.evaluate import Evaluation
    from nerine.evaluation.metrics import Counts, PartialCounts, Scores
    from nerine.evaluation.metrics.counts import Averages
    from nerine.evaluation.significance import ScoreIntervals
    from nerine.evaluation.significance.intervals import Interval
    from nerine.training.adaptation.measurements import Measurement

_SCORES = ("precision", "recall", "F1")
_MOST = 10
"""The most confusions and missed forms that are shown."""


def _values(scores: Averages | Counts | EpochRecord | PartialCounts) -> list[str]:
    return [f"{value:.4f}" for value in (scores.precision, scores.recall, scores.f1)]


def shown_interval(interval: Interval) -> str:
    """`0.1000 to 0.9000`."""
    return f"{interval.low:.4f} to {interval.high:.4f}"


def print_scores(
    scores: Scores, title: str, on: Console, intervals: ScoreIntervals | None = None
) -> None:
    """Prints the scores of each label and of all, with intervals of F1 if given."""
    from nerine.evaluation.significance.intervals import FEW_DOCUMENTS

    between = [f"F1, {intervals.level:.0%} interval"] if intervals else []
    rows = []
    for label, counts in scores.labels.items():
        shown = [shown_interval(intervals.labels[label].f1)] if intervals else []
        rows.append((label, *_values(counts), *shown, f"{counts.gold:,}"))
    result = number_table("label", (*_SCORES, *between, "support"), rows)
    result.add_section()
    shown = [shown_interval(intervals.overall.f1)] if intervals else []
    support = f"{scores.overall.gold:,}"
    result.add_row(cell("all labels", "bold"), *_values(scores.overall), *shown, support)
    if intervals:
        result.add_row("mean of labels", *_values(scores.macro), "", "")
        result.add_row("mean by support", *_values(scores.weighted), "", "")
    on.print(Titled(title, result))
    if intervals and scores.documents < FEW_DOCUMENTS:
        on.print("with so few documents the intervals are too narrow")
    on.print(
        f"token accuracy {scores.accuracy:.4f} over {scores.tokens:,} tokens of "
        f"{scores.documents:,} documents"
    )


def print_evaluation(evaluation: Evaluation, title: str, on: Console) -> None:
    """Prints all scores of an evaluation, its error analysis and its signature."""
    scores = evaluation.scores
    print_scores(scores, title, on, evaluation.intervals)
    others = [("boundaries only", *_values(scores.boundaries))]
    others += [(name, *_values(counts)) for name, counts in evaluation.surfaces]
    if evaluation.other_reading is not None:
        name, counts = evaluation.other_reading
        others.append((name, *_values(counts)))
    outcomes = ("correct", "incorrect", "partial", "missing", "spurious")
    for schema, partial in scores.partial.items():
        numbers = [f"{getattr(partial, outcome):,}" for outcome in outcomes]
        others.append((f"SemEval-2013, {schema}", *_values(partial), *numbers))
    on.print()
    print_numbers(on, "Counted in other ways", "", (*_SCORES, *outcomes), others)
    for title_of_kinds, kinds in evaluation.breakdowns.items():
        rows = (
            (name, *_values(counts), f"{counts.gold:,}", f"{counts.predicted:,}")
            for name, counts in kinds.items()
        )
        on.print()
        print_numbers(on, f"By {title_of_kinds}", "", (*_SCORES, "gold", "predicted"), rows)
    on.print()
    print_error_analysis(evaluation.analysis, on)
    on.print()
    print_line(on, str(evaluation.signature))


def print_error_analysis(analysis: ErrorAnalysis, on: Console) -> None:
    """Prints the outcomes of the entities, confused labels, and surface forms often missed."""
    kinds = [kind for kind, count in analysis.by_kind.items() if count]
    rows = (
        (label, *(f"{counts[kind]:,}" for kind in kinds))
        for label, counts in analysis.by_label.items()
    )
    print_numbers(on, "What became of the entities", "label", kinds, rows)
    for title, columns, counted in (
        ("Labels taken for others, most often first", ("gold", "predicted"), analysis.confusions),
        ("Surface forms most often missed", ("surface form", "label"), analysis.missed_forms),
    ):
        if counted:
            rows = ((first, second, f"{count:,}") for first, second, count in counted[:_MOST])
            on.print()
            on.print(Titled(title, table((*columns, "times"), rows, numbers=["times"])))


def print_errors(analysis: ErrorAnalysis, places: Sequence[str], most: int, on: Console) -> None:
    """Prints up to `most` wrong outcomes, each with its place and its text."""
    for outcome in analysis.errors[:most]:
        document = analysis.gold[outcome.document]
        on.print()
        print_line(on, f"{outcome.kind}, {places[outcome.document]}", "bold")
        for side, entities in (("gold", outcome.gold), ("predicted", outcome.predicted)):
            named = (f"{document.surface(entity)} ({entity.label})" for entity in entities)
            print_line(on, f"  {side}: {', '.join(named) or 'nothing'}")
        print_line(on, f"  {document.text}")


def epochs_table(records: Sequence[EpochRecord], marked: EpochRecord | None, mark: str) -> Table:
    """A row for each epoch; the row of `marked` ends in `mark`."""
    names = ("epoch", "training loss", "validation loss", *_SCORES, "accuracy")
    rows: list[list[str | Text]] = [
        [
            f"{record.epoch:g}",
            *(f"{loss:.4f}" for loss in (record.training_loss, record.validation_loss)),
            *(*_values(record), f"{record.accuracy:.4f}"),
            cell(mark if record is marked else "", "bold"),
        ]
        for record in records
    ]
    return table((*names, ""), rows, numbers=names)


def losses_table(
    measurements: Sequence[Measurement], marked: Measurement | None, mark: str
) -> Table:
    """A row for each measurement of the held-out loss; the row of `marked` ends in `mark`."""
    names = ("step", "training loss", "held-out loss", "perplexity")
    rows: list[list[str | Text]] = [
        [
            f"{each.step:,}",
            "" if each.training_loss is None else f"{each.training_loss:.4f}",
            f"{each.loss:.4f}",
            f"{each.perplexity:,.1f}",
            cell(mark if each is marked else "", "bold"),
        ]
        for each in measurements
    ]
    return table((*names, ""), rows, numbers=names)
