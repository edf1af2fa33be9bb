"""Span records, read and written in three styles."""

from __future__ import annotations

import json
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
    Style,
    WriteOptions,
    read_documents,
    write_documents,
)
from strategies import documents

STYLES: tuple[Style, ...] = ("nerine", "doccano", "prodigy")
MIRA = Entity(0, 4, "person")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spans") / "corpus.jsonl"


def read(
    file: Path, *records: Any, options: ReadOptions | None = None, log: ReadLog | None = None
) -> list[Document]:
    lines = (each if isinstance(each, str) else json.dumps(each) for each in records)
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return list(read_documents(file, "spans", options or ReadOptions(), log))


def written(file: Path, document: Document, style: Style) -> Any:
    write_documents([document], file, options=WriteOptions(style=style))
    return json.loads(file.read_text())


def test_reads_our_records(file: Path) -> None:
    record = {
        "id": "7",
        "text": "Mira left.",
        "entities": [{"start": 0, "end": 4, "label": "person", "score": 0.5}],
        "tokens": [[0, 4], [5, 10]],
        "url": "x",
    }
    expected = Document(
        "Mira left.",
        (Entity(0, 4, "person", 0.5),),
        (Token(0, 4), Token(5, 10)),
        "7",
        {"url": "x"},
    )
    assert read(file, record, "", record) == [expected, expected]
    assert written(file, expected, "nerine") == record


@pytest.mark.parametrize(
    "record",
    [
        {"text": "Mira left.", "label": [[0, 4, "person"]]},
        {"data": "Mira left.", "labels": [[0, 4, "person"]]},
        {"text": "Mira left.", "entities": [[0, 4, "person"]]},
        {
            "text": "Mira left.",
            "entities": [{"label": "person", "start_offset": 0, "end_offset": 4}],
        },
        {"text": "Mira left.", "spans": [{"start": 0, "end": 4, "label": "person"}]},
    ],
)
def test_reads_what_other_tools_write(file: Path, record: dict[str, Any]) -> None:
    assert read(file, record) == [Document("Mira left.", (MIRA,))]


def test_records_of_newer_doccano_survive(file: Path) -> None:
    record = {
        "id": 3,
        "text": "Mira left.",
        "entities": [{"start_offset": 0, "end_offset": 4, "label": "person", "id": 12}],
        "relations": [],
        "Comments": ["?"],
    }
    (document,) = read(file, record)
    assert (document.id, document.entities) == ("3", (MIRA,))
    assert written(file, document, "doccano") == record


def test_records_of_prodigy_survive(file: Path) -> None:
    record = {
        "text": "Mira left",
        "tokens": [
            {"text": "Mira", "start": 0, "end": 4, "id": 0, "ws": True, "disabled": False},
            {"text": "left", "start": 5, "end": 9, "id": 1, "ws": False},
        ],
        "spans": [
            {
                "start": 0,
                "end": 4,
                "label": "person",
                "token_start": 0,
                "token_end": 0,
                "input_hash": 5,
            }
        ],
        "_task_hash": 11,
        "answer": "accept",
    }
    (document,) = read(file, record)
    assert document.entities == (MIRA,)
    assert document.tokens == (Token(0, 4), Token(5, 9))
    assert written(file, document, "prodigy") == record
    assert read(file, {"text": "x", "answer": "accept"})[0].entities == ()


@pytest.mark.parametrize(
    "record",
    [
        # doccano's JSONL, of projects without relations
        {"id": 1, "text": "Mira left.", "label": [[0, 4, "person"]], "Comments": []},
        {"id": 1, "data": "Mira left.", "label": [[0, 4, "person"]], "lang": "en"},
        # doccano's JSONL with relations between entities
        {
            "id": 1,
            "text": "Mira left Oslo.",
            "entities": [
                {"id": 7, "label": "person", "start_offset": 0, "end_offset": 4},
                {"id": 8, "label": "place", "start_offset": 10, "end_offset": 14},
            ],
            "relations": [{"id": 2, "from_id": 7, "to_id": 8, "type": "left"}],
            "Comments": ["sure?"],
        },
    ],
)
def test_exports_of_doccano_survive(file: Path, record: dict[str, Any]) -> None:
    (document,) = read(file, record)
    assert (document.id, document.entities[0]) == ("1", MIRA)
    back = written(file, document, "doccano")
    # the text goes by one name when it is written
    assert back == {"text" if key == "data" else key: value for key, value in record.items()}


