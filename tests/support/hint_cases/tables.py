"""Cases about tables with a header, in CSV files and in Parquet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hints import Case

CONVERT = "convert in.csv out.jsonl"
INES = ["[Ines](PER) ran"]
RANGE = '[{""start"": 0, ""end"": 4, ""label"": ""PER""}]'
STUDIO = f"""\
text,id,label,annotator,annotation_id,created_at,updated_at,lead_time
Ines ran,1,"{RANGE}",1,1,2024-05-01,2024-05-05,1.0
Ines ran,1,[],2,2,2024-05-02,2024-05-03,1.0
"""
ENTITY = {"start": 0, "end": 4, "label": "PER"}


def parquet(**columns: list[Any]) -> Callable[[], object]:
    """Makes a Parquet file with these columns."""

    def make() -> None:
        pa = pytest.importorskip("pyarrow", reason="needs the extra datasets")
        pytest.importorskip("pyarrow.parquet").write_table(pa.table(columns), "in.parquet")

    return make


PARQUET = "convert in.parquet out.jsonl"

CASES = {
    "columns with unknown names": Case(
        CONVERT,
        {"in.csv": "first,second\nInes,B-PER\nran,O\n\n"},
        {"--token-column first --tag-column second": INES},
    ),
    "no header": Case(CONVERT, {"in.csv": "Ines;B-PER\nran;O\n\n"}, command=True, right=INES),
    "texts with unknown names": Case(
        CONVERT,
        {"in.csv": f'body,mine\nInes ran,"{RANGE}"\n'},
        {"--text-field body --tag-column mine": INES},
    ),
    "two columns of tags": Case(
        CONVERT,
        {"in.csv": "word,tag,label\nInes,B-PER,B-X\nran,O,O\n\n"},
        {"--tag-column 'tag'": INES, "--tag-column label": ["[Ines](X) ran"]},
    ),
    "two columns of tags with spaces": Case(
        CONVERT,
        {"in.csv": "word,iob tag,bio tag\nInes,B-PER,B-X\nran,O,O\n\n"},
        {"--tag-column 'iob tag'": INES},
    ),
    "a row of another width": Case(
        CONVERT,
        {"in.csv": "word,tag\nInes,B-PER\nran, off,O\n\n"},
        changes={"in.csv": 'word,tag\nInes,B-PER\n"ran, off",O\n\n'},
        right=["[Ines](PER) ran, off"],
    ),
    "carriage returns as line ends": Case(
        CONVERT, {"in.csv": "word,tag\rInes,B-PER\rran,O\r\r"}, command=True, right=INES
    ),
    "an empty token": Case(
        CONVERT, {"in.csv": "word,tag\nInes,B-PER\n,O\nran,O\n\n"}, {"--repair": INES}
    ),
    "a sentence that begins again": Case(
        CONVERT,
        {"in.csv": "sentence_id,word,tag\n1,Ines,B-PER\n1,ran,O\n2,Bo,O\n1,Bo,O\n"},
        {"--repair": [*INES, "Bo", "Bo"]},
    ),
    "entities without a text": Case(
        CONVERT,
        {"in.csv": "body,start,end,label\nInes ran,0,4,PER\n"},
        {"--text-field body": INES},
    ),
    "texts in files that are missing": Case(
        CONVERT,
        {"in.csv": "file,line,start,end,label\na.txt,0,0,4,PER\n"},
        changes={"a.txt": "Ines ran\n"},
        right=INES,
    ),
    "texts in a column of another name, beside an id": Case(
        CONVERT,
        {"in.csv": "id,comment,start,end,label\nT-1,Ines ran,0,4,PER\nT-2,Bo,,,\n"},
        {"--text-field comment": [*INES, "Bo"]},
    ),
    "texts without their entities": Case(
        f"{CONVERT} --text-field comment",
        {"in.csv": "id,comment\nT-1,Ines ran\n"},
        changes={"in.csv": "id,comment,start,end,label\nT-1,Ines ran,0,4,PER\n"},
        right=INES,
    ),
    "entities without ranges": Case(
        CONVERT,
        {"in.csv": "text,mention,label\nInes ran,Ines,PER\n"},
        changes={"in.csv": "text,mention,label,start,end\nInes ran,Ines,PER,0,4\n"},
        right=INES,
    ),
    "several annotators": Case(
        CONVERT,
        {"in.csv": STUDIO},
        {
            "--annotations first": INES,
            "--annotations latest": INES,
            "--annotations union": INES,
            "--annotations by=2": ["Ines ran"],
        },
    ),
    "labelled ranges in two columns": Case(
        CONVERT,
        {"in.csv": f'text,label,mood\nInes ran,"{RANGE}","{RANGE}"\n'},
        {"--tag-column 'label'": INES, "--tag-column mood": INES},
    ),
    "a text without annotation": Case(
        CONVERT,
        {"in.csv": f'text,entities\nInes ran,"{RANGE}"\nBo,\n'},
        {"--skip unlabelled": INES, "--accept unlabelled": [*INES, "Bo"]},
    ),
    "Parquet without names of tags": Case(
        PARQUET,
        make=parquet(tokens=[["Ines", "ran"]], ner_tags=[[1, 0]]),
        ways={"--tag-names O,B-PER": INES},
    ),
    "Parquet with other names": Case(
        PARQUET,
        make=parquet(mine=[["Ines", "ran"]], gold=[["B-PER", "O"]]),
        ways={"--token-column mine --tag-column gold": INES},
    ),
    "Parquet with texts of other names": Case(
        PARQUET,
        make=parquet(mine=["Ines ran"], gold=[[ENTITY]]),
        ways={"--text-field mine --tag-column gold": INES},
    ),
    "Parquet with a text that is none": Case(
        PARQUET,
        make=parquet(content=[7], body=["Ines ran"], entities=[[ENTITY]]),
        ways={"--text-field body": INES},
    ),
    "Parquet with numbers of labels": Case(
        PARQUET,
        make=parquet(text=["Ines ran"], entities=[[{"start": 0, "end": 4, "label": 0}]]),
        ways={"--tag-names PER": INES},
    ),
    "Parquet with a text without annotation": Case(
        PARQUET,
        make=parquet(text=["Ines ran", "Bo"], entities=[[ENTITY], None]),
        ways={"--skip unlabelled": INES, "--accept unlabelled": [*INES, "Bo"]},
    ),
    "Parquet with an entity without a label": Case(
        PARQUET,
        make=parquet(text=["Ines ran"], entities=[[ENTITY, {**ENTITY, "label": ""}]]),
        ways={"--skip no-label": INES},
    ),
    "Parquet with an entity in pieces": Case(
        PARQUET,
        make=parquet(
            text=["Ines ran"],
            entities=[
                [{"offsets": [[0, 4]], "type": "PER"}, {"offsets": [[0, 1], [5, 8]], "type": "X"}]
            ],
        ),
        ways={"--skip pieces": INES},
    ),
    "Parquet with offsets of UTF-16": Case(
        f"{PARQUET} --offsets code-points",
        make=parquet(
            text=["🦊 Ines"], entities=[[{**ENTITY, "start": 3, "end": 7, "text": "Ines"}]]
        ),
        ways={"--offsets utf-16": ["🦊 [Ines](PER)"]},
    ),
    "Parquet with inclusive ends": Case(
        PARQUET,
        make=parquet(text=["Ines ran"], entities=[[{**ENTITY, "end": 3, "text": "Ines"}]]),
        ways={"--inclusive-ends": INES},
    ),
}
