"""A tagger in a few lines, for notebooks."""

from __future__ import annotations

from collections.abc import Sequence

from nerine.core.shown import Grid
from nerine.evaluation.calibration import Thresholds
from nerine.model.rules import Rules
from nerine.model.settings import ModelSettings


def tagger_parts(
    name: str,
    settings: ModelSettings,
    backend: str,
    thresholds: Thresholds | None,
    rules: Rules | None,
    *,
    notes: Sequence[str],
) -> list[Grid | str]:
    """How a tagger works, as a table, and its notes."""
    rows = [
        ("labels", ", ".join(settings.labels)),
        ("tag scheme", settings.scheme.value),
        ("words", settings.words),
        ("decoding", settings.decoding),
        ("windows", f"{settings.max_length:,} subwords, {settings.overlap:,} shared"),
        *([("context", f"{settings.context} subwords a side")] if settings.context else []),
        ("backend", backend),
        ("thresholds", _thresholds(thresholds)),
        *([] if rules is None else [("rules", str(rules))]),
    ]
    title = name or "a tagger that was made in memory"
    return [Grid(title, ("setting", "value"), rows, texts=2), *notes]


def _thresholds(thresholds: Thresholds | None) -> str:
    if thresholds is None:
        return "none"
    by_label = (f"{label} {value:.4f}" for label, value in thresholds.labels.items())
    return "; ".join([f"{thresholds.value:.4f}", *by_label])
