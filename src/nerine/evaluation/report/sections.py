"""The sections of the page: each turns a part of a report into headings, charts and tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from nerine.evaluation.metrics import Counts
from nerine.evaluation.report.charts import (
    Bar,
    Dot,
    Point,
    Series,
    bar_chart,
    interval_chart,
    line_chart,
    share_chart,
)
from nerine.evaluation.report.content import NO_EPOCHS, NO_SCORES, Report
from nerine.evaluation.report.elements import Markup, element, isolated, table
from nerine.evaluation.report.words import (
    BIN_COLUMNS,
    EPOCH_COLUMNS,
    KIND_MEANINGS,
    RELIABILITY_COLUMNS,
    SCORES,
    bin_rows,
    epoch_rows,
    most,
    number,
    percent,
    reliability_row,
    three,
    ways_to_count,
)
from nerine.evaluation.significance import Interval, Intervals


def section(name: str, title: str, *children: str) -> Markup:
    """A part of the page under a heading of its own."""
    heading = element("h2", title, id=f"{name}-heading")
    return element("section", heading, *children, id=name, aria_labelledby=f"{name}-heading")


def headline(report: Report) -> Markup:
    """The scores that a reader looks for first, each with its interval."""
    overall, certain = report.evaluation.overall, report.intervals.overall
    tiles = [
        _tile("F1", overall.f1, certain.f1, "main"),
        _tile("precision", overall.precision, certain.precision),
        _tile("recall", overall.recall, certain.recall),
    ]
    level = percent(report.intervals.level)
    return section(
        "scores",
        "Scores",
        element("div", *tiles, class_="tiles"),
        element(
            "p",
            f"{overall.correct:,} of {overall.predicted:,} predicted entities are correct, out of "
            f"{overall.gold:,} gold ones: start, end and label are the same. The {level} "
            f"intervals come from {report.intervals.samples:,} resamplings of the documents. "
            f"Token accuracy is {number(report.evaluation.accuracy)} over "
            f"{report.evaluation.tokens:,} tokens.",
        ),
        element("h3", "Other ways to count"),
        table("Scores by other ways to count", ("what counts", *SCORES), _ways(report)),
        element("p", element("code", str(report.assessment.signature)), class_="signature"),
    )


def _tile(name: str, value: float, interval: Interval, kind: str = "") -> Markup:
    return element(
        "div",
        element("p", name, class_="name"),
        element("p", number(value), class_="figure"),
        _strip(value, interval),
        element("p", f"{number(interval.low)} to {number(interval.high)}", class_="interval"),
        class_=f"tile {kind}".strip(),
    )


def _strip(value: float, interval: Interval) -> Markup:
    """A line from 0 to 1 with the interval on it; the numbers stand beside it."""
    low, high = 200 * interval.low, 200 * interval.high
    return element(
        "svg",
        element("line", x1=0, y1=6, x2=200, y2=6, class_="grid"),
        element("line", x1=f"{low:.1f}", y1=6, x2=f"{high:.1f}", y2=6, class_="range"),
        element("circle", cx=f"{200 * value:.1f}", cy=6, r=4.5, class_="dot"),
        viewBox="-6 0 212 12",
        preserveAspectRatio="xMinYMid meet",
        class_="strip",
        aria_hidden="true",
    )


def _ways(report: Report) -> Iterator[list[str]]:
    for name, meaning, scores in ways_to_count(report.assessment):
        yield [_explained(name, meaning), *three(scores)]


def _explained(name: str, meaning: str) -> Markup:
    """A name with what it means beside it, or below it where the page is narrow."""
    parts = (element("span", name), " ", element("span", meaning, class_="meaning"))
    return element("span", *parts, class_="explained")


def by_label(report: Report) -> Markup:
    """F1 of each label with its interval."""
    certain = report.intervals
    rows = [
        (label, counts, certain.labels[label]) for label, counts in report.evaluation.labels.items()
    ]
    total = ("all labels", report.evaluation.overall, certain.overall)
    chart = interval_chart(
        "labels-chart",
        "F1 by label",
        f"A dot for each label's F1 on its {percent(certain.level)} interval; the table beside it "
        "holds the numbers.",
        [
            Point(label, counts.f1, interval.f1.low, interval.f1.high)
            for label, counts, interval in (*rows, total)
        ],
    )
    columns = ("label", *SCORES, "F1 interval", "gold")
    shown = [_label_row(*row) for row in rows]
    content = table("Scores by label", columns, shown, foot=[_label_row(*total)])
    return section("labels", "Labels", _figure(chart, content))


def _label_row(label: str, counts: Counts, intervals: Intervals) -> list[str]:
    interval = f"{number(intervals.f1.low)}–{number(intervals.f1.high)}"
    return [label, *three(counts), interval, f"{counts.gold:,}"]


def breakdown(report: Report) -> Markup:
    """Scores by what entities are like."""
    parts = [
        _breakdown(index, title, groups)
        for index, (title, groups) in enumerate(report.breakdowns.items())
    ]
    return section("kinds", "Kinds of entities", element("div", *parts, class_="grid"))


def _breakdown(index: int, title: str, groups: Mapping[str, Counts]) -> Markup:
    chart = bar_chart(
        f"kinds-{index}-chart",
        f"F1 by {title}",
        "A bar for each kind; the table below it holds the numbers.",
        [Bar(name, counts.f1, number(counts.f1)) for name, counts in groups.items()],
        full=1,
    )
    rows = [[name, *three(counts), f"{counts.gold:,}"] for name, counts in groups.items()]
    shown = table(f"Scores by {title}", (title, *SCORES, "gold"), rows)
    return element("div", element("h3", title.capitalize()), chart, shown)


def calibration(report: Report) -> Markup:
    """How far an entity's probability can be believed."""
    found = report.reliability
    if found is None:
        return section("calibration", "Calibration", element("p", NO_SCORES))
    chart = share_chart(
        "calibration-chart",
        "Precision by probability",
        "A dot for each range of probabilities; on the dashed diagonal, probabilities are what "
        "they say. Larger dots stand for more entities. The table holds the numbers.",
        [Dot(each.mean_score, each.precision, each.count) for each in found.bins],
        ("mean probability", "precision"),
    )
    text = (
        f"The expected calibration error is {number(found.error)}: so far do the probabilities of "
        f"{found.entities:,} predicted entities lie from their precision, on average over the "
        f"ranges; in one of them {number(found.largest_error)}. Dots below the diagonal are "
        f"entities that are more certain than right. The Brier score is {number(found.brier)}."
    )
    bins = table("Precision by range of probabilities", BIN_COLUMNS, bin_rows(found))
    labels = table(
        "Calibration by label",
        RELIABILITY_COLUMNS,
        [[label, *reliability_row(each)] for label, each in found.labels.items()],
    )
    return section(
        "calibration",
        "Calibration",
        element("p", text),
        _figure(chart, bins),
        element("h3", "By label"),
        labels,
    )


