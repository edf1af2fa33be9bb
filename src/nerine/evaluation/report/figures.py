"""The charts of a report. Each stands next to a table with the same numbers."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from nerine.evaluation.calibration import ReliabilityDiagram
from nerine.evaluation.metrics import Counts
from nerine.evaluation.report.charts import (
    Bar,
    Dot,
    Point,
    bar_chart,
    interval_chart,
    line_chart,
    share_chart,
)
from nerine.evaluation.report.content import Report
from nerine.evaluation.report.tables import number

_EPOCHS = (
    "The dashed vertical line marks the epoch that was kept. The table below holds the numbers."
)


def by_label(report: Report) -> Markup:
    """F1 of each label and of all, with intervals."""
    scores, intervals = report.scores, report.evaluation.intervals
    rows = [(label, counts, intervals.labels[label]) for label, counts in scores.labels.items()]
    rows.append(("all labels", scores.overall, intervals.overall))
    return interval_chart(
        "labels-chart",
        "F1 by label",
        "A dot for the F1 of each label on its interval. The table next to it holds the numbers.",
        [
            Point(label, counts.f1, interval.f1.low, interval.f1.high)
            for label, counts, interval in rows
        ],
    )


def breakdown(index: int, title: str, groups: Mapping[str, Counts]) -> Markup:
    """F1 by kinds of entity, such as seen and unseen names."""
    return bar_chart(
        f"kinds-{index}-chart",
        f"F1 by {title}",
        "A bar for each kind. The table below holds the numbers.",
        [Bar(name, counts.f1, number(counts.f1)) for name, counts in groups.items()],
        full=1,
    )


def calibration(found: ReliabilityDiagram) -> Markup:
    """Precision by predicted probability (DeGroot & Fienberg, 1983)."""
    return share_chart(
        "calibration-chart",
        "Precision by probability",
        "A dot for each range of probabilities, larger for more entities. On the dashed diagonal, "
        "probability and precision are equal. The table next to it holds the numbers.",
        [Dot(each.mean_score, each.precision, each.count) for each in found.bins],
        ("mean probability", "precision"),
    )


def outcomes(report: Report) -> Markup:
    """Number of outcomes of each kind."""
    return bar_chart(
        "outcomes-chart",
        "Outcomes by kind",
        "A bar for each kind of outcome. The table next to it explains the kinds.",
        [
            Bar(kind, count, f"{count:,}")
            for kind, count in report.evaluation.analysis.by_kind.items()
        ],
    )


def losses(report: Report) -> Markup:
    """Training and validation loss by epoch."""
    epochs = report.epochs or ()
    lines = {
        "training": [record.training_loss for record in epochs],
        "validation": [record.validation_loss for record in epochs],
    }
    steps = [f"{record.epoch:g}" for record in epochs]
    return line_chart(
        "loss-chart", "Loss by epoch", _EPOCHS, lines, steps, marked=report.best_epoch
    )


def validation_scores(report: Report) -> Markup:
    """Strict scores on the validation split by epoch."""
    epochs = report.epochs or ()
    lines = {
        "F1": [record.f1 for record in epochs],
        "precision": [record.precision for record in epochs],
        "recall": [record.recall for record in epochs],
    }
    steps = [f"{record.epoch:g}" for record in epochs]
    return line_chart(
        "curve-chart", "Scores by epoch", _EPOCHS, lines, steps, full=1, marked=report.best_epoch
    )
