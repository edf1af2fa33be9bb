"""Word records, read and written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nerine.core.document import Document, Entity, Token
from nerine.core.errors import FormatError
from nerine.core.tags import TagScheme
from nerine.data.formats import ReadLog, ReadOptions, read_documents, write_documents

NAMES = ("O", "B-person", "I-person")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("words") / "corpus.jsonl"


def read(
    file: Path, *records: Any, options: ReadOptions | None = None, log: ReadLog | None = None
) -> list[Document]:
    file.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    return list(read_documents(file, "words", options or ReadOptions(), log))


def test_reads_tags_by_name_and_by_number(file: Path) -> None:
    named = {"id": "7", "tokens": ["Mira", "left"], "ner_tags": ["B-person", "O"], "url": "x"}
    (document,) = read(file, named)
    assert document == Document(
        "Mira left", (Entity(0, 4, "person"),), (Token(0, 4), Token(5, 9)), "7", {"url": "x"}
    )
    numbered = {**named, "ner_tags": [1, 0]}
    assert read(file, numbered, options=ReadOptions(tag_names=NAMES)) == [document]


@pytest.mark.parametrize("name", ["tags", "labels", "ner"])
def test_finds_the_fields_by_their_usual_names(file: Path, name: str) -> None:
    (document,) = read(file, {"words": ["Mira"], name: ["B-person"]})
    assert document.entities == (Entity(0, 4, "person"),)


def test_fields_can_be_named(file: Path) -> None:
    options = ReadOptions(token_column="forms", tag_column="fine")
    (document,) = read(file, {"forms": ["a"], "fine": ["B-x"], "ner_tags": ["O"]}, options=options)
    assert (document.entities, document.meta) == ((Entity(0, 1, "x"),), {"ner_tags": ["O"]})


def test_the_text_of_a_record_is_the_text(file: Path) -> None:
    record = {"tokens": ["Mira", "."], "tags": ["B-p", "O"], "text": "Mira."}
    (document,) = read(file, record)
    assert (document.text, document.tokens) == ("Mira.", (Token(0, 4), Token(4, 5)))


@pytest.mark.parametrize(
    ("record", "place", "words"),
    [
        ({"tokens": ["a"], "ner_tags": [1]}, ":2", "numbers, such as 1, without names"),
        ({"tokens": ["a"]}, ":2", "no field holds the tags; the fields are: tokens"),
        ({"ner_tags": ["O"]}, ":2", "no field holds the tokens"),
        ({"tokens": ["a"], "tags": []}, ":2", "1 tokens and 0 tags"),
        ({"tokens": "a", "tags": ["O"]}, ":2", "the field 'tokens' holds 'a'"),
        ({"tokens": ["a"], "tags": "O"}, ":2", "the field 'tags' holds 'O'"),
        ({"tokens": ["a", ""], "tags": ["O", "O"]}, ":2", "token 1 is empty"),
        (
            {"tokens": ["a", "b"], "tags": ["B-x", "b"]},
            ":2, token 1",
            "tag 'b' has an unknown form",
        ),
        ({"tokens": ["a", "b"], "tags": ["O", "I-x"]}, ":2, token 1", "'I-x' cannot follow 'O'"),
        ({"tokens": ["a"], "tags": ["O"], "text": "b"}, ":2, token 0", "'a' is not in the text"),
        ({"tokens": ["a"], "tags": ["O"], "text": "ab", "offsets": [[0, 2]]}, ":2", "agree"),
    ],
)
def test_bad_records_are_refused_with_their_place(
    file: Path, record: Any, place: str, words: str
) -> None:
    with pytest.raises(FormatError, match=words) as caught:
        read(file, {"tokens": ["a"], "tags": ["B-x"], "ner_tags": ["B-x"]}, record)
    assert caught.value.place == f"{file}{place}"


def test_numbers_need_enough_names(file: Path) -> None:
    with pytest.raises(FormatError, match="tag number 3 has no name"):
        read(file, {"tokens": ["a"], "tags": [3]}, options=ReadOptions(tag_names=NAMES))
    with pytest.raises(FormatError, match="--tag-names"):
        read(file, {"tokens": ["a"], "tags": [3]})


def test_repair_reads_leniently_and_counts(file: Path) -> None:
    log = ReadLog()
    options = ReadOptions(scheme=TagScheme.IOB2, repair=True)
    (document,) = read(file, {"tokens": ["a"], "tags": ["I-x"]}, options=options, log=log)
    assert document.entities == (Entity(0, 1, "x"),)
    assert log == ReadLog(1, repaired_tags=1, repaired_documents=1, scheme=TagScheme.IOB2)
    assert [fault.place for fault in log.faults] == [f"{file}:1, token 0"]


def test_tokens_that_no_search_finds_have_offsets(file: Path) -> None:
    document = Document("a a", tokens=(Token(2, 3),))
    write_documents([document], file, "words")
    assert json.loads(file.read_text())["offsets"] == [[2, 3]]
    assert list(read_documents(file)) == [document]


def test_reading_streams(file: Path) -> None:
    file.write_text('{"tokens": ["a"], "tags": ["O"]}\n' * 1000 + "{")
    assert next(read_documents(file, "words", ReadOptions(scheme=TagScheme.IOB2))).text == "a"


def test_records_may_be_an_array_or_objects_over_several_lines(file: Path) -> None:
    records = [{"id": "1", "tokens": ["Bo"], "ner_tags": ["B-p"]}, {"tokens": [], "ner_tags": []}]
    expected = read(file, *records)
    for content in (
        json.dumps(records),
        json.dumps(records, indent=1),
        "\n".join(json.dumps(record, indent=2) for record in records),
        json.dumps({"version": "1", "data": [records[0]]}),
    ):
        file.write_text(content)
        assert list(read_documents(file)) == expected[: 1 if "version" in content else 2]


def test_a_file_of_tags_lists_a_broken_record_once(file: Path) -> None:
    file.write_text('{"tokens": ["a"], "tags": ["O"]}\n{"tokens"\n{"tokens": [], "tags": []}\n')
    log = ReadLog(unreadable=[])
    assert len(list(read_documents(file, log=log))) == 2
    assert [error.place for error in log.unreadable or ()] == [f"{file}:2"]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["PER", "PER", "O"], [(0, 8, "PER")]),
        (["person-actor", "O", "person-actor"], [(0, 3, "person-actor"), (9, 12, "person-actor")]),
        (["B", "I", "O"], [(0, 8, "entity")]),
        (["B-x", "M-x", "E-x"], [(0, 12, "x")]),
        (["(x(y*", "*)", "*)"], [(0, 8, "y"), (0, 12, "x")]),
        (["B_x", "I_x", "O"], [(0, 8, "x")]),
    ],
)
def test_other_notations_are_read_as_in_column_files(
    tmp_path: Path, tags: list[str], expected: list[tuple[int, int, str]]
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"tokens": ["Ann", "Lee!", "ran"], "ner_tags": tags}))
    log = ReadLog()
    (document,) = read_documents(path, "words", log=log)
    assert [(each.start, each.end, each.label) for each in document.entities] == expected
    assert len(log.notes) == 1


def test_labels_without_o_are_read_if_they_are_stated(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"tokens": ["Ann", "Lee"], "tags": ["PER", "PER"]}')
    with pytest.raises(FormatError) as caught:
        list(read_documents(path, "words"))
    assert "--scheme-in IO (scheme='IO')" in (caught.value.hint or "")
    (document,) = read_documents(path, "words", ReadOptions(scheme="IO"))
    assert [each.label for each in document.entities] == ["PER"]


def test_empty_tokens_are_left_out_when_repaired(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"tokens": ["", "Lee", "ran"], "tags": ["B-PER", "I-PER", "O"]}')
    with pytest.raises(FormatError) as caught:
        list(read_documents(path, "words"))
    assert "--repair" in (caught.value.hint or "")
    (document,) = read_documents(path, "words", ReadOptions(repair=True))
    assert document.text == "Lee ran"
    assert [document.surface(each) for each in document.entities] == ["Lee"]
