"""Redacted files: no name is left, all other bytes stay, and the mapping restores every byte."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import logging
import lzma
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kills import Crash, Disk
from nerine.core.errors import FormatError, NerineError, SettingsError, TaggingError
from nerine.model.rules import Rules
from nerine.model.tagger import Tagger
from nerine.serving.files import TaggingOptions
from nerine.serving.redaction import RedactionSummary, Redactor, redact_files, restore_files
from nerine.serving.redaction.stand_ins import same

KEY = "0123456789abcdef"
TEXTS = (
    'Mira Okonjo left "Lisbon", 😀\tand\\',
    "",
    "nobody left",
    "who is Mira\u2028Okonjo; mira@example.org",
    "Ana, Mira",
)
NAMES = ("mira", "okonjo", "lisbon", "ana")
WAYS = ("label", "number", "hash", "stand-in", "mask", "remove")
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.decompress,
    ".bz2": bz2.decompress,
    ".xz": lzma.decompress,
}


@pytest.fixture(autouse=True)
def _fast_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nerine.serving.redaction.mapping._BLOCK", 512)
    monkeypatch.setattr("os.fsync", lambda _: None)


def as_text(texts: tuple[str, ...]) -> bytes:
    return "\ufeff".encode() + "\r\n".join(text.replace("\r", " ") for text in texts).encode()


def as_json(texts: tuple[str, ...]) -> bytes:
    lines = [
        json.dumps({"n": 10**30, "text": text, "a": ["}", '"text": "x"']}, ensure_ascii=bool(n % 2))
        for n, text in enumerate(texts)
    ]
    lines.insert(1, '  { "text" : null, "x": NaN }  \r')
    return "\n".join([*lines, "", ""]).encode()


def as_csv(texts: tuple[str, ...]) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerows(
        [["id", "text", "note"], *([n, text, "Mira, x"] for n, text in enumerate(texts))]
    )
    return stream.getvalue().encode() + b"\r\n"


def as_tsv(texts: tuple[str, ...]) -> bytes:
    rows = (f"{text}\t{n}\n".replace("\t", " ", text.count("\t")) for n, text in enumerate(texts))
    return ("text\tn\n" + "".join(rows)).encode()


FORMS: dict[str, Callable[[tuple[str, ...]], bytes]] = {
    "in.txt": as_text,
    "in.jsonl": as_json,
    "in.csv": as_csv,
    "in.tsv": as_tsv,
}


def redact(
    tagger: Tagger, source: Any, output: Path, how: Any = "label", **rest: Any
) -> RedactionSummary:
    options = TaggingOptions(**rest.pop("options", {}))
    mapping = output.with_name(f"{output.name}.map")
    redactor = Redactor(tagger, how=how, key=KEY, patterns=["email"])
    return redact_files(redactor, source, output, mapping=mapping, options=options, **rest)


def restored(output: Path, key: str | None = KEY) -> Path:
    again = output.with_name(f"again-{output.name}")
    restore_files(output, output.with_name(f"{output.name}.map"), again, key=key)
    return again


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("name", FORMS)
def test_no_name_is_left_and_every_byte_comes_back(
    known: Tagger, tmp_path: Path, name: str, how: str
) -> None:
    source, output = tmp_path / name, tmp_path / f"out-{name}"
    source.write_bytes(FORMS[name](TEXTS))
    summary = redact(known, source, output, how)
    assert summary.failures == 0
    assert dict(summary.replaced) == {"person": 4, "place": 1, "email": 1}
    assert dict(summary.elsewhere) == {}
    written = output.read_text("utf-8").casefold().replace("mira, x", "")
    assert not [each for each in NAMES if each in written]
    assert restored(output).read_bytes() == source.read_bytes()


def test_all_else_keeps_its_bytes(known: Tagger, tmp_path: Path) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(
        b'{"b": 1.50, "text": "M\\u0069ra\\tleft \\ud83d\\ude00 Lisbon\\/", "Mira": "Mira"}\r\n'
        b"\n"
        b'{"text":"Lisbon"}'
    )
    summary = redact(known, source, output)
    assert output.read_bytes() == (
        b'{"b": 1.50, "text": "[person]\\tleft \\ud83d\\ude00 [place]\\/", "Mira": "Mira"}\r\n'
        b"\n"
        b'{"text":"[place]"}'
    )
    assert summary.fields == ("b", "Mira")
    assert restored(output).read_bytes() == source.read_bytes()


def test_a_cell_is_quoted_if_what_is_new_needs_it(
    known: Tagger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes(b'id,text,z\n1,Lisbon left,x\n2,"Lisbon, ""left""",x\n')
    redactor = Redactor(known, how="stand-in", key=KEY)
    assert redactor.stand_ins is not None
    monkeypatch.setattr(redactor.stand_ins, "of", lambda *_: 'Lee, "Al"')
    mapping = tmp_path / "map"
    redact_files(redactor, source, output, mapping=mapping)
    assert output.read_bytes() == (
        b'id,text,z\n1,"Lee, ""Al"" left",x\n2,"Lee, ""Al"", ""left""",x\n'
    )
    restore_files(output, mapping, tmp_path / "again.csv", key=KEY)
    assert (tmp_path / "again.csv").read_bytes() == source.read_bytes()


