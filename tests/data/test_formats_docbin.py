"""spaCy's DocBin: files that spaCy writes are read, and spaCy reads ours."""

from __future__ import annotations

import builtins
import pickle
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerine.core.document import Document, Entity, Token
from nerine.core.errors import FormatError, MissingExtraError
from nerine.data.corpus import load_corpus
from nerine.data.formats import ReadLog, ReadOptions, detect_format, read_documents, write_documents
from strategies import documents, overlapping_documents

spacy = pytest.importorskip("spacy")
tokens = pytest.importorskip("spacy.tokens")

TEXT = "Mira Okonjo  left\nTandem Labs for Lisbon."


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "corpus.spacy"


@pytest.fixture(scope="module")
def pipeline() -> Any:
    """A blank pipeline with rules, which makes documents as spaCy's users do."""
    made = spacy.blank("en")
    ruler = made.add_pipe("entity_ruler")
    patterns = {"PERSON": "Mira Okonjo", "ORG": "Tandem Labs", "GPE": "Lisbon"}
    ruler.add_patterns([{"label": label, "pattern": text} for label, text in patterns.items()])
    return made


def written_by_spacy(file: Path, *docs: Any, user_data: bool = False) -> None:
    tokens.DocBin(docs=docs, store_user_data=user_data).to_disk(file)


def read_by_spacy(file: Path, vocab: Any = None) -> list[Any]:
    return list(tokens.DocBin().from_disk(file).get_docs(vocab or spacy.vocab.Vocab()))


def test_reads_what_spacy_writes(file: Path, pipeline: Any) -> None:
    written_by_spacy(file, pipeline(TEXT), pipeline("Nobody."))
    assert detect_format(file) == "docbin"
    log = ReadLog()
    first, second = read_documents(file, log=log)
    assert first.text == TEXT
    assert [(first.surface(each), each.label) for each in first.entities] == [
        ("Mira Okonjo", "PERSON"),
        ("Tandem Labs", "ORG"),
        ("Lisbon", "GPE"),
    ]
    # white space is a token of spaCy's, and none of ours
    surfaces = [first.surface(each) for each in first.tokens or ()]
    assert surfaces == ["Mira", "Okonjo", "left", "Tandem", "Labs", "for", "Lisbon", "."]
    assert (second.entities, log.remarks, log.documents) == ((), {}, 2)


def test_spacy_reads_what_is_written(file: Path) -> None:
    entities = (Entity(0, 11, "person"), Entity(18, 29, "organisation"), Entity(36, 38, "x y"))
    write_documents([Document(TEXT, entities), Document("")], file)
    doc, empty = read_by_spacy(file)
    assert (doc.text, empty.text) == (TEXT, "")
    found = [(each.start_char, each.end_char, each.label_) for each in doc.ents]
    assert found == [(0, 11, "person"), (18, 29, "organisation"), (36, 38, "x y")]
    # the word is cut where the entity ends, so that the entity stays exact
    assert [token.text for token in doc][-4:] == ["Li", "sb", "on", "."]


def test_a_file_of_spacy_survives(file: Path, pipeline: Any) -> None:
    written_by_spacy(file, pipeline(TEXT))
    (document,) = read_documents(file)
    write_documents([document], file)
    (doc,) = read_by_spacy(file)
    expected = pipeline(TEXT)
    assert [token.text_with_ws for token in doc] == [token.text_with_ws for token in expected]
    assert list(map(str, doc.ents)) == list(map(str, expected.ents))
    assert doc.user_data == {}


def test_spacy_trains_on_what_is_written(file: Path) -> None:
    """The oracle's own check: examples can be made, and their entities are aligned."""
    training = pytest.importorskip("spacy.training")
    write_documents(load_corpus("sample").train[:40], file)
    vocab = spacy.blank("en").vocab
    for doc in read_by_spacy(file, vocab):
        words, spaces = [token.text for token in doc], [bool(token.whitespace_) for token in doc]
        predicted = tokens.Doc(vocab, words=words, spaces=spaces)
        example = training.Example(predicted, doc)
        assert [str(each) for each in example.get_aligned_spans_y2x(doc.ents)] == [
            str(each) for each in doc.ents
        ]


def test_documents_of_unknown_entities_are_refused(file: Path, pipeline: Any) -> None:
    written_by_spacy(file, pipeline("Mira"), spacy.blank("en")("Mira left"))
    with pytest.raises(FormatError, match="entities of this document are not annotated") as caught:
        list(read_documents(file))
    assert caught.value.place == f"{file}:2"
    for way, texts in (("accept", ["Mira", "Mira left"]), ("skip", ["Mira"])):
        assert f'--{way} unlabelled ({way}={{"unlabelled"}})' in (caught.value.hint or "")
        log = ReadLog()
        kinds = {"unlabelled"}
        options = ReadOptions(skip=kinds) if way == "skip" else ReadOptions(accept=kinds)
        assert [each.text for each in read_documents(file, options=options, log=log)] == texts
        assert (log.accepted if way == "accept" else log.skipped) == {"unlabelled": 1}


