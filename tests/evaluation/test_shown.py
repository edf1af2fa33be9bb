"""What results show of themselves in notebooks: HTML, plain text and drawings."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.formatters import DisplayFormatter

from nerine.core.display import visible
from nerine.core.document import Document, Entity, plain_line
from nerine.core.errors import MissingExtraError, SettingsError
from nerine.core.html import divided
from nerine.core.shown import Grid
from nerine.curation.checks import check_corpus
from nerine.data.corpus import Corpus
from nerine.evaluation.calibration import reliability_diagram
from nerine.evaluation.epochs import EpochRecord
from nerine.evaluation.evaluate import Evaluation, evaluate_predictions
from nerine.evaluation.significance import System, compare
from nerine.model.explanation import explain
from nerine.model.tagger import Tagger
from nerine.training.notebook import NotebookProgress, notebook_progress
from strategies import documents

HOSTILE = "<script>alert(1)</script> $x^2$ \x1b[31m‮ & <img src=x onerror=alert(2)> \\(y\\)"
LABEL = 'per"><b onclick="alert(3)">$\\frac{1}{2}$'
GOLD = (
    Document(HOSTILE, (Entity(0, 8, LABEL), Entity(26, 31, "b"))),
    Document("Mira left Oslo", (Entity(0, 4, LABEL),)),
)
FOUND = (
    Document(HOSTILE, (Entity(0, 8, "b", 0.5), Entity(26, 31, "b", 0.9))),
    Document("Mira left Oslo", (Entity(0, 4, LABEL, 0.8), Entity(10, 14, "b", 0.3))),
)
RECORD = EpochRecord(1.0, 10, 0.9, 0.8, 0.5, 0.4, 0.45, 0.9, 3.0)


class Read(HTMLParser):
    """The text, the elements and the attributes of a piece of HTML, which must be well-formed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.tags, self.attributes = "", set[str](), set[str]()
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag != "br":
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def corpus() -> Corpus:
    return Corpus({"train": GOLD, "test": GOLD[:1]}, (LABEL, "b"), HOSTILE, notes=(HOSTILE,))


@pytest.fixture
def results(corpus: Corpus, tagger: Tagger) -> dict[str, Any]:
    tagger.notes, before = (HOSTILE,), tagger.notes
    shown: dict[str, Any] = {
        "document": GOLD[0],
        "corpus": corpus,
        "evaluation": evaluate_predictions(GOLD, FOUND, samples=5),
        "comparison": compare(GOLD, [System(HOSTILE, (GOLD,)), System("b", (FOUND,))], samples=5),
        "explanation": explain(tagger, HOSTILE),
        "report": check_corpus(corpus),
        "tagger": tagger,
    }
    progress = NotebookProgress()
    progress.stepped(3)
    progress.evaluated(RECORD, best=True)
    shown["progress"] = progress
    html = {name: each._repr_html_() for name, each in shown.items()}
    formatted: Callable[[Any], tuple[dict[str, str], Any]] = DisplayFormatter().format
    mime = {name: formatted(each)[0] for name, each in shown.items()}
    tagger.notes = before
    return {name: (html[name], mime[name]) for name in shown}


def test_notebooks_get_html_and_text_of_every_result(results: dict[str, Any]) -> None:
    expected = {
        "document": "alert(1)",
        "corpus": "documents",
        "evaluation": "all labels",
        "comparison": "Strict F1 over 2 documents",
        "explanation": "6. Entities",
        "report": "by ",
        "tagger": "tag scheme",
        "progress": "0.4500",
    }
    for name, (html, mime) in results.items():
        assert mime["text/html"] == html
        for shown in (Read(html).text, mime["text/plain"]):
            assert expected[name] in shown, name


def test_what_strangers_wrote_is_inert_in_html_and_in_text(results: dict[str, Any]) -> None:
    for name, (html, mime) in results.items():
        read = Read(html)
        allowed = {"div", "table", "thead", "tbody", "tr", "th", "td", "bdi", "p", "mark", "small"}
        assert read.tags <= {*allowed, "br", "progress"}, name
        assert read.attributes <= {"style", "class", "title", "dir", "value", "max"}, name
        # formulas are left alone by MathJax of JupyterLab (4) and of older notebooks
        assert html.startswith('<div class="nerine tex2jax_ignore mathjax_ignore">')
        for text in (html, mime["text/plain"]):
            assert not {"\x1b", "‮"} & set(text), name
    for name in ("corpus", "comparison", "tagger"):
        assert visible(HOSTILE) in Read(results[name][0]).text, name
    for name in ("evaluation", "corpus", "comparison"):
        assert LABEL in Read(results[name][0]).text, name


