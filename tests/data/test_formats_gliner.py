"""GLiNER's training records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from nerine.core.document import Document, Entity, Token
from nerine.core.errors import FormatError
from nerine.data.formats import ReadLog, ReadOptions, read_documents, write_documents
from strategies import documents, overlapping_documents


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gliner") / "train.json"


def read(
    file: Path, content: Any, log: ReadLog | None = None, options: ReadOptions | None = None
) -> list[Document]:
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return list(read_documents(file, "gliner", options or ReadOptions(), log))


RECORD = {
    "tokenized_text": ["Aino", "Salo", "left", "Turku"],
    "ner": [[0, 1, "PER"], [3, 3, "LOC"]],
}


def test_ranges_of_words_include_both_ends(file: Path) -> None:
    expected = Document(
        "Aino Salo left Turku",
        (Entity(0, 9, "PER"), Entity(15, 20, "LOC")),
        (Token(0, 4), Token(5, 9), Token(10, 14), Token(15, 20)),
    )
    for content in ([RECORD], json.dumps([RECORD], indent=2), json.dumps(RECORD)):
        assert read(file, content) == [expected]


def test_overlapping_entities_are_read_and_double_ones_counted(file: Path) -> None:
    log = ReadLog()
    ner = [[0, 1, "ORG"], [0, 0, "LOC"], [0, 1, "ORG"]]
    (document,) = read(file, [{"tokenized_text": ["Riga", "Port"], "ner": ner}], log)
    assert document.entities == (Entity(0, 4, "LOC"), Entity(0, 9, "ORG"))
    assert list(log.remarks.values()) == [1]


def test_other_fields_survive(file: Path) -> None:
    record = {"id": 4, **RECORD, "ner_negatives": ["date"], "source": "x"}
    (document,) = read(file, [record])
    assert document.id == "4"
    write_documents([document], file, "gliner")
    assert json.loads(file.read_text()) == [record]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ner": [[0, 4, "X"]]}, r"\[0, 4, 'X'\] is outside the 4 words"),
        ({"ner": [[2, 1, "X"]]}, "is outside"),
        ({"ner": [[-1, 1, "X"]]}, "is outside"),
        ({"ner": [[0, True, "X"]]}, "is not a valid entity"),
        ({"ner": [[0, 1.0, "X"]]}, "is not a valid entity"),
        ({"ner": [[0, 1, 5]]}, "is not a valid entity"),
        ({"ner": [[0, 1]]}, "is not a valid entity"),
        ({"ner": ["X"]}, "is not a valid entity"),
        ({"ner": "X"}, "'ner' holds 'X'"),
        ({"ner": None}, "no field 'ner'"),
        ({"ner": [[0, 1, None]]}, "has no label"),
        ({"ner": [[0, 1, ""]]}, "has no label"),
        ({"tokenized_text": "Aino"}, "'tokenized_text' holds 'Aino'"),
        ({"tokenized_text": ["a", 1]}, "'tokenized_text' holds"),
        ({"tokenized_text": ["a", ""]}, "word 1 is empty"),
        ({"text": "Aino"}, "'Salo' is not in the text"),
        ({"text": "Aino Salo", "offsets": [[0, 4]]}, "'offsets' does not agree"),
        ({"nerine": 1}, "'nerine' holds 1"),
        ({"nerine": {"tokens": [[0, 99]]}}, "token 0 has the range"),
    ],
)
def test_other_forms_are_refused_with_their_place(
    file: Path, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(FormatError, match=words) as caught:
        read(file, f"{json.dumps(RECORD)}\n{json.dumps({**RECORD, **change})}\n")
    assert (caught.value.place or "").startswith(f"{file}:2")


def test_unlabelled_records_and_entities_without_a_label_are_skipped(file: Path) -> None:
    log = ReadLog()
    records = [{"tokenized_text": ["a"]}, {"tokenized_text": ["b"], "ner": [[0, 0, None]]}]
    options = ReadOptions(skip={"unlabelled", "no-label"})
    assert [each.text for each in read(file, records, log, options)] == ["b"]
    assert log.skipped == {"unlabelled": 1, "no-label": 1}


@given(documents() | overlapping_documents())
def test_written_ranges_are_those_of_the_words(file: Path, document: Document) -> None:
    """By a reader of the format's own fields only."""
    write_documents([document], file, "gliner")
    (record,) = json.loads(file.read_text())
    words = record["tokenized_text"]
    assert len(record["ner"]) == len(document.entities)
    for (first, last, label), entity in zip(record["ner"], document.entities, strict=True):
        surface = document.surface(entity)
        position = 0
        for word in words[first : last + 1]:
            assert word in surface[position:]
            position = surface.index(word, position) + len(word)
        assert surface.startswith(words[first])
        assert surface.endswith(words[last])
        assert label == entity.label


@pytest.mark.parametrize("name", ["text", "offsets", "nerine"])
def test_meta_that_would_be_read_as_a_part_is_refused(file: Path, name: str) -> None:
    with pytest.raises(FormatError, match=f"meta has the field '{name}'"):
        write_documents([Document("a", meta={name: "b"})], file, "gliner")
