"""Shards: where they begin, that they change no byte, and what their receipts say."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kills import Stopping
from nerine.core.errors import SettingsError, TaggingError
from nerine.serving.files import TaggingOptions, plan_tagging, tag_files
from nerine.serving.files.options import Rows
from nerine.serving.files.receipts import Receipt
from nerine.serving.files.records import BEGIN, Position
from nerine.serving.files.shards import (
    Shard,
    cuts_among,
    manifest_of,
    pieces_between_lines,
    plan_shards,
    read_manifest,
)
from streams import POISON, StubTagger, files_in, look_aheads_of_four


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nerine.model.batching.look_aheads", look_aheads_of_four)


def shards_of(path: Path, size: int, **options: Any) -> list[Shard]:
    plan = plan_tagging([path], path.parent / "out", TaggingOptions(**options))
    return [*plan_shards(plan.readers, size)]


# -- where shards begin --------------------------------------------------------------------------


@given(st.binary(max_size=60), st.integers(1, 30), st.integers(1, 9))
def test_shards_of_lines_begin_after_multiples_of_the_size(
    tmp_path_factory: pytest.TempPathFactory, letters: bytes, size: int, chunk: int
) -> None:
    content = bytes(b"\n"[0] if letter % 5 == 0 else letter for letter in letters)
    path = tmp_path_factory.mktemp("lines") / "in.txt"
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nerine.serving.files.shards._CHUNK", chunk)
        pieces = [*pieces_between_lines(path, size)]
    beginnings = [n for n in range(1, len(content)) if content[n - 1 : n] == b"\n"]
    expected, wanted = [], size
    for beginning in beginnings:
        if beginning >= wanted:
            expected.append(Position(beginning, content.count(b"\n", 0, beginning) + 1))
            wanted = (beginning // size + 1) * size
    assert [piece.start for piece in pieces] == [BEGIN, *expected]
    assert [piece.end for piece in pieces] == [*(cut.offset for cut in expected), len(content)]
    for piece in pieces:
        raw = content[piece.start.offset : piece.end]
        assert piece.sha256 == hashlib.sha256(raw).hexdigest()
    afters = [Position(n, content.count(b"\n", 0, n) + 1) for n in [*beginnings, len(content)]]
    assert [*cuts_among(afters, size)] == expected


def test_every_input_has_a_shard_and_the_shards_are_all_of_it(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    lines = b"".join(b'{"text": "Mira %d"}\n' % n for n in range(50))
    (folder / "a.jsonl").write_bytes(lines)
    (folder / "b.jsonl").write_bytes(b"")
    (folder / "c.txt").write_bytes(b"Mira\nOslo")
    plan = plan_tagging([folder], tmp_path / "out")
    shards = [*plan_shards(plan.readers, 100)]
    assert [shard.number for shard in shards] == [*range(len(shards))]
    assert [shard.input for shard in shards[-2:]] == [1, 2]
    of_first = [shard for shard in shards if shard.input == 0]
    assert len(of_first) == 10
    assert of_first[0].start == BEGIN
    assert of_first[-1].end == len(lines)
    assert all(one.end == other.start.offset for one, other in pairwise(of_first))
    for shard in of_first:
        piece = lines[shard.start.offset : shard.end]
        assert shard.sha256 == hashlib.sha256(piece).hexdigest()
        assert shard.start.line == lines.count(b"\n", 0, shard.start.offset) + 1


def test_a_row_of_several_lines_is_in_one_shard(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    rows = ['n,"a\nb\nc, Mira"\n'] * 9
    path.write_text("id,text\n" + "".join(rows))
    starts = [shard.start for shard in shards_of(path, 20)]
    assert len(starts) > 5
    assert all(Position(8 + 16 * n, 2 + 3 * n) in starts for n in (1, 2, 4))
    assert all((start.offset - 8) % 16 == 0 for start in starts[1:])
    unquoted = tmp_path / "in.tsv"
    unquoted.write_text('id\ttext\n1\t"a\n2\tb"\n' * 3)
    assert len(shards_of(unquoted, 5, quoting="none")) > 5


def test_compressed_files_are_one_shard(tmp_path: Path) -> None:
    import gzip

    path = tmp_path / "in.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"text": "Mira"}\n' * 1000))
    (shard,) = shards_of(path, 10)
    assert (shard.start, shard.end) == (BEGIN, None)
    assert shard.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_shards_of_parquet_begin_with_row_groups(tmp_path: Path) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "in.parquet"
    parquet.write_table(arrow.table({"text": ["Mira"] * 20}), path, row_group_size=6)
    shards = shards_of(path, 1)
    assert [(shard.start, shard.end) for shard in shards] == [
        (Position(0, 1), 6),
        (Position(6, 7), 12),
        (Position(12, 13), 18),
        (Position(18, 19), 20),
    ]


def test_hashes_of_parquet_are_those_of_all_column_chunks(tmp_path: Path) -> None:
    """The bytes of a row group are those by which a file with it is longer than one without."""
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    groups = [arrow.table({"id": [n] * 4, "text": [f"Mira {n}"] * 4}) for n in range(5)]
    ends = []
    for number in range(6):
        path = tmp_path / f"{number}.parquet"
        with parquet.ParquetWriter(path, groups[0].schema) as writer:
            for group in groups[:number]:
                writer.write_table(group)
        content = path.read_bytes()
        ends.append(len(content) - 8 - int.from_bytes(content[-8:-4], "little"))
    pieces = [content[start:end] for start, end in pairwise(ends)]
    hashes = [hashlib.sha256(piece).hexdigest() for piece in pieces]
    assert [shard.sha256 for shard in shards_of(path, 1)] == hashes
    (whole,) = shards_of(path, 1 << 20)
    assert whole.sha256 == hashlib.sha256(b"".join(pieces)).hexdigest()
    reader = plan_tagging([path], tmp_path / "out").readers[0]
    assert [*reader.hashes([12], 8), *reader.hashes([20], 16)] == [hashes[2], hashes[4]]


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    shards = [Shard(0, 0, BEGIN, 9, "ab"), Shard(1, 0, Position(9, 3), None), Shard(2, 1)]
    (tmp_path / "shards.jsonl").write_bytes(manifest_of(shards))
    assert read_manifest(tmp_path / "shards.jsonl") == shards
    (tmp_path / "shards.jsonl").write_text("[1, 2]\n")
    with pytest.raises(TaggingError, match="cannot be read"):
        read_manifest(tmp_path / "shards.jsonl")


# -- what they change ----------------------------------------------------------------------------


def write_input(folder: Path, name: str) -> Path:
    path = folder / name
    texts = [f"Mira in Oslo {n}" for n in range(23)]
    texts[7], texts[15] = POISON, "Ana\nJonas" if name.endswith("csv") else "Ana"
    if name.endswith("parquet"):
        arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        parquet.write_table(arrow.table({"text": texts}), path, row_group_size=5)
    elif name.endswith("csv"):
        path.write_text("n,text\n" + "".join(f'{n},"{text}"\n' for n, text in enumerate(texts)))
    elif name.endswith("jsonl"):
        lines = [json.dumps({"text": text}) for text in texts]
        lines[3], lines[20] = "{bad", ""
        path.write_text("\n".join(lines))
    else:
        path.write_text("\n".join(texts))
    return path


@pytest.mark.parametrize("rows", ["records", "entities"])
@pytest.mark.parametrize("name", ["in.txt", "in.jsonl", "in.csv", "in.parquet"])
def test_the_size_of_shards_changes_no_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, rows: Rows
) -> None:
    """With a tagger whose scores do not depend on the texts that share a batch."""
    monkeypatch.setattr("nerine.model.batching.look_aheads", lambda texts: ([t] for t in texts))
    source = write_input(tmp_path, name)
    kind = source.suffix.replace("txt", "jsonl")
    found = []
    for size in (1, 40, 200, 1 << 22):
        folder = tmp_path / str(size)
        folder.mkdir()
        options = TaggingOptions(rows=rows, shard_bytes=size)
        summary = tag_files(StubTagger(), [source], folder / f"out{kind}", options)
        found.append((files_in(folder), summary.documents, summary.failures, summary.entities))
    assert found[0][2] >= 1
    assert all(each == found[0] for each in found[1:])


def test_a_size_below_one_is_an_error() -> None:
    with pytest.raises(SettingsError, match="shard_bytes: 0 is too small"):
        TaggingOptions(shard_bytes=0)


# -- receipts ------------------------------------------------------------------------------------


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """The working folder of a run with two shards done of five."""
    source = write_input(tmp_path, "in.txt")
    options = TaggingOptions(shard_bytes=80)
    with pytest.raises(KeyboardInterrupt):
        tag_files(Stopping(), [source], tmp_path / "out.jsonl", options)
    return tmp_path / ".out.jsonl.tagging"


def resume(folder: Path, tagger: StubTagger | None = None) -> int:
    options = TaggingOptions(shard_bytes=80, start="resume")
    source, output = folder.parent / "in.txt", folder.parent / "out.jsonl"
    return tag_files(tagger or StubTagger(), [source], output, options).tagged_now


def test_a_receipt_says_what_a_shard_holds(stopped: Path) -> None:
    paths = sorted(stopped.glob("*.receipt"))
    assert [path.name for path in paths] == ["000000.receipt", "000001.receipt"]
    shards = read_manifest(stopped / "shards.jsonl")
    assert len(shards) == 5
    for path, shard in zip(paths, shards, strict=False):
        receipt = Receipt.read(path)
        output = path.with_suffix(".output").read_bytes()
        assert (receipt.shard, receipt.input) == (shard.number, shard.sha256)
        assert receipt.output.size == len(output)
        assert receipt.output.sha256 == hashlib.sha256(output).hexdigest()
        assert receipt.documents - receipt.failures == output.count(b"\n")
        file = path.with_suffix(".failed")
        failed = file.read_bytes() if file.exists() else b""
        assert (receipt.failed.size, receipt.failures) == (len(failed), failed.count(b"\n"))


def test_shards_with_receipts_are_not_tagged_again(stopped: Path) -> None:
    done = sum(Receipt.read(path).documents for path in stopped.glob("*.receipt"))
    assert resume(stopped) == 23 - done
    options = TaggingOptions(shard_bytes=80)
    tag_files(StubTagger(), [stopped.parent / "in.txt"], stopped.parent / "whole.jsonl", options)
    whole, resumed = (stopped.parent / f"{name}.jsonl" for name in ("whole", "out"))
    assert resumed.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("fingerprint", "this shard was tagged by another run"),
        ("output", r"000001\.output: this has .* bytes with the hash"),
        ("receipt", r"000001\.receipt.*cannot be read"),
    ],
)
def test_what_a_receipt_does_not_confirm_is_refused(
    stopped: Path, damage: str, message: str
) -> None:
    path = stopped / "000001.receipt"
    if damage == "fingerprint":
        replace(Receipt.read(path), fingerprint="0" * 64).write(path)
    elif damage == "output":
        output = path.with_suffix(".output")
        output.write_bytes(output.read_bytes().replace(b"Oslo", b"Bonn"))
    else:
        path.write_bytes(path.read_bytes().replace(b'"documents": ', b'"documents": 1', 1))
    with pytest.raises(TaggingError, match=message) as caught:
        resume(stopped)
    assert "--overwrite" in str(caught.value)
    assert not (stopped.parent / "out.jsonl").exists()


@pytest.mark.parametrize("name", ["in.txt", "in.jsonl", "in.csv", "in.parquet"])
def test_a_shard_that_changes_under_way_is_refused(tmp_path: Path, name: str) -> None:
    source = write_input(tmp_path, name)

    class Changing(StubTagger):
        def pipe_with_errors(self, texts: Any) -> Any:
            if source.suffix == ".parquet":
                parquet = pytest.importorskip("pyarrow.parquet")
                table = parquet.read_table(source)
                texts_there = [text.replace("Oslo", "Bonn") for text in table["text"].to_pylist()]
                table = table.set_column(0, "text", [texts_there])
                parquet.write_table(table, source, row_group_size=5)
            else:
                source.write_bytes(source.read_bytes().replace(b"Oslo", b"Bonn"))
            return super().pipe_with_errors(texts)

    output = tmp_path / f"out{source.suffix.replace('txt', 'jsonl')}"
    with pytest.raises(TaggingError, match="the content from byte or row 0 on has changed"):
        tag_files(Changing(), [source], output, TaggingOptions(shard_bytes=80))
    assert not output.exists()
