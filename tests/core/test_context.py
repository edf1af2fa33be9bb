"""Sentences and those around them."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Hashable, Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerine.core.context import NEIGHBOURS, following, in_context, neighbours, with_context
from nerine.core.context import preceding as last_part
from nerine.core.document import Context, Document, Entity, digest_of, parts_of
from nerine.core.errors import ArgumentError, DocumentError
from nerine.core.streams import PAUSE, Pause
from nerine.data.corpus import load_corpus
from nerine.data.corpus.corpus import Corpus
from nerine.data.formats import FORMATS, read_documents, write_documents

SENTENCES = st.lists(
    st.tuples(
        st.one_of(
            st.sampled_from(["Mira left.", "", " \n", "x" * 3000, "a b " * 400, "😀"]),
            st.integers(1, 700).map("y".__mul__),
        ),
        st.sampled_from([None, "1", "2"]),
    ),
    max_size=25,
)


def around(texts: list[str]) -> list[str]:
    """The nearest of some texts, of which the first is the nearest, until they are enough."""
    found: list[str] = []
    for text in texts:
        if sum(len(each) + 1 for each in found) >= NEIGHBOURS:
            break
        found += [text] if text else []
    return found


def expected_contexts(sentences: list[tuple[str, str | None]]) -> list[Context | None]:
    """The contexts by brute force: to each sentence those of its run of equal keys."""
    found: list[Context | None] = []
    for index, (_, key) in enumerate(sentences):
        first, last = index, index + 1
        while first > 0 and sentences[first - 1][1] == key:
            first -= 1
        while last < len(sentences) and sentences[last][1] == key:
            last += 1
        left = around([last_part(text) for text, _ in reversed(sentences[first:index])])
        right: list[str] = []
        size = 0
        for text, _ in sentences[index + 1 : last]:
            if size >= NEIGHBOURS:
                break
            size += len(following(text)) + 1
            right += [following(text)] if following(text) else []
        context = Context(tuple(reversed(left)), tuple(right))
        found.append(None if key is None or context == Context() else context)
    return found


@given(SENTENCES)
def test_a_sentence_has_its_nearest_neighbours_of_the_same_document(
    sentences: list[tuple[str, str | None]],
) -> None:
    found = [*neighbours(sentences, lambda each: each)]
    assert [each[0] for each in found if not isinstance(each, Pause)] == sentences
    contexts = [each[1] for each in found if not isinstance(each, Pause)]
    assert contexts == expected_contexts(sentences)


@given(SENTENCES, st.sets(st.integers(0, 25)))
def test_pauses_change_nothing(sentences: list[tuple[str, str | None]], at: set[int]) -> None:
    def stream() -> Iterator[tuple[str, Hashable | None] | Pause]:
        for index, each in enumerate(sentences):
            if index in at:
                yield PAUSE
            yield each

    found = [*neighbours(stream(), lambda each: each)]
    assert [each for each in found if not isinstance(each, Pause)] == [
        *neighbours(sentences, lambda each: each)
    ]
    assert found.count(PAUSE) == len([index for index in at if index < len(sentences)])


@pytest.mark.parametrize("text", ["Mira left. ", " ", ""])
def test_few_sentences_of_an_endless_document_are_read_ahead(text: str) -> None:
    read = 0

    def endless() -> Iterator[str]:
        nonlocal read
        while True:
            read += 1
            yield text

    sentences = with_context(endless(), one_document=True)
    for index in range(3000):
        next(sentences)
        assert read - index <= NEIGHBOURS + 2


@given(st.text(max_size=3 * NEIGHBOURS))
def test_a_long_neighbour_is_cut_between_words(text: str) -> None:
    for part in (last_part(text), following(text)):
        assert part in text
        assert len(part) <= NEIGHBOURS
        assert bool(part) == bool(part.strip())
        if len(text) <= NEIGHBOURS:
            assert part == (text if text.strip() else "")
    words = "one two " * 1000
    assert following(words).split() == words.split()[: len(following(words).split())]
    assert last_part(words).split() == words.split()[-len(last_part(words).split()) :]


def test_the_marks_of_files_say_which_sentences_belong_together() -> None:
    def texts(*metas: dict[str, object]) -> list[tuple[str, ...]]:
        given = [Document(str(n), meta=meta) for n, meta in enumerate(metas)]
        return [
            (*each.context.before, "*", *each.context.after) if each.context else ()
            for each in with_context(given)
        ]

    assert texts({}, {}) == [(), ()]
    assert texts({}, {"docstart": ["-DOCSTART-"]}, {}) == [(), ("*", "2"), ("1", "*")]
    assert texts({"comments": ["# newdoc id = a"]}, {}) == [("*", "1"), ("0", "*")]
    assert texts({"comments": ["# newdocument", "a"]}, {}) == [(), ()]
    assert texts({"comments": "# newdoc"}, {}) == [(), ()]
    assert texts({"document": 1}, {"document": 1}, {"document": "1"}) == [
        ("*", "1"),
        ("0", "*"),
        (),
    ]
    assert texts({"document": "a"}, {"document": "b"}, {"document": "a"}) == [(), (), ()]
    assert texts({"document": None}, {"document": None}, {"document": [1]}) == [(), (), ()]


def test_one_document_needs_no_marks_and_replaces_what_there_is() -> None:
    old = Document("a", context=Context(("old",)))
    found = [*with_context([old, "b", Document("c", id="3")], one_document=True)]
    assert [each.context for each in found] == [
        Context((), ("b", "c")),
        Context(("a",), ("c",)),
        Context(("a", "b")),
    ]
    assert next(with_context([old])).context is None
    assert found[2].id == "3"


def test_what_is_no_sentence_is_refused() -> None:
    with pytest.raises(ArgumentError, match="documents is a single str"):
        with_context("Mira left.")
    with pytest.raises(DocumentError, match="an item is a int"):
        list(with_context(iter([1])))  # type: ignore[arg-type] # that is the point
    with pytest.raises(DocumentError, match="before is a str"):
        Context("a")  # type: ignore[arg-type] # that is the point
    with pytest.raises(DocumentError, match="context is a str"):
        Document("a", context="b")  # type: ignore[arg-type] # that is the point


# --- a context is no part of what a document says


DOCUMENT = Document("Mira left.", (Entity(0, 4, "person"),), id="1", meta={"a": 1})
SEEN = replace(DOCUMENT, context=Context(("Before.",), ("After.",)))


def test_documents_that_differ_in_their_context_are_equal() -> None:
    assert SEEN == DOCUMENT
    assert hash(SEEN) == hash(DOCUMENT)
    assert repr(SEEN) == repr(DOCUMENT)
    assert digest_of(parts_of([SEEN])) == digest_of(parts_of([DOCUMENT]))
    splits = [Corpus.from_documents(train=[each]) for each in (SEEN, DOCUMENT)]
    assert splits[0].hash == splits[1].hash


def test_a_context_stays_with_its_document() -> None:
    for same in (
        SEEN.with_entities([]),
        copy.copy(SEEN),
        copy.deepcopy(SEEN),
        pickle.loads(pickle.dumps(SEEN)),
        Corpus.from_documents(train=[SEEN]).train[0],
    ):
        assert same.context == SEEN.context


@pytest.mark.parametrize("name", ["spans", "columns", "words", "gliner", "conllu"])
def test_no_format_writes_a_context(name: str) -> None:
    texts = []
    for each in (SEEN, DOCUMENT):
        stream = StringIO()
        write_documents([each], stream, name)
        texts.append(stream.getvalue())
    assert name in FORMATS
    assert texts[0] == texts[1]
    assert "Before" not in texts[0]


# --- corpora


COLUMNS = "-DOCSTART- O\n\nMira B-person\n\nleft O\n\n-DOCSTART- O\n\nOslo B-place\n"


def test_a_corpus_has_the_contexts_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "train.conll").write_text(COLUMNS)
    corpus = load_corpus(tmp_path)
    contexts = [each.context for each in corpus.train]
    assert contexts == [Context((), ("left",)), Context(("Mira",)), None]
    assert corpus.train == tuple(read_documents(tmp_path / "train.conll"))


def test_a_document_ends_with_its_file(tmp_path: Path) -> None:
    for number in range(2):
        (tmp_path / f"train-0000{number}-of-00003.conll").write_text(
            "-DOCSTART- O\n\nMira B-person\n"
        )
    (tmp_path / "train-00002-of-00003.conll").write_text("Oslo B-place\n")
    assert [each.context for each in load_corpus(tmp_path).train] == [None] * 3


def test_the_field_document_of_json_lines_and_tables(tmp_path: Path) -> None:
    rows = [("a", "Mira"), ("a", "left"), ("b", "Oslo")]
    records = [{"text": text, "entities": [], "document": name} for name, text in rows]
    (tmp_path / "train.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in records))
    contexts = [each.context for each in load_corpus(tmp_path / "train.jsonl").train]
    assert contexts == [Context((), ("left",)), Context(("Mira",)), None]


def test_rows_of_parquet_have_the_field_too(tmp_path: Path) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    columns = {"tokens": [["Mira"], ["left"], ["Oslo"]], "ner_tags": [["B-person"], ["O"], ["O"]]}
    table = arrow.table({**columns, "document": [1, 1, 2]})
    parquet.write_table(table, tmp_path / "train.parquet")
    contexts = [each.context for each in load_corpus(tmp_path / "train.parquet").train]
    assert contexts == [Context((), ("left",)), Context(("Mira",)), None]


def test_whole_documents_are_held_out_together() -> None:
    sentences = [
        Document(f"{n} of {document}", meta={"document": document})
        for document in range(8)
        for n in range(3)
    ]
    held = Corpus.from_documents(train=sentences).hold_out_validation(0.4, whole_documents=True)
    names = [{each.meta["document"] for each in split} for split in held.splits.values()]
    assert len(names) == 2
    assert not names[0] & names[1]
    apart = Corpus.from_documents(train=sentences).hold_out_validation(0.4)
    names = [{each.meta["document"] for each in split} for split in apart.splits.values()]
    assert names[0] & names[1]


def test_splits_keep_the_contexts_of_the_whole(tmp_path: Path) -> None:
    (tmp_path / "train.conll").write_text(COLUMNS * 6)
    corpus = load_corpus(tmp_path)
    held = corpus.hold_out_validation(0.4)
    assert held.validation
    for split in held.splits.values():
        for each in split:
            assert (each.context is None) == (each.text == "Oslo")


def test_documents_that_have_a_context_keep_it() -> None:
    marked = Document("a", meta={"document": "1"})
    given = [replace(marked, context=Context(("kept",))), marked]
    assert [each.context for each in in_context(given)] == [Context(("kept",)), None]
