"""Cases about brat, BioC, i2b2, PubTator and WebAnno."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hint_cases.files import document_of, written
from hints import Case, shown
from nerine.core.document import Document
from nerine.data.formats import read_documents, write_documents

TEXT = "Ines met Bo"
INES = ["[Ines](PER) met Bo"]
BOTH = ["[Ines](PER) met [Bo](PER)"]
PLAIN = "Ines met Bo"
BRAT = "convert brat out.jsonl"


def pair(name: str, *lines: str, text: str = TEXT) -> dict[str, str]:
    return {f"{name}.txt": text, f"{name}.ann": "".join(f"{each}\n" for each in lines)}


PERSON, OTHER = "T1\tPER 0 4\tInes", "T2\tPER 9 11\tBo"
RELATION = "R1\tKnows Arg1:T1 Arg2:T2"


def write_brat(keeps_lines: bool) -> list[str]:
    """Reads a folder with a relation, takes an entity out, and writes it."""
    (document,) = read_documents("brat")
    meta = document.meta if keeps_lines else {}
    write_documents([replace(document, entities=document.entities[:1], meta=meta)], "new", "brat")
    return shown("new")


def bioc(*annotations: dict[str, Any], text: str = TEXT) -> dict[str, str]:
    passage = {"offset": 0, "infons": {}, "text": text, "annotations": annotations}
    document = {"id": "d", "infons": {}, "passages": [passage], "relations": []}
    return {"in.json": json.dumps({"source": "", "infons": {}, "documents": [document]})}


def annotation(start: int, text: str, kind: str | None = "PER", **others: Any) -> dict[str, Any]:
    infons = {"type": kind} if kind else {}
    where = [{"offset": start, "length": len(text)}]
    return {"id": "1", "infons": infons, "text": text, "locations": where, **others}


BIOC = "convert in.json out.jsonl"
XML = "convert in.xml out.jsonl"


def i2b2_xml(*tags: str, text: str = TEXT) -> dict[str, str]:
    lines = ("<TAGS>", *tags, "</TAGS>", "</deIdi2b2>\n")
    start = f'<?xml version="1.0"?>\n<deIdi2b2>\n<TEXT><![CDATA[{text}]]></TEXT>\n'
    return {"in.xml": start + "\n".join(lines)}


NAME_TAG = '<NAME id="P0" start="0" end="4" text="Ines" TYPE="PER" />'
WEBANNO = "convert in.tsv out.jsonl"
NE = "#T_SP=de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity|identifier|value"
ROLES = "#T_SP=webanno.custom.Person|role|rank"
PLACE = "#T_SP=webanno.custom.Place|kind"
POS = "#T_SP=de.tudarmstadt.ukp.dkpro.core.api.lexmorph.type.pos.POS|PosValue"


def webanno(
    *rows: str, layers: tuple[str, ...] = (NE,), text: str = TEXT, name: str = "in.tsv"
) -> dict[str, str]:
    header = ["#FORMAT=WebAnno TSV 3.3", *layers, "", "", f"#Text={text}"]
    return {name: "\n".join([*header, *rows, "", ""])}


WORDS = ("1-1\t0-4\tInes", "1-2\t5-8\tmet", "1-3\t9-11\tBo")


def rows(*cells: str) -> list[str]:
    return [f"{word}\t{each}" for word, each in zip(WORDS, cells, strict=True)]


PERSONS = rows("*\tPER", "_\t_", "_\t_")
TWO = rows("chief\t1", "_\t_", "_\t_")
LAYERS = rows("chief\tdog", "_\t_", "_\t_")
PUBTATOR = "7|t|Ines met Bo\n7|a|\n7\t0\t4\tInes\tPER\n"


def two_lines(path: str) -> list[str]:
    return written(path, document_of("Ines\nmet\nBo", (0, 4, "PER")))


def id_of(document: Document) -> str:
    return document.id or ""


CASES = {
    "brat: a folder inside": Case(
        BRAT,
        pair("brat/a", PERSON) | pair("brat/more/b", PERSON),
        then="convert brat/more out.jsonl",
        right=INES,
    ),
    "brat: a document that is listed and missing": Case(
        BRAT,
        pair("brat/b", PERSON) | {"brat/nerine.jsonl": '{"name": "a"}\n{"name": "b"}\n'},
        changes={"brat/nerine.jsonl": '{"name": "b"}\n'},
        right=INES,
    ),
    "brat: two files of annotations": Case(
        BRAT,
        pair("brat/a", PERSON) | {"brat/a.a1": f"{OTHER}\n"},
        changes={"brat/a.a1": None, "other/a.a1": f"{OTHER}\n"},
        right=INES,
    ),
    "brat: a text without annotations": Case(
        BRAT,
        pair("brat/a", PERSON) | {"brat/b.txt": "Bo"},
        {"--skip unlabelled": INES, "--accept unlabelled": [*INES, "Bo"]},
    ),
    "brat: an entity in pieces": Case(
        BRAT,
        pair("brat/a", PERSON, "T2\tPER 5 8;9 11\tmet Bo"),
        {"--skip pieces": INES},
    ),
    "brat: offsets of another unit": Case(
        f"{BRAT} --offsets utf-16",
        pair("brat/a", "T1\tPER 2 6\tInes", text="🦊 Ines"),
        {"--offsets code-points": ["🦊 [Ines](PER)"]},
    ),
    "brat: a relation of a removed entity": Case(
        lambda: write_brat(keeps_lines=True),
        pair("brat/a", PERSON, OTHER, RELATION),
        then=lambda: write_brat(keeps_lines=False),
        right=INES,
    ),
    "BioC: an annotation in pieces": Case(
        BIOC,
        bioc(
            annotation(0, "Ines"),
            annotation(0, "x", locations=[{"offset": 0, "length": 1}, {"offset": 5, "length": 1}]),
        ),
        {"--skip pieces": INES},
    ),
    "BioC: an annotation without a place": Case(
        BIOC,
        bioc(annotation(0, "Ines"), annotation(0, "x", locations=[])),
        {"--skip empty": INES},
    ),
    "BioC: labels in another field": Case(
        BIOC,
        bioc(annotation(0, "Ines", None, infons={"kind": "PER"})),
        {"--control kind": INES, "--skip no-label": [PLAIN]},
    ),
    "BioC: inclusive ends": Case(
        BIOC,
        bioc(annotation(0, "Ines", locations=[{"offset": 0, "length": 3}])),
        {"--inclusive-ends": INES},
    ),
    "XML that is cut": Case(
        XML,
        {"in.xml": i2b2_xml(NAME_TAG)["in.xml"][:-20]},
        changes=i2b2_xml(NAME_TAG),
        right=INES,
    ),
    "XML with an entity of its own": Case(
        XML,
        {
            "in.xml": '<!DOCTYPE deIdi2b2 [<!ENTITY me "Ines">]>\n'
            f"<deIdi2b2><TEXT>&me; met Bo</TEXT><TAGS>{NAME_TAG}</TAGS></deIdi2b2>"
        },
        changes={"in.xml": f"<deIdi2b2><TEXT>Ines met Bo</TEXT><TAGS>{NAME_TAG}</TAGS></deIdi2b2>"},
        right=INES,
    ),
    "i2b2: a folder inside": Case(
        "convert notes out.jsonl --format i2b2",
        {
            "notes/1.txt": TEXT,
            "notes/1.con": 'c="ines" 1:0 1:0||t="PER"\n',
            "notes/more/2.txt": TEXT,
            "notes/more/2.con": 'c="bo" 1:2 1:2||t="PER"\n',
        },
        then="convert notes/more out.jsonl --format i2b2",
        right=["Ines met [Bo](PER)"],
    ),
    "i2b2: a text without concepts": Case(
        "convert notes out.jsonl",
        {"notes/1.txt": TEXT, "notes/1.con": 'c="ines" 1:0 1:0||t="PER"\n', "notes/2.txt": "Bo"},
        {"--skip unlabelled": INES, "--accept unlabelled": [*INES, "Bo"]},
    ),
    "i2b2: a text that was changed": Case(
        "convert notes out.jsonl",
        {"notes/1.txt": f"Dear\n{TEXT}\n", "notes/1.con": 'c="ines" 1:0 1:0||t="PER"\n'},
        changes={"notes/1.txt": TEXT},
        right=INES,
    ),
    "PubTator: a text of several lines": Case(
        lambda: two_lines("out.pubtator"),
        then=lambda: two_lines("out.jsonl"),
        right=["[Ines](PER)␊met␊Bo"],
    ),
    "PubTator on the command line": Case(
        "convert in.jsonl out.pubtator",
        {"in.jsonl": '{"text": "Ines\\nmet\\nBo", "entities": []}\n'},
        {"--to spans": ["Ines␊met␊Bo"]},
    ),
    "PubTator: inclusive ends": Case(
        "convert in.pubtator out.jsonl",
        {"in.pubtator": PUBTATOR.replace("\t4\t", "\t3\t")},
        {"--inclusive-ends": INES},
    ),
    "WebAnno: two features": Case(
        WEBANNO,
        webanno(*TWO, layers=(ROLES,)),
        {
            "--control webanno.custom.Person:role": ["[Ines](chief) met Bo"],
            "--control Person:rank": ["[Ines](1) met Bo"],
        },
    ),
    "WebAnno: two layers": Case(
        WEBANNO,
        webanno(*LAYERS, layers=("#T_SP=webanno.custom.Person|role", PLACE)),
        {
            "--control webanno.custom.Person:role": ["[Ines](chief) met Bo"],
            "--control webanno.custom.Place:kind": ["[Ines](dog) met Bo"],
        },
    ),
    "WebAnno: a layer that is not there": Case(
        f"{WEBANNO} --control Persons",
        webanno(*PERSONS),
        {
            "--control de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity:value": INES,
            "--accept unlabelled": [PLAIN],
        },
    ),
    "WebAnno: no layer of entities": Case(
        WEBANNO,
        webanno(*rows("NOUN", "VERB", "NOUN"), layers=(POS,)),
        {
            "--control de.tudarmstadt.ukp.dkpro.core.api.lexmorph.type.pos.POS:PosValue": [
                "[Ines](NOUN) [met](VERB) [Bo](NOUN)"
            ],
            "--accept unlabelled": [PLAIN],
        },
    ),
    "WebAnno: no layer": Case(
        WEBANNO, webanno(*WORDS, layers=()), {"--accept unlabelled": [PLAIN]}
    ),
    "WebAnno: an old version": Case(
        WEBANNO,
        {"in.tsv": "#FORMAT=WebAnno TSV 2.0\n"},
        changes=webanno(*PERSONS),
        right=INES,
    ),
    "WebAnno: an old version, to be exported as CoNLL": Case(
        WEBANNO,
        {"in.tsv": "#FORMAT=WebAnno TSV 2.0\n"},
        changes={"in.tsv": "Ines B-PER\nmet O\nBo O\n"},
        right=INES,
    ),
    "WebAnno: a text that was changed": Case(
        WEBANNO,
        webanno(*PERSONS, text="Inez met Bo"),
        changes=webanno(*PERSONS),
        right=INES,
    ),
    "WebAnno: several annotators": Case(
        "convert annotation out.jsonl",
        webanno(*PERSONS, name="annotation/a.txt/ana.tsv")
        | webanno(*rows("*\tPER", "_\t_", "*\tPER"), name="annotation/a.txt/bo.tsv"),
        {"--annotations by=ana": INES, "--annotations by=bo": BOTH, "--annotations first": INES},
    ),
}
