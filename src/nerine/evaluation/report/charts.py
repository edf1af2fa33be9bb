"""Charts as SVG; the page's style sheet colours them.

All charts are 400 units wide and have a title and a description for screen readers. Coordinates
grow to the right and downwards. Values that are not finite are not drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple
from unicodedata import east_asian_width

from markupsafe import Markup

from nerine.core.display import visible
from nerine.evaluation.report.rendering import shown

_WIDTH = 400
_ROW = 30
_CHARACTER = 7.5
"""Approximate width of a character of the charts' text."""
_LONGEST_LABEL = 24
_AXIS = 26
_LINE_HEIGHT = 16
_VISIBLE = 1e-9
_UNIT_TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


class Bar(NamedTuple):
    """A row of a bar chart; `shown` is the text at its end."""

    label: str
    value: float
    shown: str


class Point(NamedTuple):
    """A row of an interval chart: a value between `low` and `high`, from 0 to 1."""

    label: str
    value: float
    low: float
    high: float


class Dot(NamedTuple):
    """A dot at `x` and `y`, from 0 to 1; its area grows with `weight`."""

    x: float
    y: float
    weight: float


def interval_chart(name: str, title: str, description: str, rows: Sequence[Point]) -> Markup:
    """A dot on its interval in each row, over an axis from 0 to 1."""
    left = _label_room(row.label for row in rows)
    plot = _scale(left, _WIDTH - 14, 0, 1)
    bottom = len(rows) * _ROW + 4
    parts = _vertical_grid(plot, bottom)
    for index, row in enumerate(rows):
        y = index * _ROW + _ROW / 2
        low, high = plot(row.low), plot(row.high)
        parts += [
            _text(row.label, left - 12, y + 4.5, "end"),
            _element("line", "range", x1=low, y1=y, x2=high, y2=y),
            _element("line", "cap", x1=low, y1=y - 5, x2=low, y2=y + 5),
            _element("line", "cap", x1=high, y1=y - 5, x2=high, y2=y + 5),
            _element("circle", "dot", cx=plot(row.value), cy=y, r=5),
        ]
    return _chart(name, title, description, bottom + _AXIS, parts)


def bar_chart(
    name: str, title: str, description: str, rows: Sequence[Bar], *, full: float | None = None
) -> Markup:
    """A bar in each row, from 0 to `full` or the largest value."""
    left = _label_room(row.label for row in rows)
    right = _WIDTH - 10 - _CHARACTER * max((len(row.shown) for row in rows), default=0)
    largest = full or max((row.value for row in rows), default=0) or 1
    plot = _scale(left, right, 0, largest)
    parts: list[Markup] = []
    for index, row in enumerate(rows):
        y = index * _ROW + _ROW / 2
        for kind, end in (("track", right), ("bar", plot(row.value))):
            width = end - left
            parts.append(_element("rect", kind, x=left, y=y - 8, width=width, height=16, rx=2))
        parts.append(_text(row.label, left - 12, y + 4.5, "end"))
        parts.append(_text(row.shown, _WIDTH, y + 4.5, "end", "value"))
    return _chart(name, title, description, len(rows) * _ROW, parts)


def share_chart(
    name: str, title: str, description: str, dots: Sequence[Dot], axes: tuple[str, str]
) -> Markup:
    """Dots over two axes from 0 to 1, named `axes`, with the diagonal where both are equal."""
    across, up = _scale(48, _WIDTH - 14, 0, 1), _scale(330, 14, 0, 1)
    heaviest = max((dot.weight for dot in dots), default=1) or 1
    parts = _vertical_grid(across, 330, top=14) + _horizontal_grid(up, 48, _WIDTH - 14, _UNIT_TICKS)
    parts.append(_element("line", "ideal", x1=across(0), y1=up(0), x2=across(1), y2=up(1)))
    for before, after in pairwise(dots):
        start, end = (across(before.x), up(before.y)), (across(after.x), up(after.y))
        parts.append(_element("line", "link", x1=start[0], y1=start[1], x2=end[0], y2=end[1]))
    for dot in dots:
        radius = 3 + 8 * math.sqrt(dot.weight / heaviest)
        parts.append(_element("circle", "bubble", cx=across(dot.x), cy=up(dot.y), r=radius))
    parts.append(_text(axes[0], (_WIDTH + 34) / 2, 374, "middle", "axis"))
    upright = Markup('<g transform="rotate(-90)">{}</g>')
    parts.append(upright.format(_text(axes[1], -172, 13, "middle", "axis")))
    return _chart(name, title, description, 380, parts)


