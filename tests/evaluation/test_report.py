"""What reports hold, their charts, and their Markdown."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

import reports
import strategies
from nerine.core.display import escaped, escaped_line, visible
from nerine.core.display import markdown_table as table
from nerine.core.document import Document, Entity
from nerine.core.errors import CorpusError
from nerine.evaluation.report import make_report, to_html, to_markdown
from nerine.evaluation.report.charts import (
    Bar,
    Dot,
    Point,
    bar_chart,
    interval_chart,
    line_chart,
    share_chart,
)
from nerine.evaluation.report.content import NO_EPOCHS, NO_SCORES, NO_TRAIN, Report
from nerine.evaluation.report.examples import examples
from nerine.evaluation.report.markdown import markdown_safe
from nerine.evaluation.report.rendering import environment, shown

SVG = "{http://www.w3.org/2000/svg}"
READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


@pytest.fixture(scope="module")
def report() -> Report:
    return reports.report(*reports.documents(200))


@pytest.fixture(scope="module")
def hostile() -> Report:
    return reports.report(
        *reports.hostile_documents(),
        title=reports.HOSTILE[0],
        checkpoint=reports.HOSTILE[2],
        corpus=reports.HOSTILE[1],
        places=[*reports.HOSTILE],
        notes=reports.HOSTILE,
    )


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def test_a_report_counts_as_the_modules_below_it_do(report: Report) -> None:
    content = report.to_dict()
    assert content["overall"]["support"] == report.scores.overall.gold
    kinds = content["analysis"]["outcomes"]
    assert sum(kinds.values()) == len(report.evaluation.analysis.outcomes)
    assert kinds["correct"] == report.scores.overall.correct
    assert all(kinds[kind] for kind in ("wrong type", "wrong boundary", "missed", "spurious"))
    assert report.best_epoch == 1
    assert report.remarks == ()


def test_the_content_is_json_from_which_every_text_can_be_read(hostile: Report) -> None:
    content = json.loads(json.dumps(hostile.to_dict(), allow_nan=False))
    assert [each["text"] for each in content["documents"]] == [each.text for each in hostile.gold]
    for error in content["analysis"]["errors"]:
        (entity,) = error["gold"]
        text = content["documents"][error["document"]]["text"]
        assert text[entity["start"] : entity["end"]] == entity["label"]


def test_what_is_not_known_is_said() -> None:
    gold = [Document("Mira left", (Entity(0, 4, "person"),))]
    found = make_report(
        gold, gold, title="t", checkpoint="c", corpus="k", split="test", notes=["n"]
    )
    assert found.reliability is None
    assert found.remarks[0] == "n"
    assert {NO_SCORES, NO_TRAIN, NO_EPOCHS} <= {*found.remarks}
    for page in (to_html(found), to_markdown(found)):
        assert all(text in page for text in (NO_SCORES, NO_TRAIN, NO_EPOCHS))
    assert 'choose-seen"' not in to_html(found)


@pytest.mark.parametrize(
    ("gold", "predicted"),
    [
        ([], []),
        ([Document("")], [Document("")]),
        ([Document("nothing here")], [Document("nothing here")]),
        ([Document("a", (Entity(0, 1, "x"),))], [Document("a")]),
        ([Document("a")], [Document("a", (Entity(0, 1, "x", 0.0),))]),
    ],
)
@pytest.mark.parametrize("epochs", [None, [], reports.epochs(1)])
def test_little_makes_a_report_too(
    gold: list[Document], predicted: list[Document], epochs: Any
) -> None:
    found = reports.report(gold, predicted, epochs=epochs)
    assert to_html(found)
    assert to_markdown(found)
    json.dumps(found.to_dict(), allow_nan=False)


def test_texts_that_differ_are_an_error() -> None:
    with pytest.raises(CorpusError, match="the texts of document 0 differ"):
        reports.report([Document("a")], [Document("b")])


@given(strategies.documents(), st.data())
def test_the_pieces_of_an_example_are_the_text(document: Document, data: st.DataObject) -> None:
    ranges = data.draw(strategies.ranges(len(document.text)))
    predicted = document.with_entities(Entity(*each, "p", 0.5) for each in ranges)
    found = reports.report([document], [predicted], samples=1)
    for example, outcome in zip(
        examples(found, found.evaluation.analysis.outcomes),
        found.evaluation.analysis.outcomes,
        strict=True,
    ):
        assert "".join(piece.text for piece in example.pieces) == document.text
        for side in ("gold", "predicted"):
            marked = "".join(piece.text for piece in example.pieces if getattr(piece, side))
            mentions = getattr(example, side)
            assert marked == "".join(mention.surface for mention in mentions)
            assert len(mentions) == len(getattr(outcome, side))


def test_a_long_text_is_shown_around_its_entities() -> None:
    text = "a" * 5000 + "Mira" + "b" * 5000
    long = Document(text, (Entity(5000, 5004, "person"), Entity(5004, 10_004, "product")))
    found = reports.report([long], [Document(text)])
    first, second = examples(found, found.evaluation.analysis.outcomes)
    assert "".join(piece.text for piece in first.pieces) == f" … {'a' * 160}Mira{'b' * 160} … "
    assert sum(len(piece.text) for piece in second.pieces) < 1000
    assert [piece.text for piece in second.pieces if piece.gold] == [
        f"{'b' * 300} … {'b' * 300}",
    ]


def test_names_are_seen_as_the_breakdowns_count_them(report: Report) -> None:
    shown = examples(report, report.evaluation.analysis.outcomes)
    gold_seen = sum(len(each.gold) for each in shown if each.gold and each.seen)
    merged = any(outcome.kind == "merged" for outcome in report.evaluation.analysis.outcomes)
    assert not merged  # of which one name may be seen and another not
    assert gold_seen == report.evaluation.breakdowns["surface form in training"]["seen"].gold


@given(st.text(), st.text())
def test_values_in_templates_stay_text_and_the_page_stays_well_formed(
    text: str, value: str
) -> None:
    template = environment(shown).from_string(
        '<p title="{{ value }}">{{ text }}<b>{{ text }}</b></p>'
    )
    found = parsed(template.render(text=text, value=value))
    expected = visible(text, lines=True).replace("\uffff", "\ufffd").replace("\ufffe", "\ufffd")
    assert "".join(found.itertext()) == expected + expected
    assert [*found.attrib] == ["title"]


def test_values_in_markdown_templates_are_escaped() -> None:
    template = environment(markdown_safe).from_string(
        "{{ text }} {{ 0.5|number }} {{ 1234|count }}"
    )
    assert template.render(text="<b>|*x*") == "&#60;b&#62;&#124;&#42;x&#42; 0.500 1,234"


VALUES = st.floats(-1e300, 1e300) | st.sampled_from([math.nan, math.inf, 0.0])
SHARES = st.floats(0, 1)


def assert_accessible(svg: str, title: str) -> ElementTree.Element:
    root = parsed(svg)
    assert root.tag == f"{SVG}svg"
    assert root.attrib["role"] == "img"
    ids = {each.attrib["id"]: each for each in root if "id" in each.attrib}
    assert ids[root.attrib["aria-labelledby"]].text == title
    assert ids[root.attrib["aria-describedby"]].tag == f"{SVG}desc"
    numbers = [
        float(value)
        for each in root.iter()
        for name, value in each.attrib.items()
        if name in ("x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height")
    ]
    assert all(math.isfinite(number) for number in numbers)
    return root


@given(st.lists(st.tuples(st.text(max_size=40), SHARES), max_size=6))
def test_charts_of_rows_draw_each_row(rows: list[tuple[str, float]]) -> None:
    bars = assert_accessible(
        bar_chart("a", "Bars", "d", [Bar(name, value, "v") for name, value in rows]), "Bars"
    )
    assert len(bars.findall(f"{SVG}rect[@class='bar']")) == len(rows)
    points = [Point(name, value, value / 2, value) for name, value in rows]
    dots = assert_accessible(interval_chart("b", "Dots", "d", points), "Dots")
    assert len(dots.findall(f"{SVG}circle")) == len(rows)


@given(st.lists(st.tuples(SHARES, SHARES, st.integers(0, 9)), max_size=6))
def test_a_chart_of_shares_draws_each_dot(dots: list[tuple[float, float, int]]) -> None:
    svg = share_chart("a", "Shares", "d", [Dot(*dot) for dot in dots], ("x", "y"))
    assert len(assert_accessible(svg, "Shares").findall(f"{SVG}circle")) == len(dots)


@given(st.lists(st.lists(VALUES, min_size=3, max_size=3), min_size=1, max_size=4))
def test_a_chart_of_lines_draws_each_number(values: list[list[float]]) -> None:
    lines = {str(index): each for index, each in enumerate(values)}
    root = assert_accessible(line_chart("a", "Lines", "d", lines, ["1", "2", "3"]), "Lines")
    drawn = [len(each.attrib["points"].split()) for each in root.findall(f"{SVG}polyline")]
    assert drawn == [sum(math.isfinite(value) for value in each) for each in values]


def test_bars_are_as_long_as_they_say() -> None:
    root = parsed(bar_chart("a", "t", "d", [Bar("x", 1, "1"), Bar("y", 3, "3"), Bar("z", 0, "0")]))
    lengths = [float(each.attrib["width"]) for each in root.findall(f"{SVG}rect[@class='bar']")]
    full = float(root.findall(f"{SVG}rect[@class='track']")[0].attrib["width"])
    assert lengths == pytest.approx([full / 3, full, 0], abs=0.1)


def test_every_table_and_chart_of_the_page_is_well_formed(hostile: Report, report: Report) -> None:
    for found in (hostile, report):
        page = to_html(found)
        body = page[page.index("<main>") : page.index("</main>") + len("</main>")]
        root = ElementTree.fromstring(body)
        assert root.findall(f".//{SVG}svg[@role='img']")
        for each in root.iter("table"):
            assert (each.findtext("caption") or "").strip()
            widths = {len(row) for row in each.iter("tr")}
            assert len(widths) == 1


def test_headings_are_in_order(report: Report) -> None:
    page = to_html(report)
    root = ElementTree.fromstring(page[page.index("<main>") : page.index("</main>") + 7])
    levels = [int(each.tag[1]) for each in root.iter() if each.tag in ("h2", "h3")]
    assert page.count("<h1>") == 1
    assert levels[0] == 2
    assert levels.count(2) == 8
    ids = [each.attrib["id"] for each in root.iter() if "id" in each.attrib]
    assert len(ids) == len(set(ids))


def test_a_page_that_holds_some_outcomes_only_says_so(
    report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = len(report.evaluation.analysis.outcomes)
    assert "mistakes come first" not in to_html(report)
    monkeypatch.setattr("nerine.evaluation.report.page.MOST_EXAMPLES", 60)
    page = to_html(report)
    assert f"The page holds 60 of {count} outcomes: mistakes come first." in page
    data = json.loads(page.partition(' id="data">')[2].partition("</script>")[0])
    assert len(data["examples"]) == 60
    assert "correct" not in data["kinds"]


def test_the_same_report_is_the_same_page(report: Report) -> None:
    again = reports.report(*reports.documents(200))
    assert to_html(again) == to_html(report)
    assert to_markdown(again) == to_markdown(report)


def rows_of(markdown: str) -> list[list[str]]:
    """The cells of a document's only table, as a reader of Markdown shows them."""
    rows: list[list[str]] = []
    tokens = READER.parse(markdown)
    assert [each.type for each in tokens if each.level == 0] == ["table_open", "table_close"]
    for token, inner in pairwise(tokens):
        if token.type == "tr_open":
            rows.append([])
        if token.type in ("td_open", "th_open"):
            children = inner.children or []
            assert {child.type for child in children} <= {"text", "text_special"}
            rows[-1].append("".join(child.content for child in children))
    return rows


