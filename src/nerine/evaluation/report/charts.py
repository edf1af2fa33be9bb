"""Charts as SVG: drawn here, coloured by the page's style.

All of them are 400 units wide and have a title and a description for those who do not see them.
Coordinates grow to the right and downwards. Values that are no finite number are not drawn.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from unicodedata import east_asian_width

from nerine.core.display import visible
from nerine.evaluation.report.elements import Markup, element

_WIDTH = 400
_ROW = 30
_CHARACTER = 7.5
"""About the width of a character at the size of the charts' text."""
_LONGEST_LABEL = 24
_AXIS = 26
_LINE_HEIGHT = 16
_VISIBLE = 1e-9


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of a chart of bars; `shown` stands at its end."""

    label: str
    value: float
    shown: str


@dataclass(frozen=True, slots=True)
class Point:
    """A row of a chart of intervals: a value between `low` and `high`, from 0 to 1."""

    label: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Dot:
    """A dot of a chart of two shares, `x` and `y` from 0 to 1; its area grows with `weight`."""

    x: float
    y: float
    weight: float


@dataclass(frozen=True, slots=True)
class Series:
    """A line through the values of each step."""

    name: str
    values: tuple[float, ...]


def interval_chart(name: str, title: str, description: str, rows: Sequence[Point]) -> Markup:
    """A dot with its interval in each row, over an axis from 0 to 1."""
    left = _label_room([row.label for row in rows])
    plot = _Scale(left, _WIDTH - 14, 0, 1)
    bottom = len(rows) * _ROW + 4
    parts = [*_grid(plot, bottom, _UNIT_TICKS)]
    for index, row in enumerate(rows):
        y = index * _ROW + _ROW / 2
        parts += [
            _text(row.label, left - 12, y + 4.5, "end"),
            _line(plot(row.low), y, plot(row.high), y, "range"),
            _line(plot(row.low), y - 5, plot(row.low), y + 5, "cap"),
            _line(plot(row.high), y - 5, plot(row.high), y + 5, "cap"),
            element("circle", cx=_n(plot(row.value)), cy=_n(y), r=5, class_="dot"),
        ]
    return _chart(name, title, description, bottom + _AXIS, parts)


def bar_chart(
    name: str, title: str, description: str, rows: Sequence[Bar], *, full: float | None = None
) -> Markup:
    """A bar in each row, from 0 to `full`, or to the largest value."""
    left = _label_room([row.label for row in rows])
    right = _WIDTH - 10 - _CHARACTER * max((len(row.shown) for row in rows), default=0)
    largest = full or max((row.value for row in rows), default=0) or 1
    plot = _Scale(left, right, 0, largest)
    parts: list[Markup] = []
    for index, row in enumerate(rows):
        y = index * _ROW + _ROW / 2
        length = plot(row.value) - left
        parts += [
            _text(row.label, left - 12, y + 4.5, "end"),
            _bar(left, y, right - left, "track"),
            _bar(left, y, length, "bar"),
            _text(row.shown, _WIDTH, y + 4.5, "end", "value"),
        ]
    return _chart(name, title, description, len(rows) * _ROW, parts)


def _bar(x: float, middle: float, length: float, kind: str) -> Markup:
    place = {"x": _n(x), "y": _n(middle - 8), "width": _n(length)}
    return element("rect", **place, height=16, rx=2, class_=kind)


def share_chart(
    name: str, title: str, description: str, dots: Sequence[Dot], axes: tuple[str, str]
) -> Markup:
    """Dots over two axes from 0 to 1, named `axes`, against the diagonal on which both agree."""
    across = _Scale(48, _WIDTH - 14, 0, 1)
    up = _Scale(330, 14, 0, 1)
    heaviest = max((dot.weight for dot in dots), default=1) or 1
    parts = [*_grid(across, 330, _UNIT_TICKS, top=14), *_levels(up, 48, _UNIT_TICKS)]
    parts.append(_line(across(0), up(0), across(1), up(1), "ideal"))
    for before, after in pairwise(dots):
        parts.append(_line(across(before.x), up(before.y), across(after.x), up(after.y), "link"))
    for dot in dots:
        radius = 3 + 8 * math.sqrt(dot.weight / heaviest)
        parts.append(
            element("circle", cx=_n(across(dot.x)), cy=_n(up(dot.y)), r=_n(radius), class_="bubble")
        )
    middle = (_WIDTH + 34) / 2
    parts.append(_text(axes[0], middle, 374, "middle", "axis"))
    parts.append(_text(axes[1], -172, 13, "middle", "axis", transform="rotate(-90)"))
    return _chart(name, title, description, 380, parts)


def line_chart(
    name: str,
    title: str,
    description: str,
    series: Sequence[Series],
    steps: Sequence[str],
    *,
    full: float | None = None,
    marked: int | None = None,
) -> Markup:
    """A line for each series over the same `steps`, its name at its end.

    The upper end is `full`, or a round number above all values. The step `marked` is set off.
    """
    room = _CHARACTER * max((len(each.name) for each in series), default=0) + 16
    across = _Scale(44, _WIDTH - room, 0, max(len(steps) - 1, 1))
    ticks = _ticks(full or _largest(series))
    up = _Scale(210, 12, 0, ticks[-1])
    parts = [*_levels(up, 44, ticks, right=_WIDTH - room)]
    if marked is not None:
        parts.append(_line(across(marked), 12, across(marked), 210, "marked"))
    shown = range(0, len(steps), math.ceil(len(steps) / 10))
    parts += [_text(steps[index], across(index), 229, "middle", "tick") for index in shown]
    parts.append(_text("epoch", (44 + _WIDTH - room) / 2, 250, "middle", "axis"))
    for number, each in enumerate(series):
        parts += _curve(number, each, across, up)
    parts += _end_labels(series, up, _WIDTH - room + 12)
    return _chart(name, title, description, 256, parts)


def _curve(number: int, series: Series, across: _Scale, up: _Scale) -> Iterable[Markup]:
    """Line and marks of a series; each number has a dash pattern and a shape of its own."""
    places = [
        (across(index), up(value))
        for index, value in enumerate(series.values)
        if math.isfinite(value)
    ]
    points = " ".join(f"{_n(x)},{_n(y)}" for x, y in places)
    yield element("polyline", points=points, class_=f"curve s{number}")
    for x, y in places:
        yield _mark(number, x, y)


def _mark(number: int, x: float, y: float) -> Markup:
    style = f"mark s{number}"
    if number % 3 == 1:
        return element("rect", x=_n(x - 4), y=_n(y - 4), width=8, height=8, class_=style)
    if number % 3 == 2:
        corners = f"{_n(x)},{_n(y - 5.5)} {_n(x + 5)},{_n(y + 3.5)} {_n(x - 5)},{_n(y + 3.5)}"
        return element("polygon", points=corners, class_=style)
    return element("circle", cx=_n(x), cy=_n(y), r=4.5, class_=style)


def _end_labels(series: Sequence[Series], up: _Scale, x: float) -> Iterable[Markup]:
    """The names at the ends of the lines, moved apart where they would lie upon each other."""
    ends = sorted(
        (up(each.values[-1]), number, each.name)
        for number, each in enumerate(series)
        if each.values and math.isfinite(each.values[-1])
    )
    lowest = -math.inf
    heights = []
    for y, _, _ in ends:
        lowest = max(y, lowest + _LINE_HEIGHT)
        heights.append(lowest)
    surplus = max(0.0, lowest - up(0)) if ends else 0.0
    for (_, number, text), height in zip(ends, heights, strict=True):
        yield _text(text, x, height - surplus + 4.5, "start", f"series s{number}")


@dataclass(frozen=True, slots=True)
class _Scale:
    """Values from `low` to `high` → places from `first` to `last`; beyond them, the nearer end."""

    first: float
    last: float
    low: float
    high: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.first + min(max(share, 0.0), 1.0) * (self.last - self.first)


_UNIT_TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def _grid(
    plot: _Scale, bottom: float, ticks: Sequence[float], *, top: float = 0
) -> Iterable[Markup]:
    for tick in ticks:
        yield _line(plot(tick), top, plot(tick), bottom, "grid")
        yield _text(f"{tick:g}", plot(tick), bottom + 19, "middle", "tick")


def _levels(
    up: _Scale, left: float, ticks: Sequence[float], *, right: float = _WIDTH - 14
) -> Iterable[Markup]:
    for tick in ticks:
        yield _line(left, up(tick), right, up(tick), "grid")
        yield _text(f"{tick:g}", left - 8, up(tick) + 4.5, "end", "tick")


def _largest(series: Sequence[Series]) -> float:
    """The largest value, or 1 where none is to be seen above 0."""
    values = [value for each in series for value in each.values if math.isfinite(value)]
    largest = max(values, default=0)
    return largest if largest > _VISIBLE else 1


def _ticks(largest: float) -> list[float]:
    """Round numbers from 0 to `largest` or a little more, four to six of them."""
    unit = 10 ** math.floor(math.log10(largest))
    step = next(unit * part for part in (0.1, 0.2, 0.5, 1, 2) if largest / (unit * part) <= 5)
    count = math.ceil(largest / step - 1e-9)
    return [round(index * step, 12) for index in range(count + 1)]


def _label_room(labels: Sequence[str]) -> float:
    widest = max((_columns(_short(label)) for label in labels), default=0)
    return widest * _CHARACTER + 16


def _short(label: str) -> str:
    """A label that fits beside a chart; the table has it in full."""
    label = visible(label)
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


def _text(
    text: str, x: float, y: float, anchor: str, kind: str = "label", transform: str | None = None
) -> Markup:
    place = {"x": _n(x), "y": _n(y), "text_anchor": anchor, "transform": transform}
    return element("text", _short(text), **place, class_=kind)


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    return element("line", x1=_n(x1), y1=_n(y1), x2=_n(x2), y2=_n(y2), class_=kind)


def _n(number: float) -> str:
    """Coordinates to a tenth of a unit."""
    return f"{number:.1f}".removesuffix(".0")


def _chart(
    name: str, title: str, description: str, height: float, parts: Iterable[Markup]
) -> Markup:
    """The drawing, named by its title and described by its description."""
    return element(
        "svg",
        element("title", title, id=f"{name}-title"),
        element("desc", description, id=f"{name}-desc"),
        *parts,
        viewBox=f"0 0 {_WIDTH} {_n(height)}",
        role="img",
        aria_labelledby=f"{name}-title",
        aria_describedby=f"{name}-desc",
        class_="chart",
        xmlns="http://www.w3.org/2000/svg",
    )
