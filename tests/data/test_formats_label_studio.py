"""Label Studio's exports, in JSON and JSON-MIN."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from nerine.core.document import Document, Entity, Token
from nerine.core.errors import FormatError
from nerine.data.corpus import load_corpus
from nerine.data.formats import (
    ReadLog,
    ReadOptions,
    WriteOptions,
    detect_format,
    read_documents,
    write_documents,
)
from nerine.data.formats.head import Head
from nerine.data.formats.label_studio import recognises

MIRA = Entity(0, 4, "person")


def region(start: int, end: int, *labels: str, text: str | None = None, **others: Any) -> Any:
    value = {"start": start, "end": end, "labels": list(labels)}
    return {
        "id": f"r{start}",
        "from_name": "ner",
        "to_name": "text",
        "type": "labels",
        "origin": "manual",
        "value": value if text is None else {**value, "text": text},
        **others,
    }


def task(text: str, *regions: Any, **others: Any) -> dict[str, Any]:
    """A task as Label Studio exports it, with fields that mean nothing here."""
    annotation = {
        "id": 31,
        "completed_by": 1,
        "result": list(regions),
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": "2024-05-02T09:12:44.361Z",
        "lead_time": 12.5,
        "result_count": len(regions),
    }
    head: dict[str, Any] = {"id": 5, "annotations": [annotation], "predictions": []}
    rest = {"data": {"text": text}, "meta": {}, "project": 7, "inner_id": 1}
    return {**head, **rest, **others}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "export.json"


def read(
    file: Path, *tasks: Any, options: ReadOptions | None = None, log: ReadLog | None = None
) -> list[Document]:
    file.write_text(json.dumps(tasks, indent=2), encoding="utf-8")
    return list(read_documents(file, None, options or ReadOptions(), log))


def rewritten(file: Path, *found: Document) -> Any:
    write_documents(found, file, "label-studio")
    return json.loads(file.read_text(encoding="utf-8"))


def test_a_task_is_read_and_written_back_as_it_was(file: Path) -> None:
    export = task(
        "Mira left Oslo.",
        region(10, 14, "place", text="Oslo", meta={"text": ["why"]}),
        region(0, 4, "person", text="Mira", score=0.75),
        {"id": "c", "type": "choices", "value": {"choices": ["news"]}, "from_name": "kind"},
        {"type": "relation", "from_id": "r0", "to_id": "r10", "direction": "right"},
        predictions=[{"model_version": "1", "result": [region(0, 4, "x")]}],
        data={"text": "Mira left Oslo.", "url": "x", "rank": 3},
    )
    (document,) = read(file, export)
    assert document.text == "Mira left Oslo."
    assert document.entities == (Entity(0, 4, "person", 0.75), Entity(10, 14, "place"))
    assert (document.id, document.meta["url"], document.meta["rank"]) == ("5", "x", 3)
    assert rewritten(file, document) == [export]


def test_a_minimal_export_is_read(file: Path) -> None:
    found = {"start": 0, "end": 4, "text": "Mira", "labels": ["person"]}
    record = {
        "id": 5,
        "text": "Mira left.",
        "url": "x",
        "label": [found],
        "annotator": 1,
        "annotation_id": 31,
        "created_at": "2024-05-02T09:12:44.361Z",
        "updated_at": "2024-05-02T09:12:44.361Z",
        "lead_time": 12.5,
    }
    without = {name: value for name, value in record.items() if name != "label"} | {"id": 6}
    first, second = read(file, record, without)
    assert (first.entities, first.id) == ((MIRA,), "5")
    assert (first.meta["url"], second.entities) == ("x", ())
    (written,) = rewritten(file, first)
    assert (written["id"], written["data"]) == (5, {"text": "Mira left.", "url": "x"})
    (annotation,) = written["annotations"]
    assert (annotation["id"], annotation["completed_by"], annotation["lead_time"]) == (31, 1, 12.5)
    (result,) = annotation["result"]
    assert (result["from_name"], result["to_name"], result["value"]) == ("label", "text", found)
    assert list(read_documents(file)) == [first]


@pytest.mark.parametrize("bad", [{"start": 0, "end": 4}, {"labels": ["x"]}, 5])
def test_a_minimal_export_with_a_bad_region_is_refused(file: Path, bad: Any) -> None:
    good = {"start": 0, "end": 4, "labels": ["person"]}
    for regions in ([good, bad], [bad, good]):
        with pytest.raises(FormatError, match=r"no range of a plain text|has no label"):
            read(file, {"text": "Mira", "annotation_id": 1, "label": regions})


def test_older_exports_have_completions(file: Path) -> None:
    export = {"id": 5, "data": {"text": "Mira"}, "completions": [{"result": [region(0, 4, "p")]}]}
    (document,) = read(file, export)
    assert document.entities == (Entity(0, 4, "p"),)
    assert rewritten(file, document) == [export]


@pytest.mark.parametrize(
    ("tasks", "is_export"),
    [
        ([{"data": {"text": ""}}], True),
        ([{"data": {"text": ""}, "predictions": []}], True),
        ([{"text": "", "annotation_id": 3}], True),
        ([{"id": 1, "result": [], "task": {"id": 2, "data": {"text": ""}}}], True),
        ([{"text": "", "entities": []}], False),
        ([{"text": "", "annotator": "mira", "label": []}], False),
        ([{"data": "a text", "label": []}], False),
        ([{"data": [{"title": "x"}]}], False),
        ([{"result": [], "task": "ner", "data": "x"}], False),
        ([], False),
        ([5], False),
    ],
)
def test_tasks_are_recognised_by_content_in_every_layout(
    tmp_path: Path, tasks: Any, is_export: bool
) -> None:
    lines = "\n".join(map(json.dumps, tasks))
    contents = {
        "a.json": json.dumps(tasks),
        "a.txt": "\ufeff\n " + json.dumps(tasks, indent=1),
        "a.jsonl": lines,
        "a": json.dumps(tasks[0], indent=1) if tasks else "",
    }
    for name, content in contents.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
        assert recognises(Head.of(tmp_path / name)) == is_export, name


@pytest.mark.parametrize("is_data_first", [True, False])
def test_a_first_task_longer_than_the_head_is_recognised(file: Path, is_data_first: bool) -> None:
    long = task("Mira left. " * 40_000, region(0, 4, "person"))
    if is_data_first:
        long = {"id": 5, "data": long["data"], "annotations": long["annotations"]}
    file.write_text(json.dumps([long]), encoding="utf-8")
    assert not Head.of(file).is_whole
    assert detect_format(file) == "label-studio"
    file.write_text(json.dumps([{"text": "Mira left. " * 40_000, "entities": []}]))
    assert not recognises(Head.of(file))


CUT = "the file ends before the JSON does"


@pytest.mark.parametrize("end", ['"text": "Mi', '"text": "Mira"}', '"text": "Mira"}}', "...", ", "])
def test_an_export_that_is_cut_off_is_told(file: Path, end: str) -> None:
    first = json.dumps(task("Mira", region(0, 4, "person")))
    file.write_text(
        f'[{first}, {{"annotations": [{{"result": []}}], "data": {{{end}', encoding="utf-8"
    )
    with pytest.raises(FormatError, match=r"this is not (one|valid) JSON") as caught:
        list(read_documents(file))
    assert (caught.value.hint or "").startswith(CUT)


def test_an_export_that_is_whole_but_broken_is_not_called_cut_off(file: Path) -> None:
    first = json.dumps(task("Mira", region(0, 4, "person")))
    file.write_text(f'[{first}, {{"data": ]\n', encoding="utf-8")
    with pytest.raises(FormatError, match="this is not valid JSON") as caught:
        list(read_documents(file))
    assert caught.value.hint is None


def test_a_stated_text_field_that_is_not_there_is_named(file: Path) -> None:
    export = {"data": {"body": "Mira", "title": "x"}, "annotations": [{"result": []}]}
    with pytest.raises(FormatError, match=r"'boody' is not a text; the fields are: body, title"):
        read(file, export, options=ReadOptions(text_field="boody"))
    with pytest.raises(FormatError, match="the text field is unclear"):
        read(file, export)


def test_regions_of_another_field_hint_at_the_text_field(file: Path) -> None:
    data = {"text": "T-4000", "body": "Mira left"}
    export = task("", region(0, 4, "person", text="Mira"), data=data)
    with pytest.raises(FormatError, match="shows 'Mira', but the text there is 'T-40'") as caught:
        read(file, export, options=ReadOptions(text_field="text"))
    assert "--text-field body (text_field='body')" in (caught.value.hint or "")
    (document,) = read(file, export, options=ReadOptions(text_field="body"))
    assert (document.text, document.entities) == ("Mira left", (MIRA,))
    # without the option, the regions' own texts tell
    log = ReadLog()
    assert read(file, export, log=log)[0].entities == (MIRA,)
    assert log.notes == ["the text is the field 'body', which the regions stand on"]


FOX = "🦊🦊 Mira saw Oslo"


def test_offsets_in_utf_16_are_told_by_the_texts_of_the_regions(file: Path) -> None:
    log = ReadLog()
    export = task(FOX, region(5, 9, "person", text="Mira"), region(14, 18, "place"))
    (document,) = read(file, export, log=log)
    assert [document.surface(each) for each in document.entities] == ["Mira", "Oslo"]
    assert log.notes == ["offsets count UTF-16 code units, as the entities' own texts show"]
    assert log.remarks == {}
    (written,) = rewritten(file, document)
    values = [each["value"] for each in written["annotations"][0]["result"]]
    assert [(each["start"], each["text"]) for each in values] == [(3, "Mira"), (12, "Oslo")]


def test_offsets_in_code_points_are_told_as_well(file: Path) -> None:
    log = ReadLog()
    export = task(FOX, region(3, 7, "person", text="Mira"), region(12, 16, "place"))
    (document,) = read(file, export, log=log)
    assert [document.surface(each) for each in document.entities] == ["Mira", "Oslo"]
    assert log.remarks == {}


@pytest.mark.parametrize("text", [None, "a"])
def test_offsets_that_nothing_tells_are_counted(file: Path, text: str | None) -> None:
    # `aaaa` shows the same text wherever the offsets point to
    log = ReadLog()
    (document,) = read(file, task("🦊 aaaa", region(3, 4, "x", text=text)), log=log)
    assert document.entities == (Entity(3, 4, "x"),)
    ((remark, count),) = log.remarks.items()
    assert count == 1
    assert remark.startswith("with offsets after an emoji whose unit nothing shows, read as code ")
    assert '--offsets utf-16, offsets="utf-16"' in remark
    log = ReadLog()
    read(file, task("🦊 aaaa", region(3, 4, "x")), options=ReadOptions(offsets="utf-16"), log=log)
    assert log.remarks == {}


def test_before_an_emoji_it_does_not_matter(file: Path) -> None:
    log = ReadLog()
    read(file, task("Mira 🦊", region(0, 4, "x")), log=log)
    assert log.remarks == {}


def test_line_ends_may_be_shown_as_letters(file: Path) -> None:
    (document,) = read(file, task("Mira\nleft", region(0, 9, "x", text="Mira\\nleft")))
    assert document.entities == (Entity(0, 9, "x"),)


def cancelled(**others: Any) -> dict[str, Any]:
    return {"id": 1, "result": [], "was_cancelled": True, **others}


def test_the_annotation_that_was_not_cancelled_counts(file: Path) -> None:
    export = task("Mira", region(0, 4, "person"))
    export["annotations"].insert(0, cancelled())
    (document,) = read(file, export)
    assert document.entities == (MIRA,)
    assert rewritten(file, document)[0]["annotations"][0] == cancelled()


@pytest.mark.parametrize(
    ("annotations", "words", "hint"),
    [
        ([{"result": []}, {"result": []}], "has 2 annotations", "--annotations latest"),
        ([cancelled()], "has 0 annotations", "--skip cancelled"),
        ([], "has 0 annotations", "--skip unlabelled"),
        ([5], "the annotations are", ""),
        ({"result": []}, "the annotations are", ""),
    ],
)
def test_any_other_number_of_annotations_is_refused(
    file: Path, annotations: Any, words: str, hint: str
) -> None:
    good = task("Mira", region(0, 4, "person"))
    with pytest.raises(FormatError, match=words) as caught:
        read(file, good, task("x", annotations=annotations, id=17))
    assert hint in (caught.value.hint or "")
    place = caught.value.place or ""
    line = file.read_text().splitlines().index("  },") + 2
    assert place == f"{file}:{line}, task 17"


def test_a_task_that_nobody_has_annotated_can_be_tagged(file: Path) -> None:
    export = task("Mira", annotations=[])
    (document,) = read(file, export, options=ReadOptions(accept={"unlabelled"}))
    assert rewritten(file, document) == [export]
    (written,) = rewritten(file, document.with_entities([MIRA]))
    assert written["annotations"][0]["result"][0]["value"]["labels"] == ["person"]


def test_cancelled_tasks_can_be_skipped_or_kept(file: Path) -> None:
    export = task("x", annotations=[cancelled(result=[region(0, 1, "q")])])
    log = ReadLog()
    options = ReadOptions(skip={"cancelled"})
    (only,) = read(file, export, task("y"), options=options, log=log)
    assert (only.text, log.skipped, log.documents) == ("y", {"cancelled": 1}, 1)
    log = ReadLog()
    first, _ = read(file, export, task("y"), options=ReadOptions(accept={"cancelled"}), log=log)
    assert (first.entities, log.accepted) == ((Entity(0, 1, "q"),), {"cancelled": 1})
    assert rewritten(file, first) == [export]


def test_a_cancelled_annotation_next_to_another_is_said(file: Path) -> None:
    export = task("Mira", region(0, 4, "person"))
    export["annotations"].append(cancelled(result=[region(0, 2, "q")]))
    log = ReadLog()
    assert read(file, export, log=log)[0].entities == (MIRA,)
    assert log.remarks == {"with a cancelled annotation next to the one that is read": 1}


def test_regions_may_overlap_and_have_several_labels(file: Path) -> None:
    export = task(
        "Mira Okonjo left",
        region(5, 11, "name"),
        region(0, 11, "person", "artist"),
        region(3, 16, "x"),
        region(0, 11, "person", id="again"),
    )
    (document,) = read(file, export)
    assert [(e.start, e.end, e.label) for e in document.entities] == [
        (0, 11, "artist"),
        (0, 11, "person"),
        (3, 16, "x"),
        (5, 11, "name"),
    ]
    assert rewritten(file, document) == [export]
    assert list(read_documents(file)) == [document]


def test_one_of_several_labels_of_a_region_can_go_or_get_a_score(file: Path) -> None:
    export = task("Mira", region(0, 4, "a", "b", "c"))
    (document,) = read(file, export)
    (written,) = rewritten(file, document.with_entities(document.entities[:2]))
    (result,) = written["annotations"][0]["result"]
    assert (result["id"], result["value"]["labels"]) == ("r0", ["a", "b"])
    scored = [Entity(0, 4, "a", 0.5), Entity(0, 4, "b", 0.25), Entity(0, 4, "c")]
    rewritten(file, document.with_entities(scored))
    assert next(iter(read_documents(file))).entities == tuple(scored)
    relation = {"type": "relation", "from_id": "r0", "to_id": "r0"}
    (related,) = read(file, task("Mira", region(0, 4, "a", "b"), relation))
    rewritten(file, related.with_entities(related.entities[1:]))  # the region is still there
    with pytest.raises(FormatError, match="relation refers to the region 'r0'"):
        rewritten(file, related.with_entities([]))


def test_a_region_without_a_label_is_an_error_or_skipped(file: Path) -> None:
    bare = {"id": "b", "to_name": "text", "type": "text", "value": {"start": 5, "end": 9}}
    for result in (region(5, 9), bare):
        export = task("Mira left", region(0, 4, "person"), result)
        with pytest.raises(FormatError, match=r"the region \[5, 9\) has no label") as caught:
            read(file, export)
        assert (caught.value.place or "").endswith("task 5, region 2")
        assert '--skip no-label (skip={"no-label"})' in (caught.value.hint or "")
        log = ReadLog()
        (document,) = read(file, export, options=ReadOptions(skip={"no-label"}), log=log)
        assert (document.entities, log.skipped) == ((MIRA,), {"no-label": 1})
        assert rewritten(file, document) == [export]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (region(0, 4, "p", text="Miro"), "shows 'Miro', but the text there is 'Mira'"),
        (region(0, 9, "p"), r"the range \[0, 9\)"),
        (region(0, 4), "has no label"),
        (region(0, 4, "p", value={"start": 0, "end": 4, "labels": "p"}), "the labels are"),
        (region(0, 4, "p", value={"start": 1.5, "end": 4, "labels": ["p"]}), "has no range"),
        (region(0, 0, "p"), r"the range \[0, 0\)"),
        (region(0, 10**30, "p"), "the range"),
        (region(0, 4, ""), "the labels are"),
        (region(0, 4, "p", score=3), "the score is 3"),
        ({"type": "labels", "value": {"labels": ["p"]}}, "has no range"),
        ({"type": "labels"}, "has no range"),
        ({"type": "hypertextlabels", "value": {"start": "/p[1]", "end": "/p"}}, "has no range"),
        ({"type": "paragraphlabels", "value": {"start": 0, "end": 1}}, "has no range"),
    ],
)
def test_bad_regions_are_refused(file: Path, bad: Any, words: str) -> None:
    with pytest.raises(FormatError, match=words) as caught:
        read(file, task("Mira", bad))
    assert (caught.value.place or "").startswith(f"{file}:2, task 5")


@pytest.mark.parametrize("content", ["[", "[1", "[{} {}]", "[{},]", "[] x", "[NaN]", "[[" * 99999])
def test_what_is_no_json_is_refused(file: Path, content: str) -> None:
    file.write_text(content)
    with pytest.raises(FormatError) as caught:
        list(read_documents(file, "label-studio"))
    assert (caught.value.place or "").startswith(f"{file}:1")


def test_the_text_is_the_only_string_or_the_field_that_is_named(file: Path) -> None:
    alone = task("", data={"body": "Mira", "rank": 1})
    assert read(file, alone)[0].text == "Mira"
    two = task("", data={"body": "Mira", "title": "x"})
    with pytest.raises(FormatError, match="the fields are: body, title") as caught:
        read(file, two)
    assert "--text-field" in (caught.value.hint or "")
    (document,) = read(file, two, options=ReadOptions(text_field="title"))
    assert (document.text, document.meta["body"]) == ("x", "Mira")
    assert rewritten(file, document) == [two]


def test_an_id_of_the_data_comes_first(file: Path) -> None:
    export = task("", data={"text": "Mira", "id": "mine"})
    (document,) = read(file, export)
    assert document.id == "mine"
    assert rewritten(file, document) == [export]


def test_changed_entities_are_new_regions(file: Path) -> None:
    export = task("Mira left Oslo", region(0, 4, "person"), region(10, 14, "place"))
    (document,) = read(file, export)
    changed = document.with_entities([MIRA, Entity(5, 9, "verb", 0.5)])
    (written,) = rewritten(file, changed)
    kept, new = written["annotations"][0]["result"]
    assert kept == export["annotations"][0]["result"][0]
    assert (new["from_name"], new["score"], new["value"]["text"]) == ("ner", 0.5, "left")
    assert next(iter(read_documents(file))).entities == changed.entities


def test_a_relation_to_an_entity_that_is_gone_is_an_error(file: Path) -> None:
    relation = {"type": "relation", "from_id": "r0", "to_id": "r10"}
    export = task("Mira left Oslo", region(0, 4, "p"), region(10, 14, "q"), relation)
    (document,) = read(file, export)
    with pytest.raises(FormatError, match="relation refers to the region 'r10'"):
        rewritten(file, document.with_entities(document.entities[:1]))


def test_documents_from_elsewhere_become_plain_tasks(file: Path) -> None:
    document = Document("Mira left", (MIRA,), (Token(0, 4),), "a", {"url": "x"})
    assert rewritten(file, document) == [
        {
            "data": {"id": "a", "text": "Mira left", "tokens": [[0, 4]], "url": "x"},
            "annotations": [
                {
                    "result": [
                        {
                            "id": "0-4",
                            "from_name": "label",
                            "to_name": "text",
                            "type": "labels",
                            "value": {"start": 0, "end": 4, "text": "Mira", "labels": ["person"]},
                        }
                    ]
                }
            ],
        }
    ]
    assert len(file.read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("meta", "words"),
    [
        ({"label_studio": 5}, "not a task of Label Studio"),
        ({"label_studio": {"annotations": 5}}, "not a task of Label Studio"),
        ({"tokens": [[0, 1]]}, "would be read as the tokens"),
    ],
)
def test_meta_that_would_be_read_otherwise_is_refused(file: Path, meta: Any, words: str) -> None:
    with pytest.raises(FormatError, match=words) as caught:
        rewritten(file, Document("x", meta=meta))
    assert caught.value.place == f"{file}, document 1"


def test_a_folder_of_exports_is_a_corpus(tmp_path: Path) -> None:
    for split in ("train", "dev"):
        read(tmp_path / f"{split}.json", task("Mira", region(0, 4, "person")))
    corpus = load_corpus(tmp_path)
    assert list(corpus.splits) == ["train", "validation"]
    assert corpus.place("train", 0) == f"{tmp_path / 'train.json'}:2, task 5"


def test_predictions_stand_beside_what_a_person_said(file: Path) -> None:
    export = task(
        "Mira left Oslo.",
        region(0, 4, "place", text="Mira"),
        predictions=[{"model_version": "old", "result": []}],
    )
    (read_back,) = read(file, export)
    tagged = read_back.with_entities([Entity(0, 4, "person", 0.5), Entity(10, 14, "place", 0.25)])
    write_documents([tagged], file, "label-studio", WriteOptions(predictions_of="runs/a"))
    (written,) = json.loads(file.read_text(encoding="utf-8"))
    old, new = written.pop("predictions")
    assert old == {"model_version": "old", "result": []}
    assert {**written, "predictions": [old]} == export
    assert new["model_version"] == "runs/a"
    assert [
        (each["from_name"], each["to_name"], each["type"], each["score"], each["value"])
        for each in new["result"]
    ] == [
        ("ner", "text", "labels", score, {"start": a, "end": b, "text": text, "labels": [label]})
        for score, a, b, text, label in (
            (0.5, 0, 4, "Mira", "person"),
            (0.25, 10, 14, "Oslo", "place"),
        )
    ]


def test_a_new_task_with_predictions_has_no_annotation(file: Path) -> None:
    document = Document("Mira left.", (MIRA,), id="5")
    write_documents([document], file, "label-studio", WriteOptions(predictions_of="m"))
    (written,) = json.loads(file.read_text(encoding="utf-8"))
    assert written.keys() == {"data", "predictions"}
    with pytest.raises(FormatError, match="0 annotations"):
        list(read_documents(file))
    (again,) = read_documents(file, options=ReadOptions(accept={"unlabelled"}))
    assert (again.text, again.entities, again.id) == (document.text, (), "5")


def test_other_formats_know_no_predictions(tmp_path: Path) -> None:
    for name in ("a.json", "a.conll"):
        with pytest.raises(FormatError, match="cannot mark entities as predictions"):
            write_documents([], tmp_path / name, None, WriteOptions(predictions_of="m"))
        assert not (tmp_path / name).exists()
    with pytest.raises(FormatError, match="cannot mark entities as predictions"):
        write_documents([], io.StringIO(), "spans", WriteOptions(predictions_of="m"))


def test_predictions_that_are_no_list_are_refused(file: Path) -> None:
    (found,) = read(file, task("Mira", predictions={"result": []}))
    with pytest.raises(FormatError, match="the predictions are"):
        write_documents([found], file, "label-studio", WriteOptions(predictions_of="m"))
