"""Cases about records in JSON: texts with ranges, words with tags, GLiNER, spaCy's files."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from hints import Case

INES = ["[Ines](PER) ran"]
PERSON = {"start": 0, "end": 4, "label": "PER"}
CONVERT = "convert in.jsonl out.jsonl"
FOX = "🦊 Ines ran"
LAST = {"text": FOX, "entities": [{**PERSON, "start": 2, "end": 5, "text": "Ines"}]}
AMP = {"text": "A &amp; Ines", "entities": [{**PERSON, "start": 8, "end": 12, "text": "Ines"}]}


def lines(*records: Any) -> dict[str, str]:
    return {"in.jsonl": "".join(f"{json.dumps(each)}\n" for each in records)}


def spans(text: str, *entities: Any, **others: Any) -> dict[str, Any]:
    return {"text": text, "entities": list(entities), **others}


def prodigy(annotator: str, *found: Any, **others: Any) -> dict[str, Any]:
    hashes = {"_input_hash": 7, "_task_hash": 8, "answer": "accept"}
    names = {"_annotator_id": annotator, "_session_id": annotator}
    return {"text": "Ines ran", "spans": list(found), **hashes, **names, **others}


def words(*tags: Any, **others: Any) -> dict[str, Any]:
    return {"tokens": ["Ines", "ran"], "ner_tags": list(tags), **others}


def short(number: int) -> dict[str, Any]:
    return spans("Ines ran", {"start": 0, "end": 3, "label": "PER"}, id=str(number))


def spacy_file(kind: str) -> Callable[[], None]:
    """Makes a file of spaCy with two documents."""

    def make() -> None:
        spacy = pytest.importorskip("spacy", reason="needs the extra spacy")
        tokens = importlib.import_module("spacy.tokens")
        pipeline = spacy.blank("en")
        good, bad = pipeline("Ines ran"), pipeline("Bo ran")
        for doc in (good, bad):
            doc.spans["sc"] = [tokens.Span(doc, 0, 1, label="PER")]
        if kind == "groups":
            bad.spans["more"] = [tokens.Span(bad, 1, 2, label="X")]
            good.spans["more"] = []
        elif kind == "mixed":
            bad.set_ents([tokens.Span(bad, 0, 1, label="PER")])
        elif kind == "unlabelled":
            good.set_ents([tokens.Span(good, 0, 1, label="PER")])
            del good.spans["sc"]
            del bad.spans["sc"]
        elif kind == "no label":
            bad.spans["sc"] = [*bad.spans["sc"], tokens.Span(bad, 1, 2)]
        else:
            del bad.spans["sc"]
        tokens.DocBin(docs=[good, bad]).to_disk("in.spacy")

    return make


SPACY = "convert in.spacy out.jsonl"
BOTH = [*INES, "[Bo](PER) ran"]
SPACY_JSON = [
    {
        "id": 0,
        "paragraphs": [
            {
                "raw": "Ines ran",
                "sentences": [
                    {
                        "tokens": [
                            {"id": 0, "orth": "Ines", "ner": "-"},
                            {"id": 1, "orth": "ran", "ner": "-"},
                        ]
                    }
                ],
            }
        ],
    }
]

CASES = {
    "another field of the text": Case(
        CONVERT,
        lines({"title": "A", "body": "Ines ran", "entities": [PERSON]}),
        {"--text-field body": INES},
    ),
    "two fields of entities": Case(
        CONVERT,
        lines({"text": "Ines ran", "entities": [PERSON], "spans": [{**PERSON, "end": 8}]}),
        changes=lines({"text": "Ines ran", "entities": [PERSON]}),
        right=INES,
    ),
    "a rejected record": Case(
        CONVERT,
        lines(prodigy("ana", PERSON), prodigy("ana", answer="reject", text="Bo", _input_hash=9)),
        {"--skip rejected": INES, "--accept rejected": [*INES, "Bo"]},
    ),
    "a record without entities": Case(
        CONVERT,
        lines(spans("Ines ran", PERSON), {"text": "Bo"}),
        {"--skip unlabelled": INES, "--accept unlabelled": [*INES, "Bo"]},
    ),
    "entities in a field of another name": Case(
        CONVERT,
        lines({"text": "Ines ran", "found": [PERSON]}),
        {
            "--tag-column found": INES,
            "--skip unlabelled": [],
            "--accept unlabelled": ["Ines ran"],
        },
    ),
    "labels that are numbers": Case(
        CONVERT,
        lines(spans("Ines ran", {**PERSON, "label": 1})),
        {"--tag-names LOC,PER": INES},
    ),
    "an entity without a label": Case(
        CONVERT,
        lines(spans("Ines ran", PERSON, {"start": 5, "end": 8, "label": ""})),
        {"--skip no-label": INES},
    ),
    "two annotators": Case(
        CONVERT,
        lines(prodigy("ana", PERSON), prodigy("bo")),
        {
            "--annotations first": INES,
            "--annotations latest": ["Ines ran"],
            "--annotations union": INES,
            "--annotations by=bo": ["Ines ran"],
        },
    ),
    "offsets of UTF-16 outside of the text": Case(
        f"{CONVERT} --offsets code-points",
        lines(spans("🦊 Ines", {**PERSON, "start": 3, "end": 7})),
        {"--offsets utf-16": ["🦊 [Ines](PER)"]},
    ),
    "an end outside of the text": Case(
        CONVERT,
        lines(spans("X ran", {**PERSON, "start": 0, "end": 0})),
        {"--inclusive-ends": ["[X](PER) ran"], "--skip empty": ["X ran"]},
    ),
    "offsets that disagree with own texts": Case(
        f"{CONVERT} --offsets code-points",
        lines(spans(FOX, {**PERSON, "start": 3, "end": 7, "text": "Ines"})),
        {"--offsets utf-16": ["🦊 [Ines](PER) ran"]},
    ),
    "inclusive ends that disagree with own texts": Case(
        CONVERT,
        lines(spans("Ines ran", {**PERSON, "end": 3, "text": "Ines"})),
        {"--inclusive-ends": INES},
    ),
    "one entity in another unit than others, all with inclusive ends": Case(
        f"{CONVERT} --inclusive-ends",
        lines(*[LAST] * 3, spans(FOX, {**PERSON, "start": 3, "end": 6, "text": "Ines"})),
        changes=lines(*[LAST] * 3),
        right=["🦊 [Ines](PER) ran"] * 3,
    ),
    "one entity that counts references as characters, unlike others": Case(
        CONVERT,
        lines(*[AMP] * 3, spans("A &amp; Ines", {**PERSON, "start": 4, "end": 8, "text": "Ines"})),
        changes=lines(*[AMP] * 3),
        right=["A &amp; [Ines](PER)"] * 3,
    ),
    "ends before the ends of words": Case(
        CONVERT,
        lines(*map(short, range(12))),
        {"--inclusive-ends": INES * 12, "--offsets code-points": ["[Ine](PER)s ran"] * 12},
    ),
    "bytes after records of code points": Case(
        CONVERT,
        lines(
            spans("ééé Bo Al ran", {"start": 7, "end": 9, "label": "PER"}),
            spans("Élé Ines", {**PERSON, "start": 6, "end": 10, "text": "Ines"}),
        ),
        {"--offsets bytes": ["ééé [Bo](PER) Al ran", "Élé [Ines](PER)"]},
    ),
    "line ends that seem to count otherwise from the second record on": Case(
        CONVERT,
        lines(
            spans("So\nBo met Ines", {**PERSON, "start": 10, "end": 14}),
            *[spans(f"{name}\nInes ran", {**PERSON, "start": 3, "end": 7}) for name in "ABC"],
        ),
        {
            "--offsets code-points": [
                "So␊Bo met [Ines](PER)",
                *[f"{name}␊I[nes ](PER)ran" for name in "ABC"],
            ]
        },
    ),
    "an empty token": Case(
        CONVERT,
        lines({"tokens": ["Ines", "", "ran"], "ner_tags": ["B-PER", "O", "O"]}),
        {"--repair": INES},
    ),
    "numbers of tags": Case(CONVERT, lines(words(1, 0)), {"--tag-names O,B-PER": INES}),
    "another field of the tokens": Case(
        f"{CONVERT} --format words",
        lines({"mine": ["Ines", "ran"], "ner_tags": ["B-PER", "O"]}),
        {"--token-column mine": INES},
    ),
    "another field of the tags": Case(
        f"{CONVERT} --format words",
        lines({"tokens": ["Ines", "ran"], "gold": ["B-PER", "O"]}),
        {"--tag-column gold": INES},
    ),
    "broken tags": Case(
        f"{CONVERT} --scheme-in IOB2",
        lines(words("I-PER", "O")),
        {"--repair": INES, "--scheme-in IOB1": INES},
    ),
    "GLiNER without entities": Case(
        "convert in.json out.jsonl --format gliner",
        {"in.json": json.dumps([{"tokenized_text": ["Ines", "ran"]}])},
        {"--accept unlabelled": ["Ines ran"], "--skip unlabelled": []},
    ),
    "spaCy's JSON without tags": Case(
        "convert in.json out.jsonl",
        {"in.json": json.dumps(SPACY_JSON)},
        {"--accept unlabelled": ["Ines ran"], "--skip unlabelled": []},
    ),
    "spaCy's file with two groups": Case(
        SPACY,
        make=spacy_file("groups"),
        ways={"--control sc": BOTH},
    ),
    "spaCy's file with groups and entities": Case(
        SPACY,
        make=spacy_file("mixed"),
        ways={"--control sc": BOTH, "--control sc --skip unlabelled": BOTH},
    ),
    "spaCy's file with a text without annotation": Case(
        SPACY,
        make=spacy_file("unlabelled"),
        ways={"--skip unlabelled": INES, "--accept unlabelled": [*INES, "Bo ran"]},
    ),
    "spaCy's file without the group": Case(
        f"{SPACY} --control sc",
        make=spacy_file("no group"),
        ways={"--skip unlabelled": INES, "--accept unlabelled": [*INES, "Bo ran"]},
    ),
    "spaCy's file with a span without a label": Case(
        SPACY, make=spacy_file("no label"), ways={"--skip no-label": BOTH}
    ),
}
