"""Tagging of files: bytes that stay unchanged, entities that are added, and refused inputs."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nerine.core.document import Entity
from nerine.core.errors import (
    FormatError,
    MissingExtraError,
    NerineError,
    SettingsError,
    TaggingError,
)
from nerine.model.tagger import Tagger
from nerine.serving.files import TaggingOptions, TaggingSummary, plan_tagging, tag_files
from nerine.serving.files.identity import model_identity
from nerine.serving.files.inputs import find_inputs, format_named
from nerine.serving.files.outputs import Outputs
from nerine.serving.files.records import add_member, entities_json
from nerine.serving.files.working import WorkingFolder
from streams import POISON, StubTagger, entities_of, files_in, look_aheads_of_four

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}
UNPACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.decompress,
    ".bz2": bz2.decompress,
    ".xz": lzma.decompress,
}
ODD_RECORDS = (
    b'{"text": "Mira left Oslo"}',
    b'{ "id" : 1.0e5, "text":"Oslo", "id": 2, "big": 123456789012345678901234567890 }  ',
    b'{"x": {"text": "no"}, "text": "Mira \\ud83d\\ude00 in \\u004fslo", "nan": NaN}\r',
    b"",
    b'\t{"text":"","\\"}": "}"}',
)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nerine.model.batching.look_aheads", look_aheads_of_four)
    monkeypatch.setattr("os.fsync", lambda _: None)  # which takes most of the time there is


def tag(source: Path, output: Path, **options: Any) -> TaggingSummary:
    return tag_files(StubTagger(), [source], output, TaggingOptions(**options))


def tagged(tmp_path: Path, name: str, content: bytes, **options: Any) -> bytes:
    """What becomes of a file of this name and content."""
    (tmp_path / name).write_bytes(content)
    output = tmp_path / f"out-{name.replace('.txt', '.jsonl')}"
    tag(tmp_path / name, output, **options)
    return output.read_bytes()


def failures(output: Path) -> list[dict[str, Any]]:
    path = output.with_name(f"{output.name}.failed.jsonl")
    return [json.loads(line) for line in path.read_bytes().decode("ascii").splitlines()]


def refused(kind: type[NerineError], *inputs: object, output: object, **options: Any) -> str:
    """What is said before there is any tagger."""
    with pytest.raises(kind) as caught:
        plan_tagging([str(each) for each in inputs], str(output), TaggingOptions(**options))
    return str(caught.value)


# What passes through.

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
SPACES = st.text(alphabet=" \t\r\n", max_size=3)
SPANS = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5), st.text(min_size=1)), max_size=4)


@given(
    members=st.dictionaries(st.text(), JSON_VALUES, min_size=1),
    spaces=st.tuples(SPACES, SPACES),
    ascii_only=st.booleans(),
    name=st.text(),
    spans=SPANS,
    score=st.none() | st.floats(0, 1),
)
def test_a_member_is_added_to_any_json_object_and_nothing_else_changes(
    members: dict[str, Any],
    spaces: tuple[str, str],
    ascii_only: bool,
    name: str,
    spans: list[tuple[int, int, str]],
    score: float | None,
) -> None:
    raw = json.dumps(members, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    raw = raw[:-1] + spaces[0].encode() + b"}" + spaces[1].encode()
    entities, position = [], 0
    for gap, length, label in spans:
        entities.append(Entity(position + gap, position + gap + length, label, score))
        position += gap + length
    value = entities_json(entities)
    quoted = json.dumps(name).encode()
    wider = add_member(raw, quoted, value)
    member = b", %b: %b" % (quoted, value.encode())
    brace = len(raw) - len(spaces[1]) - 1
    assert wider[:brace] + wider[brace + len(member) :] == raw
    assert wider[brace : brace + len(member)] == member
    pairs: list[tuple[str, Any]] = json.loads(
        wider.decode("utf-8", "surrogatepass"), object_pairs_hook=lambda found: found
    )
    assert [key for key, _ in pairs] == [*members, name]
    found = json.loads(value)
    assert [(e["start"], e["end"], e["label"]) for e in found] == [
        (e.start, e.end, e.label) for e in entities
    ]
    assert all(abs(e["score"] - score) <= 5e-7 for e in found if score is not None)
    assert all(("score" in e) == (score is not None) for e in found)


def test_json_lines_keep_every_byte_of_every_record(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbf" + b"\n".join(ODD_RECORDS)  # without a line end after the last one
    output = tagged(tmp_path, "in.jsonl", content)
    assert re.sub(rb', "entities": \[[^\]]*\]', b"", output) == content
    texts = ["Mira left Oslo", "Oslo", "Mira 😀 in Oslo", None, ""]
    for line, text in zip(output.decode("utf-8-sig").split("\n"), texts, strict=True):
        if text is None:
            assert line == ""
            continue
        found = json.loads(line)["entities"]
        expected = entities_of(text, 0)
        assert [(e["start"], e["end"], e["label"]) for e in found] == [
            (e.start, e.end, e.label) for e in expected
        ]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_line_of_text_is_a_document(tmp_path: Path, ending: str) -> None:
    texts = ["Mira left Oslo", "", "  two  Spaces ", 'a "quoted" \\ Name', "line\u2028Sep", "Ende"]
    output = tagged(tmp_path, "in.txt", ending.join(texts).encode("utf-8-sig"))
    records = [json.loads(line) for line in output.decode().split("\n")[:-1]]
    assert [record["text"] for record in records] == texts
    assert [e["start"] for e in records[0]["entities"]] == [0, 10]


@pytest.mark.parametrize("packing", PACKERS)
@pytest.mark.parametrize("unpacking", UNPACKERS)
def test_compression_is_that_of_the_names(tmp_path: Path, packing: str, unpacking: str) -> None:
    content = b"".join(b'{"text": "Mira %d"}\n' % number for number in range(11))
    plain = tagged(tmp_path, "in.jsonl", content)
    source, output = tmp_path / f"x.jsonl{packing}", tmp_path / f"y.jsonl{unpacking}"
    source.write_bytes(PACKERS[packing](content))
    assert tag(source, output).documents == 11
    assert UNPACKERS[unpacking](output.read_bytes()) == plain


def test_zstandard_comes_with_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    content = b"".join(b'{"text": "Mira %d"}\n' % number for number in range(11))
    source, output = tmp_path / "x.jsonl.zst", tmp_path / "y.jsonl.zst"
    source.write_bytes(pyarrow.Codec("zstd").compress(content, asbytes=True))
    assert tag(source, output).documents == 11
    with pyarrow.CompressedInputStream(output.open("rb"), "zstd") as stream:
        assert stream.read() == tagged(tmp_path, "in.jsonl", content)
    source.write_bytes(source.read_bytes()[:-9])
    message = refused_or_raised(source, tmp_path / "z.jsonl")
    assert "x.jsonl.zst:" in message
    assert "the compressed data are cut off" in message
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    message = refused(MissingExtraError, source, output=tmp_path / "z.jsonl")
    assert 'pip install "nerine[datasets]"' in message


def refused_or_raised(source: Path, output: Path) -> str:
    with pytest.raises(FormatError) as caught:
        tag(source, output, start="overwrite")
    return str(caught.value)


def test_an_empty_file_becomes_an_empty_file(tmp_path: Path) -> None:
    assert tagged(tmp_path, "in.txt", b"") == b""
    packed = tagged(tmp_path, "in.jsonl.gz", gzip.compress(b""))
    assert packed != b""
    assert gzip.decompress(packed) == b""
    assert tagged(tmp_path, "in.csv", b"text,a\r\n") == b"text,a,entities\r\n"


CELLS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12)


def written(rows: Sequence[tuple[str, ...]], delimiter: str, ending: str, quoting: Any) -> str:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=delimiter, lineterminator=ending, quoting=quoting)
    writer.writerows(rows)
    return stream.getvalue()


@settings(max_examples=40)
@example(rows=[("\n", "", "\n")], delimiter="\t", ending="\n", quoting=csv.QUOTE_MINIMAL, last=True)
@given(
    rows=st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=9),
    delimiter=st.sampled_from(",\t;"),
    ending=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    last=st.booleans(),
)
def test_tables_keep_every_byte_of_every_row(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, ...]],
    delimiter: str,
    ending: str,
    quoting: Any,
    last: bool,
) -> None:
    header = ("a", "text", "b c")
    if quoting == csv.QUOTE_MINIMAL:  # csv writes lone carriage returns as it can't read them
        rows = [tuple(cell.replace("\r", "") for cell in row) for row in rows]
    content = written([header, *rows], delimiter, ending, quoting).encode()
    content = content if last else content.removesuffix(ending.encode())
    folder = tmp_path_factory.mktemp("csv")
    options = {"separator": delimiter, "quoting": "csv"}  # a few odd cells may look unquoted
    given = tagged(folder, "in.csv", content, **options).decode()
    found = [*csv.reader(io.StringIO(given, newline=""), delimiter=delimiter, strict=True)]
    assert [tuple(row[:3]) for row in found] == [header, *rows]
    assert found[0][3] == "entities"
    rest = given
    for row, original in zip(found, [header, *rows], strict=True):
        alone = written([original], delimiter, ending, quoting).removesuffix(ending)
        assert rest.startswith(alone)  # the very bytes that were read
        rest = rest[len(alone) :].removeprefix(delimiter)
        cell = row[3] if row[3] in ("entities", "[]") else '"' + row[3].replace('"', '""') + '"'
        assert rest.startswith(cell)
        rest = rest[len(cell) :]
        if rest:
            assert rest.startswith(ending)
            rest = rest[len(ending) :]
    for row in found[1:]:
        spans = [(each["start"], each["end"]) for each in json.loads(row[3])]
        assert spans == [(each.start, each.end) for each in entities_of(row[1], 0)]


def test_a_table_begins_with_its_byte_order_mark(tmp_path: Path) -> None:
    output = tagged(tmp_path, "in.tsv", b"\xef\xbb\xbftext\tn\nOslo\t1\n\n")
    assert output.startswith(b'\xef\xbb\xbftext\tn\tentities\nOslo\t1\t"[{""start"": 0')
    assert output.endswith(b"\n\n")


@pytest.mark.parametrize("rows", [['0\t"Mira left', "1\tOslo"], ['0\t"Mira', '1\tOslo"', "2\tx"]])
def test_a_lone_quote_of_a_tsv_swallows_no_rows(tmp_path: Path, rows: list[str]) -> None:
    output = tagged(tmp_path, "in.tsv", "\n".join(["id\ttext", *rows, ""]).encode()).decode()
    lines = output.splitlines()
    assert lines[0] == "id\ttext\tentities"
    assert [line.rpartition("\t")[0] for line in lines[1:]] == rows
    for line, row in zip(lines[1:], rows, strict=True):
        spans = [(e["start"], e["end"]) for e in json.loads(line.rpartition("\t")[2])]
        text = row.partition("\t")[2]
        assert spans == [(each.start, each.end) for each in entities_of(text, 0)]


def test_a_tsv_with_both_kinds_of_quotes_is_refused_before_it_is_tagged(tmp_path: Path) -> None:
    source = tmp_path / "in.tsv"
    source.write_text('id\ttext\n0\t"Mira\n1\tOslo"\n2\t"a\tb"\n')
    assert f"{source}:2: a quote opens" in refused_or_raised(source, tmp_path / "out.tsv")


def parquet_of(tmp_path: Path, **changes: Any) -> tuple[Path, Any]:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = {
        "id": arrow.array(range(10), arrow.int16()),
        "text": arrow.array([f"Mira {n} Oslo" for n in range(7)] + [None, POISON, ""]),
        "more": arrow.array([{"a": [n]} for n in range(10)]),
        **changes,
    }
    table = arrow.table(columns).replace_schema_metadata({"who": "me"})
    path = tmp_path / "in.parquet"
    parquet.write_table(table, path, row_group_size=4, compression="zstd")
    return path, table


def test_parquet_keeps_columns_row_groups_and_metadata(tmp_path: Path) -> None:
    path, table = parquet_of(tmp_path)
    parquet = pytest.importorskip("pyarrow.parquet")
    output = tmp_path / "out.parquet"
    summary = tag(path, output, into="found")
    assert (summary.documents, summary.failures, summary.nulls) == (10, 1, 1)
    (failure,) = failures(output)
    assert failure["line"] == 9
    assert json.loads(failure["record"]) == {"id": 8, "text": POISON, "more": {"a": [8]}}
    written = parquet.ParquetFile(output)
    groups = [written.metadata.row_group(n).num_rows for n in range(written.num_row_groups)]
    assert groups == [4, 4, 1]
    assert written.metadata.row_group(0).column(0).compression == "ZSTD"
    found = written.read()
    assert found.schema.metadata[b"who"] == b"me"
    assert found.drop_columns(["found"]) == table.take([*range(8), 9])
    members = "start: int64, end: int64, label: string, text: string, score: double"
    kind = str(found.schema.field("found").type).replace("item", "element")
    assert kind == f"list<element: struct<{members}>>"
    entities = found["found"].to_pylist()
    assert [e["text"] for e in entities[0]] == ["Mira", "Oslo"]
    assert [(e["start"], e["end"]) for e in entities[0]] == [(0, 4), (7, 11)]
    assert entities[-2:] == [None, []]  # of a null, and of an empty text


@pytest.mark.parametrize("kind", ["large_string", "dictionary"])
def test_parquet_knows_strings_by_other_types(tmp_path: Path, kind: str) -> None:
    arrow = pytest.importorskip("pyarrow")
    text = arrow.array(["Mira"] * 10)
    text = text.dictionary_encode() if kind == "dictionary" else text.cast(kind)
    path, table = parquet_of(tmp_path, text=text)
    assert tag(path, tmp_path / "out.parquet").entities == {"short": 10}
    found = pytest.importorskip("pyarrow.parquet").read_table(tmp_path / "out.parquet")
    assert found.drop_columns(["entities"]) == table


def test_parquet_of_lists_is_refused(tmp_path: Path) -> None:
    path, _ = parquet_of(tmp_path, text=[["Mira"]] * 10)
    message = refused(FormatError, path, output=tmp_path / "out.parquet")
    assert "is of type list<" in message


# What fails, and where it goes.


def test_what_fails_is_set_aside_with_its_reason_and_the_rest_goes_on(tmp_path: Path) -> None:
    records = [
        b'{"text": "Mira"}\n',
        b'{"text": 5, "n": 1}\n',
        b'{"tax": "Oslo"}\n',
        b'{"text": "a poison"}\n',
        b"{bad\n",
        b'[{"text": "Mira"}]\n',
        b'{"text": "caf\xe9"}\n',
        b'{"text": "x", "entities": 1}\n',
        b'{"text": ' + b"[" * 100_000 + b"\n",
        b'{"text": "Oslo"}\n',
    ]
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(b"".join(records))
    summary = tag(source, output)
    assert (summary.documents, summary.failures) == (10, 8)
    assert summary.failed == f"{output}.failed.jsonl"
    kept = [json.loads(line)["text"] for line in output.read_text().splitlines()]
    assert kept == ["Mira", "Oslo"]
    found = failures(output)
    assert [each["line"] for each in found] == [2, 3, 4, 5, 6, 7, 8, 9]
    assert {each["file"] for each in found} == {str(source)}
    raw = [each["record"].encode("utf-8", "surrogateescape") for each in found]
    assert raw == records[1:-1]
    reasons = (
        "the field 'text' is not a string",
        "the field 'text' is missing",
        "ValueError: the model choked",
        "this is not valid JSON: ",
        "this is an array",
        "byte 0xe9 at position 13 of the line is not UTF-8",
        "the field 'entities' exists already",
        "this is not valid JSON: ",
    )
    for each, expected in zip(found, reasons, strict=True):
        assert expected in each["reason"]


def test_rows_that_fail_are_set_aside(tmp_path: Path) -> None:
    rows = [
        b"text,n\n",
        b"Mira,1\n",
        b"a,b,c\n",
        b'"x"y,1\n',
        b"\xe9,1\n",
        b"Oslo,2\n",
        b'"open,1\n',
    ]
    output = tmp_path / "out-in.csv"
    kept = tagged(tmp_path, "in.csv", b"".join(rows))
    assert [line.split(b",")[0] for line in kept.splitlines()] == [b"text", b"Mira", b"Oslo"]
    found = failures(output)
    raw = [each["record"].encode("utf-8", "surrogateescape") for each in found]
    assert raw == [rows[2], rows[3], rows[4], rows[6]]
    assert [each["line"] for each in found] == [3, 4, 5, 7]
    assert found[0]["reason"] == "the row has 3 cells, the header 2"


def test_a_tagger_of_ours_takes_part(tmp_path: Path, tagger: Tagger) -> None:
    texts = ["Mira Okonjo left Oslo .", "", "Nobody was there ."]
    source, output = tmp_path / "in.txt", tmp_path / "out.jsonl"
    source.write_text("\n".join(texts))
    summary = tag_files(tagger, [source], output)
    found = [json.loads(line)["entities"] for line in output.read_text().splitlines()]
    expected = [document.entities for document in tagger.predict(texts)]
    assert [[(e["start"], e["end"], e["label"]) for e in each] for each in found] == [
        [(e.start, e.end, e.label) for e in each] for each in expected
    ]
    assert sum(summary.entities.values()) == sum(map(len, expected)) > 0


def test_a_tagger_that_loses_documents_is_found_out(tmp_path: Path) -> None:
    class Losing(StubTagger):
        def pipe_with_errors(self, texts: Any) -> Any:
            yield from [*super().pipe_with_errors(texts)][:-1]

    (tmp_path / "in.txt").write_text("a\nb\nc\n")
    with pytest.raises(ValueError):
        tag_files(Losing(), [tmp_path / "in.txt"], tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()


# Inputs and outputs.


def test_a_folder_is_tagged_file_by_file(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a.txt.gz", "deep/er/c.csv", ".hidden.txt", "deep/.git/d.txt"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {"l": b'{"text": "Mira"}', "z": gzip.compress(b"Mira"), "v": b"text\nMira"}
        path.write_bytes(content.get(name[-1], b"Mira"))
    summary = tag_files(StubTagger(), [tmp_path / "in"], tmp_path / "out")
    assert set(files_in(tmp_path / "out")) == {"b.jsonl", "a.jsonl.gz", "deep/er/c.csv"}
    assert {Path(each).name for each in summary.passed_over} == {".hidden.txt", "d.txt"}
    assert (summary.documents, summary.entities) == (3, {"short": 3})
    again = tag_files(
        StubTagger(), [f"{tmp_path}/i*/**/*.csv", tmp_path / "in/b.jsonl"], tmp_path / "o2"
    )
    assert [Path(each).relative_to(tmp_path / "o2").as_posix() for each in again.outputs] == [
        "in/deep/er/c.csv",
        "b.jsonl",
    ]
    assert files_in(tmp_path / "o2")["b.jsonl"] == files_in(tmp_path / "out")["b.jsonl"]


def test_names_tell_formats_and_outputs() -> None:
    names = ("a.txt", "a.JSONL.gz", "a.csv.xz", "b/a.tsv", "a.parquet", "a", "a.gz", "a.log.bz2")
    assert [format_named(name) for name in names] == [
        *("text", "jsonl", "csv", "tsv", "parquet"),
        *(None, None, None),
    ]


@pytest.mark.parametrize(
    ("name", "output"),
    [
        ("a.txt", "a.jsonl"),
        ("a.TXT.gz", "a.jsonl.gz"),
        ("a.log", "a.log.jsonl"),
        ("x.y.txt", "x.y.jsonl"),
    ],
)
def test_texts_become_json_lines(tmp_path: Path, name: str, output: str) -> None:
    (tmp_path / name).write_bytes(b"")
    (given,) = find_inputs([tmp_path / name], "text").files
    assert given.output_name == output


def test_what_is_wrong_with_inputs_is_said_before_any_work(tmp_path: Path) -> None:
    good, out = tmp_path / "good.jsonl", tmp_path / "out"
    good.write_text('{"text": "Mira"}\n')
    (tmp_path / "empty").mkdir()
    (tmp_path / "odd.xyz").write_text("")
    (tmp_path / "book.xlsx").write_text("")
    (tmp_path / "array.json").write_text('[{"text": "Mira"}]\n')
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9\n")
    (tmp_path / "none.csv").write_text("")
    (tmp_path / "twice.csv").write_text("text,text\n")
    (tmp_path / "not.parquet").write_text("text\n")
    (tmp_path / "bad.jsonl.gz").write_bytes(b"no gzip at all")
    (tmp_path / "bad.jsonl.bz2").write_bytes(b"no bzip2 at all")
    (tmp_path / "bad.jsonl.xz").write_bytes(b"no xz at all")
    said = {
        "absent.txt": "absent.txt: file not found",
        "*.nothing": "*.nothing: no file matches the pattern",
        "empty": "empty: the folder contains no files",
        "odd.xyz": "odd.xyz: the name does not tell the format",
        "book.xlsx": "book.xlsx: a spreadsheet cannot be read",
        "array.json": "array.json:1: this is an array",
        "latin.txt": "latin.txt:1: byte 0xe9",
        "none.csv": "none.csv:1: the file is empty",
        "twice.csv": "twice.csv:1: two columns are called 'text'",
        "not.parquet": "not.parquet: this is not Parquet",
        "bad.jsonl.gz": "bad.jsonl.gz:1: the compressed data are damaged: Not a gzipped file",
        "bad.jsonl.bz2": "bad.jsonl.bz2:1: the compressed data are damaged",
        "bad.jsonl.xz": "bad.jsonl.xz:1: the compressed data are damaged",
    }
    for name, message in said.items():
        assert message in refused(FormatError, good, tmp_path / name, output=out), name
    assert "no input is given" in refused(FormatError, output=out)
    assert files_in(tmp_path).keys() == {
        "good.jsonl",
        *(name for name in said if (tmp_path / name).is_file()),
    }


def test_a_missing_field_or_column_is_said_before_any_work(tmp_path: Path) -> None:
    out = tmp_path / "out"
    jsonl, table = tmp_path / "in.jsonl", tmp_path / "in.csv"
    jsonl.write_text('\n{"body": "Mira", "entities": []}\n')
    table.write_text("body,entities\n")
    message = refused(FormatError, jsonl, output=out)
    assert f"{jsonl}:2: the field 'text' is missing" in message
    assert "expected: one of 'body', 'entities'" in message
    assert "--text-field NAME" in message
    message = refused(FormatError, table, output=out)
    assert f"{table}:1: the column 'text' is missing" in message
    assert "--text-field NAME" in message
    for path in (jsonl, table):
        message = refused(FormatError, path, output=out, text_field="body")
        assert "'entities' exists already" in message
        assert "--into NAME" in message
        plan_tagging([path], out, TaggingOptions(text_field="body", into="found"))


def test_parquet_without_such_a_column_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _ = parquet_of(tmp_path)
    out = tmp_path / "out.parquet"
    assert "the column 'body' is missing" in refused(
        FormatError, path, output=out, text_field="body"
    )
    assert "is of type int16" in refused(FormatError, path, output=out, text_field="id")
    assert "'more' exists already" in refused(FormatError, path, output=out, into="more")
    assert "compressed again" in refused(FormatError, path, output=tmp_path / "out.parquet.gz")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    assert 'pip install "nerine[datasets]"' in refused(MissingExtraError, path, output=out)


def test_what_is_wrong_with_outputs_is_said_before_any_work(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    lines = tmp_path / "lines.jsonl"
    lines.write_text('{"text": ""}\n')
    one, two = folder / "one.txt", folder / "two.txt"
    one.write_text("a\n")
    two.write_text("b\n")
    said = {
        (one, tmp_path / "no" / "where"): "folder not found",
        (one, folder): "this is a folder",
        (one, one): "but the name says text",
        (lines, lines): "would replace this input",
        (one, tmp_path / "out.csv"): "the output of",
        (one, Path("/dev/null")): "this is not a regular file",
        (folder, folder / "out"): "which is an input",
        (folder, folder): "which is an input",
        (folder, one): "which is an input",
    }
    for (source, output), message in said.items():
        assert message in refused(FormatError, source, output=output, start="overwrite"), output
    (tmp_path / "file").write_text("")
    assert "this is a file" in refused(FormatError, folder, output=tmp_path / "file")
    (tmp_path / "one.jsonl").write_text('{"text": ""}\n')
    message = refused(FormatError, one, tmp_path / "one.jsonl", output=tmp_path / "out")
    assert "have the same name" in message
    message = refused(FormatError, one, lines, output=tmp_path, start="overwrite")
    assert f"{lines}: the output would replace this input" in message
    assert one.read_text() == "a\n"


def test_an_output_that_exists_is_replaced_only_if_that_is_asked_for(tmp_path: Path) -> None:
    source, output = tmp_path / "in.txt", tmp_path / "out.jsonl"
    source.write_text("Mira\n")
    output.write_text("precious")
    message = refused(TaggingError, source, output=output)
    assert f"{output}: this output exists" in message
    assert "--overwrite" in message
    assert "this output exists" in refused(TaggingError, source, output=output, start="resume")
    failed = tmp_path / "out.jsonl.failed.jsonl"
    failed.write_text("of an older run")
    tag(source, output, start="overwrite")
    assert json.loads(output.read_text())["text"] == "Mira"
    assert not failed.exists()
    output.unlink()
    failed.write_text("precious")
    assert "failed.jsonl: this output exists" in refused(TaggingError, source, output=output)


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("Mira\n")
    (tmp_path / "real.jsonl").write_text("old")
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "real.jsonl")
    tag(tmp_path / "in.txt", tmp_path / "link.jsonl", start="overwrite")
    assert (tmp_path / "link.jsonl").is_symlink()
    assert json.loads((tmp_path / "real.jsonl").read_text())["text"] == "Mira"


@pytest.mark.parametrize("kind", [".gz", ".bz2", ".xz"])
def test_a_compressed_file_that_breaks_off_is_an_error_with_its_place(
    tmp_path: Path, kind: str
) -> None:
    source, output = tmp_path / f"in.txt{kind}", tmp_path / "out.jsonl"
    # not to be compressed well, so that half of the bytes are about half of the lines
    content = "".join(f"{number * 7919**9 % 10**18}\n" for number in range(60_000))
    source.write_bytes(PACKERS[kind](content.encode())[:-50_000])
    with pytest.raises(FormatError, match="the compressed data are cut off") as caught:
        plan_tagging([source], output)
    place = str(caught.value.place)
    assert place.startswith(f"{source}:")
    assert int(place.rpartition(":")[2]) > 1000
    assert files_in(tmp_path).keys() == {source.name}


def test_an_input_that_changes_meanwhile_is_an_error(tmp_path: Path) -> None:
    source, output = tmp_path / "in.txt", tmp_path / "out.jsonl"
    source.write_text("Mira\n")
    planned = plan_tagging([source], output)
    source.write_text("Mira\nOslo\n")
    with pytest.raises(TaggingError, match=f"the input {source} changed"):
        planned.run(StubTagger())
    assert not output.exists()


@pytest.mark.parametrize(
    "options",
    [
        {"format": "xml"},
        {"quoting": "all"},
        {"separator": ";;"},
        {"separator": '"'},
        {"into": "text"},
    ],
)
def test_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        TaggingOptions(**options)


def test_a_stream_takes_one_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "in.txt"
    source.write_text("Mira\npoison\nOslo")
    stream = io.BytesIO()
    summary = tag_files(StubTagger(), [source], stream)
    assert [json.loads(line)["text"] for line in stream.getvalue().splitlines()] == ["Mira", "Oslo"]
    assert json.loads(capsys.readouterr().err)["record"] == "poison\n"
    assert (summary.outputs, summary.failed, summary.failures) == (("-",), None, 1)
    with pytest.raises(FormatError, match="several outputs"):
        tag_files(StubTagger(), [source, source], stream)
    with pytest.raises(SettingsError, match="neither resumed nor overwritten"):
        tag_files(StubTagger(), [source], stream, TaggingOptions(start="resume"))
    path, _ = parquet_of(tmp_path)
    with pytest.raises(FormatError, match="Parquet cannot go to a stream"):
        tag_files(StubTagger(), [path], stream)


def test_only_one_process_works_on_an_output(tmp_path: Path) -> None:
    source, output = tmp_path / "in.txt", tmp_path / "out.jsonl"
    source.write_text("Mira\n")
    hidden = tmp_path / ".out.jsonl.tagging"
    folder = WorkingFolder(Outputs(output, (output,), tmp_path / "failed", hidden), ())
    with folder.locked(), pytest.raises(TaggingError, match="another process is writing"):
        tag(source, output, start="overwrite")


def test_an_output_that_was_created_during_the_run_is_not_replaced(tmp_path: Path) -> None:
    first, second, output = tmp_path / "1.txt", tmp_path / "2.txt", tmp_path / "out.jsonl"
    first.write_text("Mira\n")
    second.write_text("Oslo\n")
    planned = plan_tagging([second], output)  # and, before it runs, another process does
    tag(first, output)
    whole = output.read_bytes()
    with pytest.raises(TaggingError, match="created during the run"):
        planned.run(StubTagger())
    assert output.read_bytes() == whole
    output.rename(tmp_path / "first.jsonl")
    tag(second, output, start="resume")
    assert b"Oslo" in output.read_bytes()


def test_a_listener_hears_of_every_block(tmp_path: Path) -> None:
    heard: list[Sequence[object]] = []

    class Listener:
        def started(self, name: str, done: int, size: int | None) -> None:
            heard.append((Path(name).name, done, size))

        def advanced(self, done: int, documents: int) -> None:
            heard.append((done, documents))

    (tmp_path / "in.txt").write_text("aa\n" * 9)
    tag_files(StubTagger(), [tmp_path / "in.txt"], tmp_path / "o.jsonl", listener=Listener())
    assert heard == [("in.txt", 0, 27), (12, 4), (24, 8), (27, 9)]


def test_checking_a_run_imports_no_tensors(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text\nMira\n")
    code = (
        "import sys\n"
        "from nerine.serving.files import plan_tagging\n"
        "plan_tagging([sys.argv[1]], sys.argv[2])\n"
        "assert not {'torch', 'numpy', 'transformers', 'pyarrow'} & sys.modules.keys()\n"
    )
    paths = [str(tmp_path / name) for name in ("in.csv", "out.csv")]
    subprocess.run([sys.executable, "-c", code, *paths], check=True)


def test_a_checkpoint_is_known_by_its_files(tmp_path: Path, checkpoint_of: Any) -> None:
    folder = tmp_path / "checkpoint"
    shutil.copytree(checkpoint_of("bert"), folder)
    before = model_identity(str(folder))
    named = {"model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json"}
    assert named <= before.keys()
    (folder / "README.md").write_text("new")
    (folder / ".onnx.1.part").mkdir()  # of `nerine optimize` at work
    (folder / ".onnx.1.part" / "model-fp32.onnx").write_bytes(b"half")
    assert model_identity(str(folder)) == before
    with (folder / "model.safetensors").open("ab") as stream:
        stream.write(b" ")
    after = model_identity(str(folder))
    assert [name for name in before if before[name] != after[name]] == ["model.safetensors"]
    assert model_identity("owner/name", "v1") == {"name": "owner/name", "revision": "v1"}