def test_an_export_of_prodigy_survives(file: Path) -> None:
    """A record of `db-out`, with every field that the annotation interfaces document."""
    words = [("Mira", 0, True), ("left", 5, True), ("Oslo", 10, False), (".", 14, False)]
    record = {
        "text": "Mira left Oslo.",
        "meta": {"source": "log", "pattern": "3"},
        "_input_hash": -1842734674,
        "_task_hash": 1523711031,
        "tokens": [
            {"text": text, "start": start, "end": start + len(text), "id": index, "ws": ws}
            for index, (text, start, ws) in enumerate(words)
        ],
        "spans": [
            {"start": 0, "end": 4, "token_start": 0, "token_end": 0, "label": "person"},
            {
                "start": 10,
                "end": 14,
                "token_start": 2,
                "token_end": 2,
                "label": "place",
                "source": "en_core",
                "input_hash": 5,
                "score": 0.75,
            },
        ],
        "_is_binary": False,
        "_view_id": "ner_manual",
        "answer": "accept",
        "_timestamp": 1714640000,
        "_annotator_id": "ner-mira",
        "_session_id": "ner-mira",
    }
    (document,) = read(file, record)
    assert document.entities == (MIRA, Entity(10, 14, "place", 0.75))
    assert written(file, document, "prodigy") == record


def test_a_field_can_be_named_as_the_text(file: Path) -> None:
    options = ReadOptions(text_field="body")
    record = {"body": "Mira", "text": "x", "entities": []}
    (document,) = read(file, record, options=options)
    assert (document.text, document.meta) == ("Mira", {"text": "x"})
    with pytest.raises(FormatError, match="no text; its fields are: text, entities") as caught:
        read(file, {"text": "x", "entities": []}, options=options)
    assert caught.value.expected == "a string in 'body'"


def test_rejected_records_are_an_error_or_counted(file: Path) -> None:
    records: list[Any] = [
        {"text": "x", "spans": [], "answer": answer} for answer in ("accept", "reject", "ignore")
    ]
    with pytest.raises(FormatError, match="'reject'") as caught:
        read(file, *records)
    assert caught.value.place == f"{file}:2"
    assert "--skip-rejected" in (caught.value.hint or "")
    log = ReadLog()
    assert len(read(file, *records, options=ReadOptions(skip_rejected=True), log=log)) == 1
    assert log == ReadLog(documents=1, skipped=2)


def test_entities_are_put_in_order(file: Path) -> None:
    (document,) = read(file, {"text": "Mira left", "label": [[5, 9, "verb"], [0, 4, "person"]]})
    assert document.entities == (MIRA, Entity(5, 9, "verb"))


def test_tokens_may_be_strings(file: Path) -> None:
    record = {"text": "Mira left.", "entities": [], "tokens": ["Mira", "left", "."]}
    assert read(file, record)[0].tokens == (Token(0, 4), Token(5, 9), Token(9, 10))


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ("{", "this is not valid JSON"),
        ("[1]", "this is an array"),
        ('{"text": "x", "entities": [[0, 1, "a"]], "n": NaN}', "NaN is not a JSON number"),
        ('{"text": "x", "entities": ' + "[" * 200_000, "this is not valid JSON"),
        ({"texts": "x", "entities": []}, "no text; its fields are: texts, entities"),
        ({"text": "x"}, "no entities; its fields are: text"),
        ({"text": "x", "label": "POSITIVE"}, "the field 'label' holds 'POSITIVE'"),
        ({"text": "x", "entities": [[0, 1]]}, "is not a valid entity"),
        ({"text": "x", "entities": [["0", 1, "a"]]}, "is not a valid entity"),
        ({"text": "x", "entities": [[0, 1, None]]}, "is not a valid entity"),
        ({"text": "x", "entities": [[0, 1, ""]]}, "has no label"),
        ({"text": "x", "entities": [{"start": 0, "end": 1, "label": "a", "score": 2}]}, "is no"),
        ({"text": "x", "entities": [[0, 2, "a"]]}, r"entity 0 has the range \[0, 2\)"),
        ({"text": "xyz", "entities": [[0, 2, "a"], [1, 3, "b"]]}, "begins before entity 0"),
        ({"text": "xyz", "entities": [], "tokens": [[0, 9]]}, r"token 0 has the range \[0, 9\)"),
        ({"text": "xyz", "entities": [], "tokens": ["a"]}, "the token 'a' is not in the text"),
        ({"text": "xy", "entities": [], "tokens": [{"text": "a", "start": 0, "end": 1}]}, "agree"),
    ],
)
def test_bad_records_are_refused_with_their_place(file: Path, record: Any, words: str) -> None:
    good = {"text": "Mira", "entities": []}
    with pytest.raises(FormatError, match=words) as caught:
        read(file, good, record)
    assert (caught.value.place or "").startswith(f"{file}:2")