def test_what_is_not_read_is_said(file: Path, pipeline: Any) -> None:
    doc = pipeline("Mira Okonjo left")
    doc[0].tag_ = "NNP"
    doc.cats = {"news": 1.0}
    doc.spans["sc"] = [tokens.Span(doc, 0, 1, label="x")]
    doc.user_data["mine"] = 1
    part = pipeline("Mira Okonjo left")
    part.set_ents([], missing=[part[0:1]], default="outside")
    written_by_spacy(file, doc, part, user_data=True)
    log = ReadLog()
    assert len(list(read_documents(file, log=log))) == 2
    unread = "tag, categories, span groups sc (--control sc), other user data"
    assert log.remarks == {
        f"with {unread} of spaCy, not read": 1,
        "with tokens not annotated for entities, read as outside of any": 1,
    }


def test_what_a_doc_has_no_place_for_comes_back(file: Path) -> None:
    before = [
        Document("Mira left", (Entity(0, 4, "p", 0.5), Entity(5, 9, "q")), None, "7", {"u": [1]}),
        Document("Mira left", (), (Token(0, 2), Token(6, 9))),
        Document(" a", (Entity(0, 1, "p"),), (Token(0, 1),)),
        Document("x", tokens=()),
    ]
    write_documents(before, file)
    assert list(read_documents(file)) == before
    assert "nerine" in read_by_spacy(file)[0].user_data


@pytest.mark.parametrize("content", [b"", b"x", zlib.compress(b"x"), zlib.compress(b"\x80")])
def test_other_bytes_are_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(FormatError, match="spaCy cannot read this") as caught:
        list(read_documents(file))
    assert caught.value.place == str(file)


@pytest.mark.parametrize("value", ["{", "[]", 5, '{"tokens": [[0, 99]]}'])
def test_user_data_under_our_name_is_checked(file: Path, pipeline: Any, value: Any) -> None:
    doc = pipeline("Mira")
    doc.user_data["nerine"] = value
    written_by_spacy(file, doc, user_data=True)
    with pytest.raises(FormatError) as caught:
        list(read_documents(file))
    assert caught.value.place == f"{file}:1"


class Trap:
    """What runs code when it is unpickled."""

    def __reduce__(self) -> Any:
        return (exec, ("raise SystemExit",))


