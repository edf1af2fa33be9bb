"""Files made to fill the memory: each is refused with its place before it is held in memory."""

from __future__ import annotations

import tracemalloc
import zlib
from pathlib import Path

import pytest

from nerine.core import files, json_values
from nerine.core.errors import FormatError
from nerine.data.formats import ReadOptions, docbin, read_documents, sizes
from nerine.data.formats.standoff import bioc_json, xml_nodes
from nerine.data.formats.tables import rows

KILOBYTE = 1024
LIMIT = 64 * KILOBYTE
MUCH = 4 * 1024 * KILOBYTE
MANY = MUCH // 4
"""The size of a file of short lines, which need several times as much in memory."""

WEBANNO = b"#FORMAT=WebAnno TSV 3.3\n#T_SP=webanno.custom.Ne|value\n\n\n"
BIOC = b"<collection><document><id>1</id><passage><offset>0</offset><text>"
ENTITIES = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of a file to read with limits that are small."""
    for module, name in (
        (files, "LONGEST_LINE"),
        (json_values, "LONGEST"),
        (rows, "LONGEST"),
        (xml_nodes, "_LONGEST"),
        (bioc_json, "_LONGEST"),
        (sizes, "MOST"),
        (sizes, "MOST_TEXT"),
        (sizes, "MOST_UNPACKED"),
    ):
        monkeypatch.setattr(module, name, LIMIT)
    monkeypatch.setattr(xml_nodes, "_MOST_NODES", 500)
    monkeypatch.setattr(files, "_PIECE", 16 * KILOBYTE)
    return tmp_path / "file"


def write(path: Path, head: bytes, unit: bytes, size: int = MUCH) -> None:
    """A file of a beginning, and then a unit again and again."""
    with path.open("wb") as stream:
        stream.write(head)
        many = unit * (16 * KILOBYTE // len(unit) + 1)
        for _ in range(size // len(many) + 1):
            stream.write(many)


def check_refusal(path: Path, name: str | None, found: str, most: int = MUCH) -> None:
    """Reads a file to its error, which has a place; needs less than `most` bytes of memory."""
    options = ReadOptions(repair=True, skip={"no-label", "pieces", "unlabelled"})
    tracemalloc.start()
    try:
        with pytest.raises(FormatError, match=found) as caught:
            for _ in read_documents(path, name, options):
                pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert path.stem in (caught.value.place or "")
    assert peak < most, f"{peak:,} bytes"


LONG_LINES = (
    ("columns", b"Mira\tB-PER\nleft\tO\n\n", "the line has more than"),
    ("columns", b"", "the line has more than"),
    ("conllu", b"# global.columns = ID FORM NE\n1\tMira\tB-PER\n", "the line has more than"),
    ("spans", b'{"text": "a", "entities": []}\n', "a record has more than"),
    ("spans", b'{"text": "a", "entities": []}\n{"text": "', "a record has more than"),
    ("words", b'[{"tokens": ["', "a record has more than"),
    ("spacy-tuples", b'[["Mira", {"entities": [[0, 4, "', "a record has more than"),
    ("spacy-json", b'[{"id": 0, "paragraphs": [{"raw": "', "a record has more than"),
    ("gliner", b'[{"tokenized_text": ["', "a record has more than"),
    ("label-studio", b'[{"id": 1, "data": {"text": "', "a record has more than"),
    ("webanno", WEBANNO + b"#Text=", "the line has more than"),
    ("pubtator", b"1|t|", "the line has more than"),
    ("i2b2", b'c="', "the line has more than"),
    ("i2b2", b"<deIdi2b2><TEXT>", "more than 65,536 bytes"),
    ("bioc", BIOC, "more than 65,536 bytes"),
    ("bioc", b'{"documents": [{"id": "1", "passages": [{"text": "', "no value ends within"),
    ("csv", b"text,label\n", "longer than"),
    ("csv", b'text,label\n"', "longer than"),
)


@pytest.mark.parametrize(("name", "head", "found"), LONG_LINES)
def test_a_line_without_end(path: Path, name: str, head: bytes, found: str) -> None:
    write(path, head, b"x")
    check_refusal(path, name, found)


MANY_LINES = (
    ("columns", b"", b"Mira\tB-PER\nleft\tO\n"),
    ("columns", b"Mira\tB-PER\nleft\tO\n\n", b"# a comment\n"),
    ("conllu", b"# global.columns = ID FORM NE\n", b"1\tMira\tB-PER\n"),
    ("conllu", b"# global.columns = ID FORM NE\n1\tMira\tB-PER\n2\tMay\tB-PER\n\n", b"# more\n"),
    ("webanno", WEBANNO + b"#Text=Mira\n", b"1-1\t0-4\tMira\tPER\n"),
    ("webanno", WEBANNO, b"#Text=Mira\n"),
    ("webanno", b"#FORMAT=WebAnno TSV 3.3\n", b"#T_SP=webanno.custom.Ne|value\n"),
    ("pubtator", b"1|t|Mira left\n", b"1\t0\t4\tMira\tPER\n"),
    ("pubtator", b"1|t|Mira left\n", b"1\tborn\tA\tB\n"),
    ("csv", b"Sentence #,Word,Tag\nSentence: 1,Mira,B-PER\n", b",left,O\n"),
    ("csv", b"id,text,start,end,label\n1,Mira,0,4,PER\n", b"1,,0,4,PER\n"),
)


@pytest.mark.parametrize(("name", "head", "unit"), MANY_LINES)
def test_a_document_of_lines_without_end(path: Path, name: str, head: bytes, unit: bytes) -> None:
    write(path, head, unit, MANY)
    check_refusal(path, name, "one document goes on for too many lines")


@pytest.mark.parametrize("unit", [b"T1\tPER 0 4\tMira\n", b"R1\tborn Arg1:T1\n"])
def test_a_text_with_annotations_without_end(path: Path, unit: bytes) -> None:
    path.with_suffix(".txt").write_bytes(b"Mira left")
    write(path.with_suffix(".ann"), b"", unit, MANY)
    check_refusal(path.with_suffix(".ann"), None, "one document goes on for too many lines")


@pytest.mark.parametrize("annotations", [".ann", ".con"])
def test_a_text_without_end(path: Path, annotations: str) -> None:
    write(path.with_suffix(".txt"), b"", b"Mira ")
    path.with_suffix(annotations).touch()
    name = "brat" if annotations == ".ann" else "i2b2"
    check_refusal(path.with_suffix(annotations), name, "the file has 4,[0-9]*,[0-9]* bytes")


def test_concepts_without_end(path: Path) -> None:
    path.with_suffix(".txt").write_bytes(b"Mira left")
    write(path.with_suffix(".con"), b"", b'c="mira" 1:0 1:0||t="person"\n', MANY)
    check_refusal(path.with_suffix(".con"), None, "one document goes on for too many lines")


@pytest.mark.parametrize("name", ["spans", "words", "spacy-tuples", "gliner", "label-studio"])
@pytest.mark.parametrize("head", [b"", b'[{"text": "Mira", "entities": '])
def test_json_nested_100_000_deep(path: Path, name: str, head: bytes) -> None:
    path.write_bytes(head + b"[" * 100_000)
    check_refusal(path, name, "nested too deeply|more than 65,536|an array")


def test_json_nested_100_000_deep_is_no_format(path: Path) -> None:
    path.write_bytes(b"[" * 100_000 + b"]" * 100_000)
    check_refusal(path, None, "the format is unknown")
    check_refusal(path, "bioc", "recursion|more than")


@pytest.mark.parametrize("unit", [b"a long cell of a row,another long cell\n", b"x", b'""'])
def test_a_quote_that_is_not_closed(path: Path, unit: bytes) -> None:
    write(path, b'text,label\n"Mira",B-PER\n"', unit, MANY)
    check_refusal(path, "csv", "is not closed within|longer than")


@pytest.mark.parametrize(("name", "head"), [("bioc", BIOC), ("i2b2", b"<deIdi2b2><TEXT>")])
def test_xml_of_elements_without_end(
    path: Path, monkeypatch: pytest.MonkeyPatch, name: str, head: bytes
) -> None:
    monkeypatch.setattr(xml_nodes, "_LONGEST", MUCH)
    write(path, head, b"<a/>")
    check_refusal(path, name, "more than 500 elements")


@pytest.mark.parametrize(("name", "head"), [("bioc", BIOC), ("i2b2", b"<deIdi2b2><TEXT>")])
def test_xml_with_entities_of_its_own(path: Path, name: str, head: bytes) -> None:
    path.write_bytes(ENTITIES + head + b"&b;")
    check_refusal(path, name, "an entity of its own, 'a'")


def test_xml_that_names_another_file(path: Path) -> None:
    secret = path.with_name("secret")
    secret.write_text("Mira", encoding="utf-8")
    begin = f'<!DOCTYPE x [<!ENTITY a SYSTEM "{secret.as_uri()}">]>'
    path.write_bytes(begin.encode() + b"<deIdi2b2><TEXT>&a;</TEXT><TAGS/></deIdi2b2>")
    check_refusal(path, "i2b2", "an entity of its own, 'a'")


def test_a_line_of_columns_without_end(path: Path) -> None:
    path.write_bytes(b"O\t" * 5000 + b"O\n")
    check_refusal(path, "columns", "the line has more than 1,000 columns")


@pytest.fixture
def packed(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """The parts of a DocBin of two texts."""
    monkeypatch.setattr(docbin, "MOST_VALUES", 500)
    srsly, spacy = pytest.importorskip("srsly"), pytest.importorskip("spacy")
    empty = spacy.tokens.DocBin(docs=[spacy.blank("en")("Mira left")] * 2).to_bytes()
    parts: dict[str, object] = srsly.msgpack_loads(zlib.decompress(empty))
    return parts


def test_a_docbin_that_unpacks_to_far_more(path: Path) -> None:
    pytest.importorskip("spacy")
    path.write_bytes(zlib.compress(b"\0" * MUCH))
    check_refusal(path, "docbin", "the file unpacks to more than [0-9,]* bytes")


@pytest.mark.parametrize("part", ["cats", "user_data"])
def test_a_docbin_of_many_values(path: Path, packed: dict[str, object], part: str) -> None:
    srsly = pytest.importorskip("srsly")
    many: list[object] = [{}] * 20_000
    packed[part] = [srsly.msgpack_dumps({"a": many}), b"\x80"] if part == "user_data" else many
    path.write_bytes(zlib.compress(srsly.msgpack_dumps(packed)))
    check_refusal(path, "docbin", "it holds more than [0-9,]* values")
