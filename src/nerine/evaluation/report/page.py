"""The report as a page of HTML: one file that loads nothing from elsewhere.

Without its script the page shows some examples of each kind; the script adds filters, search, and
links from the confusion matrix to all examples.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nerine.evaluation.error_analysis import NO_ENTITY
from nerine.evaluation.report import figures, tables
from nerine.evaluation.report.content import NO_EPOCHS, NO_SCORES, Report
from nerine.evaluation.report.examples import Example, Mention, examples
from nerine.evaluation.report.rendering import TEMPLATES, read_style, render_page, shown

SHOWN_WITHOUT_SCRIPT = 8
"""Examples of each kind that the page shows without its script."""
MOST_EXAMPLES = 20_000
"""Examples that the page holds at the most; mistakes come first."""


def to_html(report: Report) -> str:
    """The report as a page of HTML."""
    analysis = report.evaluation.analysis
    # mistakes first
    ordered = sorted(analysis.outcomes, key=lambda outcome: outcome.kind == "correct")
    held = [*examples(report, ordered[:MOST_EXAMPLES])]
    by_kind = {
        kind: [example for example in held if example.kind == kind] for kind in analysis.by_kind
    }
    kinds = [kind for kind, found in by_kind.items() if found]
    labels = [*report.scores.labels]
    return render_page(
        "report.html",
        style=read_style(TEMPLATES / "report.css"),
        script=(TEMPLATES / "report.js").read_text(encoding="utf-8"),
        title=report.title,
        report=report,
        tables=tables,
        figures=figures,
        row_totals={
            gold: sum(count for (row, _), count in analysis.confusion.items() if row == gold)
            for gold in (*labels, NO_ENTITY)
        },
        examples=held,
        few_examples={
            kind: by_kind[kind][:SHOWN_WITHOUT_SCRIPT]
            for kind, count in analysis.by_kind.items()
            if count and kind != "correct"
        },
        kind_options=[
            ("errors", "all mistakes"),
            ("", "everything"),
            *((kind, kind) for kind in kinds),
        ],
        label_options=[("", "any label"), (-1, "none"), *enumerate(labels)],
        data={
            "kinds": kinds,
            "labels": [shown(label) for label in labels],
            "examples": [_packed(example, kinds, labels) for example in held],
        },
        no_scores=NO_SCORES,
        no_epochs=NO_EPOCHS,
    )


def _packed(example: Example, kinds: Sequence[str], labels: Sequence[str]) -> list[Any]:
    """An example for the script: kind, place, seen, pieces, gold and predicted mentions.

    Kinds and labels are indices; the number of a piece is 1 for gold plus 2 for predicted.
    """

    def mentions(side: Sequence[Mention]) -> list[list[Any]]:
        return [
            [
                shown(each.surface),
                labels.index(each.label),
                "" if each.score is None else tables.number(each.score),
            ]
            for each in side
        ]

    return [
        kinds.index(example.kind),
        shown(example.place),
        None if example.seen is None else int(example.seen),
        [[shown(each.text), int(each.gold) + 2 * int(each.predicted)] for each in example.pieces],
        mentions(example.gold),
        mentions(example.predicted),
    ]