@given(
    texts=st.lists(
        st.lists(
            st.sampled_from(
                ["Mira", " ", "Okonjo", ",", '"', "\\", "\n", "é", "😀", "\x00", "\u2028"]
            ),
            max_size=8,
        ).map("".join),
        max_size=5,
    ),
    name=st.sampled_from(["in.jsonl", "in.csv"]),
    how=st.sampled_from(WAYS),
)
@settings(
    max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_any_text_comes_back(
    known: Tagger, tmp_path_factory: pytest.TempPathFactory, texts: list[str], name: str, how: str
) -> None:
    folder = tmp_path_factory.mktemp("any")
    source, output = folder / name, folder / f"out-{name}"
    source.write_bytes(FORMS[name](tuple(texts)))
    summary = redact(known, source, output, how, options={"quoting": "csv"})
    assert summary.failures == 0
    assert restored(output).read_bytes() == source.read_bytes()
    content = output.read_text("utf-8")
    if name == "in.csv":
        written = [row[1] for row in csv.reader(io.StringIO(content, newline="")) if row][1:]
    else:
        written = [json.loads(line)["text"] for line in content.split("\n") if line.strip()]
        written.pop(min(1, len(texts)))  # the null
    redactor = Redactor(known, how=how, key=KEY, patterns=["email"])
    if redactor.stand_ins is not None:
        redactor.stand_ins.avoid({same(each) for each in ("Mira", "Mira Okonjo", "Mira  Okonjo")})
    assert written == [each.text for each in redactor.pipe(texts)]


@pytest.mark.parametrize("suffix", PACKED)
def test_compressed_files(known: Tagger, tmp_path: Path, suffix: str) -> None:
    plain = as_json(TEXTS)
    source, output = tmp_path / f"in.jsonl{suffix}", tmp_path / f"out.jsonl{suffix}"
    packers: dict[str, Callable[[bytes], bytes]] = {
        "": bytes,
        ".gz": gzip.compress,
        ".bz2": bz2.compress,
        ".xz": lzma.compress,
    }
    source.write_bytes(packers[suffix](plain))
    redact(known, source, output)
    assert b"[person]" in PACKED[suffix](output.read_bytes())
    assert PACKED[suffix](restored(output).read_bytes()) == plain


@pytest.mark.parametrize("kind", ["string", "large_string", "dictionary"])
def test_parquet(known: Tagger, tmp_path: Path, kind: str) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    type_ = arrow.dictionary(arrow.int32(), arrow.string()) if kind == "dictionary" else kind
    texts = arrow.array([*TEXTS, None])
    texts = texts.dictionary_encode().cast(type_) if kind == "dictionary" else texts.cast(type_)
    table = arrow.table({"n": range(6), "text": texts, "when": [None] * 6})
    source, output = tmp_path / "in.parquet", tmp_path / "out.parquet"
    parquet.write_table(table, source, row_group_size=2)
    summary = redact(known, source, output)
    found = parquet.read_table(output)
    assert found.column("text").to_pylist()[::4] == [
        '[person] left "[place]", 😀\tand\\',
        "[person], [person]",
    ]
    assert found.schema == parquet.read_table(source).schema
    assert parquet.ParquetFile(output).num_row_groups == 3
    assert (summary.documents, summary.nulls, summary.fields) == (6, 1, ("n", "when"))
    again = parquet.read_table(restored(output))
    assert again.to_pylist() == parquet.read_table(source).to_pylist()
    assert again.schema == found.schema


def test_a_folder(known: Tagger, tmp_path: Path) -> None:
    folder, output = tmp_path / "in", tmp_path / "out"
    (folder / "more").mkdir(parents=True)
    for name, make in FORMS.items():
        (folder / "more" / name).write_bytes(make(TEXTS))
    summary = redact(known, folder, output, "stand-in")
    assert summary.documents == 21
    again = restored(output)
    for name in FORMS:
        assert (again / "more" / name).read_bytes() == (folder / "more" / name).read_bytes()
    assert len({(output / "more" / name).read_text().split(" left")[0][-5:] for name in FORMS}) == 1


def test_what_fails_is_in_no_output_and_its_text_nowhere(
    known: Tagger, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(
        b'{"text": "Lisbon"}\n'
        b'{"text": "Mira", }\n{"text": 7}\n{"text": "Ana", "text": "Mira"}\n\xff Mira\n'
    )
    summary = redact(known, source, output)
    assert (summary.documents, summary.failures) == (5, 4)
    assert output.read_bytes() == b'{"text": "[place]"}\n'
    assert summary.failed is not None
    lines = [json.loads(line) for line in Path(summary.failed).read_text().splitlines()]
    assert [line["line"] for line in lines] == [2, 3, 4, 5]
    everything = [path for path in tmp_path.rglob("*") if path.is_file() and path != source]
    left = b"".join(path.read_bytes() for path in everything) + caplog.text.encode()
    assert b"Mira" not in left
    assert b"Ana" not in left
    assert restored(output).read_bytes() == b'{"text": "Lisbon"}\n'


def test_below_the_threshold_names_stay_and_are_counted(known: Tagger, tmp_path: Path) -> None:
    source, output = tmp_path / "in.txt", tmp_path / "out.txt"
    source.write_text("Ana left\nMira left Ana\n")
    surer = Tagger.load(known.name, thresholds=0.8)
    redactor = Redactor(surer)
    summary = redact_files(redactor, source, output)
    assert output.read_text() == "Ana left\n[person] left Ana\n"
    assert (dict(summary.replaced), dict(summary.below)) == ({"person": 1}, {"person": 2})
    assert surer.thresholds is not None


def test_a_rule_fills_what_is_below_the_threshold(known: Tagger, tmp_path: Path) -> None:
    source, output = tmp_path / "in.txt", tmp_path / "out.txt"
    source.write_text("Ana left Mira\n")
    rules = Rules.parse({"rule": [{"label": "staff", "phrases": ["Ana"], "mode": "fill"}]})
    redactor = Redactor(Tagger.load(known.name, thresholds=0.8, rules=rules))
    summary = redact_files(redactor, source, output)
    assert output.read_text() == "[staff] left [person]\n" == redactor("Ana left Mira\n").text
    assert (dict(summary.replaced), dict(summary.below)) == ({"person": 1, "staff": 1}, {})


def test_notes_say_how_quotes_were_read(known: Tagger, tmp_path: Path) -> None:
    source, output = tmp_path / "in.tsv", tmp_path / "out.tsv"
    source.write_text('text\tn\n"Mira left\t1\n')
    summary = redact(known, source, output)
    assert output.read_text() == 'text\tn\n"[person] left\t1\n'
    assert len(summary.notes) == 1
    assert "quotes are read as characters of their cells" in summary.notes[0]


def test_the_mapping_is_its_owners(known: Tagger, tmp_path: Path) -> None:
    source, output = tmp_path / "in.txt", tmp_path / "out.txt"
    left = tmp_path / f".{KEY}.map.new"  # by a run that was killed
    left.touch(mode=0o644)
    source.write_text("Mira left\n" * 100)
    for key in (None, KEY):
        mapping = tmp_path / f"{key}.map"
        redact_files(Redactor(known, key=key), source, tmp_path / f"{key}.txt", mapping=mapping)
        assert stat.S_IMODE(mapping.stat().st_mode) == 0o600
        assert (b"Mira" in mapping.read_bytes()) == (key is None)
        again = tmp_path / f"{key}-again.txt"
        done = restore_files(tmp_path / f"{key}.txt", mapping, again, key=key)
        assert (done.parts, again.read_bytes()) == (100, source.read_bytes())
    assert not output.exists()
    assert not left.exists()


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (lambda lines: lines[:-1], "the end is missing"),
        (lambda lines: [lines[0], *lines[2:]], "a part is missing or was moved"),
        (
            lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
            "a part is missing or was moved",
        ),
        (lambda lines: [lines[0], lines[1][:-9] + b"AAAAAAAA\n", *lines[2:]], "can't be decrypted"),
        (lambda lines: [b"{}\n", *lines[1:]], "this is not a mapping"),
        (lambda _: [], "this is not a mapping"),
    ],
    ids=["cut", "left-out", "moved", "changed", "other", "empty"],
)
def test_a_damaged_mapping_restores_nothing(
    known: Tagger, tmp_path: Path, damage: Any, found: str
) -> None:
    source, mapping = tmp_path / "in.txt", tmp_path / "map"
    source.write_text("Mira left\n" * 100)
    redact_files(Redactor(known, key=KEY), source, tmp_path / "out.txt", mapping=mapping)
    lines = mapping.read_bytes().splitlines(keepends=True)
    assert len(lines) > 3
    mapping.write_bytes(b"".join(damage(lines)))
    with pytest.raises(FormatError, match=found):
        restore_files(tmp_path / "out.txt", mapping, tmp_path / "again.txt", key=KEY)
    assert not (tmp_path / "again.txt").exists()