def outcomes(report: Report) -> Markup:
    """How many entities came out how, over all and by label."""
    totals = report.analysis.by_kind
    chart = bar_chart(
        "outcomes-chart",
        "Outcomes by kind",
        "A bar for each kind of outcome; the table beside it says what they mean.",
        [Bar(kind, count, f"{count:,}") for kind, count in totals.items()],
    )
    meanings = table(
        "Kinds of outcomes",
        ("kind", "count"),
        [[_explained(kind, KIND_MEANINGS[kind]), f"{n:,}"] for kind, n in totals.items()],
    )
    kinds = [kind for kind, count in totals.items() if count]
    labels = table(
        "Outcomes by label",
        ("label", *kinds),
        [
            [label, *(f"{counts.get(kind, 0):,}" for kind in kinds)]
            for label, counts in report.analysis.by_label.items()
        ],
    )
    return section(
        "outcomes",
        "Outcomes",
        _figure(chart, meanings),
        element("h3", "By label"),
        labels,
        *_lists(report),
    )


def _lists(report: Report) -> Iterator[Markup]:
    confused = most(report.analysis.confusions)
    missed = most(report.analysis.missed_forms)
    parts = [
        _list("Most frequent confusions", ("gold", "predicted", "count"), confused),
        _list("Names missed most often", ("name", "label", "times"), missed),
    ]
    yield element("div", *parts, class_="grid")


def _list(title: str, columns: Sequence[str], rows: Sequence[tuple[str, str, int]]) -> Markup:
    shown = [[first, isolated(second), f"{count:,}"] for first, second, count in rows]
    content = table(title, columns, shown, texts=2) if rows else element("p", "There are none.")
    return _drawn(title, content)


def training(report: Report) -> Markup:
    """How losses and scores went over the epochs of the run."""
    epochs = report.epochs
    if not epochs:
        return section("training", "Training", element("p", NO_EPOCHS))
    best = report.best_epoch or 0
    steps = [f"{record.epoch:g}" for record in epochs]
    losses = [
        Series("training", tuple(record.training_loss for record in epochs)),
        Series("validation", tuple(record.validation_loss for record in epochs)),
    ]
    scores = [
        Series("F1", tuple(record.f1 for record in epochs)),
        Series("precision", tuple(record.precision for record in epochs)),
        Series("recall", tuple(record.recall for record in epochs)),
    ]
    about = "The dashed vertical line marks the epoch that was kept; the table holds the numbers."
    charts = [
        _drawn(
            "Loss", line_chart("loss-chart", "Loss by epoch", about, losses, steps, marked=best)
        ),
        _drawn(
            "Scores on validation",
            line_chart("curve-chart", "Scores by epoch", about, scores, steps, full=1, marked=best),
        ),
    ]
    return section(
        "training",
        "Training",
        element(
            "p",
            f"The weights of epoch {steps[best]} were kept: its F1 on the validation split is the "
            "highest. Losses are means over words.",
        ),
        element("div", *charts, class_="grid"),
        table("Epochs of the run", EPOCH_COLUMNS, epoch_rows(report)),
    )


def _drawn(title: str, chart: Markup) -> Markup:
    return element("div", element("h3", title), chart)


def _figure(chart: Markup, shown: Markup) -> Markup:
    return element("div", chart, shown, class_="pair")


def remarks(report: Report) -> Markup:
    """What a reader should know besides."""
    if not report.remarks:
        return Markup("")
    items = [element("li", each) for each in report.remarks]
    return section("remarks", "Remarks", element("ul", *items))