def line_chart(
    name: str,
    title: str,
    description: str,
    lines: Mapping[str, Sequence[float]],
    steps: Sequence[str],
    *,
    full: float | None = None,
    marked: int | None = None,
) -> Markup:
    """Lines over the same `steps`, each with its name at its end.

    The upper end of the axis is `full`, or a round number above all values. A dashed line marks
    the step of index `marked`.
    """
    end = _WIDTH - 16 - _CHARACTER * max(map(len, lines), default=0)
    across = _scale(44, end, 0, max(len(steps) - 1, 1))
    values = [value for line in lines.values() for value in line if math.isfinite(value)]
    largest = max(values, default=0)
    ticks = _ticks(full or (largest if largest > _VISIBLE else 1))
    up = _scale(210, 12, 0, ticks[-1])
    parts = _horizontal_grid(up, 44, end, ticks)
    if marked is not None:
        x = across(marked)
        parts.append(_element("line", "marked", x1=x, y1=12, x2=x, y2=210))
    for index in range(0, len(steps), math.ceil(len(steps) / 10)):
        parts.append(_text(steps[index], across(index), 229, "middle", "tick"))
    parts.append(_text("epoch", (44 + end) / 2, 250, "middle", "axis"))
    for number, line in enumerate(lines.values()):
        places = [
            (across(step), up(value)) for step, value in enumerate(line) if math.isfinite(value)
        ]
        parts.append(_element("polyline", f"curve s{number}", points=places))
        style = f"mark s{number}"
        for x, y in places:
            corners = [(x, y - 5.5), (x + 5, y + 3.5), (x - 5, y + 3.5)]
            marks = (
                _element("circle", style, cx=x, cy=y, r=4.5),
                _element("rect", style, x=x - 4, y=y - 4, width=8, height=8),
                _element("polygon", style, points=corners),
            )
            parts.append(marks[number % 3])
    return _chart(name, title, description, 256, parts + _end_labels(lines, up, end + 12))


def _end_labels(
    lines: Mapping[str, Sequence[float]], up: Callable[[float], float], x: float
) -> list[Markup]:
    """The lines' names at their ends, moved apart so that they do not overlap."""
    ends = sorted(
        (up(line[-1]), number, name)
        for number, (name, line) in enumerate(lines.items())
        if line and math.isfinite(line[-1])
    )
    lowest = -math.inf
    heights = []
    for y, _, _ in ends:
        lowest = max(y, lowest + _LINE_HEIGHT)
        heights.append(lowest)
    surplus = max(0.0, lowest - up(0))
    return [
        _text(name, x, height - surplus + 4.5, "start", f"series s{number}")
        for (_, number, name), height in zip(ends, heights, strict=True)
    ]


def _scale(first: float, last: float, low: float, high: float) -> Callable[[float], float]:
    """A linear map from `low` to `high` onto `first` to `last`; values outside are clamped."""

    def place(value: float) -> float:
        share = (value - low) / (high - low)
        return first + min(max(share, 0.0), 1.0) * (last - first)

    return place


def _vertical_grid(
    plot: Callable[[float], float], bottom: float, *, top: float = 0
) -> list[Markup]:
    return [
        part
        for tick in _UNIT_TICKS
        for part in (
            _element("line", "grid", x1=plot(tick), y1=top, x2=plot(tick), y2=bottom),
            _text(f"{tick:g}", plot(tick), bottom + 19, "middle", "tick"),
        )
    ]


def _horizontal_grid(
    up: Callable[[float], float], left: float, right: float, ticks: Sequence[float]
) -> list[Markup]:
    return [
        part
        for tick in ticks
        for part in (
            _element("line", "grid", x1=left, y1=up(tick), x2=right, y2=up(tick)),
            _text(f"{tick:g}", left - 8, up(tick) + 4.5, "end", "tick"),
        )
    ]


def _ticks(largest: float) -> list[float]:
    """Round numbers from 0 to `largest` or a little more, four to six of them."""
    unit = 10 ** math.floor(math.log10(largest))
    step = next(unit * part for part in (0.1, 0.2, 0.5, 1, 2) if largest / (unit * part) <= 5)
    count = math.ceil(largest / step - 1e-9)
    return [round(index * step, 12) for index in range(count + 1)]


def _label_room(labels: Iterable[str]) -> float:
    widest = max((_columns(_short(label)) for label in labels), default=0)
    return widest * _CHARACTER + 16


def _short(label: str) -> str:
    """A label cut to fit next to a chart; the table has it in full."""
    label = shown(visible(label))
    if _columns(label) <= _LONGEST_LABEL:
        return label
    kept = ""
    for character in label:
        if _columns(kept + character) >= _LONGEST_LABEL:
            break
        kept += character
    return f"{kept}…"


def _columns(text: str) -> int:
    return sum(2 if east_asian_width(each) in "WF" else 1 for each in text)


def _text(text: str, x: float, y: float, anchor: str, style: str = "label") -> Markup:
    return Markup('<text x="{}" y="{}" text-anchor="{}" class="{}">{}</text>').format(
        _rounded(x), _rounded(y), anchor, style, _short(text)
    )


def _element(
    name: str, style: str, points: Iterable[tuple[float, float]] | None = None, **numbers: float
) -> Markup:
    """An element without content."""
    attributes = {key: _rounded(value) for key, value in numbers.items()}
    if points is not None:
        attributes["points"] = " ".join(f"{_rounded(x)},{_rounded(y)}" for x, y in points)
    written = [Markup(' {}="{}"').format(*each) for each in attributes.items()]
    return Markup('<{}{} class="{}"/>').format(name, Markup("").join(written), style)


def _rounded(number: float) -> str:
    """Coordinates with one decimal at the most."""
    return f"{number:.1f}".removesuffix(".0")


def _chart(
    name: str, title: str, description: str, height: float, parts: Iterable[Markup]
) -> Markup:
    """The drawing, with its title and description."""
    return Markup(
        '<svg viewBox="0 0 {width} {height}" role="img" aria-labelledby="{name}-title" '
        'aria-describedby="{name}-desc" class="chart" xmlns="http://www.w3.org/2000/svg">'
        '<title id="{name}-title">{title}</title><desc id="{name}-desc">{description}</desc>'
        "{parts}</svg>"
    ).format(
        width=_WIDTH,
        height=_rounded(height),
        name=name,
        title=title,
        description=description,
        parts=Markup("").join(parts),
    )
