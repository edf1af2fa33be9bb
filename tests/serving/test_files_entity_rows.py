"""The texts of entities in what `tag_files` writes, and tables with a row for each entity."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerine.core.document import Entity
from nerine.core.errors import FormatError, MissingExtraError, SettingsError
from nerine.data.formats import read_documents
from nerine.data.formats.entity_table import EntityTable
from nerine.data.formats.tables.layout import ENTITY_COLUMNS
from nerine.serving.files import TaggingOptions, TaggingSummary, plan_tagging, tag_files
from nerine.serving.files.options import Rows
from streams import POISON, StubTagger, entities_of, look_aheads_of_four

RECORDS: list[dict[str, Any]] = [
    {"id": "t-1", "text": "Mira left Oslo for A"},
    {"id": 7, "text": "nobody"},
    {"id": 1.50, "text": "Zoë,Ana 😀 Oslo"},
    {"id": None, "text": 'A\tBo"\n'},
    {"text": None},
    {"text": POISON},
]
FOUND = [(record, entity) for record in RECORDS for entity in entities_of(record["text"] or "", 0)]
BY_NAME = ["Mira", "Oslo", "A", "Zoë", "Ana", "Oslo", "A", "Bo"]


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nerine.model.batching.look_aheads", look_aheads_of_four)
    monkeypatch.setattr("os.fsync", lambda _: None)


def tag(source: Path, output: Any, rows: Rows = "entities", **options: Any) -> TaggingSummary:
    return tag_files(StubTagger(), [source], output, TaggingOptions(rows=rows, **options))


@pytest.fixture
def posts(tmp_path: Path) -> Path:
    path = tmp_path / "posts.jsonl"
    path.write_text("".join(f"{json.dumps(record)}\n" for record in RECORDS))
    return path


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The rows of a table, as a plain reader finds them."""
    if path.suffix == ".parquet":
        parquet = pytest.importorskip("pyarrow.parquet")
        rows: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
        return rows
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    encoding = "utf-8-sig" if path.suffix == ".csv" else "utf-8"
    with path.open(encoding=encoding, newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t" if path.suffix == ".tsv" else ","))


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_a_row_for_each_entity_with_the_number_and_the_id_of_its_record(
    posts: Path, suffix: str
) -> None:
    output = posts.with_name(f"out.{suffix}")
    summary = tag(posts, output)
    assert (summary.documents, summary.failures, summary.nulls) == (6, 1, 1)
    assert sum(summary.entities.values()) == len(BY_NAME)
    rows = rows_of(output)
    assert [tuple(row) for row in rows] == [ENTITY_COLUMNS] * len(BY_NAME)
    assert [row["entity"] for row in rows] == BY_NAME
    assert [int(row["record"]) for row in rows] == [1, 1, 1, 3, 3, 3, 4, 4]
    ids = {
        "jsonl": ["t-1"] * 3 + [1.5] * 3 + [None] * 2,
        "parquet": ["t-1"] * 3 + ["1.5"] * 3 + [None] * 2,
    }
    assert [row["id"] for row in rows] == ids.get(suffix, ["t-1"] * 3 + ["1.5"] * 3 + [""] * 2)
    for row in rows:
        text = str(RECORDS[int(row["record"]) - 1]["text"])
        assert text[int(row["start"]) : int(row["end"])] == row["entity"]
        assert row["label"] == ("long" if len(row["entity"]) > 4 else "short")
        assert 0 <= float(row["score"]) <= 1


@given(
    texts=st.lists(st.text(alphabet="AB ,;\t\"'=+-@\n\r😀é", max_size=12), max_size=6),
    ids=st.lists(st.text(max_size=4), min_size=6, max_size=6),
    form=st.sampled_from(["csv", "tsv"]),
    delimiter=st.sampled_from([",", ";"]),
)
def test_no_cell_is_changed(texts: list[str], ids: list[str], form: Any, delimiter: str) -> None:
    table = EntityTable(form, delimiter)
    content = table.header
    expected = []
    for number, (text, id_) in enumerate(zip(texts, ids, strict=False), start=1):
        entities = [Entity(i, i + 1, id_ or "x") for i in range(len(text))]
        content += table.rows(number, json.dumps(id_), text, entities)
        expected += [
            [str(number), id_, text[e.start], e.label, str(e.start), str(e.end), ""]
            for e in entities
        ]
    sign = "\t" if form == "tsv" else delimiter
    shown = io.StringIO(content.decode("utf-8-sig"), newline="")
    assert list(csv.reader(shown, delimiter=sign, strict=True))[1:] == expected
    lines = io.StringIO(content.decode("utf-8-sig"), newline="")
    assert table.count(lines)[0] == len(expected)


def test_csv_is_for_spreadsheets_and_tsv_and_streams_are_for_programs(posts: Path) -> None:
    for name, has_mark in (("out.csv", True), ("out.tsv", False)):
        tag(posts, posts.with_name(name))
        assert posts.with_name(name).read_bytes().startswith(codecs.BOM_UTF8) == has_mark
    source = posts.with_name("in.csv")
    source.write_text("id;text\n1;Mira\n", encoding="utf-8-sig")
    stream = io.BytesIO()
    tag(source, stream, separator=";")
    assert stream.getvalue().decode().splitlines()[0] == ";".join(ENTITY_COLUMNS)
    assert stream.getvalue().decode().splitlines()[1].startswith("2;1;Mira;short;0;4;")
    tag(source, source.with_name("semicolons.csv"), separator=";")
    assert source.with_name("semicolons.csv").read_bytes() == codecs.BOM_UTF8 + stream.getvalue()


def test_a_header_with_another_delimiter_names_it(posts: Path) -> None:
    source = posts.with_name("in.csv")
    source.write_text("id;text\n1;Mira\n")
    with pytest.raises(FormatError, match="semicolon") as caught:
        plan_tagging([source], posts.with_name("out.csv"))
    assert caught.value.hint == "--separator ';' (separator=';') divides cells there"
    assert plan_tagging([source], posts.with_name("out.csv"), TaggingOptions(separator=";"))
    source.write_text("id;comment\n1;Mira\n")
    with pytest.raises(FormatError) as caught:
        plan_tagging([source], posts.with_name("out.csv"))
    assert "--text-field NAME" in (hint := str(caught.value))
    assert "--separator ';' divides its cells there" in hint
    options = TaggingOptions(separator=";", text_field="comment")
    assert plan_tagging([source], posts.with_name("out.csv"), options)


def test_cells_like_formulas_are_counted_and_stay_as_they_are_unless_it_is_asked_for(
    tmp_path: Path,
) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"id": "=1+1", "text": "Mira"}\n{"id": "@a", "text": "Bo"}\n{"text": "A"}\n')
    plain, escaped = tmp_path / "plain.csv", tmp_path / "escaped.csv"
    (note,) = tag(source, plain).notes
    assert note.startswith(f"{plain}: 2 rows have cells that begin with one of = + - @")
    assert [row["id"] for row in rows_of(plain)] == ["=1+1", "@a", ""]
    assert tag(source, escaped, escape_formulas=True).notes == ()
    assert [row["id"] for row in rows_of(escaped)] == ["'=1+1", "'@a", ""]
    for name in ("out.tsv", "out.jsonl"):
        assert tag(source, tmp_path / name, escape_formulas=True).notes == ()
        assert [row["id"] or "" for row in rows_of(tmp_path / name)] == ["=1+1", "@a", ""]


