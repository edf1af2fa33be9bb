"""Label Studio: which text, control, annotator and unit of offsets are read, and which layouts."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Literal

import pytest

from nerine.core.document import Document, Entity
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

BODY, TITLE = "Ines Duarte moved to Porto.", "Quill opens in Porto"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "export.json"


def region(start: int, end: int, label: str, control: str = "ner", on: str = "text") -> Any:
    return {
        "id": f"{control}{start}",
        "from_name": control,
        "to_name": on,
        "type": "labels",
        "value": {"start": start, "end": end, "labels": [label]},
    }


def shown(text: str, start: int, end: int, label: str, **others: Any) -> Any:
    """A region that shows its own text."""
    found = region(start, end, label, **others)
    found["value"]["text"] = text[start:end]
    return found


def task(*results: Any, id: int = 1, **data: Any) -> dict[str, Any]:  # noqa: A002
    return {
        "id": id,
        "data": data or {"text": BODY},
        "annotations": [{"id": 10 + id, "completed_by": 1, "result": list(results)}],
    }


def read(
    path: Path, *tasks: Any, log: ReadLog | None = None, **options: Any
) -> list[tuple[str, list[tuple[str, str]]]]:
    """The texts of the documents, with the surfaces and labels of their entities."""
    path.write_text(json.dumps(tasks, indent=1), encoding="utf-8")
    found = read_documents(path, "label-studio", ReadOptions(**options), log)
    return [(each.text, [(each.surface(e), e.label) for e in each.entities]) for each in found]


def follow(hint: str | None) -> dict[str, Any]:
    """The options that a hint names in the form (name=value), as Python reads them."""
    pairs = re.findall(r"\((\w+)=((?:'[^']*'|\"[^\"]*\"|\{[^}]*\}))\)", hint or "")
    assert pairs, hint
    return {name: eval(value) for name, value in pairs[:1]}


# -- texts and controls ---------------------------------------------------------------------------


def headline_and_body(own: bool = False) -> list[Any]:
    make = (lambda text: lambda *a, **k: shown(text, *a, **k)) if own else lambda _: region
    return [
        make(TITLE)(0, 5, "SHOP", control="tags", on="headline"),
        make(BODY)(21, 26, "CITY", control="tags2", on="text"),
        make(BODY)(0, 11, "HUMAN", control="tags2", on="text"),
    ]


@pytest.mark.parametrize("own", [False, True])
def test_regions_belong_to_the_text_that_they_stand_on(file: Path, own: bool) -> None:
    export = task(*headline_and_body(own), headline=TITLE, text=BODY)
    log = ReadLog()
    entities = [("Ines Duarte", "HUMAN"), ("Porto", "CITY")]
    assert read(file, export, log=log) == [(BODY, entities)]
    (note,) = log.notes
    assert "headline (1)" in note
    assert "--text-field headline" in note
    assert read(file, export, text_field="headline") == [(TITLE, [("Quill", "SHOP")])]
    assert read(file, export, control="tags") == [(TITLE, [("Quill", "SHOP")])]


@pytest.mark.parametrize("own", [False, True])
def test_several_texts_without_a_usual_one_must_be_chosen_from(file: Path, own: bool) -> None:
    regions = headline_and_body(own)
    for each in regions[1:]:
        each["to_name"] = "article"
    export = task(*regions, headline=TITLE, article=BODY)
    with pytest.raises(FormatError, match="several texts are labelled") as caught:
        read(file, export)
    for part in ("tags on headline (1)", "tags2 on article (2)"):
        assert part in caught.value.found
    assert len(read(file, export, **follow(caught.value.hint))) == 1
    ((text, entities),) = read(file, export, text_field="article")
    assert (text, entities) == (BODY, [("Ines Duarte", "HUMAN"), ("Porto", "CITY")])


def test_texts_whose_names_say_nothing_are_told_by_the_regions_of_the_file(file: Path) -> None:
    first = task(
        shown(TITLE, 0, 5, "SHOP", on="t1", control="a"),
        shown(BODY, 21, 26, "CITY", on="t2", control="b"),
        headline=TITLE,
        text=BODY,
    )
    # this region has no text of its own: the file's others say where it stands
    second = task(region(0, 4, "SHOP", on="t1", control="a"), id=2, headline="Olm", text="Olm fell")
    log = ReadLog()
    assert read(file, first, second, log=log) == [(BODY, [("Porto", "CITY")]), ("Olm fell", [])]
    assert "headline (2)" in log.notes[0]
    with pytest.raises(FormatError, match=r"has the range \[0, 4\)"):
        read(file, first, second, text_field="headline")


def test_texts_that_nothing_tells_are_never_mixed(file: Path) -> None:
    export = task(
        region(0, 5, "SHOP", on="t1", control="a"),
        region(21, 26, "CITY", on="t2", control="b"),
        headline=TITLE,
        text=BODY,
    )
    with pytest.raises(FormatError, match="several texts are labelled") as caught:
        read(file, export)
    assert "--control NAME" in (caught.value.hint or "")
    assert "--text-field NAME" in (caught.value.hint or "")
    # one of them alone says too little
    with pytest.raises(FormatError, match="unclear which regions stand on 'text'") as caught:
        read(file, export, text_field="text")
    assert "--control NAME (control=…)" in (caught.value.hint or "")
    with pytest.raises(FormatError, match="unclear which text"):
        read(file, export, control="a")
    assert read(file, export, control="b", text_field="text") == [(BODY, [("Porto", "CITY")])]
    assert read(file, export, control="a", text_field="headline") == [(TITLE, [("Quill", "SHOP")])]


def two_controls() -> list[Any]:
    return [
        shown(BODY, 0, 11, "HUMAN"),
        shown(BODY, 21, 26, "CITY"),
        shown(BODY, 12, 17, "glad", control="mood"),
    ]


def test_labels_of_two_controls_are_not_mixed(file: Path) -> None:
    export = task(*two_controls())
    with pytest.raises(FormatError, match="several controls label the text") as caught:
        read(file, export)
    assert "ner on text (2), mood on text (1)" in caught.value.found
    names = [("Ines Duarte", "HUMAN"), ("Porto", "CITY")]
    assert read(file, export, **follow(caught.value.hint)) == [(BODY, names)]
    log = ReadLog()
    assert read(file, export, control="mood", log=log) == [(BODY, [("moved", "glad")])]
    assert log.notes == ["regions of other controls, not read: ner (2)"]
    assert "--control mood,ner" in (caught.value.hint or "")
    both = [names[0], ("moved", "glad"), names[1]]
    assert read(file, export, control="mood,ner") == [(BODY, both)]
    with pytest.raises(FormatError, match="no region is from the control 'moo'") as caught:
        read(file, export, control="moo")
    assert "ner (2), mood (1)" in (caught.value.expected or "")


def test_what_was_not_read_is_written_back(file: Path) -> None:
    export = task(*two_controls(), {"type": "choices", "from_name": "kind", "value": {}})
    file.write_text(json.dumps([export]), encoding="utf-8")
    options = ReadOptions(control="mood")
    (document,) = read_documents(file, options=options)
    write_documents([document], file, "label-studio")
    assert json.loads(file.read_text()) == [export]
    assert list(read_documents(file, options=options)) == [document]
    changed = document.with_entities([Entity(18, 20, "sad")])
    write_documents([changed], file, "label-studio")
    (written,) = json.loads(file.read_text())
    results = written["annotations"][0]["result"]
    assert results[:3] == [*two_controls()[:2], export["annotations"][0]["result"][3]]
    assert (results[3]["from_name"], results[3]["value"]["labels"]) == ("mood", ["sad"])
    write_documents([changed], file, "label-studio", WriteOptions(predictions_of="m"))
    (written,) = json.loads(file.read_text())
    (predicted,) = written["predictions"][0]["result"]
    assert (predicted["from_name"], predicted["to_name"]) == ("mood", "text")


def test_a_task_without_regions_gets_new_ones_by_the_names_of_its_file(file: Path) -> None:
    export = [
        task(region(0, 4, "x", control="c", on="body"), body=BODY),
        task(id=2, body="Olm"),
    ]
    file.write_text(json.dumps(export), encoding="utf-8")
    first, second = read_documents(file)
    write_documents([first, second.with_entities([Entity(0, 3, "y")])], file, "label-studio")
    result = json.loads(file.read_text())[1]["annotations"][0]["result"][0]
    assert (result["from_name"], result["to_name"]) == ("c", "body")


@pytest.mark.parametrize("to_name", [None, [], ""])
def test_regions_of_a_text_that_was_not_read_stay(file: Path, to_name: Any) -> None:
    regions = headline_and_body(own=True)
    for each in regions[1:]:
        each["to_name"] = to_name
    export = task(*regions, headline=TITLE, text=BODY, motto="Olm")
    for name, count in (("headline", 1), ("text", 2), ("motto", 0)):
        file.write_text(json.dumps([export]), encoding="utf-8")
        options = ReadOptions(text_field=name)
        (document,) = read_documents(file, options=options)
        assert len(document.entities) == count
        write_documents([document], file, "label-studio")
        assert json.loads(file.read_text()) == [export]
        write_documents([document.with_entities([])], file, "label-studio")
        (written,) = json.loads(file.read_text())
        assert len(written["annotations"][0]["result"]) == 3 - count


# -- what is not an entity ------------------------------------------------------------------------


def test_other_results_are_counted_in_a_note(file: Path) -> None:
    others = [
        {"type": "choices", "from_name": "k", "value": {"choices": ["news"]}},
        {"type": "choices", "from_name": "k", "value": {"choices": ["sport"]}},
        {"type": "relation", "from_id": "ner0", "to_id": "ner0"},
        {"type": "taxonomy", "from_name": "t", "value": {"taxonomy": [["a", "b"]]}},
        {"type": "rating", "from_name": "r", "value": {"rating": 4}},
        {"type": "textarea", "from_name": "w", "value": {"start": 0, "end": 4, "text": ["x"]}},
    ]
    log = ReadLog()
    assert read(file, task(region(0, 4, "HUMAN"), *others), log=log)[0][1] == [("Ines", "HUMAN")]
    (note,) = log.notes
    assert note.startswith("results that are not entities: choices (2), rating (1), relation (1), ")
    assert note.endswith("taxonomy (1), textarea (1)")
    # a corpus of choices alone has no entities, and says so
    log = ReadLog()
    assert read(file, task(*others[:2]), log=log) == [(BODY, [])]
    assert log.notes == ["results that are not entities: choices (2)"]


@pytest.mark.parametrize(
    ("kind", "names", "labels"),
    [
        ("taxonomy", [["place", "city"]], ["place/city"]),
        ("taxonomy", [["place"], ["harbour"]], ["harbour", "place"]),
        ("choices", ["positive"], ["positive"]),
    ],
)
def test_names_of_ranges_by_another_control_are_an_error_with_a_way(
    file: Path, kind: str, names: Any, labels: list[str]
) -> None:
    value = {"start": 21, "end": 26, "text": "Porto", kind: names}
    result = {"id": "q", "from_name": "topic", "to_name": "text", "type": kind, "value": value}
    export = task(result)
    with pytest.raises(FormatError, match=r"no region has labels, but .* topic \(1\)") as caught:
        read(file, export)
    options = follow(caught.value.hint)
    assert options == {"control": "topic"}
    assert read(file, export, **options) == [(BODY, [("Porto", label) for label in labels])]
    (document,) = read_documents(file, options=ReadOptions(control="topic"))
    write_documents([document], file, "label-studio")
    assert json.loads(file.read_text()) == [export]
    more = Document(
        document.text, (Entity(0, 4, "x/y"), *document.entities), meta=document.meta, id=document.id
    )
    write_documents([more], file, "label-studio")
    assert list(read_documents(file, options=ReadOptions(control="topic"))) == [
        Document(more.text, more.entities, None, more.id, _meta_of(file, "topic"))
    ]


def _meta_of(path: Path, control: str) -> Any:
    (document,) = read_documents(path, options=ReadOptions(control=control))
    return document.meta


# -- annotators -----------------------------------------------------------------------------------


def by(annotator: Any, *results: Any, **others: Any) -> Any:
    return {"completed_by": annotator, "result": list(results), **others}


def by_two() -> dict[str, Any]:
    return {
        "id": 4,
        "data": {"text": BODY},
        "annotations": [
            by(
                {"id": 7, "email": "ana@x.org"},
                region(0, 11, "HUMAN"),
                region(21, 26, "CITY"),
                created_at="2024-05-02T09:00:00Z",
                updated_at="2024-06-01T10:00:00.5+02:00",
            ),
            by(8, region(0, 11, "HUMAN"), region(0, 4, "NAME"), created_at="2024-05-03T09:00:00Z"),
        ],
    }


def test_several_annotators_are_an_error_that_lists_them(file: Path) -> None:
    other = task(region(0, 4, "NAME"))
    with pytest.raises(FormatError, match="has 2 annotations") as caught:
        read(file, other, by_two())
    assert "by 8 (1), ana@x.org (1)" in caught.value.found
    assert "annotators of the file: 1 (1), 8 (1), ana@x.org (1)" in caught.value.found
    assert (caught.value.place or "").endswith("task 4")
    assert len(read(file, other, by_two(), **follow(caught.value.hint))) == 2


ANA = [("Ines Duarte", "HUMAN"), ("Porto", "CITY")]
EIGHT = [("Ines", "NAME"), ("Ines Duarte", "HUMAN")]


@pytest.mark.parametrize(
    ("way", "entities"),
    [
        ("first", ANA),
        ("latest", ANA),
        ("union", [("Ines", "NAME"), *ANA]),
        ("by=8", EIGHT),
        ("by=ana@x.org", ANA),
        ("by=7", ANA),
    ],
)
def test_each_way_to_choose_an_annotator(
    file: Path, way: str, entities: list[tuple[str, str]]
) -> None:
    log = ReadLog()
    assert read(file, by_two(), annotations=way, log=log) == [(BODY, entities)]
    ((remark, count),) = log.remarks.items()
    assert remark.startswith("annotated by several")
    assert (way.removeprefix("by=") in remark or way == "union", count) == (True, 1)
    options = ReadOptions(annotations=way)
    (document,) = read_documents(file, options=options)
    write_documents([document], file, "label-studio")
    assert json.loads(file.read_text()) == [by_two()]
    assert list(read_documents(file, options=options)) == [document]
    # an entity that is gone leaves the annotations that were read, a new one joins the first
    fewer = [each for each in document.entities if each.label != "HUMAN"]
    changed = document.with_entities([*fewer, Entity(22, 25, "new")])
    write_documents([changed], file, "label-studio")
    (again,) = read_documents(file, options=options)
    assert again.entities == changed.entities


def test_the_latest_annotation_is_that_of_the_latest_change(file: Path) -> None:
    export = by_two()
    export["annotations"][1]["updated_at"] = "2024-06-01T09:00:00Z"
    assert read(file, export, annotations="latest") == [(BODY, EIGHT)]
    for each in export["annotations"]:
        each.pop("created_at")
        each.pop("updated_at")
    with pytest.raises(FormatError, match="has no time") as caught:
        read(file, export, annotations="latest")
    assert read(file, export, **follow(caught.value.hint)) == [(BODY, ANA)]


def test_an_annotator_who_is_not_there_is_named(file: Path) -> None:
    with pytest.raises(FormatError, match="no annotation is by 'bo'") as caught:
        read(file, by_two(), task(region(0, 4, "NAME")), annotations="by=bo")
    assert "1 (1), 8 (1), ana@x.org (1)" in (caught.value.expected or "")
    # a task that only others annotated is not annotated by the one who is named
    alone = task(region(0, 4, "NAME"))
    with pytest.raises(FormatError, match=r"no annotation by '8', but by 1 \(1\)") as caught:
        read(file, by_two(), alone, annotations="by=8")
    options = follow(caught.value.hint)
    assert options == {"skip": {"unlabelled"}}
    log = ReadLog()
    assert read(file, by_two(), alone, annotations="by=8", log=log, **options) == [(BODY, EIGHT)]
    assert log.skipped == {"unlabelled": 1}


@pytest.mark.parametrize("kind", ["cancelled", "unlabelled"])
def test_tasks_without_an_annotation_that_counts_are_skipped_or_kept(file: Path, kind: str) -> None:
    gone = [by(1, was_cancelled=True), by(2, was_cancelled=True)] if kind == "cancelled" else []
    export = {"data": {"text": BODY}, "annotations": gone, "predictions": [by(1, 5)]}
    for options, count in (({"skip": {kind}}, 0), ({"accept": {kind}, "annotations": "first"}, 1)):
        with pytest.raises(FormatError, match="has 0 annotations") as caught:
            read(file, export)
        for word in options:
            assert (
                f'--{word} {kind} ({word}={{"{kind}"}})'
                in (caught.value.hint or "").replace("\n", " ")
                or word == "annotations"
            )
        log = ReadLog()
        assert len(read(file, export, log=log, **options)) == count
        assert (log.accepted if count else log.skipped) == {kind: 1}


# -- layouts --------------------------------------------------------------------------------------


def stored(number: int, annotator: Any, *results: Any, task_id: int = 3) -> dict[str, Any]:
    return {
        "id": number,
        "task": {"id": task_id, "data": {"text": BODY}, "predictions": [], "project": 2},
        "completed_by": {"id": annotator, "email": f"{annotator}@x.org"},
        "result": list(results),
        "updated_at": f"2024-05-0{number}T00:00:00Z",
    }


@pytest.mark.parametrize("layout", ["array", "lines", "indented", "joined"])
def test_tasks_are_read_in_every_layout(tmp_path: Path, layout: str) -> None:
    tasks = [task(region(0, 4, "NAME")), task(region(21, 26, "CITY"), id=2)]
    content = {
        "array": json.dumps(tasks),
        "lines": "\n".join(map(json.dumps, tasks)) + "\n\n",
        "indented": "\n".join(json.dumps(each, indent=2) for each in tasks),
        "joined": "".join(map(json.dumps, tasks)),
    }[layout]
    for name in ("a.json", "a.jsonl", "a.export"):
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        assert detect_format(path) == "label-studio"
        first, second = read_documents(path)
        assert [first.surface(e) for e in first.entities] == ["Ines"]
        assert [second.surface(e) for e in second.entities] == ["Porto"]
        assert (first.id, second.id) == ("1", "2")


def test_a_single_task_is_read(file: Path) -> None:
    file.write_text(json.dumps(task(region(0, 4, "NAME")), indent=1), encoding="utf-8")
    assert detect_format(file) == "label-studio"
    assert len(list(read_documents(file))) == 1


def test_annotations_of_a_storage_are_those_of_their_tasks(tmp_path: Path) -> None:
    folder = tmp_path / "storage"
    folder.mkdir()
    one = stored(1, "ana", region(0, 11, "HUMAN"))
    two = stored(2, "bo", region(21, 26, "CITY"))
    three = stored(3, "bo", task_id=4)
    for each in (one, two, three):
        (folder / str(each["id"])).write_text(json.dumps(each), encoding="utf-8")
    single = folder / "1"
    assert detect_format(single) == "label-studio"
    (document,) = read_documents(single)
    assert (document.id, document.entities) == ("3", (Entity(0, 11, "HUMAN"),))
    write_documents([document], tmp_path / "a.json", "label-studio")
    (written,) = json.loads((tmp_path / "a.json").read_text())
    assert written == {
        **one["task"],
        "annotations": [{name: one[name] for name in one if name != "task"}],
    }
    with pytest.raises(FormatError, match=r"by ana@x.org \(1\), bo@x.org \(1\)"):
        list(read_documents(folder))
    assert detect_format(folder) == "label-studio"
    (split,) = load_corpus(folder, options=ReadOptions(annotations="latest")).splits.values()
    assert [each.id for each in split] == ["3", "4"]
    lines = tmp_path / "all.jsonl"
    lines.write_text("\n".join(map(json.dumps, (one, three, two))), encoding="utf-8")
    for path in (folder, lines):
        options = ReadOptions(annotations="union")
        found = {each.id: each for each in read_documents(path, "label-studio", options)}
        assert [e.label for e in found["3"].entities] == ["HUMAN", "CITY"]
        assert found["4"].entities == ()
    bare = {**one, "task": 3}
    single.write_text(json.dumps(bare))
    with pytest.raises(FormatError, match="the annotation's task is 3") as caught:
        list(read_documents(single))
    assert "export the project as JSON" in (caught.value.hint or "")


def minimal(annotator: Any, **fields: Any) -> dict[str, Any]:
    found = {"id": 7, "text": BODY, "annotator": annotator, "annotation_id": 70, "lead_time": 1.5}
    return {**found, **fields}


def test_a_minimal_export_of_two_controls_is_chosen_from(file: Path) -> None:
    names = [{"start": 0, "end": 11, "text": "Ines Duarte", "labels": ["HUMAN"]}]
    moods = [{"start": 12, "end": 17, "text": "moved", "labels": ["glad"]}]
    export = minimal(1, label=names, mood=moods)
    with pytest.raises(FormatError, match="several controls") as caught:
        read(file, export)
    assert "label (1), mood (1)" in caught.value.found
    assert read(file, export, **follow(caught.value.hint)) == [(BODY, [("Ines Duarte", "HUMAN")])]
    assert read(file, export, control="mood") == [(BODY, [("moved", "glad")])]
    # and so is what is written of it, as JSON
    (document,) = read_documents(file, options=ReadOptions(control="mood"))
    write_documents([document], file, "label-studio")
    assert list(read_documents(file, options=ReadOptions(control="mood"))) == [document]


def test_a_minimal_export_of_two_texts_is_told_by_its_regions(file: Path) -> None:
    on_title = [{"start": 0, "end": 5, "text": "Quill", "labels": ["SHOP"]}]
    on_body = [{"start": 21, "end": 26, "text": "Porto", "labels": ["CITY"]}]
    export = minimal(1, headline=TITLE, a=on_title, b=on_body)
    assert read(file, export) == [(BODY, [("Porto", "CITY")])]
    assert read(file, export, text_field="headline") == [(TITLE, [("Quill", "SHOP")])]
    for each in (*on_title, *on_body):
        each.pop("text")
    with pytest.raises(FormatError, match="several texts are labelled: a"):
        read(file, export)
    with pytest.raises(FormatError, match="unclear which text"):
        read(file, export, control="a")
    assert read(file, export, control="b", text_field="text") == [(BODY, [("Porto", "CITY")])]


def test_annotators_of_a_minimal_export_have_a_record_each(file: Path) -> None:
    first = minimal(1, label=[{"start": 0, "end": 4, "labels": ["NAME"]}])
    second = minimal("bo@x.org", label=[{"start": 21, "end": 26, "labels": ["CITY"]}])
    other = minimal(1, id=8, text="Olm fell")
    same_id = minimal(1, id=7, text="Another project's text")
    with pytest.raises(FormatError, match=r"by 1 \(1\), bo@x.org \(1\)"):
        read(file, first, other, second)
    found = read(
        file, first, other, second, same_id, annotations="by=bo@x.org", skip={"unlabelled"}
    )
    assert found == [(BODY, [("Porto", "CITY")])]
    found = read(file, first, other, second, same_id, annotations="union")
    assert found == [
        ("Olm fell", []),
        (BODY, [("Ines", "NAME"), ("Porto", "CITY")]),
        ("Another project's text", []),
    ]


def test_other_controls_of_a_minimal_export_are_no_entities(file: Path) -> None:
    labels = [{"start": 0, "end": 4, "labels": ["NAME"]}]
    paths = [{"start": 0, "end": 4, "taxonomy": [["a", "b"]]}]
    whole = [{"taxonomy": [["c"]]}, {"choices": ["x", "y"]}]
    log = ReadLog()
    export = minimal(1, ner=labels, topic=paths, more=whole, mood="glad", tags=["p", "q"])
    assert read(file, export, log=log) == [(BODY, [("Ines", "NAME")])]
    assert log.notes == ["results that are not entities: taxonomy (2), choices (1)"]
    (document,) = read_documents(file)
    assert (document.meta["mood"], document.meta["tags"]) == ("glad", ["p", "q"])
    bare = minimal(None, annotation_id=None)
    with pytest.raises(FormatError, match="has 0 annotations"):
        read(file, bare)


def test_each_line_that_cannot_be_read_can_be_listed(tmp_path: Path) -> None:
    lines = [
        json.dumps(task(region(0, 4, "NAME"))),
        '{"id": 2, "data": ',
        json.dumps(task(region(0, 99, "NAME"), id=3)),
        "5",
        json.dumps(task(region(0, 4, "NAME"), id=5)),
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    log = ReadLog(unreadable=[])
    assert [each.id for each in read_documents(path, log=log)] == ["1", "5"]
    places = [(each.place or "").split(",")[0] for each in log.unreadable or ()]
    assert places == [f"{path}:2", f"{path}:3", f"{path}:4"]
    with pytest.raises(FormatError, match="not valid JSON"):
        list(read_documents(path))


# -- offsets --------------------------------------------------------------------------------------

FOX = "🦊🦊 Ines saw Porto"


def test_the_unit_of_offsets_is_that_of_the_whole_file(file: Path) -> None:
    told = task(shown("ab" + FOX[1:], 5, 9, "HUMAN"), text=FOX)
    told["annotations"][0]["result"][0]["value"]["text"] = "Ines"
    silent = task(region(14, 19, "CITY"), id=2, text=FOX)
    log = ReadLog()
    found = read(file, silent, told, log=log)
    assert found == [(FOX, [("Porto", "CITY")]), (FOX, [("Ines", "HUMAN")])]
    assert log.notes == ["offsets count UTF-16 code units, as the entities' own texts show"]
    assert log.remarks == {}


def test_a_file_of_two_units_is_refused_and_can_be_split(file: Path) -> None:
    value = {"start": 5, "end": 9, "text": "Ines", "labels": ["HUMAN"]}
    units = task({**region(5, 9, "HUMAN"), "value": value}, text=FOX)
    points = task(shown(FOX, 3, 7, "HUMAN"), id=2, text=FOX)
    more = task(shown(FOX, 12, 17, "CITY"), id=3, text=FOX)
    with pytest.raises(FormatError, match="shows 'Ines'") as caught:
        read(file, more, units, points)
    assert (caught.value.place or "").endswith("task 1, region 1")
    assert "to a file of their own" in (caught.value.hint or "")
    assert read(file, units) == [(FOX, [("Ines", "HUMAN")])]
    assert [entities for _, entities in read(file, more, points)] == [
        [("Porto", "CITY")],
        [("Ines", "HUMAN")],
    ]


@pytest.mark.parametrize(
    ("unit", "start", "surface"), [("code-points", 3, "Ines"), ("utf-16", 5, "Ines")]
)
def test_offsets_can_be_stated(
    file: Path, unit: Literal["code-points", "utf-16"], start: int, surface: str
) -> None:
    silent = task(region(start, start + 4, "HUMAN"), text=FOX)
    log = ReadLog()
    assert read(file, silent, offsets=unit, log=log) == [(FOX, [(surface, "HUMAN")])]
    assert (log.notes, log.remarks) == ([], {})


def test_stated_offsets_that_the_regions_contradict_are_an_error(file: Path) -> None:
    told = task(shown(FOX, 3, 7, "HUMAN"), text=FOX)
    with pytest.raises(FormatError, match="shows 'Ines'") as caught:
        read(file, told, offsets="utf-16")
    assert follow(caught.value.hint) == {"offsets": "code-points"}
    assert read(file, told, **follow(caught.value.hint)) == [(FOX, [("Ines", "HUMAN")])]


@pytest.mark.parametrize(
    ("text", "counted", "note"),
    [
        ("Olm\r\n\r\n🦊 Ines\r\nPorto", "\n", "code points, and CR LF as one"),
        ("Olm\n\n🦊 Ines\nPorto", "\r\n", "code points, and a line feed as two (CR LF)"),
    ],
)
def test_offsets_over_other_line_ends_are_noticed(
    file: Path, text: str, counted: str, note: str
) -> None:
    seen = text.replace("\r\n", "\n").replace("\n", counted)
    regions = []
    for name, label in (("Ines", "HUMAN"), ("Porto", "CITY")):
        start = seen.index(name)
        regions.append(shown(seen, start, start + len(name), label))
    regions[1]["value"].pop("text")
    log = ReadLog()
    export = task(*regions, text=text)
    assert read(file, export, log=log) == [(text, [("Ines", "HUMAN"), ("Porto", "CITY")])]
    assert log.notes == [f"offsets count {note}, as the entities' own texts show"]
    (document,) = read_documents(file)
    write_documents([document], file, "label-studio")
    assert list(read_documents(file)) == [document]


def test_word_edges_tell_the_unit_of_regions_without_own_texts(file: Path) -> None:
    silent = task(region(5, 9, "HUMAN"), region(14, 19, "CITY"), text=FOX)
    log = ReadLog()
    assert read(file, silent, log=log) == [(FOX, [("Ines", "HUMAN"), ("Porto", "CITY")])]
    assert "2 of 2 entities whose range depends on it begin and end with words" in log.notes[0]
    assert "--offsets code-points" in log.notes[0]
    stated = read(file, task(region(5, 9, "HUMAN"), text=FOX), offsets="code-points")
    assert stated == [(FOX, [("es s", "HUMAN")])]


def test_inclusive_ends_are_an_error_and_can_be_stated(file: Path) -> None:
    body = "Ines saw Porto"
    value = {"start": 0, "end": 3, "text": "Ines", "labels": ["HUMAN"]}
    export = task({**region(0, 3, "HUMAN"), "value": value}, region(9, 13, "CITY"), text=body)
    with pytest.raises(FormatError, match="shows 'Ines', but the text there is 'Ine'") as caught:
        read(file, export)
    assert "--inclusive-ends (inclusive_ends=True)" in (caught.value.hint or "")
    expected = [(body, [("Ines", "HUMAN"), ("Porto", "CITY")])]
    assert read(file, export, inclusive_ends=True) == expected
    # written with ends after the last character
    (document,) = read_documents(file, "label-studio", ReadOptions(inclusive_ends=True))
    write_documents([document], file, "label-studio")
    assert list(read_documents(file)) == [document]


def test_offsets_that_count_a_character_reference_as_one_are_noticed(file: Path) -> None:
    text = "Ines &amp; Rui saw Porto"
    seen = text.replace("&amp;", "&")
    start = seen.index("Porto")
    log = ReadLog()
    export = task(shown(seen, start, start + 5, "CITY"), text=text)
    assert read(file, export, log=log) == [(text, [("Porto", "CITY")])]
    assert "a character reference such as &amp; as one" in log.notes[0]


def test_a_region_of_no_characters_is_an_error_or_skipped(file: Path) -> None:
    export = task(region(4, 4, "HUMAN"), shown(BODY, 21, 26, "CITY"))
    with pytest.raises(FormatError, match=r"has the range \[4, 4\)") as caught:
        read(file, export)
    assert follow(caught.value.hint) == {"skip": {"empty"}}
    # ends of the file that are not inclusive refute the other way
    assert "--inclusive-ends" not in (caught.value.hint or "")
    log = ReadLog()
    assert read(file, export, log=log, skip={"empty"}) == [(BODY, [("Porto", "CITY")])]
    assert log.skipped == {"empty": 1}


@pytest.mark.parametrize(
    "late",
    [
        task(region(0, 4, "HUMAN"), id=2, text="Ines left"),
        task(id=2, text="Ines left"),
        task(region(0, 4, "HUMAN"), id=2, text="Ines left", link="x"),
        task(region(0, 4, "HUMAN", on="body"), id=2, text="Ines left"),
        {**task(id=2, text="Ines left"), "annotations": []},
    ],
)
def test_a_file_is_read_alike_in_any_order_of_its_tasks(file: Path, late: Any) -> None:
    """The first task may leave nothing open, so that the file is read once, or make a survey."""
    first = task(shown(BODY, 21, 26, "CITY"))
    accepted = {"unlabelled"}
    forth = read(file, first, late, accept=accepted)
    assert forth == [*reversed(read(file, late, first, accept=accepted))]
    assert forth[0] == (BODY, [("Porto", "CITY")])


def test_a_second_control_late_in_a_file_is_refused(file: Path) -> None:
    first = task(shown(BODY, 21, 26, "CITY"))
    second = task(region(0, 4, "HUMAN", control="people"), id=2, text="Ines left")
    with pytest.raises(FormatError, match="several controls label the text"):
        read(file, *[first] * 1200, second)


def test_a_second_text_late_in_a_file_is_refused(file: Path) -> None:
    first = task(region(0, 5, "SHOP", on="headline"), headline=TITLE)
    second = task(
        region(0, 5, "SHOP", on="headline"), shown(BODY, 21, 26, "CITY"), headline=TITLE, text=BODY
    )
    with pytest.raises(FormatError, match="the field 'text' is not a text") as caught:
        read(file, first, second)
    assert "--text-field" in (caught.value.hint or "")
    found = read(file, first, second, text_field="headline")
    assert [text for text, _ in found] == [TITLE, TITLE]


def test_a_text_at_an_address_is_named(file: Path) -> None:
    export = task(shown(BODY, 21, 26, "CITY"), text="/data/upload/3/a.txt")
    with pytest.raises(FormatError, match="shows 'Porto'") as caught:
        read(file, export)
    assert "put the text that is there into the field" in (caught.value.hint or "")


# -- hostile input --------------------------------------------------------------------------------

DEEP = json.loads("[" * 500 + "]" * 500)


@pytest.mark.parametrize(
    "export",
    [
        {"id": DEEP, "data": {"text": "x"}, "annotations": []},
        {"data": {"text": "x", "id": DEEP}, "annotations": [{"result": []}]},
        {"data": {"text": "x"}, "annotations": DEEP},
        {"data": {"text": "x"}, "annotations": 5},
        {"data": {"text": "x"}, "annotations": [{"result": [DEEP]}]},
        {"data": {"text": "x"}, "annotations": [{"result": [{"type": "labels", "value": DEEP}]}]},
        {
            "data": {"text": "x"},
            "annotations": [
                {"result": [{"type": DEEP, "value": {"start": 0, "end": 1, "labels": ["x"]}}]}
            ],
            "id": DEEP,
        },
        {"data": {"text": "x"}, "annotations": [{"result": [region(0, 1, DEEP)]}]},
        {"data": {"text": DEEP}, "annotations": [{"result": []}]},
        {"data": {}, "annotations": [{"result": [region(0, 1, "x")]}]},
        {"data": {"text": "x"}, "annotations": [by(1), by(DEEP)]},
        {"result": [], "task": DEEP},
        DEEP,
        None,
    ],
)
def test_values_of_any_kind_are_an_error_with_a_place(file: Path, export: Any) -> None:
    with pytest.raises(FormatError) as caught:
        read(file, export)
    assert (caught.value.place or "").startswith(str(file))


@pytest.mark.parametrize("time", ["", "now", DEEP, None, 10**4000, {}])
def test_an_annotation_whose_time_is_not_one_has_none(file: Path, time: Any) -> None:
    export = task()
    export["annotations"] = [by(1, updated_at=time), by(2, updated_at="2024-05-03T00:00:00")]
    with pytest.raises(FormatError, match="has no time"):
        read(file, export, annotations="latest")
    export["annotations"][0]["created_at"] = "2024-05-04"
    assert read(file, export, annotations="latest") == [(BODY, [])]
