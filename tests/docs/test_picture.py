"""The pictures of the README: they show what the commands print, and nothing else."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from lookup import make_lookup
from nerine.cli import main
from nerine.core.display import visible
from nerine.core.document import Document, Entity
from nerine.core.errors import MissingExtraError
from nerine.model.loading.sources import DEMO_ENCODER, find_source
from pages import assert_alike
from strategies import documents
from tools import picture
from tools.alike import MACHINES
from tools.highlighting import drawable, sentence_picture
from tools.picture import COMMANDS, FOLDER, SENTENCE, WIDTH, Command, session_picture

SVG = "{http://www.w3.org/2000/svg}"
CELL = 12.2
"""How wide rich draws a column of a terminal."""

COMMANDS_OF_NERINE = main.list_commands(None)  # type: ignore[arg-type] # our group takes no context
ODD = 'nerine predict runs/demo "Ana <b>&amp; \x1b[31m\x07 東京 Ana 😀" \\\n    "x & y"'


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("picture") / "lookup"
    return make_lookup(folder, ("person",), {"ana": "B-person"})


def rows_of(svg: str) -> list[str]:
    """The lines of a session, each piece of text in the column where it is drawn."""
    rows: dict[float, str] = defaultdict(str)
    for each in Xml.fromstring(svg).iter(f"{SVG}text"):
        row = rows[float(each.attrib["y"])]
        column = round(float(each.attrib["x"]) / CELL)
        gap = column - cell_len(row)
        assert gap >= 0, "nothing is drawn over something else"
        text = (each.text or "").replace("\N{NO-BREAK SPACE}", " ")
        assert float(each.attrib["textLength"]) == pytest.approx(cell_len(text) * CELL)
        assert {cell_len(sign) for sign in text} in ({1}, {2}), "columns stay below each other"
        rows[float(each.attrib["y"])] = row + " " * gap + text
    return [rows[y].rstrip() for y in sorted(rows)]


def texts_of(svg: str) -> list[str]:
    return [each.text or "" for each in Xml.fromstring(svg).iter(f"{SVG}text")]


def text_of(svg: str) -> str:
    """The text of a sentence's picture without white space."""
    shown = "".join(
        each.text or ""
        for each in Xml.fromstring(svg).iter(f"{SVG}text")
        if each.get("class") != "label"
    )
    return "".join(shown.split())


def assert_stands_alone(svg: str) -> None:
    """Nothing in it refers to anything outside."""
    rest = svg.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?:|//|href|src=|@import|@font-face|<script|<image", rest)
    assert re.findall(r"url\((?!#)", rest) == []
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", svg)


def test_a_session_shows_what_its_command_prints(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = []
    run = picture.printed_by

    def printed_by(arguments: Sequence[str], folder: Path) -> str:
        outputs.append(run(arguments, folder))
        return outputs[0]

    monkeypatch.setattr(picture, "printed_by", printed_by)
    svg = session_picture([Command(ODD)], checkpoint)
    (printed,) = outputs
    assert "\x1b[1;" in printed, "the terminal has colours"
    plain = re.sub(r"\x1b\[[\d;]*m", "", printed)
    assert plain.startswith("Ana person  <b>&amp; ␛[31m␇ 東京 Ana person  😀")
    typed = visible(f"$ {ODD}", lines=True)
    assert rows_of(svg) == [*typed.split("\n"), *plain.splitlines()]
    assert_stands_alone(svg)
    monkeypatch.setattr(picture, "printed_by", lambda *_: printed)
    assert session_picture([Command(ODD)], checkpoint) == svg


def test_a_command_that_fails_makes_no_picture(checkpoint: Path) -> None:
    with pytest.raises(RuntimeError, match=r"nerine predict(.|\n)*--no-such"):
        session_picture([Command("nerine predict runs/demo --no-such")], checkpoint)
    with pytest.raises(ValueError, match="not of 'rm'"):
        session_picture([Command("rm -r runs")], checkpoint)


def test_lines_are_left_out_where_an_ellipsis_stands() -> None:
    printed = [Text(line) for line in ("a1", "b1", "b2", "c1")]
    shown = [
        [line.plain for line in Command("nerine x", first, lines).shown(printed)]
        for first, lines in (("", None), ("b", None), ("b", 2), ("", 1), ("c", 5))
    ]
    assert shown == [
        ["a1", "b1", "b2", "c1"],
        ["…", "b1", "b2", "c1"],
        ["…", "b1", "b2", "…"],
        ["a1", "…"],
        ["…", "c1"],
    ]
    with pytest.raises(ValueError, match="begins with 'd'"):
        list(Command("nerine x", "d").shown(printed))


@given(st.text("ab 東\u0301😀", max_size=300))
def test_long_lines_go_on_below_and_lose_nothing(text: str) -> None:
    pieces = picture.folded(Text(text))
    assert "".join(piece.plain for piece in pieces) == text
    assert all(cell_len(piece.plain) <= WIDTH for piece in pieces)


@given(documents(scores=True))
def test_a_sentence_shows_its_text_and_its_entities(document: Document) -> None:
    svg = sentence_picture(document)
    assert_stands_alone(re.sub("<(title|text).*", "", svg))
    assert text_of(svg) == "".join(drawable(document.text).split())
    notes = [e.text or "" for e in Xml.fromstring(svg).iter(f"{SVG}text") if e.get("class")]
    assert notes == [
        drawable(each.label) + ("" if each.score is None else f" {each.score:.2f}")
        for each in document.entities
    ]
    assert sentence_picture(document) == svg


def test_a_sentence_stays_in_its_picture() -> None:
    names = [("Ana", "person"), ("東京" * 40, "location"), ("x\ufffe<&", "a\x1b")]
    text = "".join(f"{name}, and then on to see what else there is, " for name, _ in names)
    entities = [
        Entity(text.index(name), text.index(name) + len(name), label, 0.5) for name, label in names
    ]
    root = Xml.fromstring(sentence_picture(Document(text, tuple(entities))))
    width, height = (float(each) for each in root.attrib["viewBox"].split()[2:])
    for each in root.iter():
        if "x" in each.attrib:
            size = float(each.get("width") or each.get("textLength") or 0)
            assert 0 < float(each.attrib["x"]) + size < width
            assert 0 < float(each.attrib["y"]) + float(each.get("height") or 0) < height


def test_the_committed_pictures_are_those_of_the_tool() -> None:
    session = (FOLDER / "session.svg").read_text(encoding="utf-8")
    sentence = (FOLDER / "sentence.svg").read_text(encoding="utf-8")
    rows = rows_of(session)
    for command in COMMANDS:
        first, *others = command.typed.split("\n")
        at = rows.index(f"$ {first}")
        assert rows[at + 1 : at + 1 + len(others)] == others
        assert command.arguments[1] in COMMANDS_OF_NERINE
    assert sum(row.startswith("$ ") for row in rows) == len(COMMANDS)
    assert text_of(sentence) == SENTENCE.replace(" ", "")
    assert_stands_alone(session)
    assert_stands_alone(sentence)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_pictures_show_what_the_demos_checkpoint_prints(tmp_path: Path) -> None:
    try:
        find_source(DEMO_ENCODER)
    except MissingExtraError as error:
        pytest.skip(str(error))
    result = CliRunner().invoke(main, ["demo", "-o", str(tmp_path / "demo")])
    assert result.exit_code == 0, result.output
    for path in picture.draw(tmp_path / "demo", tmp_path):
        found, shown = (
            "\n".join(texts_of(each.read_text(encoding="utf-8")))
            for each in (path, FOLDER / path.name)
        )
        assert_alike(found, shown, path.name, MACHINES)
