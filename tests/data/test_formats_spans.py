"""Span records, read and written in three styles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

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
    hint = caught.value.hint or ""
    assert "--skip rejected" in hint
    assert "--accept rejected" in hint
    log = ReadLog()
    assert len(read(file, *records, options=ReadOptions(skip={"rejected"}), log=log)) == 1
    assert log == ReadLog(documents=1, skipped={"rejected": 2})
    log = ReadLog()
    assert len(read(file, *records, options=ReadOptions(accept={"rejected"}), log=log)) == 3
    assert log == ReadLog(documents=3, accepted={"rejected": 2})


@pytest.mark.parametrize("record", [{"text": "Teun"}, {"text": "Teun", "label": None}])
def test_a_text_without_annotation_is_an_error_or_counted(
    file: Path, record: dict[str, Any]
) -> None:
    with pytest.raises(FormatError, match="the record has no entities; its fields are") as caught:
        read(file, record)
    assert "--skip unlabelled" in (caught.value.hint or "")
    log = ReadLog()
    assert read(file, record, options=ReadOptions(skip={"unlabelled"}), log=log) == []
    assert log.skipped == {"unlabelled": 1}
    (document,) = read(file, record, options=ReadOptions(accept={"unlabelled"}))
    assert (document.text, document.entities) == ("Teun", ())


@pytest.mark.parametrize("item", [[0, 4, None], [0, 4, ""], {"start": 0, "end": 4}])
def test_an_entity_without_a_label_is_an_error_or_skipped(file: Path, item: Any) -> None:
    record = {"text": "Mira left", "entities": [item, [5, 9, "verb"]]}
    with pytest.raises(FormatError, match="has no label") as caught:
        read(file, record)
    assert "--skip no-label" in (caught.value.hint or "")
    assert "--keep" not in (caught.value.hint or "")
    log = ReadLog()
    (document,) = read(file, record, options=ReadOptions(skip={"no-label"}), log=log)
    assert document.entities == (Entity(5, 9, "verb"),)
    assert log.skipped == {"no-label": 1}


def test_entities_that_overlap_or_are_nested_are_read(file: Path) -> None:
    log = ReadLog()
    (document,) = read(
        file, {"text": "Riga Port opens", "label": [[0, 9, "ORG"], [0, 4, "LOC"], [5, 15, "X"]]}
    )
    assert document.entities == (Entity(0, 4, "LOC"), Entity(0, 9, "ORG"), Entity(5, 15, "X"))
    assert log.remarks == {}


def test_an_entity_that_is_listed_twice_is_read_once_and_counted(file: Path) -> None:
    records = [
        {"text": "2 of 3", "labels": [[0, 1, "N"], [0, 1, "N"], [0, 1, "M"]]},
        {"text": "4", "labels": [[0, 1, "N"]]},
    ]
    log = ReadLog()
    first, _ = read(file, *records, log=log)
    assert first.entities == (Entity(0, 1, "M"), Entity(0, 1, "N"))
    assert log.remarks == {"with an entity that is listed twice, read once": 1}


def test_an_entity_with_two_labels_is_two_entities(file: Path) -> None:
    (document,) = read(
        file, {"text": "Riga", "entities": [{"start": 0, "end": 4, "labels": ["LOC", "ORG"]}]}
    )
    assert document.entities == (Entity(0, 4, "LOC"), Entity(0, 4, "ORG"))


def test_a_record_of_one_accepted_suggestion_is_remarked(file: Path) -> None:
    log = ReadLog()
    record = {"text": "Mira", "spans": [], "answer": "accept", "_is_binary": True}
    read(file, record, {**record, "_is_binary": False}, log=log)
    ((remark, number),) = log.remarks.items()
    assert ("_is_binary" in remark, number) == (True, 1)


def test_an_own_text_that_contradicts_is_an_error_with_its_line(file: Path) -> None:
    good = {"text": "Bo sat", "spans": [{"start": 0, "end": 2, "label": "PER", "text": "Bo"}]}
    bad = {"text": "Did Bo sit", "entities": [{"start": 0, "end": 2, "label": "PER", "text": "Bo"}]}
    with pytest.raises(FormatError, match=r"PER \[0, 2\) shows 'Bo', but .* is 'Di'") as caught:
        read(file, good, bad)
    assert caught.value.place == f"{file}:2"
    assert caught.value.expected == "the range [4, 6), where the text has it"


def test_inclusive_ends_of_a_whole_file_are_refused_and_read_with_the_option(file: Path) -> None:
    records = [
        {"text": text, "spans": [{"start": 0, "end": end, "label": "PER", "text": text[: end + 1]}]}
        for text, end in (("Bo sat", 1), ("Aino sat", 3))
    ]
    with pytest.raises(FormatError, match="shows 'Bo', but the text there is 'B'") as caught:
        read(file, *records)
    assert "--inclusive-ends (inclusive_ends=True)" in (caught.value.hint or "")
    found = read(file, *records, options=ReadOptions(inclusive_ends=True))
    assert [each.surface(each.entities[0]) for each in found] == ["Bo", "Aino"]


@pytest.mark.parametrize("field", ["value", "word"])
def test_a_field_that_may_be_an_own_text_is_one_if_the_text_has_it(file: Path, field: str) -> None:
    bad = {"start": 0, "end": 2, "label": "PER", field: "Bo"}
    with pytest.raises(FormatError, match="shows 'Bo'"):
        read(file, {"text": "Did Bo sit", "entities": [bad]})
    # a normal form, such as a date's, is not in the text
    log = ReadLog()
    normal = {"start": 4, "end": 10, "label": "DAY", field: "2020-01-01"}
    (document,) = read(file, {"text": "On today s", "entities": [normal]}, log=log)
    assert document.meta["entity_fields"] == [[4, 10, "DAY", {field: "2020-01-01"}]]
    assert list(log.remarks.values()) == [1]


def test_an_export_with_offsets_in_utf_16_is_read_by_the_edges_of_words(file: Path) -> None:
    records = [
        {"id": 1, "text": "🤷🏽 Aino took the tram", "label": [[5, 9, "PER"], [19, 23, "X"]]},
        {"id": 2, "text": "Aino", "label": [[0, 4, "PER"]]},
    ]
    log = ReadLog()
    found = read(file, *records, log=log)
    surfaces = [[each.surface(entity) for entity in each.entities] for each in found]
    assert surfaces == [["Aino", "tram"], ["Aino"]]
    assert ["UTF-16" in note for note in log.notes] == [True]
    stated = read(file, *records, options=ReadOptions(offsets="utf-16"))
    assert stated == found


def test_a_record_states_its_unit_where_it_matters(file: Path) -> None:
    # entities inside words: by the edges of words, the file would be read otherwise
    document = Document("🙂 xAb cd", (Entity(3, 5, "X"),))
    record = written(file, document, "doccano")
    assert record["offsets"] == "code-points"
    assert list(read_documents(file, "spans")) == [document]
    assert "offsets" not in written(file, Document("é Ab", (Entity(2, 4, "X"),)), "nerine")
    (other,) = read(file, {"text": "🙂 Ab cd", "label": [[3, 5, "X"]], "offsets": "utf-16"})
    assert (other.surface(other.entities[0]), other.meta) == ("Ab", {})


def test_offsets_may_have_a_decimal_point(file: Path) -> None:
    log = ReadLog()
    (document,) = read(file, {"text": "Mira", "label": [[0.0, 4.0, "person"]]}, log=log)
    assert document.entities == (MIRA,)
    assert ["4.0" in note for note in log.notes] == [True]


def test_records_may_be_an_array_or_objects_over_several_lines(file: Path) -> None:
    records = [{"text": "Mira left.", "label": [[0, 4, "person"]]}, {"text": "", "label": []}]
    expected = read(file, *records)
    for content in (
        json.dumps(records, indent=1),
        "\n".join(json.dumps(record, indent=2) for record in records),
        json.dumps({"data": records}),
    ):
        file.write_text(content)
        assert list(read_documents(file)) == expected


def test_records_that_cannot_be_read_are_listed_where_asked(file: Path) -> None:
    good = {"text": "Mira", "label": [[0, 4, "person"]]}
    log = ReadLog(unreadable=[])
    found = read(file, {"text": "Mira", "label": [[0, 9, "X"]]}, "{", good, {"text": "Bo"}, log=log)
    assert found == [Document("Mira", (MIRA,))]
    assert sorted(str(error.place) for error in log.unreadable or ()) == [
        f"{file}:{line}" for line in (1, 2, 4)
    ]


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
        ({"text": "x", "entities": [[False, True, "a"]]}, "is not a valid entity"),
        ({"text": "x", "entities": [[0, 0.5, "a"]]}, "is not a valid entity"),
        ({"text": "x", "entities": [[0, 1, 7]]}, "its label is 7"),
        ({"text": "x", "entities": [[-1, 1, "a"]]}, r"has the range \[-1, 1\)"),
        ({"text": "x", "entities": [[0, 10**30, "a"]]}, "more than 64 bits"),
        ({"text": "x", "entities": "a"}, "the field 'entities' holds 'a'"),
        ({"text": "x", "entities": {"a": 1}}, "the field 'entities' holds {'a': 1}"),
        ({"text": "x", "entities": [[0, 1, "a"]], "spans": [[0, 1, "b"]]}, "are in the fields"),
        ({"text": "x", "entities": [{"start": 0, "end": 1, "label": "a", "score": 2}]}, "is no"),
        ({"text": "x", "entities": [[0, 2, "a"]]}, r"entity a has the range \[0, 2\)"),
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
        (Document("x", meta={"offsets": "utf-16"}), "would be read as the unit of offsets"),
        (Document("\ud83d\ude00"), "a pair of surrogates"),
        (Document("x", meta={"a": {1}}), "cannot be written as JSON"),
        (Document("x", meta={"a": float("inf")}), "cannot be written as JSON"),
    ],
)
def test_what_json_cannot_hold_is_refused(file: Path, document: Document, words: str) -> None:
    with pytest.raises(FormatError, match=words) as caught:
        write_documents([Document("a"), document], file)
    assert caught.value.place == f"{file}, document 2"


@pytest.mark.parametrize(
    ("meta", "id_"),
    [
        ({"text": "y", "url": "z"}, None),
        ({"id": 5}, "6"),
        ({"id": "5"}, None),
        ({"id": 5}, "5"),
        ({"more_fields": {"text": "y"}}, "5"),
        ({"more_fields": 3, "text": 4}, None),
    ],
)
def test_fields_whose_names_a_record_has_already_are_kept(
    file: Path, meta: dict[str, Any], id_: str | None
) -> None:
    document = Document("x", meta=meta, id=id_)
    write_documents([document], file)
    assert list(read_documents(file)) == [document]


def test_meta_that_would_be_read_as_entities_is_refused(file: Path) -> None:
    with pytest.raises(FormatError, match="would be read as the entities"):
        written(file, Document("x", meta={"entities": []}), "doccano")


def test_reading_streams(file: Path) -> None:
    file.write_text('{"text": "x", "entities": []}\n' * 1000 + "{")
    lines = read_documents(file)
    assert next(lines).text == "x"
