"""Cases about bytes, encodings, JSON and folders."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

from hints import Case, shown
from nerine.core.document import Document, Entity
from nerine.core.errors import NerineError
from nerine.data.formats import read_documents, write_documents

LINES = "Zoë\tB-PER\nran\tO\n"
ZOE = ["[Zoë](PER) ran"]
INES = ["[Ines](PER) ran"]
RECORD = '{"text": "Ines ran", "entities": [{"start": 0, "end": 4, "label": "PER"}]}'
TUPLES = "[('Ines ran', {'entities': [(0, 4, 'PER')]})]"
TASK = {
    "id": 1,
    "data": {"text": "Ines ran"},
    "annotations": [
        {
            "result": [
                {
                    "from_name": "ner",
                    "to_name": "text",
                    "type": "labels",
                    "value": {"start": 0, "end": 4, "labels": ["PER"]},
                }
            ]
        }
    ],
}
CONVERT = "convert in.conll out.jsonl"


def convert_json(name: str = "in.json") -> str:
    return f"convert {name} out.jsonl"


def write_pair(text: str) -> list[str]:
    document = Document(text, (Entity(0, 1, "ICON"),))
    write_documents([document], "out.jsonl")
    return shown("out.jsonl")


def joined_pair() -> list[str]:
    """Joins the surrogates by the code in the hint."""
    text = "\ud83e\udd8a"
    try:
        write_pair(text)
    except NerineError as error:
        code = (error.hint or "").removesuffix(" joins such pairs")
        return write_pair(eval(code, {"text": text}))
    raise AssertionError


def read_folder(path: str) -> list[str]:
    return [each.text for each in read_documents(path, "columns")]


CASES: dict[str, Case] = {
    "an encoding of Windows": Case(
        CONVERT, {"in.conll": LINES.encode("cp1252")}, command=True, right=ZOE
    ),
    "UTF-16 with a mark": Case(
        CONVERT, {"in.conll": LINES.encode("utf-16")}, command=True, right=ZOE
    ),
    "UTF-16 without a mark": Case(
        CONVERT, {"in.conll": LINES.encode("utf-16-le")}, command=True, right=ZOE
    ),
    "UTF-16 of the other order": Case(
        CONVERT, {"in.conll": LINES.encode("utf-16-be")}, command=True, right=ZOE
    ),
    "UTF-32": Case(CONVERT, {"in.conll": LINES.encode("utf-32")}, command=True, right=ZOE),
    "UTF-16 records": Case(
        "convert in.jsonl out.jsonl",
        {"in.jsonl": RECORD.encode("utf-16")},
        command=True,
        right=INES,
    ),
    "a damaged line": Case(
        CONVERT, {"in.conll": b"Zo\xc3\xab\xff\tB-PER\nran\tO\n"}, command=True, right=ZOE
    ),
    "an unknown encoding": Case(
        CONVERT,
        {"in.conll": "ポー\tB-LOC\nへ\tO\n".encode("shift_jis")},
        command=True,
        right=["[ポー](LOC) へ"],
    ),
    "a folder in the place of a file": Case(
        lambda: read_folder("corpus"),
        {"corpus/train.conll": "Zoë\tB-PER\n"},
        then=lambda: read_folder("corpus/train.conll"),
        right=["Zoë"],
    ),
    "a folder that is not empty": Case(
        "convert in.conll out --to brat",
        {"in.conll": LINES, "out/notes.txt": "mine"},
        then="convert in.conll other --to brat",
        right=ZOE,
    ),
    "an array of tasks that is cut": Case(
        convert_json() + " --format label-studio",
        {"in.json": json.dumps([TASK, TASK])[:-40]},
        changes={"in.json": json.dumps([TASK])},
        right=INES,
    ),
    "tasks that are cut": Case(
        convert_json() + " --format label-studio",
        {"in.json": json.dumps(TASK, indent=1)[:-40]},
        changes={"in.json": json.dumps(TASK, indent=1)},
        right=INES,
    ),
    "an array of records that is cut": Case(
        convert_json(), {"in.json": f"[{RECORD}"}, changes={"in.json": f"[{RECORD}]"}, right=INES
    ),
    "a record that is cut": Case(
        "convert in.jsonl out.jsonl",
        {"in.jsonl": RECORD[:-5]},
        changes={"in.jsonl": RECORD},
        right=INES,
    ),
    "tuples of Python": Case(
        convert_json(),
        {"in.json": TUPLES},
        changes={"in.json": json.dumps(ast.literal_eval(TUPLES))},
        right=INES,
    ),
    "a pair of surrogates": Case(
        lambda: write_pair("\ud83e\udd8a"), then=joined_pair, right=["[🦊](ICON)"]
    ),
}


def document_of(text: str, *entities: tuple[int, int, str], **others: Any) -> Document:
    return Document(text, tuple(Entity(*each) for each in entities), **others)


def written(path: str, *documents: Document) -> list[str]:
    """Writes documents to a file and reads it."""
    write_documents(documents, path)
    return shown(path)


def removed(path: str) -> None:
    Path(path).unlink()