CELLS = st.one_of(
    st.text(max_size=20), st.text("|\\`*_<>&[]()!~#-:\n $", max_size=12), strategies.texts()
)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=4))
def test_a_table_has_its_rows_and_columns_whatever_it_holds(rows: list[tuple[str, ...]]) -> None:
    shown = table(("a", "b", "c"), [[escaped(each) for each in row] for row in rows], texts=2)
    expected = [["a", "b", "c"], *([_bare(each) for each in row] for row in rows)]
    assert [[each.strip() for each in row] for row in rows_of(shown)] == expected


def _bare(text: str) -> str:
    return visible(text).strip()


@given(CELLS)
def test_an_item_of_a_list_holds_nothing_but_its_text(text: str) -> None:
    tokens = READER.parse(f"- {escaped_line(text)}\n- second")
    kinds = [each.type for each in tokens]
    assert kinds.count("list_item_open") == 2
    inline = [each for each in tokens if each.type == "inline"]
    shown = ["".join(child.content for child in each.children or []) for each in inline]
    assert [each.strip() for each in shown if each.strip()] == [
        each for each in (_bare(text), "second") if each
    ]


def test_hostile_markdown_shows_texts_only(hostile: Report) -> None:
    page = to_markdown(hostile)
    kinds = {
        child.type for token in READER.parse(page) for child in [token, *(token.children or [])]
    }
    assert not kinds & {"html_inline", "html_block", "link_open", "image", "code_inline", "fence"}
    assert page.encode()
