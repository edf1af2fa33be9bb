"""Scores, and what explains them, as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from nerine.cli.terminal import cell, table, titled

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from nerine.evaluation.error_analysis import ErrorAnalysis
    from nerine.evaluation.evaluate import Evaluation
    from nerine.evaluation.metrics import Counts
    from nerine.evaluation.significance import Intervals

_MOST = 10
"""So many confusions and missed forms are shown."""


class _Scores(Protocol):
    @property
    def precision(self) -> float: ...
    @property
    def recall(self) -> float: ...
    @property
    def f1(self) -> float: ...


def print_assessment(assessment: Evaluation, title: str, on: Console) -> None:
    """All scores, and where they come from."""
    from nerine.evaluation.significance.intervals import FEW_DOCUMENTS

    evaluation = assessment.scores
    on.print(titled(title, _labels_table(assessment)))
    if evaluation.documents < FEW_DOCUMENTS:
        on.print("with so few documents the intervals are too narrow")
    on.print(
        f"token accuracy {evaluation.accuracy:.4f} over {evaluation.tokens:,} tokens of "
        f"{evaluation.documents:,} documents"
    )
    on.print()
    on.print(titled("Counted in other ways", _others_table(assessment)))
    for name, kinds in assessment.breakdowns.items():
        on.print()
        on.print(titled(f"By {name}", _kinds_table(kinds)))
    on.print()
    print_analysis(assessment.analysis, on)
    on.print()
    on.print(cell(str(assessment.signature)), soft_wrap=True)


def _values(scores: _Scores) -> list[str]:
    return [f"{value:.4f}" for value in (scores.precision, scores.recall, scores.f1)]


def _labels_table(assessment: Evaluation) -> Table:
    evaluation, intervals = assessment.scores, assessment.intervals
    interval = f"F1, {intervals.level:.0%} interval"
    names = ("precision", "recall", "F1", interval, "support")
    result = table(("label", *names), numbers=names)
    for label, counts in evaluation.labels.items():
        shown = _interval(intervals.labels[label])
        result.add_row(cell(label), *_values(counts), shown, f"{counts.gold:,}")
    result.add_section()
    overall = evaluation.overall
    shown = _interval(intervals.overall)
    result.add_row(cell("all labels", "bold"), *_values(overall), shown, f"{overall.gold:,}")
    result.add_row("mean of labels", *_values(evaluation.macro), "", "")
    result.add_row("mean by support", *_values(evaluation.weighted), "", "")
    return result


def _interval(intervals: Intervals) -> str:
    return f"{intervals.f1.low:.4f} to {intervals.f1.high:.4f}"


def _others_table(assessment: Evaluation) -> Table:
    evaluation = assessment.scores
    scores = ("precision", "recall", "F1")
    counts = ("correct", "incorrect", "partial", "missing", "spurious")
    result = table(("", *scores, *counts), numbers=(*scores, *counts))
    result.add_row("boundaries only", *_values(evaluation.boundaries))
    if evaluation.surface is not None:
        result.add_row("surface forms (WNUT 2017)", *_values(evaluation.surface))
    if assessment.lenient is not None:
        result.add_row("conlleval's reading of tags", *_values(assessment.lenient))
    for schema, each in evaluation.partial.items():
        numbers = (f"{getattr(each, name):,}" for name in counts)
        result.add_row(f"SemEval-2013, {schema}", *_values(each), *numbers)
    return result


def _kinds_table(kinds: Mapping[str, Counts]) -> Table:
    names = ("precision", "recall", "F1", "gold", "predicted")
    result = table(("", *names), numbers=names)
    for name, counts in kinds.items():
        numbers = f"{counts.gold:,}", f"{counts.predicted:,}"
        result.add_row(cell(name), *_values(counts), *numbers)
    return result


def print_analysis(analysis: ErrorAnalysis, on: Console) -> None:
    """What became of the entities, which labels were taken for which, which forms were missed."""
    kinds = [kind for kind, count in analysis.by_kind.items() if count]
    outcomes = table(("label", *kinds), numbers=kinds)
    for label, counts in analysis.by_label.items():
        outcomes.add_row(cell(label), *(f"{counts[kind]:,}" for kind in kinds))
    on.print(titled("What became of the entities", outcomes))
    if analysis.confusions:
        confusions = table(("gold", "predicted", "times"), numbers=["times"])
        for gold, predicted, count in analysis.confusions[:_MOST]:
            confusions.add_row(cell(gold), cell(predicted), f"{count:,}")
        on.print()
        on.print(titled("Labels taken for others, most often first", confusions))
    if analysis.missed_forms:
        missed = table(("surface form", "label", "times"), numbers=["times"])
        for surface, label, count in analysis.missed_forms[:_MOST]:
            missed.add_row(cell(surface), cell(label), f"{count:,}")
        on.print()
        on.print(titled("Surface forms most often missed", missed))


def print_errors(analysis: ErrorAnalysis, places: Sequence[str], most: int, on: Console) -> None:
    """Wrong outcomes, `most` at the most, each with its place and its text."""
    for outcome in analysis.errors[:most]:
        document = analysis.gold[outcome.document]
        on.print()
        on.print(cell(f"{outcome.kind}, {places[outcome.document]}", "bold"), soft_wrap=True)
        for side, entities in (("gold", outcome.gold), ("predicted", outcome.predicted)):
            named = (f"{document.surface(e)} ({e.label})" for e in entities)
            on.print(cell(f"  {side}: {', '.join(named) or 'nothing'}"), soft_wrap=True)
        on.print(cell(f"  {document.text}"), soft_wrap=True)
