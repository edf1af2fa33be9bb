"""The registry of formats: detection, streams, whole files."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from nerine.core.document import Document, Entity
from nerine.core.errors import FormatError
from nerine.data.formats import (
    FORMATS,
    WriteOptions,
    detect_format,
    read_documents,
    read_placed,
    write_documents,
)

DOCUMENT = Document.from_tokens(["Mira", "left"]).with_entities([Entity(0, 4, "person")])


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.conll", "", "columns"),
        ("eng.testa", "", "columns"),
        ("a.TSV", "", "columns"),
        ("a.jsonl", '{"text": "", "entities": [], "tokens": [[0, 1]]}', "spans"),
        ("a.jsonl", '\n{"tokens": ["a"], "ner_tags": ["O"]}', "words"),
        ("a.jsonl", '{"tokens": ["a"], "text": "a", "tags": ["O"]}', "words"),
        ("a.jsonl", '{"text": "a", "labels": []}', "spans"),
        ("a.jsonl", "", "spans"),
        ("a.parquet", "", "parquet"),
        ("a.spacy", "", "docbin"),
        ("a.ann", "", "brat"),
        ("a.json", "[]", "spans"),
    ],
)
def test_detects_the_format(tmp_path: Path, name: str, text: str, expected: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert detect_format(path) == expected


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.conll", "a.ann", "a.txt"])
def test_a_file_that_is_not_there_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(FormatError, match="there is no such file"):
        list(read_documents(tmp_path / name))


@pytest.mark.parametrize("name", ["a.docx", "a"])
def test_a_file_that_neither_content_nor_extension_tells_is_refused(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("It rained, and nobody came.\n")
    with pytest.raises(FormatError, match="extension") as caught:
        detect_format(tmp_path / name)
    assert ".conll" in (caught.value.expected or "")
    assert "--format" in (caught.value.hint or "")


def test_unknown_formats_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="unknown format 'xml'"):
        list(read_documents(tmp_path / "a", "xml"))
    with pytest.raises(FormatError, match="read only"):
        write_documents([DOCUMENT], tmp_path / "a.parquet")


@pytest.mark.parametrize(
    "name", [name for name, each in FORMATS.items() if each.write and name != "pubtator"]
)
def test_every_format_writes_files_and_streams(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.file"
    stream = io.StringIO()
    assert write_documents([DOCUMENT, DOCUMENT], path, name) == 2
    assert write_documents([DOCUMENT, DOCUMENT], stream, name) == 2
    assert path.read_text() == stream.getvalue()
    assert list(read_documents(path, name)) == [DOCUMENT, DOCUMENT]


def test_documents_come_with_their_place(tmp_path: Path) -> None:
    path = tmp_path / "a.conll"
    path.write_text("a O\n\n\n# id = 5\nb O\n")
    assert [place for place, _ in read_placed(path)] == [f"{path}:1", f"{path}:4"]


def test_a_failed_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("old")
    source = tmp_path / "b.jsonl"
    source.write_text('{"text": "x", "entities": []}\nbroken\n')
    with pytest.raises(FormatError, match="not valid JSON") as caught:
        write_documents(read_documents(source), path)
    assert caught.value.place == f"{source}:2"
    assert path.read_text() == "old"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.jsonl", "b.jsonl"]


@pytest.mark.parametrize("name", ["columns", "words", "conllu", "csv"])
def test_a_format_of_one_tag_a_word_cannot_hold_entities_that_overlap(
    tmp_path: Path, name: str
) -> None:
    nested = DOCUMENT.with_entities([Entity(0, 4, "person"), Entity(0, 9, "event")])
    with pytest.raises(FormatError, match="2 entities in 1 document overlap others") as caught:
        write_documents([DOCUMENT, nested], tmp_path / "out", name)
    assert caught.value.place == f"{tmp_path / 'out'}, document 2"
    assert list(tmp_path.iterdir()) == []


def test_a_file_can_be_rewritten_from_itself(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write_documents([DOCUMENT] * 3, path)
    write_documents(read_documents(path), path, options=WriteOptions(style="prodigy"))
    assert list(read_documents(path)) == [DOCUMENT] * 3


def test_places_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="cannot be written: No such file"):
        write_documents([DOCUMENT], tmp_path / "gone" / "a.jsonl")
    with pytest.raises(FormatError, match="this is a folder"):
        write_documents([DOCUMENT], tmp_path, "spans")


def test_the_import_is_light() -> None:
    code = (
        "import sys, nerine.data.formats, nerine.data.corpus;"
        "print(sorted({'torch', 'numpy', 'datasets', 'pyarrow', 'regex'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