@given(documents())
def test_the_html_of_a_document_shows_its_text_and_each_label(document: Document) -> None:
    parts, overlapping = divided(document.text, document.entities)
    assert "".join(part for part, _ in parts) == document.text
    assert len(overlapping) + sum(entity is not None for _, entity in parts) == len(
        document.entities
    )
    assert bool(overlapping) == bool(document.overlapping())
    expected = "".join(
        visible(part, lines=True) + (visible(entity.label, lines=True) if entity else "")
        for part, entity in parts
    )
    # a parser of HTML reads carriage returns as line feeds; they are visible signs here
    assert Read(document._repr_html_()).text.startswith(expected)


def test_entities_that_overlap_follow_the_text() -> None:
    document = Document("New York City", (Entity(0, 8, "city"), Entity(0, 13, "place")))
    assert Read(document._repr_html_()).text == "New York CityplaceNew Yorkcity"
    assert plain_line(document) == "New York City — [New York](city) [New York City](place)"


def test_of_a_very_long_text_the_beginning_is_shown_and_the_rest_counted() -> None:
    text = "Mira " * 10_000
    document = Document(text, (Entity(0, 4, "a"), Entity(49_990, 49_994, "b")))
    shown = Read(document._repr_html_()).text
    assert shown.endswith("… and 30,000 more characters")
    assert len(shown) < 21_000


@given(
    st.lists(st.lists(st.text(), min_size=3, max_size=3), max_size=5),
    st.integers(min_value=0, max_value=3),
)
def test_a_table_has_every_cell_in_its_row(rows: list[list[str]], texts: int) -> None:
    grid = Grid("title", ("a", "b", "c"), rows, texts=texts)
    lines = str(grid).split("\n")
    assert lines[0] == "title"
    assert len(lines) == 2 + len(rows)
    for line, row in zip(lines[2:], rows, strict=True):
        assert all(visible(cell).strip() in line for cell in row)
    html = grid.to_html()
    assert html.count("<tr ") == 1 + len(rows)
    assert html.count("<td ") == 3 * len(rows)
    shown = Read(html).text
    assert shown == "titleabc" + "".join(visible(c, lines=True) for row in rows for c in row)


def test_a_report_shows_the_first_findings_and_counts_the_others() -> None:
    texts = tuple(Document(f"same {n // 2}", (Entity(0, 4, "a"),)) for n in range(60))
    report = check_corpus(Corpus({"train": texts}, ("a",), "memory"))
    assert len(report.findings) > 20
    assert f"… and {len(report.findings) - 20} more in `findings`" in str(report)
    clean = check_corpus(Corpus({"train": texts}, ("a",), "memory"), only=["mojibake"])
    assert str(clean) == "memory: 0 errors, 0 warnings, 0 notes, by 1 rule"


# Progress.


class Handle:
    def __init__(self) -> None:
        self.updates = 0

    def update(self, shown: Any, **options: Any) -> None:
        assert options == {"metadata": {"nerine": "progress"}}
        self.updates += 1


def test_progress_is_shown_in_a_kernel_only(monkeypatch: pytest.MonkeyPatch) -> None:
    shells: list[Any] = [None, SimpleNamespace(), SimpleNamespace(kernel=object())]
    found = []
    for shell in shells:
        monkeypatch.setitem(
            sys.modules, "IPython", SimpleNamespace(get_ipython=lambda shell=shell: shell)
        )
        found.append(notebook_progress() is not None)
    assert found == [False, False, True]
    monkeypatch.setenv("RANK", "1")
    assert notebook_progress() is None
    monkeypatch.delenv("RANK")
    monkeypatch.delitem(sys.modules, "IPython")
    assert notebook_progress() is None


