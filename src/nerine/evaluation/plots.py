"""Drawings of scores with matplotlib, which the extra `notebook` installs.

Each function draws on the given axes, or on those of a new figure, and returns them. Labels come
from strangers: they are never read as formulas.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from nerine.core.display import counted, visible
from nerine.core.extras import import_extra
from nerine.evaluation.epochs import EpochRecord, best_record

_LONGEST_LABEL = 32
_MOST_TICKS = 12
_NONE = "none"


class _Bin(Protocol):
    """A bin of a reliability diagram."""

    @property
    def count(self) -> int:
        """The number of its entities."""
        ...

    @property
    def mean_score(self) -> float:
        """Their mean score."""
        ...

    @property
    def precision(self) -> float:
        """The share of them that is correct."""
        ...


def plot_intervals(rows: Sequence[tuple[str, float, float, float]], ax: Any = None) -> Any:
    """F1 of each row, with its name, between the ends of its interval."""
    ax = _axes(ax)
    for place, (_, value, low, high) in enumerate(rows):
        ax.plot([low, high], [place, place], color="C0", linewidth=2, alpha=0.5)
        ax.plot([value], [place], "o", color="C0")
    _name_rows(ax, [name for name, *_ in rows])
    ax.set(xlim=(0, 1), xlabel="F1", title="F1 by label, with intervals")
    ax.grid(axis="x", alpha=0.3)
    return ax


def plot_groups(title: str, groups: Mapping[str, tuple[float, int]], ax: Any = None) -> Any:
    """F1 of each group as a bar, with its number of gold entities."""
    ax = _axes(ax)
    names = [f"{name}\n{counted(gold, 'entity', 'entities')}" for name, (_, gold) in groups.items()]
    values = [value for value, _ in groups.values()]
    bars = ax.bar(range(len(values)), values, color="C0")
    ax.bar_label(bars, [f"{value:.2f}" for value in values], padding=2)
    ax.set_xticks(range(len(names)), names, parse_math=False)
    ax.set(ylim=(0, 1.08), ylabel="F1", title=f"F1 by {title}")
    return ax


def plot_confusion(counts: Mapping[tuple[str, str], int], ax: Any = None) -> Any:
    """Counts of gold labels, in rows, against predicted ones; `""` stands for no entity."""
    ax = _axes(ax)
    labels = sorted({label for pair in counts for label in pair} - {""})
    order = [*labels, ""]
    cells = [[counts.get((gold, predicted), 0) for predicted in order] for gold in order]
    # the darkest is the most frequent mistake or the most frequent label, whichever is more
    shades = [[cell**0.5 for cell in row] for row in cells]
    ax.imshow(shades, cmap="Blues", aspect="auto")
    darkest = max(max(row) for row in shades)
    for y, row in enumerate(cells):
        for x, cell in enumerate(row):
            colour = "white" if shades[y][x] > darkest / 2 else "black"
            if cell:
                ax.text(x, y, f"{cell:,}", ha="center", va="center", color=colour)
    names = [*map(_label, labels), _NONE]
    ax.set_xticks(range(len(order)), names, rotation=45, ha="right", parse_math=False)
    ax.set_yticks(range(len(order)), names, parse_math=False)
    ax.set(xlabel="predicted", ylabel="gold", title="Labels of gold and predicted entities")
    return ax


def plot_reliability(bins: Sequence[_Bin], ax: Any = None) -> Any:
    """Precision of predicted entities by their score; larger dots stand for more entities."""
    ax = _axes(ax)
    most = max((each.count for each in bins), default=1)
    ax.plot([0, 1], [0, 1], "--", color="0.5", linewidth=1)
    scores, shares = [each.mean_score for each in bins], [each.precision for each in bins]
    ax.plot(scores, shares, color="C0", alpha=0.5)
    ax.scatter(scores, shares, [20 + 180 * each.count / most for each in bins], color="C0")
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="mean score", ylabel="precision")
    ax.set_title("Is an entity with a score of 0.8 correct in eight cases of ten?")
    ax.grid(alpha=0.3)
    return ax


def plot_epochs(records: Sequence[EpochRecord], ax: Any = None) -> Any:
    """Losses and validation F1 by epoch; a dotted line marks the epoch whose weights are kept."""
    ax = _axes(ax)
    epochs = [each.epoch for each in records]
    ax.plot(epochs, [each.training_loss for each in records], "s-", color="C1", label="training")
    losses = [each.validation_loss for each in records]
    ax.plot(epochs, losses, "^-", color="C2", label="validation")
    ax.set(xlabel="epoch", ylabel="loss", title="Losses and validation F1")
    ax.set_ylim(0, 1.08 * ax.dataLim.y1)
    if len(epochs) <= _MOST_TICKS:
        ax.set_xticks(epochs, [f"{epoch:g}" for epoch in epochs])
    right = ax.twinx()
    right.plot(epochs, [each.f1 for each in records], "o-", color="C0", label="F1")
    right.set(ylim=(0, 1), ylabel="F1")
    ax.axvline(best_record(records).epoch, linestyle=":", color="0.5")
    lines = [*ax.lines[:2], right.lines[0]]
    names = [line.get_label() for line in lines]
    ax.legend(lines, names, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=3, frameon=False)
    return ax


def _axes(ax: Any) -> Any:
    if ax is not None:
        return ax
    pyplot = import_extra("matplotlib.pyplot", "notebook", "plot()")
    _, made = pyplot.subplots(layout="constrained")
    return made


def _name_rows(ax: Any, names: Sequence[str]) -> None:
    ax.set_yticks(range(len(names)), map(_label, names), parse_math=False)
    ax.set_ylim(len(names) - 0.5, -0.5)


def _label(name: str) -> str:
    shown = visible(name)
    return shown if len(shown) <= _LONGEST_LABEL else f"{shown[: _LONGEST_LABEL - 1]}…"
