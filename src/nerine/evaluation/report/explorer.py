"""Confusion matrix and examples: what the page's script makes explorable."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from nerine.evaluation.error_analysis import KINDS, NO_ENTITY
from nerine.evaluation.report import elements
from nerine.evaluation.report.content import Report
from nerine.evaluation.report.contexts import Example, Mention, Piece, examples
from nerine.evaluation.report.elements import Markup, element, isolated, scrolling
from nerine.evaluation.report.sections import section
from nerine.evaluation.report.words import number

SHOWN_WITHOUT_SCRIPT = 8
"""So many examples of each kind are in the page itself."""
MOST_EXAMPLES = 20_000
"""More would make the page slow; mistakes come first."""
_SHADES = 9
_NO_INDEX = -1

NONE = "none"


def confusion(report: Report) -> Markup:
    """Gold labels against predicted ones, shaded by their share of the row."""
    labels = [*report_labels(report), NO_ENTITY]
    head = element(
        "tr",
        element("th", "gold ↓ predicted →", scope="col"),
        *(element("th", _name(label), scope="col", class_="number") for label in labels),
    )
    caption = "Gold labels by row, predicted labels by column"
    shown = element(
        "table",
        element("caption", caption),
        element("thead", head),
        element("tbody", *(_matrix_row(report, row, labels) for row in range(len(labels)))),
        class_="matrix",
        id="matrix",
    )
    text = (
        "A row says what became of the gold entities of a label. The column “none” counts those "
        "that were missed, the row “none” those predicted where there is no gold entity. The "
        "stronger the colour, the larger the share of the row. A frame marks where the labels "
        "agree, whatever the ranges."
    )
    return section("confusion", "Confusion", element("p", text), scrolling(caption, shown))


def _matrix_row(report: Report, row: int, labels: Sequence[str]) -> Markup:
    counts = [report.analysis.confusion.get((labels[row], label), 0) for label in labels]
    last = len(labels) - 1
    cells = [
        element(
            "td",
            "" if row == column == last else f"{count:,}",
            class_=_shade(count, sum(counts), is_right=row == column != last),
            data_gold=row if row < last else _NO_INDEX,
            data_predicted=column if column < last else _NO_INDEX,
        )
        for column, count in enumerate(counts)
    ]
    return element("tr", element("th", _name(labels[row]), scope="row"), *cells)


def _shade(count: int, total: int, *, is_right: bool) -> str:
    level = 0 if not count else 1 + round((_SHADES - 1) * count / total)
    return f"number shade{level}{' right' if is_right else ''}"


def _name(label: str) -> Markup:
    return isolated(label) if label else element("i", NONE)


def report_labels(report: Report) -> list[str]:
    """The labels, gold or predicted, in the order of the tables."""
    return [*report.evaluation.labels]


def browser(report: Report, shown: Sequence[Example]) -> Markup:
    """Examples: all of them for the script, some of each kind for those who run none."""
    count = len(report.analysis.outcomes)
    left_out = f" The page holds {len(shown):,} of {count:,} outcomes: mistakes come first."
    return section(
        "examples",
        "Examples",
        element(
            "p",
            "Gold entities are ",
            element("mark", "underlined", class_="gold"),
            ", predicted ones ",
            element("mark", "shaded", class_="predicted"),
            ", and what is both is ",
            element("mark", "both", class_="gold predicted"),
            ".",
            left_out if len(shown) < count else "",
        ),
        _filters(report, shown),
        element("div", *_static(report, shown), id="static"),
    )


def _filters(report: Report, shown: Sequence[Example]) -> Markup:
    """The form that the script brings to life, and the place where it shows what is found."""
    kinds = [("errors", "all mistakes"), ("", "everything"), *((k, k) for k in _kinds(shown))]
    labels = [("", "any label"), (str(_NO_INDEX), NONE)]
    labels += [(str(index), label) for index, label in enumerate(report_labels(report))]
    seen = [("", "either"), ("1", "seen in training"), ("0", "unseen in training")]
    fields = [
        _choice("kind", "Kind", kinds),
        _choice("gold", "Gold label", labels),
        _choice("predicted", "Predicted label", labels),
    ]
    if report.seen is not None:
        fields.append(_choice("seen", "Name", seen))
    fields.append(
        element(
            "label",
            element("span", "Search"),
            element("input", type="search", id="search", autocomplete="off", spellcheck="false"),
        )
    )
    form = element("form", *fields, class_="filters", id="filters", role="search")
    count = element("p", id="count", role="status")
    more = element("button", "Show more", type="button", id="more")
    return element(
        "div",
        form,
        count,
        element("ol", id="found", class_="examples"),
        more,
        id="explorer",
        hidden="",
    )


def _choice(name: str, title: str, options: Iterable[tuple[str, str]]) -> Markup:
    shown = [element("option", text, value=value) for value, text in options]
    return element("label", element("span", title), element("select", *shown, id=f"choose-{name}"))


def _kinds(shown: Sequence[Example]) -> list[str]:
    """The kinds that occur, in the order of the analysis."""
    occurring = {example.kind for example in shown}
    return [kind for kind in KINDS if kind in occurring]


def _static(report: Report, shown: Sequence[Example]) -> Iterator[Markup]:
    for kind, count in report.analysis.by_kind.items():
        if kind == "correct" or not count:
            continue
        of_kind = (example for example in shown if example.kind == kind)
        first = [*islice(of_kind, SHOWN_WITHOUT_SCRIPT)]
        yield element(
            "details",
            element("summary", f"{kind}: {len(first):,} of {count:,}"),
            element("ol", *(_card(example) for example in first), class_="examples"),
        )


def _card(example: Example) -> Markup:
    """As the script makes it."""
    about = [element("strong", example.kind), " ", element("span", example.place)]
    if example.seen is not None:
        seen = "seen in training" if example.seen else "unseen in training"
        about += [" ", element("span", seen)]
    return element(
        "li",
        element("p", *about, class_="about"),
        element(
            "p", *(_piece(piece) for piece in example.pieces), class_="text", dir="auto", lang="und"
        ),
        element("dl", _mentions("gold", example.gold), _mentions("predicted", example.predicted)),
    )


def _piece(piece: Piece) -> str:
    sides = [name for name in ("gold", "predicted") if getattr(piece, name)]
    return element("mark", piece.text, class_=" ".join(sides)) if sides else piece.text


def _mentions(side: str, mentions: Sequence[Mention]) -> Markup:
    shown = [
        element(
            "dd",
            element("bdi", each.surface, lang="und"),
            " ",
            element("b", isolated(each.label)),
            " ",
            element("span", "" if each.score is None else number(each.score), class_="score"),
        )
        for each in mentions
    ]
    return element("div", element("dt", side), *(shown or [element("dd", element("i", NONE))]))


def chosen_examples(report: Report) -> list[Example]:
    """The examples that the page holds: mistakes first, then what is correct."""
    ordered = sorted(report.analysis.outcomes, key=lambda outcome: outcome.kind == "correct")
    return [*examples(report, ordered[:MOST_EXAMPLES])]


def script_data(report: Report, shown: Sequence[Example]) -> Markup:
    """The examples for the script, as JSON that no text can end or leave."""
    labels = report_labels(report)
    kinds = _kinds(shown)
    data = {
        "kinds": kinds,
        "labels": [elements.shown(label) for label in labels],
        "examples": [_packed(example, kinds, labels) for example in shown],
    }
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _packed(example: Example, kinds: Sequence[str], labels: Sequence[str]) -> list[Any]:
    """Kind, place, seen, pieces, gold and predicted mentions; names by their numbers."""
    return [
        kinds.index(example.kind),
        elements.shown(example.place),
        None if example.seen is None else int(example.seen),
        [
            [elements.shown(piece.text), int(piece.gold) + 2 * int(piece.predicted)]
            for piece in example.pieces
        ],
        [_packed_mention(each, labels) for each in example.gold],
        [_packed_mention(each, labels) for each in example.predicted],
    ]


def _packed_mention(mention: Mention, labels: Sequence[str]) -> list[Any]:
    score = "" if mention.score is None else number(mention.score)
    return [elements.shown(mention.surface), labels.index(mention.label), score]
