"""spaCy's training tuples as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from nerine.core.document import Document, Entity
from nerine.core.errors import FormatError
from nerine.data.formats import ReadLog, ReadOptions, read_documents, write_documents
from strategies import documents, overlapping_documents

MIRA = Entity(0, 4, "PER")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tuples") / "train.json"


def read(file: Path, content: Any, log: ReadLog | None = None) -> list[Document]:
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return list(read_documents(file, "spacy-tuples", log=log))


PAIRS = [["Mira left", {"entities": [[0, 4, "PER"]]}], ["Nobody", {"entities": []}]]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(PAIRS),
        json.dumps(PAIRS, indent="\t"),
        "\n".join(json.dumps(pair) for pair in PAIRS),
        json.dumps({"classes": ["PER"], "annotations": PAIRS}),
    ],
)
def test_pairs_are_read_from_arrays_and_lines(file: Path, content: str) -> None:
    assert read(file, content) == [Document("Mira left", (MIRA,)), Document("Nobody")]


def test_texts_that_were_passed_over_are_counted(file: Path) -> None:
    log = ReadLog()
    assert len(read(file, {"classes": [], "annotations": [*PAIRS, None, None]}, log)) == 2
    ((remark, number),) = log.remarks.items()
    assert ("null" in remark, number) == (True, 2)


def test_span_groups_and_other_annotations_are_read(file: Path) -> None:
    annotations = {
        "entities": [],
        "spans": {"sc": [[0, 4, "PER"], [0, 9, "X"]]},
        "cats": {"a": 1.0},
    }
    (document,) = read(file, [["Mira left", annotations]])
    assert document.entities == (MIRA, Entity(0, 9, "X"))
    assert document.meta == {"cats": {"a": 1.0}}
    write_documents([document], file, "spacy-tuples")
    assert json.loads(file.read_text()) == [["Mira left", annotations]]


def test_offsets_in_utf_16_are_found_out(file: Path) -> None:
    """The NER annotator runs in a browser."""
    log = ReadLog()
    (document,) = read(file, [["🏃🏽 Aino ran 6x3", {"entities": [[5, 9, "PER"]]}]], log)
    assert document.surface(document.entities[0]) == "Aino"
    assert ["UTF-16" in note for note in log.notes] == [True]


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        (["a"], "is not a pair"),
        (["a", {"entities": []}, {}], "is not a pair"),
        ([["a", []]], "is not a pair"),
        ({"text": "a"}, "is not a pair"),
        (["a", {}], "no entities"),
        (["a", {"entities": None}], "no entities"),
        (["a", {"entities": ["U-PER"]}], "'U-PER' is not a valid entity"),
        (["a", {"entities": [[0, 2, "X"]]}], r"has the range \[0, 2\)"),
        (["a", {"entities": 1, "spans": {}}], "the entities are 1"),
        (["a", {"entities": [], "spans": {"sc": 1}}], "the spans are"),
        (["a", {"entities": [], "text": "b"}], "another text: 'b'"),
        (["a", {"entities": [], "text": {"id": 5}}], "the field 'id' holds"),
    ],
)
def test_other_forms_are_refused_with_their_place(file: Path, pair: Any, words: str) -> None:
    with pytest.raises(FormatError, match=words) as caught:
        read(file, f"[{json.dumps(PAIRS[0])},\n{json.dumps(pair)}]")
    assert caught.value.place == f"{file}:2"
    log = ReadLog(unreadable=[])
    assert len(read(file, f"[{json.dumps(PAIRS[0])},\n{json.dumps(pair)}]", log)) == 1
    assert [error.place for error in log.unreadable or ()] == [f"{file}:2"]


@given(documents(scores=True) | overlapping_documents())
def test_spacy_reads_what_is_written(file: Path, document: Document) -> None:
    spacy = pytest.importorskip("spacy", reason="needs the extra spacy")
    training = pytest.importorskip("spacy.training")
    write_documents([document], file, "spacy-tuples")
    ((text, annotations),) = json.loads(file.read_text())
    assert text == document.text
    # a token for each character, as spaCy aligns entities with tokens
    doc = spacy.tokens.Doc(spacy.vocab.Vocab(), words=list(text), spaces=[False] * len(text))
    reference = training.Example.from_dict(doc, annotations).reference
    found = reference.spans["sc"] if "spans" in annotations else reference.ents
    assert sorted((each.start_char, each.end_char, each.label_) for each in found) == [
        (each.start, each.end, each.label) for each in document.entities
    ]


def test_unlabelled_pairs_may_be_kept(file: Path) -> None:
    file.write_text('[["a", {"cats": {}}]]')
    (document,) = read_documents(file, "spacy-tuples", ReadOptions(accept={"unlabelled"}))
    assert document.entities == ()
