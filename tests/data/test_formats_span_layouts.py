"""Span records of other tools, and several records of one text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nerine.core.document import Document, Entity
from nerine.core.errors import FormatError
from nerine.data.formats import ReadLog, ReadOptions, detect_format, read_documents

MIRA = Entity(0, 4, "person")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "records.jsonl"


def read(
    file: Path, *records: Any, options: ReadOptions | None = None, log: ReadLog | None = None
) -> list[Document]:
    file.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    return list(read_documents(file, "spans", options or ReadOptions(), log))


def dataturks(text: str, *points: tuple[int, int], label: str = "person") -> dict[str, Any]:
    """A record as Dataturks exports it."""
    return {
        "content": text,
        "annotation": [
            {
                "label": [label],
                "points": [{"start": start, "end": end, "text": text[start : end + 1]}],
            }
            for start, end in points
        ],
        "extras": None,
        "metadata": {"sec_taken": 4, "status": "done"},
    }


@pytest.mark.parametrize(
    "record",
    [
        # LightTag
        {
            "content": "Mira left.",
            "annotations": [{"start": 0, "end": 4, "tag": "person", "value": "Mira"}],
        },
        # UBIAI
        {
            "document": "Mira left.",
            "annotation": [{"start": 0, "end": 4, "label": "person", "text": "Mira"}],
        },
        {
            "document": "Mira left.",
            "tokens": [
                {"text": "Mira", "start": 0, "end": 4, "token_start": 0, "entityLabel": "person"}
            ],
            "relations": [],
        },
        # Rasa
        {
            "text": "Mira left.",
            "intent": "leave",
            "entities": [{"start": 0, "end": 4, "value": "mira", "entity": "person"}],
        },
        # Argilla
        {"text": "Mira left.", "tokens": ["Mira", "left", "."], "annotation": [["person", 0, 4]]},
        # SageMaker Ground Truth
        {
            "source": "Mira left.",
            "job": {
                "annotations": {"entities": [{"label": "person", "startOffset": 0, "endOffset": 4}]}
            },
            "job-metadata": {"human-annotated": "yes"},
        },
        # sets for instruction tuning
        {"sentence": "Mira left.", "entities": [{"name": "Mira", "type": "person", "pos": [0, 4]}]},
        {"text": "Mira left.", "entities": [{"begin": 0, "end": 4, "type": "person"}]},
        {"text": "Mira left.", "spans": [{"start_char": 0, "end_char": 4, "label": "person"}]},
        {"text": "Mira left.", "entities": [{"start": 0, "end": 4, "entity_group": "person"}]},
        {"text": "Mira left.", "entities": [{"startIndex": 0, "endIndex": 4, "label": "person"}]},
        {"text": "Mira left.", "entities": [{"start": 0, "stop": 4, "label": "person"}]},
        {"text": "Mira left.", "entities": [{"span": [0, 4], "label": "person"}]},
        {"text": "Mira left.", "entities": [{"offsets": [[0, 4]], "type": "person"}]},
        {"text": "Mira left.", "entities": [{"offset": 0, "length": 4, "category": "person"}]},
        # spaCy's Doc.to_json()
        {
            "text": "Mira left.",
            "ents": [{"start": 0, "end": 4, "label": "person"}],
            "tokens": [{"id": 0, "start": 0, "end": 4}, {"id": 1, "start": 5, "end": 10}],
        },
        # PubAnnotation
        {
            "text": "Mira left.",
            "sourcedb": "PMC",
            "denotations": [{"id": "T1", "span": {"begin": 0, "end": 4}, "obj": "person"}],
        },
        # rows of data sets on the hub
        {"source_text": "Mira left.", "privacy_mask": [{"start": 0, "end": 4, "label": "person"}]},
        {"text": "Mira left.", "entities": {"start": [0], "end": [4], "label": ["person"]}},
        {"text": "Mira left.", "spans": {"offsets": [[0, 4]], "type": ["person"]}},
        dataturks("Mira left.", (0, 3)),
    ],
)
def test_records_of_other_tools_are_read(file: Path, record: dict[str, Any]) -> None:
    (document,) = read(file, record)
    assert (document.text, document.entities) == ("Mira left.", (MIRA,))
    assert detect_format(file) == "spans"


@pytest.mark.parametrize(
    "fields",
    [
        {"offsets": [[0, 4], [10, 14]]},
        {"span": [{"begin": 0, "end": 4}, {"begin": 10, "end": 14}]},
    ],
)
def test_entities_in_pieces_are_an_error_or_skipped(file: Path, fields: Any) -> None:
    entities = [{"type": "place", **fields}, {"type": "person", "offsets": [[0, 4]]}]
    record = {"text": "Mira left Oslo", "entities": entities}
    with pytest.raises(FormatError, match="is in several pieces"):
        read(file, record)
    log = ReadLog()
    (document,) = read(file, record, options=ReadOptions(skip={"pieces"}), log=log)
    assert (document.entities, log.skipped) == ((MIRA,), {"pieces": 1})


@pytest.mark.parametrize("value", [{"PER": [[0, 4]]}, {"PER": [], "ORG": []}, "Mira"])
def test_entities_that_are_no_list_are_refused(file: Path, value: Any) -> None:
    with pytest.raises(FormatError, match="the field 'entities' holds"):
        read(file, {"text": "Mira left.", "entities": value})


@pytest.mark.parametrize("name", ["span_text", "covered_text", "text"])
@pytest.mark.parametrize("own", ["left", ["left"]])
def test_own_texts_of_any_usual_name_are_compared(file: Path, name: str, own: Any) -> None:
    entity = {"start": 0, "end": 4, "label": "person", name: own}
    with pytest.raises(FormatError, match="shows 'left', but the text there is 'Mira'"):
        read(file, {"text": "Mira left.", "entities": [entity]})


def test_the_field_of_entities_can_be_named(file: Path) -> None:
    record = {"text": "Mira left.", "found": [{"start": 0, "end": 4, "label": "person"}]}
    with pytest.raises(FormatError, match="no entities") as caught:
        read(file, record)
    assert "--tag-column found" in (caught.value.hint or "")
    (document,) = read(file, record, options=ReadOptions(tag_column="found"))
    assert (document.entities, document.meta) == ((MIRA,), {})
    tokens = [{"start": 0, "end": 4, "tag": "NNP"}]
    with pytest.raises(FormatError, match="no entities") as caught:
        read(file, {"text": "Mira left.", "tokens": tokens, "sents": [{"start": 0, "end": 9}]})
    assert "--tag-column" not in (caught.value.hint or "")


def test_numbers_of_other_tokens_than_those_of_the_range_are_kept_and_counted(file: Path) -> None:
    tokens = [{"text": "Mira", "start": 0, "end": 4}, {"text": "left", "start": 5, "end": 9}]
    right, wrong = {"token_start": 0, "token_end": 0}, {"token_start": 0, "token_end": 1}
    log = ReadLog()
    for numbers, fields in ((right, None), (wrong, [[0, 4, "person", wrong]])):
        span = {"start": 0, "end": 4, "label": "person", **numbers}
        record = {"text": "Mira left", "tokens": tokens, "spans": [span]}
        (document,) = read(file, record, log=log)
        assert (document.entities, document.meta.get("entity_fields")) == ((MIRA,), fields)
    assert list(log.remarks.values()) == [1]


def test_entities_that_are_not_of_the_record_s_tokens_are_counted(file: Path) -> None:
    record = {"text": "Mira Okonjo left", "tokens": ["Mira", "Okonjo", "left"]}
    for entity, count in (([0, 2, "person"], 1), ([0, 11, "person"], 0)):
        log = ReadLog()
        read(file, {**record, "entities": [entity]}, log=log)
        assert ["tokens" in remark for remark in log.remarks] == [True] * count


def test_what_is_read_from_unusual_fields_is_said(file: Path) -> None:
    log = ReadLog()
    read(file, {"content": "Mira", "annotations": [{"begin": 0, "end": 4, "tag": "x"}]}, log=log)
    assert [
        name in " ".join(log.notes) for name in ("'content'", "'annotations'", "'tag'", "'begin'")
    ] == [True] * 4


def test_dataturks_ends_are_inclusive_and_said_to_be(file: Path) -> None:
    log = ReadLog()
    (document,) = read(file, dataturks("Bo and Aino", (0, 1), (7, 10)), log=log)
    assert [document.surface(each) for each in document.entities] == ["Bo", "Aino"]
    assert document.meta["metadata"] == {"sec_taken": 4, "status": "done"}
    assert ["Dataturks" in note for note in log.notes] == [True]
    assert detect_format(file) == "spans"


def test_dataturks_texts_without_annotation_are_unlabelled(file: Path) -> None:
    record = {**dataturks("Bo"), "annotation": None}
    with pytest.raises(FormatError, match="no entities"):
        read(file, record)
    log = ReadLog()
    assert read(file, record, options=ReadOptions(skip={"unlabelled"}), log=log) == []
    assert log.skipped == {"unlabelled": 1}


def test_dataturks_offsets_that_count_references_as_characters_are_converted(file: Path) -> None:
    """In its published sets texts are escaped as HTML, while offsets and own texts are not."""
    text = "R&amp;D at Bo &amp; Co, Oslo"
    points = [("R&D", 0), ("Bo & Co", 7), ("Oslo", 16)]
    record = {
        "content": text,
        "annotation": [
            {
                "label": ["x"],
                "points": [{"start": start, "end": start + len(own) - 1, "text": own}],
            }
            for own, start in points
        ],
    }
    log = ReadLog()
    _, document = read(file, dataturks("Bo", (0, 1)), record, log=log)
    surfaces = [document.surface(each) for each in document.entities]
    assert surfaces == ["R&amp;D", "Bo &amp; Co", "Oslo"]
    assert "&amp;" in log.notes[-1]


@pytest.mark.parametrize("points", [None, [1], "x"])
def test_dataturks_points_of_another_form_are_refused(file: Path, points: Any) -> None:
    record = {"content": "Bo", "annotation": [{"label": ["x"], "points": points}]}
    with pytest.raises(FormatError, match="the points of an annotation are"):
        read(file, record)


def test_records_without_a_text_are_refused(file: Path) -> None:
    comprehend = {"Entities": [{"BeginOffset": 0, "EndOffset": 4, "Text": "Mira"}], "Line": 0}
    with pytest.raises(FormatError, match="no text; its fields are: Entities, Line") as caught:
        read(file, comprehend)
    assert "--text-field" in (caught.value.hint or "")


def test_a_discarded_record_is_rejected(file: Path) -> None:
    record = {"text": "Mira", "annotation": [["x", 0, 4]], "status": "Discarded"}
    with pytest.raises(FormatError, match="'Discarded'"):
        read(file, record)
    assert read(file, record, options=ReadOptions(skip={"rejected"})) == []


def of(name: str, *labels: tuple[int, int, str], **fields: Any) -> dict[str, Any]:
    """A record by an annotator."""
    spans = [{"start": start, "end": end, "label": label} for start, end, label in labels]
    return {"text": "Mira left Oslo", "spans": spans, "_annotator_id": name, **fields}


SEVERAL = (
    of("ann", (0, 4, "A"), _timestamp=3),
    {"text": "Bo", "spans": [[0, 2, "D"]], "_annotator_id": "ann"},
    of("bob", (0, 4, "A"), (10, 14, "B"), _timestamp=9),
    of("cy", (0, 4, "C"), _timestamp=5),
)


def test_several_annotators_of_a_text_are_an_error(file: Path) -> None:
    with pytest.raises(FormatError, match="records by 3 annotators: ann, bob, cy") as caught:
        read(file, *SEVERAL)
    assert caught.value.place == f"{file}:1"
    hint = caught.value.hint or ""
    assert all(way in hint for way in ("--annotations first", "latest", "union", "by=NAME"))


@pytest.mark.parametrize(
    ("way", "labels"),
    [
        ("first", ["A"]),
        ("latest", ["A", "B"]),
        ("union", ["A", "C", "B"]),
        ("by=ann", ["A"]),
    ],
)
def test_which_annotator_counts_can_be_chosen(file: Path, way: str, labels: list[str]) -> None:
    log = ReadLog()
    found = read(file, *SEVERAL, options=ReadOptions(annotations=way), log=log)
    assert sorted(each.text for each in found) == ["Bo", "Mira left Oslo"]
    (document,) = [each for each in found if each.text != "Bo"]
    assert [each.label for each in document.entities] == labels
    assert list(log.remarks.values()) == [1]


@pytest.mark.parametrize("name", ["bob", "cy"])
def test_a_text_that_only_others_labelled_is_unlabelled(file: Path, name: str) -> None:
    labels = {"bob": ["A", "B"], "cy": ["C"]}[name]
    way = f"by={name}"
    with pytest.raises(FormatError, match=f"no record by '{name}', but by ann") as caught:
        read(file, *SEVERAL, options=ReadOptions(annotations=way))
    assert caught.value.place == f"{file}:2"
    (one,) = read(file, *SEVERAL, options=ReadOptions(annotations=way, skip={"unlabelled"}))
    assert [each.label for each in one.entities] == labels
    options = ReadOptions(annotations=way, accept={"unlabelled"})
    entities = {each.text: each.entities for each in read(file, *SEVERAL, options=options)}
    assert entities == {"Bo": (), one.text: one.entities}


def test_a_text_of_several_other_annotators_is_unlabelled_once(file: Path) -> None:
    records = [of("ann", (0, 4, "A")), of("bob"), {**of("cy", (0, 2, "C")), "text": "Bo"}]
    options = ReadOptions(annotations="by=cy", accept={"unlabelled"})
    log = ReadLog()
    found = read(file, *records, options=options, log=log)
    assert [(each.text, len(each.entities)) for each in found] == [("Mira left Oslo", 0), ("Bo", 1)]
    assert log.accepted == {"unlabelled": 1}


@pytest.mark.parametrize("others", [(), ({"text": "Bo", "spans": []},)])
def test_an_annotator_who_is_not_there_is_an_error(file: Path, others: Any) -> None:
    with pytest.raises(FormatError, match="no record by 'dee' is in the file") as caught:
        read(file, *others, *SEVERAL, options=ReadOptions(annotations="by=dee"))
    assert caught.value.expected == "one of its annotators: ann, bob, cy"
    with pytest.raises(FormatError, match="no record by 'dee'") as caught:
        read(file, {"text": "Bo", "spans": []}, options=ReadOptions(annotations="by=dee"))
    assert "_annotator_id" in (caught.value.expected or "")


def test_the_latest_of_records_without_times_is_the_last_and_said_to_be(file: Path) -> None:
    log = ReadLog()
    records = [of("ann", (0, 4, "A"), _timestamp=3), of("bob")]
    (document,) = read(file, *records, options=ReadOptions(annotations="latest"), log=log)
    assert document.entities == ()
    assert ["the last in the file" in remark for remark in log.remarks] == [True]


def test_records_of_one_annotator_do_not_compete(file: Path) -> None:
    assert len(read(file, of("ann", (0, 4, "A")), of("ann", (10, 14, "B")))) == 2
    assert len(read(file, {"text": "a", "label": []}, {"text": "a", "label": []})) == 2


def test_rejected_records_that_are_skipped_do_not_count_as_annotations(file: Path) -> None:
    records = [of("ann", answer="reject"), of("bob", (0, 4, "A"), answer="accept")]
    (document,) = read(file, *records, options=ReadOptions(skip={"rejected"}))
    assert [each.label for each in document.entities] == ["A"]
    with pytest.raises(FormatError, match="2 annotators"):
        read(file, *records, options=ReadOptions(accept={"rejected"}))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"text": "a", "label": [[0, 1, "x"]]}', "spans"),
        ('[\n {"text": "a",\n  "spans": []}]', "spans"),
        ('{"content": "a", "annotation": [{"label": ["x"], "points": []}]}', "spans"),
        ('[{"tokens": ["a"], "ner_tags": ["O"]}]', "words"),
        ('{"tokens": ["a"], "tags": [0]}', "words"),
        ('[["a", {"entities": []}]]', "spacy-tuples"),
        ('["a", {"entities": [[0, 1, "x"]]}]\n["b", {"entities": []}]', "spacy-tuples"),
        ('{"classes": ["x"], "annotations": [null, ["a", {"entities": []}]]}', "spacy-tuples"),
        ('[{"id": 0, "paragraphs": [{"raw": "a", "sentences": []}]}]', "spacy-json"),
        ('[{"tokenized_text": ["a"], "ner": []}]', "gliner"),
        ('{"tokenized_text": ["a"], "ner": []}', "gliner"),
    ],
)
@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a", "a.txt"])
def test_content_tells_the_format(tmp_path: Path, name: str, content: str, expected: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    assert detect_format(path) == expected


@pytest.mark.parametrize(
    "content",
    [
        '{"text": "a", "label": "positive"}',
        '{"text": "a", "labels": ["positive"]}',
        '{"text": "a"}',
        # Label Studio's JSON-MIN
        '[{"text": "a", "label": [{"start": 0, "end": 1, "labels": ["x"]}], "annotation_id": 1}]',
        '["a", "b"]',
        "[1, 2]",
        "[",
        "Mira B-PER\nleft O\n",
        "",
        '{"a": ' * 5000,
    ],
)
def test_other_content_is_not_recognised(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a"
    path.write_text(content)
    assert detect_or_none(path) not in ("spans", "words", "spacy-tuples", "spacy-json", "gliner")


def detect_or_none(path: Path) -> str | None:
    try:
        return detect_format(path)
    except FormatError:
        return None