@pytest.mark.parametrize("name", ["in.csv", "in.tsv", "in.txt", "in.parquet", "in.jsonl.gz"])
def test_every_input_gives_the_same_entities(tmp_path: Path, name: str) -> None:
    source = tmp_path / name
    if name.endswith("parquet"):
        arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        parquet.write_table(arrow.table({"n": [5, 6], "text": ["Mira in Oslo", "Ana"]}), source)
    elif name.endswith("gz"):
        lines = b'{"n": 5, "text": "Mira in Oslo"}\n\n{"n": 6, "text": "Ana"}\n'
        source.write_bytes(gzip.compress(lines))
    elif name.endswith("txt"):
        source.write_text("Mira in Oslo\n\nAna")
    else:
        sign = "," if name.endswith("csv") else "\t"
        source.write_text(f"n{sign}text\n5{sign}Mira in Oslo\n\n6{sign}Ana\n")
    stated: dict[str, Any] = {} if name.endswith("txt") else {"id": "n"}
    tag(source, tmp_path / "out.jsonl", **stated)
    rows = rows_of(tmp_path / "out.jsonl")
    assert [row["entity"] for row in rows] == ["Mira", "Oslo", "Ana"]
    if stated:
        assert [str(row["id"]) for row in rows] == ["5", "5", "6"]
    stream = io.BytesIO()
    tag(source, stream, **stated)
    assert b"Oslo" in stream.getvalue()


def test_a_field_of_entities_in_the_input_is_not_in_the_way_of_a_table(tmp_path: Path) -> None:
    for name, content in (
        ("in.jsonl", '{"text": "Mira", "entities": []}\n'),
        ("in.csv", "text,entities\nMira,[]\n"),
    ):
        source = tmp_path / name
        source.write_text(content)
        tag(source, tmp_path / f"out-{name}.jsonl")
        assert [row["entity"] for row in rows_of(tmp_path / f"out-{name}.jsonl")] == ["Mira"]
        with pytest.raises(FormatError, match="exists already"):
            tag(source, tmp_path / f"again-{name}", "records")


