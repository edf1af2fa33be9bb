"""Tagging files with a model that sees the records around each one: the bytes of the whole file."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerine.core.context import NEIGHBOURS, with_context
from nerine.core.document import Document
from nerine.core.errors import FormatError, SettingsError
from nerine.model.tagger import Tagger
from nerine.serving.files import TaggingOptions, TaggingSummary, plan_tagging, tag_files
from nerine.serving.files.records import Position
from nerine.serving.files.shards import places_before
from streams import (
    SeeingTagger,
    StubTagger,
    look_aheads_of_four,
    shown_context,
    standard_input,
)

Row = tuple[str | None, str]
"""The document and the text of a record."""


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nerine.model.batching.look_aheads", look_aheads_of_four)
    monkeypatch.setattr("nerine.serving.files.shards._BACK", 16)
    monkeypatch.setattr("nerine.serving.files.parquet._BACK", 1)


def rows_of(sizes: list[int], text: str = "Mira left") -> list[Row]:
    """So many records for each document, with texts of different lengths."""
    return [
        (f"d{document}" if size else None, f"{text} {number} " + "x" * (number % 7 * 40))
        for document, size in enumerate(sizes)
        for number in range(size or 1)
    ]


ROWS = rows_of([3, 0, 1, 20, 2, 0, 0, 9])


def jsonl(rows: list[Row]) -> bytes:
    return b"".join(json.dumps({"text": text, "doc": name}).encode() + b"\n" for name, text in rows)


def table(rows: list[Row], delimiter: str, quoting: Any) -> bytes:
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter, quoting=quoting, lineterminator="\n")
    writer.writerows([("doc", "text"), *((name or "", text) for name, text in rows)])
    return stream.getvalue().encode()


def write_input(folder: Path, kind: str, rows: list[Row]) -> Path:
    path = folder / f"in.{kind.partition(' ')[0]}"
    if kind == "parquet":
        arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        columns = {"doc": [name for name, _ in rows], "text": [text for _, text in rows]}
        parquet.write_table(arrow.table(columns), path, row_group_size=5)
        return path
    path.write_bytes(
        {
            "jsonl": lambda: jsonl(rows),
            "jsonl.gz": lambda: gzip.compress(jsonl(rows)),
            "csv": lambda: table(rows, ",", csv.QUOTE_MINIMAL),
            "csv with quotes": lambda: table(rows, ",", csv.QUOTE_ALL),
            "tsv": lambda: table(rows, "\t", csv.QUOTE_NONE),
        }[kind]()
    )
    return path


def contexts_in(path: Path) -> list[str]:
    """The label of each record, in which `SeeingTagger` shows its context."""
    if path.suffix == ".parquet":
        parquet = pytest.importorskip("pyarrow.parquet")
        entities = parquet.read_table(path)["entities"].to_pylist()
    else:
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
        if path.suffix in (".csv", ".tsv"):
            delimiter = "," if path.suffix == ".csv" else "\t"
            rows = [*csv.reader(io.StringIO(text), delimiter=delimiter)][1:]
            entities = [json.loads(row[2]) for row in rows]
        else:
            entities = [json.loads(line)["entities"] for line in text.splitlines()]
    return [each[0]["label"] for each in entities]


def expected(rows: list[Row]) -> list[str]:
    documents = [Document(text, meta={"document": name}) for name, text in rows]
    return [shown_context(each) for each in with_context(documents)]


def run(source: Path, output: Path, tagger: Any = None, **options: Any) -> TaggingSummary:
    chosen = {"document": "doc", "commit_seconds": 0.0, **options}
    return tag_files(tagger or SeeingTagger(), [source], output, TaggingOptions(**chosen))


KINDS = ("jsonl", "jsonl.gz", "csv", "csv with quotes", "tsv", "parquet")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shard_bytes", [1, 1 << 20])
def test_a_record_has_the_neighbours_of_its_document_wherever_shards_begin(
    tmp_path: Path, kind: str, shard_bytes: int
) -> None:
    source = write_input(tmp_path, kind, ROWS)
    output = tmp_path / f"out{''.join(source.suffixes)}"
    run(source, output, shard_bytes=shard_bytes)
    assert contexts_in(output) == expected(ROWS)


@given(st.lists(st.integers(0, 9), max_size=5), st.integers(100, 900))
@settings(max_examples=10)
def test_shards_of_any_size_give_the_bytes_of_one(sizes: list[int], size: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in.jsonl").write_bytes(jsonl(rows_of(sizes)))
        for output, shard_bytes in (("whole", 1 << 20), ("cut", size)):
            run(folder / "in.jsonl", folder / f"{output}.jsonl", shard_bytes=shard_bytes)
        whole, cut = (folder / f"{output}.jsonl" for output in ("whole", "cut"))
        assert whole.read_bytes() == cut.read_bytes()


def test_blank_and_long_records_before_a_shard(tmp_path: Path) -> None:
    rows: list[Row] = [("d", "Mira left"), ("d", "y" * 3 * NEIGHBOURS)]
    rows += [("d", text) for text in (" " * 2000, " " * 900, "a " * 490, "Oslo") for _ in range(3)]
    source = tmp_path / "in.jsonl"
    source.write_bytes(jsonl(rows))
    run(source, tmp_path / "out.jsonl", shard_bytes=1)
    assert contexts_in(tmp_path / "out.jsonl") == expected(rows)


def test_the_files_of_shards_are_the_whole(tmp_path: Path) -> None:
    source = write_input(tmp_path, "jsonl", ROWS)
    run(source, tmp_path / "out", shards=True, shard_bytes=300)
    parts = sorted(
        path for path in (tmp_path / "out").rglob("*.jsonl") if ".tagging" not in str(path)
    )
    assert len(parts) > 3
    assert [each for path in parts for each in contexts_in(path)] == expected(ROWS)


def test_the_number_of_processes_changes_no_byte(tmp_path: Path) -> None:
    source = write_input(tmp_path, "jsonl", ROWS)
    for processes in (1, 2):
        run(source, tmp_path / f"{processes}.jsonl", shard_bytes=900, processes=processes)
    assert (tmp_path / "1.jsonl").read_bytes() == (tmp_path / "2.jsonl").read_bytes()
    assert contexts_in(tmp_path / "1.jsonl") == expected(ROWS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_is_interrupted_resumes_with_the_same_neighbours(
    tmp_path: Path, kind: str
) -> None:
    rows = rows_of([2, 14])
    source = write_input(tmp_path, kind, rows)
    for documents in (1, 5, 9, 15):
        output = tmp_path / f"{documents}{''.join(source.suffixes)}"
        with pytest.raises(KeyboardInterrupt):
            run(source, output, Interrupted(documents))
        run(source, output, start="resume")
        assert contexts_in(output) == expected(rows)


class Interrupted(SeeingTagger):
    """Is interrupted after so many documents."""

    def __init__(self, documents: int) -> None:
        self._left = documents

    def pipe_with_errors(self, texts: Any) -> Any:
        for each in super().pipe_with_errors(texts):
            self._left -= 1
            if self._left < 0:
                raise KeyboardInterrupt
            yield each


def test_places_before_one_are_beginnings_of_lines(tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_bytes(jsonl(ROWS))
    lines = path.read_bytes().splitlines(keepends=True)
    starts = {sum(map(len, lines[:index])): index + 1 for index in range(len(lines) + 1)}
    for offset, line in starts.items():
        found = [*places_before(path, Position(offset, line))]
        assert all(starts[each.offset] == each.line for each in found)
        assert [each.offset for each in found] == sorted((e.offset for e in found), reverse=True)
        assert all(0 < each.offset < offset for each in found)


def test_standard_input_is_tagged_in_context(monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[Row] = [("a", "Mira left"), ("b", "Oslo"), ("b", "Ana"), (None, "Jonas")]
    output = io.BytesIO()
    with standard_input(monkeypatch) as pipe:
        pipe.write(jsonl(rows))
        pipe.close()
        tag_files(SeeingTagger(), "-", output, TaggingOptions(format="jsonl", document="doc"))
    found = [json.loads(line)["entities"][0]["label"] for line in output.getvalue().splitlines()]
    assert found == expected(rows)


# --- what is refused, and what is noted


def test_records_without_the_field_are_refused(tmp_path: Path) -> None:
    for kind in ("jsonl", "csv", "tsv", "parquet"):
        source = write_input(tmp_path, kind, ROWS[:3])
        with pytest.raises(FormatError, match="'article', which should say of which document"):
            plan_tagging([source], tmp_path / "out", TaggingOptions(document="article"))
    (tmp_path / "in.txt").write_text("Mira\n")
    with pytest.raises(SettingsError, match="lines of text have no field"):
        plan_tagging([tmp_path / "in.txt"], tmp_path / "o.jsonl", TaggingOptions(document="doc"))


def test_a_document_that_is_no_name_fails_with_its_record(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text(
        '{"text": "a", "doc": 1}\n{"text": "b", "doc": [1]}\n{"text": "c", "doc": 1.0}\n'
        '{"text": "d", "doc": null}\n{"text": "e", "doc": "1"}\n'
    )
    summary = run(source, tmp_path / "out.jsonl")
    assert summary.failures == 1
    assert contexts_in(tmp_path / "out.jsonl") == ["*"] * 4
    failed = json.loads((tmp_path / "out.jsonl.failed.jsonl").read_text())
    assert failed["reason"] == "the field 'doc' is not a string or a number"


def test_a_tagger_without_the_setting_reads_no_neighbours(tmp_path: Path) -> None:
    source = write_input(tmp_path, "jsonl", ROWS)
    run(source, tmp_path / "named.jsonl", StubTagger(), shard_bytes=300)
    run(source, tmp_path / "plain.jsonl", StubTagger(), shard_bytes=300, document=None)
    assert (tmp_path / "named.jsonl").read_bytes() == (tmp_path / "plain.jsonl").read_bytes()


def test_a_note_says_what_was_not_seen(tmp_path: Path, tagger_of: Callable[..., Tagger]) -> None:
    source = write_input(tmp_path, "jsonl", ROWS[:3])
    seeing, alone = tagger_of("bert", context=20), tagger_of("bert")
    notes = {
        (tagger.settings.context, document): run(
            source, tmp_path / "out.jsonl", tagger, document=document, start="overwrite"
        ).notes
        for tagger in (seeing, alone)
        for document in ("doc", None)
    }
    assert notes[20, "doc"] == notes[0, None] == ()
    assert "--document NAME (document=…) names the field" in notes[20, None][0]
    assert notes[0, "doc"] == ("the model sees each record alone, and made no use of 'doc'",)


def test_the_entities_are_those_of_documents_in_context(
    tmp_path: Path, tagger_of: Callable[..., Tagger]
) -> None:
    tagger = tagger_of("bert", context=20)
    texts = ["Mira Okonjo left .", "Ana told Jonas .", "Nobody was there in Oslo ."] * 3
    source = tmp_path / "in.jsonl"
    source.write_bytes(jsonl([("d", text) for text in texts]))
    run(source, tmp_path / "out.jsonl", tagger, shard_bytes=50)
    predicted = tagger.predict(with_context(texts, one_document=True))
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    for line, document in zip(lines, predicted, strict=True):
        found = json.loads(line)["entities"]
        assert [(e["start"], e["end"], e["label"]) for e in found] == [
            (e.start, e.end, e.label) for e in document.entities
        ]
    assert any(document.entities for document in predicted)