def test_progress_shows_steps_and_a_row_an_epoch_and_is_not_updated_at_every_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    handle, calls = Handle(), []

    def display(shown: Any, **options: Any) -> Handle:
        calls.append(options)
        return handle

    monkeypatch.setattr("IPython.display.display", display)
    monkeypatch.setattr("time.monotonic", lambda: 100.0)
    progress = NotebookProgress()
    progress.started(0, 500)
    for step in range(1, 501):
        progress.stepped(step)
    assert calls == [{"display_id": True, "metadata": {"nerine": "progress"}}]
    assert handle.updates == 2  # the first one, and the last step
    assert "step 500 of 500" in Read(progress._repr_html_()).text
    progress.evaluated(RECORD, best=True)
    assert handle.updates == 3
    assert "0.4500" in Read(progress._repr_html_()).text
    assert Read(progress._repr_html_()).text.endswith("best")


# Drawings.


@pytest.fixture
def draw(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Any], list[str]]]:
    """Draws axes, and returns all texts on them; a warning or an error of a text is raised."""
    matplotlib = pytest.importorskip("matplotlib", reason="needs the extra notebook")
    matplotlib.use("agg")
    from matplotlib import pyplot
    from matplotlib.text import Text

    def texts_of(axes: Any) -> list[str]:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            axes.figure.canvas.draw()
        found = axes.figure.findobj(Text)
        assert not any(each.get_parse_math() and "$" in each.get_text() for each in found)
        return [each.get_text() for each in found if each.get_text()]

    yield texts_of
    pyplot.close("all")


@pytest.fixture
def evaluation() -> Evaluation:
    return evaluate_predictions(GOLD, FOUND, samples=5, train=GOLD[1:])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("labels", ["b", "all labels", "F1"]),
        ("confusion", ["b", "none", "predicted", "gold", "1"]),
        ("lengths", ["F1", "F1 by length of the entity"]),
        ("seen", ["seen\n1 entity", "unseen\n2 entities", "1.00"]),
    ],
)
def test_an_evaluation_draws_its_scores(
    evaluation: Evaluation, draw: Callable[[Any], list[str]], kind: Any, expected: list[str]
) -> None:
    axes = evaluation.plot(kind)
    texts = draw(axes)
    assert {*expected} <= {*texts}
    if kind in ("labels", "confusion"):
        assert any(text.startswith('per"><b onclick') for text in texts)
    assert evaluation.plot(kind, ax=axes) is axes


def test_a_confusion_has_each_count_at_its_labels(
    evaluation: Evaluation, draw: Callable[[Any], list[str]]
) -> None:
    axes = evaluation.plot("confusion")
    draw(axes)
    order = [*sorted({LABEL, "b"}), ""]
    drawn = {
        (order[round(text.get_position()[1])], order[round(text.get_position()[0])]): int(
            text.get_text()
        )
        for text in axes.texts
    }
    assert drawn == dict(evaluation.analysis.confusion)


def test_reliability_and_the_learning_curve_are_drawn(draw: Callable[[Any], list[str]]) -> None:
    from nerine.training.run import TrainingRun

    diagram = reliability_diagram(GOLD, FOUND, bins=5)
    axes = diagram.plot()
    assert {"mean score", "precision"} <= {*draw(axes)}
    drawn = [tuple(pair) for pair in axes.collections[0].get_offsets().tolist()]
    assert drawn == [(each.mean_score, each.precision) for each in diagram.bins]
    second = EpochRecord(2.0, 20, 0.7, 0.75, 0.6, 0.6, 0.6, 0.9, 6.0)
    curve = TrainingRun(None, (RECORD, second)).plot()  # type: ignore[arg-type] # no folder is read
    assert {"loss", "epoch", "training", "validation", "F1"} <= {*draw(curve)}
    assert curve.lines[0].get_ydata().tolist() == [0.9, 0.7]


def test_a_drawing_names_what_is_missing(
    evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError, match="'lines' is not known"):
        evaluation.plot("lines")  # type: ignore[arg-type] # that is the point
    with pytest.raises(SettingsError, match="training texts are unknown") as caught:
        evaluate_predictions(GOLD, FOUND, samples=5).plot("seen")
    assert caught.value.hint == "evaluate(…, train=corpus.train)"
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingExtraError, match=r"nerine\[notebook\]"):
        evaluation.plot()