@pytest.mark.parametrize("name", ["in.txt", "in.parquet"])
def test_a_changed_file_is_not_restored(known: Tagger, tmp_path: Path, name: str) -> None:
    source, output = tmp_path / name, tmp_path / f"out-{name}"
    if name == "in.parquet":
        arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        parquet.write_table(arrow.table({"text": TEXTS}), source)
    else:
        source.write_bytes(as_text(TEXTS))
    redact(known, source, output)
    if name == "in.parquet":
        parquet.write_table(arrow.table({"text": TEXTS}), output)
    else:
        output.write_bytes(output.read_bytes().replace(b"nobody", b"anyone"))
    with pytest.raises(FormatError, match="not the file that was redacted"):
        restored(output)
    assert not [path for path in tmp_path.iterdir() if "again" in path.name]


def test_a_run_is_killed_at_any_point_and_resumed(
    known: Tagger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, disk = tmp_path / "in.jsonl", Disk(monkeypatch)
    source.write_bytes(as_json(TEXTS))
    disk.dies_after(None)
    redact(known, source, tmp_path / "out.jsonl")
    steps, expected = disk.done, (tmp_path / "out.jsonl").read_bytes()
    for step in range(0, steps, 3):
        output = tmp_path / f"{step}.jsonl"
        disk.dies_after(step)
        with pytest.raises(Crash):
            redact(known, source, output)
        disk.dies_after(None)
        redact(known, source, output, options={"start": "resume"})
        assert output.read_bytes() == expected
        assert restored(output).read_bytes() == source.read_bytes()
        assert not [*tmp_path.glob(f".{step}.*")]


def test_another_model_does_not_resume(
    known: Tagger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, output, disk = tmp_path / "in.txt", tmp_path / "out.txt", Disk(monkeypatch)
    source.write_text("Mira left\n")
    disk.dies_after(8)
    with pytest.raises(Crash):
        redact(known, source, output)
    disk.dies_after(None)
    with pytest.raises(TaggingError, match="an interrupted run exists"):
        redact(known, source, output)
    source.write_text("Ana left\n")
    with pytest.raises(TaggingError, match="changed since the run was interrupted"):
        redact(known, source, output, options={"start": "resume"})
    redact(known, source, output, options={"start": "overwrite"})
    assert output.read_text() == "[person] left\n"


def test_standard_streams(
    known: Tagger,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Mira left\n\n\xff\nAna")))
    stream = io.BytesIO()
    summary = redact_files(Redactor(known), "-", stream, options=TaggingOptions(format="text"))
    out, err = stream.getvalue(), capsysbinary.readouterr().err
    assert out == b"[person] left\n\n[person]"
    assert json.loads(err)["file"] == "-"
    assert (summary.documents, summary.failures) == (4, 1)
    assert not [*tmp_path.iterdir()]


@pytest.mark.slow
def test_processes(known: Tagger, tmp_path: Path) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(as_json(TEXTS * 3))
    options = {"processes": 2, "shard_bytes": 200}
    redact(known, source, output, "number", options=options)
    redact(known, source, tmp_path / "one.jsonl", "number")
    assert output.read_bytes() == (tmp_path / "one.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("change", "kind", "found"),
    [
        ({"options": {"shards": True}}, SettingsError, "no shards"),
        ({"options": {"into": "x"}}, SettingsError, "into"),
        ({"options": {"text_field": "body"}}, FormatError, "the field 'body' is missing"),
        ({"output": "in.jsonl"}, FormatError, "would replace this input"),
        ({"output": "out.csv"}, FormatError, "the output of .* is jsonl"),
        ({"output": "old.jsonl"}, TaggingError, "this output exists"),
        ({"mapping": "in.jsonl"}, FormatError, "also an input or an output"),
        ({"mapping": "out.jsonl"}, FormatError, "also an input or an output"),
        ({"mapping": "nowhere/map"}, FormatError, "its folder is not there"),
        ({"mapping": "old.jsonl"}, TaggingError, "this output exists"),
        ({"output": "-", "options": {"start": "resume"}}, TaggingError, "cannot be resumed"),
    ],
)
def test_what_cannot_be_done_is_an_error_before_any_work(
    known: Tagger, tmp_path: Path, change: dict[str, Any], kind: type[NerineError], found: str
) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "Mira"}\n')
    (tmp_path / "old.jsonl").touch()
    named = {"output": "out.jsonl", "mapping": "map", **change}
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    output = io.BytesIO() if named["output"] == "-" else tmp_path / named["output"]
    with pytest.raises(kind, match=found):
        redact_files(
            Redactor(known),
            tmp_path / "in.jsonl",
            output,
            mapping=tmp_path / named["mapping"],
            options=TaggingOptions(**named.get("options", {})),
        )
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
