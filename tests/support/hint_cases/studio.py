"""Cases about Label Studio's tasks."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hints import Case, shown
from nerine.data.formats import read_documents, write_documents

TEXT = "Ines Duarte moved to Porto."
INES = ["[Ines Duarte](PER) moved to Porto."]
CONVERT = "convert in.json out.jsonl"


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
OTHER = {"completed_by": 2, "result": [region(21, 26, "LOC")]}
PORTO = ["Ines Duarte moved to [Porto](LOC)."]
UNION = ["[Ines Duarte](PER) moved to [Porto](LOC)."]
MINIMAL = {
    "id": 1,
    "text": TEXT,
    "ner": [NAME["value"]],
    "mood": [{"start": 12, "end": 17, "labels": ["glad"]}],
    "annotator": 1,
    "annotation_id": 7,
}
FOX = {"start": 2, "end": 6, "text": "Ines", "labels": ["PER"]}
EARLY = {"updated_at": "2024-05-02T00:00:00Z"}
LATE = {"updated_at": "2024-05-03T00:00:00Z"}
MOOD = ["Ines Duarte [moved](glad) to Porto."]
BOTH = ["[Ines Duarte](PER) [moved](glad) to Porto."]
SHOP = region(0, 5, "SHOP", to_name="title")
LOC = region(21, 26, "LOC", to_name="body")
LINES = "One\r\nTwo\r\nInes"


def tasks(*found: Any) -> dict[str, str]:
    return {"in.json": json.dumps(found)}


def write_without_person(references: bool) -> list[str]:
    """Reads a task of related regions, takes one entity out, and writes it."""
    (document,) = read_documents("in.json")
    meta = dict(document.meta)
    if not references:
        meta = {name: value for name, value in meta.items() if "label_studio" not in name}
    kept = replace(document, entities=document.entities[1:], meta=meta)
    write_documents([kept], "out.json", "label-studio")
    return shown("out.json")


RELATED = task(
    {**NAME, "id": "a"},
    {**region(21, 26, "LOC"), "id": "b"},
    {"type": "relation", "from_id": "a", "to_id": "b", "direction": "right"},
)

CASES = {
    "two controls": Case(
        CONVERT,
        tasks(task(NAME, region(12, 17, "glad", from_name="mood"))),
        {"--control ner": INES, "--control mood": MOOD, "--control mood,ner": BOTH},
    ),
    "two controls of JSON-MIN": Case(
        CONVERT,
        tasks(MINIMAL),
        {"--control ner": INES, "--control mood": MOOD, "--control mood,ner": BOTH},
    ),
    "a control that is not there": Case(
        f"{CONVERT} --control names", tasks(task(NAME)), {"--control ner": INES}
    ),
    "two texts": Case(
        CONVERT,
        tasks(task(SHOP, LOC, data={"title": "Quill opens", "body": TEXT})),
        {"--text-field body": PORTO, "--text-field title": ["[Quill](SHOP) opens"]},
    ),
    "regions of an unknown text": Case(
        CONVERT,
        tasks(
            {
                **{name: MINIMAL[name] for name in ("id", "annotator", "annotation_id", "ner")},
                "mood": [{"start": 6, "end": 11, "labels": ["glad"]}],
                "first": "Quill is glad to be here today",
                "second": TEXT,
            }
        ),
        {"--control ner --text-field second": INES},
    ),
    "a stated text of unknown regions": Case(
        f"{CONVERT} --text-field second",
        tasks(
            {
                **{name: MINIMAL[name] for name in ("id", "annotator", "annotation_id", "ner")},
                "mood": [{"start": 6, "end": 11, "labels": ["glad"]}],
                "first": "Quill is glad to be here today",
                "second": TEXT,
            }
        ),
        {"--control ner": INES},
    ),
    "two annotators": Case(
        CONVERT,
        tasks(task(annotations=[{**ANNOTATION, **LATE}, {**OTHER, **EARLY}])),
        {
            "--annotations latest": INES,
            "--annotations first": INES,
            "--annotations union": UNION,
            "--annotations by=1": INES,
            "--annotations by=2": PORTO,
        },
    ),
    "annotations without times": Case(
        f"{CONVERT} --annotations latest",
        tasks(task(annotations=[ANNOTATION, OTHER])),
        {"--annotations first": INES},
    ),
    "an annotator who is not there": Case(
        f"{CONVERT} --annotations by=ines", tasks(task(NAME)), {"--annotations by=1": INES}
    ),
    "a task that the annotator did not do": Case(
        f"{CONVERT} --annotations by=1",
        tasks(task(NAME), task(annotations=[OTHER])),
        {"--skip unlabelled": INES, "--accept unlabelled": [*INES, TEXT]},
    ),
    "a cancelled annotation": Case(
        CONVERT,
        tasks(task(NAME, id=9), task(annotations=[{**OTHER, "was_cancelled": True}])),
        {"--skip cancelled": INES, "--accept cancelled": [*INES, *PORTO]},
    ),
    "a task without annotation": Case(
        CONVERT,
        tasks(task(NAME, id=9), task(annotations=[])),
        {"--skip unlabelled": INES, "--accept unlabelled": [*INES, TEXT]},
    ),
    "a region without a label": Case(
        CONVERT,
        tasks(task(NAME, region(12, 17, "x", value={"start": 12, "end": 17}))),
        {"--skip no-label": INES},
    ),
    "a taxonomy": Case(
        CONVERT,
        tasks(task({"from_name": "topic", "to_name": "text", "type": "taxonomy", "value": TOPIC})),
        {"--control topic": ["Ines Duarte moved to [Porto](place/city)."]},
    ),
    "offsets in another unit": Case(
        f"{CONVERT} --offsets utf-16",
        tasks(task(region(0, 1, "", value=FOX), text="🦊 Ines")),
        {"--offsets code-points": ["🦊 [Ines](PER)"]},
    ),
    "offsets in two units": Case(
        CONVERT,
        tasks(
            task(region(0, 1, "", value=FOX), text="🦊 Ines"),
            task(region(0, 1, "", value=FOX), text="🦊 Ines", id=2),
            task(region(0, 1, "", value={**FOX, "start": 3, "end": 7}), text="🦊 Ines", id=3),
        ),
        changes=tasks(
            task(region(0, 1, "", value=FOX), text="🦊 Ines"),
            task(region(0, 1, "", value=FOX), text="🦊 Ines", id=2),
        )
        | {
            "other.json": tasks(
                task(region(0, 1, "", value={**FOX, "start": 3, "end": 7}), text="🦊 Ines", id=3)
            )["in.json"]
        },
        then=lambda: [*shown("in.json"), *shown("other.json")],
        right=["🦊 [Ines](PER)"] * 3,
    ),
    "another field of the text": Case(
        f"{CONVERT} --text-field a",
        tasks(
            task(region(0, 4, "", value={**FOX, "start": 0, "end": 4}), data={"a": "x", "b": TEXT})
        ),
        {"--text-field b": ["[Ines](PER) Duarte moved to Porto."]},
    ),
    "a task of another text after usual ones": Case(
        CONVERT,
        tasks(
            task(region(0, 11, "PER", to_name="body"), data={"body": TEXT}),
            task(NAME, data={"text": TEXT, "body": TEXT}),
        ),
        {"--text-field body": [*INES, TEXT]},
    ),
    "a field that is not there": Case(
        f"{CONVERT} --text-field title", tasks(task(NAME)), {"--text-field text": INES}
    ),
    "an address in the place of a text": Case(
        CONVERT,
        tasks(task(region(0, 4, "", value={**FOX, "start": 0, "end": 4}), text="s3://quill/1.txt")),
        changes=tasks(task(region(0, 4, "", value={**FOX, "start": 0, "end": 4}))),
        right=["[Ines](PER) Duarte moved to Porto."],
    ),
    "a stored annotation without its task": Case(
        "convert in.json out.jsonl",
        tasks({"id": 7, "task": 4, **ANNOTATION}),
        changes=tasks(task(NAME)),
        right=INES,
    ),
    "a relation of a removed region": Case(
        lambda: write_without_person(references=True),
        tasks(RELATED),
        then=lambda: write_without_person(references=False),
        right=PORTO,
    ),
}