def test_a_folder_of_inputs_gives_a_table_for_each_in_its_format(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    (source / "a.jsonl").write_text('{"text": "Mira"}\n')
    (source / "b.csv").write_text("id,text\n7,Oslo\n")
    (source / "c.txt").write_text("Ana")
    tag(source, tmp_path / "out")
    found = {path.name: rows_of(path) for path in sorted((tmp_path / "out").iterdir())}
    assert {name: [row["entity"] for row in rows] for name, rows in found.items()} == {
        "a.jsonl": ["Mira"],
        "b.csv": ["Oslo"],
        "c.jsonl": ["Ana"],
    }


def test_an_input_without_records_gives_a_table_with_its_header_alone(tmp_path: Path) -> None:
    source = tmp_path / "in.txt"
    source.write_text("")
    tag(source, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text("utf-8-sig") == f"{','.join(ENTITY_COLUMNS)}\n"
    tag(source, tmp_path / "out.parquet")
    assert rows_of(tmp_path / "out.parquet") == []


def test_half_of_a_surrogate_pair_fails_its_record_where_utf_8_lacks_it(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"id": "\\ud83d", "text": "Mira"}\n{"id": 2, "text": "Oslo"}\n')
    summary = tag(source, tmp_path / "out.csv")
    assert summary.failures == 1
    failure = json.loads((tmp_path / "out.csv.failed.jsonl").read_text())
    assert failure["reason"] == "'\\ud83d' is half of a surrogate pair, which UTF-8 lacks"
    assert [row["entity"] for row in rows_of(tmp_path / "out.csv")] == ["Oslo"]
    assert tag(source, tmp_path / "out.jsonl").failures == 0
    assert [row["id"] for row in rows_of(tmp_path / "out.jsonl")] == ["\ud83d", 2]


@pytest.mark.parametrize(
    ("output", "options", "message"),
    [
        ("out.csv", {"id": "nr"}, "the field 'nr', which should hold the id, is missing"),
        ("out.txt", {}, "a table of entities is not a text file"),
        ("out.csv", {"compact": True}, "a table of entities has their texts"),
        ("out.csv", {"into": "found"}, "a table of entities has columns of its own"),
        ("out.jsonl", {"rows": "records", "id": "id"}, "an option of a table of entities"),
        ("out.jsonl", {"rows": "records", "escape_formulas": True}, "an option of a table"),
        ("out.jsonl", {"rows": "words"}, "'words' is not known"),
        ("out.parquet.gz", {}, "Parquet is not compressed again"),
    ],
)
def test_what_does_not_go_together_is_refused(
    posts: Path, output: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises((FormatError, SettingsError), match=message):
        plan_tagging(
            [posts], posts.with_name(output), TaggingOptions(**{"rows": "entities", **options})
        )


def test_parquet_is_refused_before_any_work_without_its_extra(
    posts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtraError, match="nerine\\[datasets\\]"):
        plan_tagging([posts], posts.with_name("out.parquet"), TaggingOptions(rows="entities"))


# Records with the texts of their entities.


@pytest.mark.parametrize("name", ["posts.jsonl", "posts.csv", "posts.parquet"])
def test_what_is_tagged_is_read_as_a_corpus_with_or_without_the_texts(
    tmp_path: Path, name: str
) -> None:
    source = tmp_path / name
    texts = ["Zoë 😀 Oslo", 'A "B"', "nobody"]
    if name.endswith("parquet"):
        arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        parquet.write_table(arrow.table({"text": texts}), source)
    elif name.endswith("csv"):
        with source.open("w", newline="") as stream:
            csv.writer(stream).writerows([["id", "text"], *enumerate(texts)])
    else:
        source.write_text("".join(f"{json.dumps({'text': text})}\n" for text in texts))
    read = []
    for number, compact in enumerate((False, True)):
        output = tmp_path / f"{number}-{name}"
        tag(source, output, "records", compact=compact)
        assert (b'"text": "Oslo"' in output.read_bytes().replace(b'""', b'"')) == (
            not compact and not name.endswith("parquet")
        )
        read.append(list(read_documents(output)))
    assert read[0] == read[1]
    assert [[each.surface(e) for e in each.entities] for each in read[0]] == [
        ["Zoë", "Oslo"],
        ["A", "B"],
        [],
    ]
    assert not any("entity_fields" in document.meta for document in read[0])


def test_a_table_of_entities_is_no_corpus_and_says_so(posts: Path) -> None:
    for name in ("out.csv", "out.tsv", "out.jsonl", "out.parquet"):
        tag(posts, posts.with_name(name))
        with pytest.raises(FormatError) as caught:
            list(read_documents(posts.with_name(name)))
        assert re.search("without the texts|has no text|no fields hold", caught.value.found)