def test_nothing_in_a_file_is_unpickled(
    file: Path, pipeline: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    doc = pipeline("Mira")
    doc.user_data["trap"] = pickle.dumps(Trap())
    array = {b"nd": True, b"kind": b"O", b"type": "|O", b"shape": [1]}
    doc.user_data["array"] = {**array, b"data": pickle.dumps(Trap())}
    written_by_spacy(file, doc, user_data=True)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("unpickled")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    monkeypatch.setattr(builtins, "exec", refuse)
    with pytest.raises(FormatError, match="OBJECT array"):  # numpy refuses to make one
        list(read_documents(file))
    del doc.user_data["array"]
    written_by_spacy(file, doc, user_data=True)
    assert len(list(read_documents(file))) == 1


def test_a_text_that_utf_8_lacks_is_refused(file: Path) -> None:
    with pytest.raises(FormatError, match="half of a surrogate pair") as caught:
        write_documents([Document("a"), Document("\ud800")], file)
    assert caught.value.place == f"{file}, document 2"
    assert not file.exists()


def test_a_stream_is_no_place_for_it() -> None:
    import io

    with pytest.raises(FormatError, match="'docbin' cannot be written to a stream") as caught:
        write_documents([], io.StringIO(), "docbin")
    assert caught.value.expected == "the name of a file"
    with pytest.raises(FormatError, match="'brat' cannot be written to a stream") as caught:
        write_documents([], io.StringIO(), "brat")
    assert caught.value.expected == "the name of a folder"


def test_without_spacy_the_error_names_the_extra(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    file.write_bytes(b"")
    monkeypatch.setattr("nerine.core.extras.importlib.import_module", missing)
    with pytest.raises(MissingExtraError, match="reading a DocBin") as caught:
        list(read_documents(file))
    assert caught.value.hint == 'pip install "nerine[spacy]"'
    with pytest.raises(MissingExtraError, match="writing a DocBin"):
        write_documents([Document("a")], file)


def grouped(doc: Any, **groups: list[tuple[int, int, str]]) -> Any:
    for name, spans in groups.items():
        doc.spans[name] = [tokens.Span(doc, a, b, label=label) for a, b, label in spans]
    return doc


NESTED = [(0, 2, "PERSON"), (0, 1, "NAME"), (1, 3, "X"), (0, 1, "NAME")]
FOUND = (Entity(0, 4, "NAME"), Entity(0, 11, "PERSON"), Entity(5, 16, "X"))


def test_the_only_span_group_is_read_and_said(file: Path) -> None:
    blank = spacy.blank("en")
    docs = [grouped(blank("Mira Okonjo left"), sc=NESTED), grouped(blank("Nobody."), sc=[])]
    written_by_spacy(file, *docs, blank(""))
    log = ReadLog()
    first, second, empty = read_documents(file, log=log)
    assert (first.entities, second.entities, empty.text) == (FOUND, (), "")
    assert log.notes == ["entities are the spans of the group 'sc'"]
    assert log.remarks == {}


def test_a_span_group_can_be_named(file: Path, pipeline: Any) -> None:
    doc = grouped(pipeline("Mira Okonjo left"), sc=NESTED, more=[])
    written_by_spacy(file, doc)
    log = ReadLog()
    (by_entities,) = read_documents(file, log=log)
    assert by_entities.entities == (Entity(0, 11, "PERSON"),)
    assert log.remarks == {"with span groups sc, more (--control sc) of spaCy, not read": 1}
    (by_group,) = read_documents(file, options=ReadOptions(control="sc"), log=log)
    assert by_group.entities == FOUND
    with pytest.raises(FormatError, match="no span group 'other'") as caught:
        list(read_documents(file, options=ReadOptions(control="other")))
    assert "sc (4), more (0)" in (caught.value.expected or "")


def test_several_span_groups_are_an_error_with_a_way(file: Path) -> None:
    doc = grouped(spacy.blank("en")("Mira Okonjo left"), sc=NESTED, more=[(0, 1, "Y")])
    written_by_spacy(file, doc)
    with pytest.raises(FormatError, match=r"several groups: sc \(4\), more \(1\)") as caught:
        list(read_documents(file))
    assert "--control sc (control='sc')" in (caught.value.hint or "")
    (document,) = read_documents(file, options=ReadOptions(control="sc"))
    assert document.entities == FOUND


@pytest.mark.parametrize("is_group_first", [True, False])
def test_entities_and_groups_are_not_mixed_in_one_file(
    file: Path, pipeline: Any, is_group_first: bool
) -> None:
    docs = [grouped(spacy.blank("en")("Mira Okonjo left"), sc=NESTED), pipeline("Lisbon")]
    written_by_spacy(file, *(docs if is_group_first else docs[::-1]))
    with pytest.raises(FormatError, match="the documents before this one have") as caught:
        list(read_documents(file))
    assert caught.value.place == f"{file}:2"
    assert "--control sc (control='sc')" in (caught.value.hint or "")
    options = ReadOptions(control="sc", skip={"unlabelled"})
    assert [each.entities for each in read_documents(file, options=options)] == [FOUND]


def test_a_span_without_a_label_is_an_error_or_skipped(file: Path) -> None:
    doc = grouped(spacy.blank("en")("Mira Okonjo left"), sc=[*NESTED, (2, 3, "")])
    written_by_spacy(file, doc)
    with pytest.raises(FormatError, match="the span 'left' has no label") as caught:
        list(read_documents(file))
    assert '--skip no-label (skip={"no-label"})' in (caught.value.hint or "")
    log = ReadLog()
    (document,) = read_documents(file, options=ReadOptions(skip={"no-label"}), log=log)
    assert (document.entities, log.skipped) == (FOUND, {"no-label": 1})


def test_all_documents_that_cannot_be_read_can_be_listed(file: Path, pipeline: Any) -> None:
    written_by_spacy(file, pipeline("Mira"), spacy.blank("en")("left"), pipeline("Lisbon"))
    log = ReadLog(unreadable=[])
    assert [each.text for each in read_documents(file, log=log)] == ["Mira", "Lisbon"]
    assert [each.place for each in log.unreadable or ()] == [f"{file}:2"]


@given(st.lists(overlapping_documents(), min_size=1, max_size=3))
def test_documents_with_overlapping_entities_survive_as_a_span_group(
    tmp_path_factory: pytest.TempPathFactory, before: list[Document]
) -> None:
    file = tmp_path_factory.getbasetemp() / "nested.spacy"
    assert write_documents(before, file) == len(before)
    assert list(read_documents(file)) == before
    is_flat = not any(each.overlapping() for each in before)
    for doc, document in zip(read_by_spacy(file), before, strict=True):
        spans = doc.ents if is_flat else doc.spans["sc"]
        assert doc.text == document.text
        assert [(e.start_char, e.end_char, e.label_) for e in spans] == [
            (e.start, e.end, e.label) for e in document.entities
        ]
        assert is_flat or not doc.has_annotation("ENT_IOB") or not len(doc)


@given(st.lists(documents(scores=True), max_size=3))
def test_documents_survive(
    tmp_path_factory: pytest.TempPathFactory, before: list[Document]
) -> None:
    file = tmp_path_factory.getbasetemp() / "all.spacy"
    assert write_documents(before, file) == len(before)
    assert list(read_documents(file)) == before
    docs = read_by_spacy(file)
    assert [doc.text for doc in docs] == [each.text for each in before]
    assert [[(e.start_char, e.end_char, e.label_) for e in doc.ents] for doc in docs] == [
        [(e.start, e.end, e.label) for e in each.entities] for each in before
    ]
