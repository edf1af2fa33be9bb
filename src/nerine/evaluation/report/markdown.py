"""A report as a Markdown document: headings, tables, a few examples of each kind.

Texts and labels are shown as they are: whatever Markdown would read as its own becomes a
character reference, which every reader of CommonMark shows as that character.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from nerine.core.display import escaped, escaped_line
from nerine.core.display import markdown_table as table
from nerine.evaluation.metrics import Counts
from nerine.evaluation.report.content import Report
from nerine.evaluation.report.contexts import Example, Mention, examples
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
from nerine.evaluation.significance import Intervals

EXAMPLES_OF_A_KIND = 8


def to_markdown(report: Report) -> str:
    """The report as a Markdown document."""
    return "\n".join(_parts(report))


def _parts(report: Report) -> Iterator[str]:
    yield f"# {escaped(report.title)}\n"
    yield from _scores(report)
    yield from _labels(report)
    yield from _breakdowns(report)
    yield from _calibration(report)
    yield from _confusion(report)
    yield from _outcomes(report)
    yield from _examples(report)
    yield from _training(report)
    if report.remarks:
        yield "## Remarks\n"
        yield "".join(f"- {escaped_line(remark)}\n" for remark in report.remarks)


def _scores(report: Report) -> Iterator[str]:
    found, certain = report.evaluation, report.intervals.overall
    yield table(
        ("checkpoint", "corpus", "split", "documents", "gold entities"),
        [
            (
                *(escaped(each) for each in (report.checkpoint, report.corpus, report.split)),
                f"{found.documents:,}",
                f"{found.overall.gold:,}",
            )
        ],
        texts=3,
    )
    yield "## Scores\n"
    values = zip(
        SCORES,
        three(found.overall),
        (certain.precision, certain.recall, certain.f1),
        strict=True,
    )
    yield table(
        ("", "score", f"{percent(report.intervals.level)} interval"),
        [
            (name, f"**{value}**", f"{number(interval.low)} to {number(interval.high)}")
            for name, value, interval in values
        ],
    )
    yield (
        f"{found.overall.correct:,} of {found.overall.predicted:,} predicted entities are correct, "
        f"out of {found.overall.gold:,} gold ones. Token accuracy is {number(found.accuracy)} "
        f"over {found.tokens:,} tokens.\n"
    )
    yield "### Other ways to count\n"
    ways = ways_to_count(report.assessment)
    yield table(
        ("", "what counts", *SCORES),
        [(name, meaning, *three(scores)) for name, meaning, scores in ways],
        texts=2,
    )
    yield f"{escaped_line(str(report.assessment.signature))}\n"


def _labels(report: Report) -> Iterator[str]:
    yield "## Labels\n"
    certain = report.intervals
    rows = [
        _label_row(escaped(label), counts, certain.labels[label])
        for label, counts in report.evaluation.labels.items()
    ]
    rows.append(_label_row("**all labels**", report.evaluation.overall, certain.overall))
    yield table(("label", *SCORES, "F1 interval", "gold"), rows)


def _label_row(label: str, counts: Counts, intervals: Intervals) -> tuple[str, ...]:
    bounds = f"{number(intervals.f1.low)} to {number(intervals.f1.high)}"
    return label, *three(counts), bounds, f"{counts.gold:,}"


def _breakdowns(report: Report) -> Iterator[str]:
    yield "## Kinds of entities\n"
    for title, groups in report.breakdowns.items():
        rows = [(name, *three(counts), f"{counts.gold:,}") for name, counts in groups.items()]
        yield table((title, *SCORES, "gold"), rows)


def _calibration(report: Report) -> Iterator[str]:
    found = report.reliability
    if found is None:
        return
    yield "## Calibration\n"
    yield (
        f"The expected calibration error is {number(found.error)} over {found.entities:,} "
        f"predicted entities, the largest one {number(found.largest_error)}, the Brier score "
        f"{number(found.brier)}.\n"
    )
    yield table(BIN_COLUMNS, bin_rows(found))
    yield table(
        RELIABILITY_COLUMNS,
        [(escaped(label), *reliability_row(each)) for label, each in found.labels.items()],
    )


def _confusion(report: Report) -> Iterator[str]:
    yield "## Confusion\n"
    labels = [*report.evaluation.labels, ""]
    names = [escaped(label) or "*none*" for label in labels]
    rows = [
        (name, *(f"{report.analysis.confusion.get((gold, found), 0):,}" for found in labels))
        for name, gold in zip(names, labels, strict=True)
    ]
    yield table(("gold, by predicted", *names), rows)


def _outcomes(report: Report) -> Iterator[str]:
    yield "## Outcomes\n"
    kinds = report.analysis.by_kind
    rows = [(kind, KIND_MEANINGS[kind], f"{count:,}") for kind, count in kinds.items()]
    yield table(("kind", "meaning", "count"), rows, texts=2)
    yield table(
        ("label", *kinds),
        [
            (escaped(label), *(f"{counts[kind]:,}" for kind in kinds))
            for label, counts in report.analysis.by_label.items()
        ],
    )
    lists = {
        ("gold", "predicted", "count"): ("Most frequent confusions", report.analysis.confusions),
        ("name", "label", "times"): ("Names missed most often", report.analysis.missed_forms),
    }
    for columns, (title, listed) in lists.items():
        if listed:
            yield f"### {title}\n"
            shown = [(escaped(a), escaped(b), f"{count:,}") for a, b, count in most(listed)]
            yield table(columns, shown, texts=2)


def _examples(report: Report) -> Iterator[str]:
    yield "## Examples\n"
    for kind, count in report.analysis.by_kind.items():
        if kind == "correct" or not count:
            continue
        outcomes = (each for each in report.analysis.outcomes if each.kind == kind)
        shown = [*examples(report, islice(outcomes, EXAMPLES_OF_A_KIND))]
        yield f"### {kind.capitalize()}: {len(shown):,} of {count:,}\n"
        yield table(("place", "gold", "predicted", "text"), map(_example, shown), texts=4)


def _example(example: Example) -> tuple[str, str, str, str]:
    text = "".join(piece.text for piece in example.pieces)
    gold, predicted = _mentions(example.gold), _mentions(example.predicted)
    return escaped(example.place), gold, predicted, escaped(text)


def _mentions(mentions: Sequence[Mention]) -> str:
    shown = [
        f"{escaped(each.surface)} ({escaped(each.label)}"
        + ("" if each.score is None else f", {number(each.score)}")
        + ")"
        for each in mentions
    ]
    return "; ".join(shown) or "*none*"


def _training(report: Report) -> Iterator[str]:
    if not report.epochs:
        return
    yield "## Training\n"
    yield table(EPOCH_COLUMNS, epoch_rows(report))
