"""Hints of errors about files of annotation tools, followed on the command line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from nerine.cli import main
from nerine.data.formats import read_documents

TEXT = "Ines Duarte moved to Porto."


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def region(start: int, end: int, label: str, **others: Any) -> dict[str, Any]:
    value = {"start": start, "end": end, "labels": [label]}
    names = {"from_name": "ner", "to_name": "text", "type": "labels"}
    return {**names, "value": value, **others}


def task(*results: Any, text: str = TEXT, **others: Any) -> dict[str, Any]:
    annotations = [{"completed_by": 1, "result": list(results)}]
    return {"id": 1, "data": {"text": text}, "annotations": annotations, **others}


NAME = region(0, 11, "PER")
TOPIC = {"start": 21, "end": 26, "taxonomy": [["place", "city"]]}
ANNOTATION = {"completed_by": 1, "result": [NAME]}
MINIMAL = {
    "id": 1,
    "text": TEXT,
    "ner": [NAME["value"]],
    "mood": [{"start": 12, "end": 17, "labels": ["glad"]}],
    "annotator": 1,
    "annotation_id": 7,
}
FOX = {"start": 2, "end": 6, "text": "Ines", "labels": ["PER"]}
GOOD = task(NAME, id=9)

EXPORTS: dict[str, tuple[list[Any], list[Any]]] = {
    "two controls": ([task(NAME, region(12, 17, "glad", from_name="mood"))], []),
    "two controls, minimal": ([MINIMAL], []),
    "two texts": (
        [
            task(
                region(0, 5, "SHOP", to_name="title"),
                region(21, 26, "LOC", to_name="body"),
                data={"title": "Quill opens", "body": TEXT},
            )
        ],
        [],
    ),
    "two annotators": (
        [
            task(
                annotations=[
                    {**ANNOTATION, "updated_at": "2024-05-02T00:00:00Z"},
                    {**ANNOTATION, "completed_by": 2, "updated_at": "2024-05-03T00:00:00Z"},
                ]
            )
        ],
        [],
    ),
    "no times": (
        [task(annotations=[ANNOTATION, {**ANNOTATION, "completed_by": 2}])],
        ["--annotations", "latest"],
    ),
    "another annotator": ([task(NAME)], ["--annotations", "by=ines"]),
    "not annotated by one": (
        [task(NAME), task(annotations=[{"completed_by": 2, "result": []}])],
        ["--annotations", "by=1"],
    ),
    "cancelled": ([GOOD, task(annotations=[{**ANNOTATION, "was_cancelled": True}])], []),
    "unlabelled": ([GOOD, task(annotations=[])], []),
    "no label": ([task(NAME, region(12, 17, "x", value={"start": 12, "end": 17}))], []),
    "taxonomy": ([task({"from_name": "topic", "type": "taxonomy", "value": TOPIC})], []),
    "offsets": ([task(region(0, 1, "", value=FOX), text="🦊 Ines")], ["--offsets", "utf-16"]),
    "text field": (
        [
            task(
                region(0, 4, "PER", value={**FOX, "start": 0, "end": 4}), data={"a": "x", "b": TEXT}
            )
        ],
        ["--text-field", "a"],
    ),
}


def follow(source: Path, options: list[str], target: Path) -> None:
    """Converts a file, which fails, and then with each option that the hint names, one by one."""
    first = run("convert", source, target, *options)
    assert first.exit_code == 2, first.output
    hint = first.output.partition("hint: ")[2]
    named = re.findall(r"(--[a-z-]+) ([\w.@=,-]+)", hint)
    assert named, first.output
    for option, value in named:
        kept = [] if option in options else options
        result = run("convert", source, target, *kept, option, value)
        assert result.exit_code == 0, f"{option} {value}: {result.output}"
        assert list(read_documents(target))


@pytest.mark.parametrize("name", EXPORTS)
def test_hints_about_exports_of_label_studio_work(tmp_path: Path, name: str) -> None:
    tasks, options = EXPORTS[name]
    source = tmp_path / "export.json"
    source.write_text(json.dumps(tasks), encoding="utf-8")
    follow(source, options, tmp_path / "out.jsonl")


def test_a_folder_of_a_storage_is_converted_like_a_file(tmp_path: Path) -> None:
    folder = tmp_path / "storage"
    folder.mkdir()
    for number in (9, 10):
        record = {"id": number, "task": {"id": 4, "data": {"text": TEXT}}, **ANNOTATION}
        (folder / str(number)).write_text(json.dumps(record), encoding="utf-8")
    target = tmp_path / "out.jsonl"
    result = run("convert", folder, target, "--annotations", "union")
    assert result.exit_code == 0, result.output
    (document,) = read_documents(target)
    assert [each.label for each in document.entities] == ["PER"]


@pytest.mark.parametrize(
    ("lines", "options"),
    [
        (["T1\tPER 0 4;12 17\tInes moved", "T2\tPER 0 4\tInes"], []),
        (["T1\tPER 0 4\tInes", "T2\tLOC 21 26\tPorto"], ["--offsets", "utf-16"]),
        ([], []),
    ],
    ids=["pieces", "offsets", "unlabelled"],
)
def test_hints_about_folders_of_brat_work(
    tmp_path: Path, lines: list[str], options: list[str]
) -> None:
    folder = tmp_path / "brat"
    folder.mkdir()
    for name in ("a", "b")[: 1 if lines else 2]:
        text = f"{'🦊' * bool(options)}{TEXT}"
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    moved = [line.replace(" 0 4", " 1 5").replace("21 26", "22 27") for line in lines]
    content = "".join(f"{line}\n" for line in (moved if options else lines))
    (folder / "a.ann").write_text(content, encoding="utf-8")
    follow(folder, options, tmp_path / "out.jsonl")


@pytest.mark.parametrize("kind", ["groups", "unlabelled", "no label", "no group"])
def test_hints_about_files_of_spacy_work(tmp_path: Path, kind: str) -> None:
    spacy = pytest.importorskip("spacy")
    tokens = pytest.importorskip("spacy.tokens")
    pipeline = spacy.blank("en")
    good, bad = pipeline(TEXT), pipeline(TEXT)
    for doc in (good, bad):
        doc.spans["sc"] = [tokens.Span(doc, 0, 2, label="PER")]
    options: list[str] = []
    if kind == "groups":
        bad.spans["more"] = [tokens.Span(bad, 0, 1, label="X")]
    elif kind == "unlabelled":
        good.set_ents([tokens.Span(good, 0, 2, label="PER")])
        del good.spans["sc"]
        del bad.spans["sc"]
    elif kind == "no label":
        bad.spans["sc"] = [*bad.spans["sc"], tokens.Span(bad, 2, 3)]
    else:
        del bad.spans["sc"]
        options = ["--control", "sc"]
    source = tmp_path / "corpus.spacy"
    tokens.DocBin(docs=[good, bad]).to_disk(source)
    follow(source, options, tmp_path / "out.jsonl")
