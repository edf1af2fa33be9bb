"""PubTator: titles, abstracts, annotations by offsets; written and read."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerine.core.document import Document, Entity, Token
from nerine.core.errors import FormatError
from nerine.data.formats import (
    ReadLog,
    ReadOptions,
    detect_format,
    read_documents,
    write_documents,
)
from strategies import documents, labels

ARTICLES = """\
7|t|Ada Quill of Ghent
7|a|She studied quillitis there.
7\t0\t9\tAda Quill\tPerson\tP1
7\t31\t40\tquillitis\tDisease\tD1|D2\tquill|-itis
7\tstudied\tP1\tD1

8|t|Bo
8|a|
8\t0\t2\tBo\tPerson
"""


def article(folder: Path, content: str, name: str = "a.pubtator") -> Path:
    (folder / name).write_text(content, encoding="utf-8", newline="")
    return folder / name


def read(path: Path, log: ReadLog | None = None, **options: Any) -> list[Document]:
    return list(read_documents(path, "pubtator", ReadOptions(**options), log))


def written(found: list[Document]) -> str:
    stream = io.StringIO()
    write_documents(found, stream, "pubtator")
    return stream.getvalue()


def test_articles_are_read_and_written_back_to_the_byte(tmp_path: Path) -> None:
    log = ReadLog()
    path = article(tmp_path, f"{ARTICLES}\n")
    first, second = read(path, log)
    assert first.id == "7"
    assert first.text == "Ada Quill of Ghent\nShe studied quillitis there."
    assert first.entities == (Entity(0, 9, "Person"), Entity(31, 40, "Disease"))
    assert first.meta == {
        "pubtator": ["studied\tP1\tD1"],
        "entity_fields": [
            [0, 9, "Person", {"identifier": "P1"}],
            [31, 40, "Disease", {"identifier": "D1|D2", "mentions": "quill|-itis"}],
        ],
    }
    assert second == Document("Bo", (Entity(0, 2, "Person"),), id="8")
    assert log.notes == ["pubtator: other lines than annotations, such as relations, are in meta"]
    assert written([first, second]) == path.read_text()


def test_blank_lines_between_articles_are_not_needed(tmp_path: Path) -> None:
    tight = article(tmp_path, ARTICLES.replace("\n\n", "\n"), "b.pubtator")
    assert read(tight) == read(article(tmp_path, f"\ufeff\n{ARTICLES}\n\n"))
    assert read(article(tmp_path, ARTICLES.replace("\n", "\r\n"))) == read(tight)


def test_the_format_is_recognised_whatever_the_name_is(tmp_path: Path) -> None:
    assert detect_format(article(tmp_path, ARTICLES, "corpus.txt")) == "pubtator"
    assert detect_format(article(tmp_path, "7|t|x", "corpus")) == "pubtator"
    for other in ("a|t|b c\nx", "7|a|x\n7|t|y", "Bo B-PER\n7|t|x"):
        assert detect_format(article(tmp_path, other, "corpus.conll")) == "columns"


def test_an_entity_with_several_identifiers_is_one_and_keeps_them(tmp_path: Path) -> None:
    content = "1|t|Bo\n1|a|\n1\t0\t2\tBo\tGene\t11\n1\t0\t2\tBo\tGene\t12\n\n"
    (document,) = read(article(tmp_path, content))
    assert document.entities == (Entity(0, 2, "Gene"),)
    assert written([document]) == content


def test_overlapping_entities_stay(tmp_path: Path) -> None:
    content = "1|t|Bo Quill\n1|a|\n1\t0\t2\tBo\tA\n1\t0\t8\tBo Quill\tB\n1\t1\t8\to Quill\tC\n\n"
    (document,) = read(article(tmp_path, content))
    assert document.entities == (Entity(0, 2, "A"), Entity(0, 8, "B"), Entity(1, 8, "C"))
    assert written([document]) == content


TITLE = "\u00e9\U0001f98a Bo"
UNITS = {"code-points": (3, 5), "utf-16": (4, 6), "bytes": (7, 9)}


@pytest.mark.parametrize("unit", UNITS)
def test_the_unit_of_offsets_is_found_out_from_the_file(tmp_path: Path, unit: str) -> None:
    start, end = UNITS[unit]
    path = article(tmp_path, f"1|t|Al\n1\t0\t2\tAl\tP\n2|t|{TITLE}\n2\t{start}\t{end}\tBo\tP\n")
    log = ReadLog()
    assert [each.entities for each in read(path, log)] == [
        (Entity(0, 2, "P"),),
        (Entity(3, 5, "P"),),
    ]
    assert bool(log.notes) == (unit != "code-points")
    assert read(path, offsets=unit) == read(path)
    other = "utf-16" if unit == "bytes" else "bytes"
    with pytest.raises(FormatError):
        read(path, offsets=other)


def test_units_of_offsets_are_never_mixed(tmp_path: Path) -> None:
    lines = [
        f"{n}|t|{TITLE}\n{n}\t{start}\t{end}\tBo\tP"
        for n, (start, end) in enumerate(UNITS.values())
    ]
    with pytest.raises(FormatError, match=r"the entity P has the range \[4, 6\)") as caught:
        read(article(tmp_path, "\n".join(lines)))
    assert (caught.value.place or "").endswith(":4")


def test_inclusive_ends_are_noticed_and_read_as_the_hint_says(tmp_path: Path) -> None:
    path = article(tmp_path, "1|t|Ada Quill\n1\t0\t2\tAda\tP\n1\t4\t8\tQuill\tP\n")
    with pytest.raises(FormatError, match=r"\[0, 2\) shows 'Ada'") as caught:
        read(path)
    assert caught.value.place == f"{path}:2"
    assert "--inclusive-ends (inclusive_ends=True)" in (caught.value.hint or "")
    (document,) = read(path, inclusive_ends=True)
    assert document.entities == (Entity(0, 3, "P"), Entity(4, 9, "P"))


def test_white_space_in_the_shown_text_does_not_count(tmp_path: Path) -> None:
    content = "1|t|Ada\n1|a|Quill ran\n1\t0\t9\tAda  Quill\tP\n"
    (document,) = read(article(tmp_path, content))
    assert document.surface(document.entities[0]) == "Ada\nQuill"


def test_an_annotation_of_a_text_that_pubtator_left_out_can_be_skipped(tmp_path: Path) -> None:
    path = article(tmp_path, "1|t|Bo\n1|a|\n1\t5\t16\tNO ABSTRACT\tChemical\t\n1\t0\t2\tBo\tP\n")
    with pytest.raises(FormatError, match="the Chemical 'NO ABSTRACT' has no characters") as caught:
        read(path)
    assert '--skip empty (skip={"empty"})' in (caught.value.hint or "")
    log = ReadLog()
    assert [len(each.entities) for each in read(path, log, skip={"empty"})] == [1]
    assert log.skipped == {"empty": 1}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("7\t0\t3\tBo\tPerson", "shows 'Bo', but the text there is 'Ada'"),
        ("7\t0\t99\tAda\tPerson", r"the entity Person has the range \[0, 99\)"),
        ("7\t5\t2\tAda\tPerson", r"has the range \[5, 2\)"),
        ("7\t2\t2\t\tPerson", "has no characters"),
        ("7\t0\t3\tAda\t", "has no label"),
        ("7\t0\t3\tAda", "is not a valid annotation"),
        ("7\t0\t3\tAda\tP\t1\t2\t3", "is not a valid annotation"),
        (f"7\t0\t{'3' * 5000}\tAda\tP", "is not a valid annotation"),
        ("7\t\u00b2\t3\tAda\tP", "is not a valid annotation"),
        ("8\t0\t3\tAda\tP", "does not belong to the document '7'"),
        ("7\tT1\tPerson\t0\t3\tAda", "holds offsets in its fourth and fifth column"),
        ("7|x|text", "does not belong to the document '7'"),
        ("7", "does not belong to the document '7'"),
    ],
)
def test_lines_that_do_not_fit_are_refused_with_their_place(
    tmp_path: Path, line: str, words: str
) -> None:
    path = article(tmp_path, f"7|t|Ada Quill\n{line}\n\n9|t|Bo\n9\t0\t2\tBo\tP\n")
    with pytest.raises(FormatError, match=words) as caught:
        read(path)
    assert caught.value.place == f"{path}:2"
    log = ReadLog(unreadable=[])
    assert [len(each.entities) for each in read(path, log)] == [0, 1]
    assert [error.place for error in log.unreadable or ()] == [f"{path}:2"]


def test_a_line_before_the_first_title_is_refused(tmp_path: Path) -> None:
    path = article(tmp_path, "\nBo B-PER\n1|t|x\n")
    with pytest.raises(FormatError, match="'Bo B-PER' comes before the first title") as caught:
        read(path)
    assert caught.value.place == f"{path}:2"


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (Document("a\nb\nc"), "line ends that PubTator's files cannot hold"),
        (Document("a\n"), "line ends that PubTator's files cannot hold"),
        (Document("a\rb"), "line ends that PubTator's files cannot hold"),
        (Document("a", id="a b"), "the id 'a b' has white space or a bar"),
        (Document("a", id="a|b"), "the id 'a|b' has white space or a bar".replace("|", r"\|")),
        (Document("a", (Entity(0, 1, "x\ty"),)), "has a TAB or a line end"),
        (Document("a", meta={"pubtator": ["1\t2\ta\tx"]}), "without the lines of a PubTator file"),
        (Document("a", meta={"pubtator": ["a\nb"]}), "without the lines of a PubTator file"),
        (Document("a", meta={"pubtator": 5}), "without the lines of a PubTator file"),
    ],
)
def test_what_cannot_be_held_is_refused(tmp_path: Path, document: Document, words: str) -> None:
    target = tmp_path / "out.pubtator"
    with pytest.raises(FormatError, match=words) as caught:
        write_documents([Document("good"), document], target)
    assert caught.value.place == f"{target}, document 2"
    assert not target.exists()
    if "line ends" in words:  # the hint names a format that can hold it
        assert '--to spans (format="spans")' in (caught.value.hint or "")
        write_documents([document], tmp_path / "out", "spans")
        assert list(read_documents(tmp_path / "out", "spans")) == [document]


def test_identifiers_of_other_formats_are_written(tmp_path: Path) -> None:
    fields = [[0, 2, "P", {"id": "T1", "identifier": "Q5"}], [0, 2, "P", "no"], 7]
    document = Document("Bo", (Entity(0, 2, "P"),), id="1", meta={"entity_fields": fields})
    assert written([document]) == "1|t|Bo\n1|a|\n1\t0\t2\tBo\tP\tQ5\n\n"


def test_tokens_scores_and_other_meta_are_not_held() -> None:
    document = Document("Bo ran", (Entity(0, 2, "P", 0.5),), (Token(0, 2),), None, {"url": "x"})
    assert written([document]) == "1|t|Bo ran\n1|a|\n1\t0\t2\tBo\tP\n\n"


@st.composite
def articles(draw: st.DrawFn) -> Document:
    """Documents that PubTator's files can hold, with entities that overlap."""
    document = draw(documents(tokens=False, meta=False))
    title, _, abstract = document.text.replace("\r", " ").partition("\n")
    abstract = abstract.replace("\n", " ")
    text = f"{title}\n{abstract}" if abstract else title
    bounds = st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))
    pairs = draw(st.sets(st.tuples(bounds, labels()), max_size=4))
    found = sorted((start, end, label) for (start, end), label in pairs if start < end)
    meta: dict[str, Any] = {}
    columns = st.text("aD:1|- ", max_size=4)
    fields = [
        [
            *each,
            draw(st.fixed_dictionaries({"identifier": columns}, optional={"mentions": columns})),
        ]
        for each in found
        if draw(st.booleans())
    ]
    if fields:
        meta["entity_fields"] = fields
    others = draw(st.lists(st.sampled_from(["CID\tD1\tD2", "x", "Binds\t1\t2\tNovel"]), max_size=2))
    if others:
        meta["pubtator"] = others
    id_ = draw(st.text("aB1-.\u00e9", min_size=1, max_size=4))
    return Document(text, tuple(Entity(*each) for each in found), None, id_, meta)


@given(st.lists(articles(), max_size=3))
def test_documents_survive(
    tmp_path_factory: pytest.TempPathFactory, before: list[Document]
) -> None:
    path = tmp_path_factory.mktemp("pubtator") / "a.pubtator"
    assert write_documents(before, path) == len(before)
    assert read(path) == before


@given(documents(scores=True))
def test_any_document_is_held_or_refused(
    tmp_path_factory: pytest.TempPathFactory, before: Document
) -> None:
    path = tmp_path_factory.mktemp("pubtator") / "a.pubtator"
    try:
        write_documents([before], path)
    except FormatError:
        assert not path.exists()
        return
    entities = tuple(replace(each, score=None) for each in before.entities)
    assert read(path) == [Document(before.text, entities, None, before.id or "1")]