def test_bytes_that_are_not_utf_8_are_refused(file: Path) -> None:
    file.write_bytes(b'{"text": "\xff", "entities": []}\n')
    with pytest.raises(FormatError, match="byte 0xff at position 10") as caught:
        list(read_documents(file, "spans"))
    assert caught.value.place == f"{file}:1"


@given(st.lists(documents(scores=True), max_size=3), st.sampled_from(STYLES))
def test_documents_survive(file: Path, before: list[Document], style: Style) -> None:
    assert write_documents(before, file, options=WriteOptions(style=style)) == len(before)
    assert list(read_documents(file, "spans")) == before


def test_styles_differ(file: Path) -> None:
    document = Document("Mira left", (MIRA,), (Token(0, 4), Token(5, 9)))
    assert written(file, document, "doccano")["label"] == [[0, 4, "person"]]
    scored = document.with_entities([Entity(0, 4, "person", 0.25)])
    (entity,) = written(file, scored, "doccano")["entities"]
    assert entity == {"start_offset": 0, "end_offset": 4, "label": "person", "score": 0.25}
    (span,) = written(file, scored, "prodigy")["spans"]
    assert (span["token_start"], span["token_end"], span["score"]) == (0, 0, 0.25)


def test_changed_entities_leave_their_other_fields_behind(file: Path) -> None:
    (document,) = read(file, {"text": "Mira left", "entities": [{**entity_record(), "id": 9}]})
    changed = document.with_entities([MIRA, Entity(5, 9, "verb")])
    assert [entity.get("id") for entity in written(file, changed, "nerine")["entities"]] == [
        9,
        None,
    ]


def entity_record() -> dict[str, Any]:
    return {"start": 0, "end": 4, "label": "person"}


def test_text_is_written_readably_and_surrogates_are_escaped(file: Path) -> None:
    document = Document("é中 \ud800", (Entity(3, 4, "\udc00"),))
    write_documents([document], file)
    assert "é中 \\ud800" in file.read_text(encoding="utf-8")
    assert list(read_documents(file)) == [document]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (Document("\ud83d\ude00"), "a pair of surrogates"),
        (Document("x", meta={"a": {1}}), "cannot be written as JSON"),
        (Document("x", meta={"a": float("inf")}), "cannot be written as JSON"),
        (Document("x", meta={"text": "y"}), "meta has the field 'text'"),
        (Document("x", meta={"id": 5}, id="6"), "meta has the field 'id'"),
    ],
)
def test_what_json_cannot_hold_is_refused(file: Path, document: Document, words: str) -> None:
    with pytest.raises(FormatError, match=words) as caught:
        write_documents([Document("a"), document], file)
    assert caught.value.place == f"{file}, document 2"


def test_meta_that_would_be_read_as_entities_is_refused(file: Path) -> None:
    with pytest.raises(FormatError, match="would be read as the entities"):
        written(file, Document("x", meta={"entities": []}), "doccano")


def test_reading_streams(file: Path) -> None:
    file.write_text('{"text": "x", "entities": []}\n' * 1000 + "{")
    lines = read_documents(file)
    assert next(lines).text == "x"
