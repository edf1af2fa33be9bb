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
    return interval_chart(
        "labels-chart",
        "F1 by label",
        "A dot for the F1 of each label on its interval. The table next to it holds the numbers.",
        [Point(label, counts.f1, f1.low, f1.high) for label, counts, f1 in report.evaluation.rows],
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
    lines = {"training": "training_loss", "validation": "validation_loss"}
    return _by_epoch(report, "loss-chart", "Loss by epoch", lines)


def validation_scores(report: Report) -> Markup:
    """Strict scores on the validation split by epoch."""
    lines = {"F1": "f1", "precision": "precision", "recall": "recall"}
    return _by_epoch(report, "curve-chart", "Scores by epoch", lines, full=1)


def _by_epoch(
    report: Report, name: str, title: str, fields: Mapping[str, str], *, full: float | None = None
) -> Markup:
    """A line for each of some fields of the epochs; `fields` has their names, by the line's."""
    epochs = report.epochs or ()
    lines = {line: [getattr(each, field) for each in epochs] for line, field in fields.items()}
    steps = [f"{each.epoch:g}" for each in epochs]
    return line_chart(name, title, _EPOCHS, lines, steps, full=full, marked=report.best_epoch)
