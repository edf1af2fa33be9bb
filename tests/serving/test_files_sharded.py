"""Outputs with a file for each shard: exactly once, whole files, the same bytes whoever writes."""

from __future__ import annotations

import errno
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kills import Crash, Disk, Interrupted, jsonl, write_inputs
from nerine.core.errors import FormatError, SettingsError, TaggingError
from nerine.serving.files import (
    TaggingOptions,
    TaggingSummary,
    Verification,
    plan_tagging,
    tag_files,
    verify_output,
)
from nerine.serving.files.sharded import ShardedFolder
from places import SUPPORT
from streams import StubTagger, files_in, look_aheads_of_four

KINDS = ("text", "csv", "gz", "folder", "parquet")


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nerine.model.batching.look_aheads", look_aheads_of_four)


def run(
    inputs: list[Path], output: Path, start: Any = "new", tagger: Any = None, **options: Any
) -> TaggingSummary:
    chosen = {"shards": True, "shard_bytes": 20, **options}
    return tag_files(tagger or StubTagger(), inputs, output, TaggingOptions(start=start, **chosen))


def data_in(output: Path) -> dict[str, bytes]:
    """The files of an output and its failures, without the state of the run."""
    found = {f"{output.name}/{name}": data for name, data in files_in(output).items()}
    failed = output.with_name(f"{output.name}.failed")
    found |= {f"{failed.name}/{name}": data for name, data in files_in(failed).items()}
    return {name: data for name, data in found.items() if ".tagging" not in name}


def is_whole(output: Path) -> bool:
    found = verify_output(output)
    assert found.problems == ()
    return found.is_whole


@pytest.mark.parametrize("kind", KINDS)
def test_the_shards_in_order_are_the_output_without_shards(tmp_path: Path, kind: str) -> None:
    inputs = write_inputs(tmp_path / "in", kind)
    output = tmp_path / "out"
    summary = run(inputs, output)
    assert summary.shards is not None
    assert summary.shards[0] == summary.shards[1] >= (1 if kind == "gz" else 2)
    assert is_whole(output)
    suffix = "".join(inputs[0].suffixes).replace(".txt", ".jsonl")
    (tmp_path / "whole").mkdir()
    whole = tmp_path / "whole" / (f"o{suffix}" if inputs[0].is_file() else "o")
    expected = run(inputs, whole, shards=False)
    assert (summary.documents, summary.failures, summary.entities) == (
        expected.documents,
        expected.failures,
        expected.entities,
    )
    named: dict[str, list[Path]] = {}
    for path in sorted(output.rglob("*-0*")):
        if ".tagging" not in path.parts:
            named.setdefault(path.name.partition("-")[0], []).append(path)
    for path in [whole] if whole.is_file() else whole.iterdir():
        shards = named[path.stem.partition(".")[0] if whole.is_dir() else "in"]
        assert _joined(shards, kind) == _joined([path], kind)


def _joined(paths: list[Path], kind: str) -> object:
    if kind == "parquet":
        parquet = pytest.importorskip("pyarrow.parquet")
        return [row for path in paths for row in parquet.read_table(path).to_pylist()]
    contents = [path.read_bytes() for path in paths]
    if kind == "csv":  # each has the header
        header = contents[0][: contents[0].index(b"\n") + 1]
        assert all(content.startswith(header) for content in contents)
        contents = [header, *(content[len(header) :] for content in contents)]
    return b"".join(contents)


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_a_table_of_entities_in_shards(tmp_path: Path, name: str) -> None:
    pytest.importorskip("pyarrow")
    kind = "csv" if name == "out.csv" else "parquet"
    inputs = write_inputs(tmp_path / "in", kind)
    run(inputs, tmp_path / "out", rows="entities")
    assert is_whole(tmp_path / "out")
    (tmp_path / "whole").mkdir()
    whole = tmp_path / "whole" / name
    run(inputs, whole, rows="entities", shards=False)
    assert _joined(sorted((tmp_path / "out").glob("in-*")), kind) == _joined([whole], kind)


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=[pytest.mark.slow] * (kind == "folder")) for kind in KINDS],
)
def test_a_kill_at_any_point_changes_no_byte_of_what_a_resumed_run_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    inputs = write_inputs(tmp_path / "in", kind)
    (tmp_path / "whole").mkdir()
    whole = tmp_path / "whole" / "out"
    undisturbed = run(inputs, whole)
    expected = data_in(whole)
    disk = Disk(monkeypatch)
    run(inputs, tmp_path / "counted")
    steps = disk.done
    assert steps > 12
    for step in range(steps):
        (tmp_path / f"cut{step}").mkdir()
        output = tmp_path / f"cut{step}" / "out"
        disk.dies_after(step)
        with pytest.raises(Crash):
            run(inputs, output)
        disk.dies_after(None)
        standing = data_in(output)
        assert standing.items() <= expected.items()  # whole or not there
        resumed = run(inputs, output, "resume")
        assert resumed.documents == undisturbed.documents
        assert resumed.entities == undisturbed.entities
        assert data_in(output) == expected
        assert is_whole(output)
        assert not (output / ".tagging" / "work").exists()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.jsonl"
    path.write_bytes(jsonl(60))
    return path


def test_shares_of_a_run_write_the_output_of_one_process(tmp_path: Path, source: Path) -> None:
    run([source], tmp_path / "one" / ".." / "one", shard_bytes=300)
    outputs = tmp_path / "shares"
    outputs.mkdir()
    output = outputs / "one"

    def share(number: int) -> TaggingSummary:
        return run([source], output, share=(number, 5), shard_bytes=300)

    with ThreadPoolExecutor(5) as jobs:  # at once: one of them plans
        found = [*jobs.map(share, (3, 1, 5, 2, 4))]
    assert data_in(output) == data_in(tmp_path / "one")
    assert is_whole(output)
    assert sum(each.documents for each in found) == 59
    assert {each.shards[1] for each in found if each.shards} == {len(data_in(output)) - 1}


def test_a_share_that_is_missing_is_not_whole(tmp_path: Path, source: Path) -> None:
    output = tmp_path / "out"
    run([source], output, share=(1, 3), shard_bytes=300)
    run([source], output, share=(3, 3), shard_bytes=300)
    found = verify_output(output)
    assert 0 < found.done < found.shards
    assert not found.is_whole
    assert found.problems == ()
    with pytest.raises(TaggingError, match=r"of \d+ shards are not done") as caught:
        found.check()
    assert "--resume" in str(caught.value)
    run([source], output, "resume", shard_bytes=300)
    verify_output(output).check()


def test_attempts_at_the_same_shard_do_not_hurt_each_other(tmp_path: Path, source: Path) -> None:
    run([source], tmp_path / "one", shard_bytes=300)
    output = tmp_path / "out"
    plan = plan_tagging([source], output, TaggingOptions(shards=True, shard_bytes=300))
    again: list[Any] = []

    def tag(folder: ShardedFolder) -> int:
        works = [pickle.loads(pickle.dumps(folder.work(shard))) for shard in folder.shards]
        with ThreadPoolExecutor(8) as attempts:
            receipts = [*attempts.map(lambda work: work.tag(StubTagger()), works * 4)]
        again.extend(works)
        return sum(receipt.documents for receipt in receipts[: len(works)])

    summary = plan.run_shards(tag, {})
    assert summary.tagged_now == summary.documents == 59
    expected = {
        name.replace("one", "out"): data for name, data in data_in(tmp_path / "one").items()
    }
    assert data_in(output) == expected
    assert is_whole(output)
    again[0].tag(StubTagger())  # of a worker that was thought dead
    assert data_in(output) == expected
    assert is_whole(output)


class OfAnotherProcessor(StubTagger):
    """Gives other scores."""

    def pipe_with_errors(self, texts: Any) -> Any:
        for each in super().pipe_with_errors(texts):
            yield each.with_entities(()) if hasattr(each, "with_entities") else each


def test_the_first_attempt_counts_if_two_give_other_bytes(
    tmp_path: Path, source: Path, caplog: pytest.LogCaptureFixture
) -> None:
    output = tmp_path / "out"
    plan = plan_tagging([source], output, TaggingOptions(shards=True, shard_bytes=300))

    def tag(folder: ShardedFolder) -> int:
        for shard in folder.shards:
            first = folder.work(shard).tag(StubTagger())
            assert folder.work(shard).tag(OfAnotherProcessor()) == first
        return 0

    with caplog.at_level("INFO", "nerine.tag"):
        plan.run_shards(tag, {})
    assert is_whole(output)
    assert "two attempts gave different bytes" in caplog.text


def test_a_zombie_of_a_run_that_was_started_again_writes_nothing(
    tmp_path: Path, source: Path
) -> None:
    output = tmp_path / "out"
    plan = plan_tagging([source], output, TaggingOptions(shards=True, shard_bytes=300))
    kept: list[Any] = []
    with pytest.raises(KeyboardInterrupt):
        plan.run_shards(lambda folder: _keep(folder, kept), {})
    run([source], output, "overwrite", into="found", shard_bytes=200)
    expected = data_in(output)
    with pytest.raises(TaggingError, match="written by another run"):
        kept[0].tag(StubTagger())
    assert data_in(output) == expected
    assert is_whole(output)


def _keep(folder: ShardedFolder, works: list[Any]) -> int:
    works.extend(map(folder.work, folder.shards))
    raise KeyboardInterrupt


def _damages() -> dict[str, Any]:
    def rewritten(path: Path) -> None:
        path.write_bytes(path.read_bytes().replace(b"Mira", b"Mina", 1))

    return {
        "one byte": rewritten,
        "a cut": lambda path: path.write_bytes(path.read_bytes()[:-1]),
        "a missing file": Path.unlink,
        "a shard twice": lambda path: shutil.copy(path, path.with_name("in-000099.jsonl")),
        "another file": lambda path: path.with_name("notes.txt").write_text("mine"),
        "a file in a folder": lambda path: _put(path.with_name("more") / "a.jsonl"),
    }


def _put(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("{}\n")


@pytest.mark.parametrize("damage", _damages())
def test_verify_finds_what_is_wrong(tmp_path: Path, source: Path, damage: str) -> None:
    output = tmp_path / "out"
    run([source], output, shard_bytes=300)
    assert is_whole(output)
    _damages()[damage](output / "in-000001.jsonl")
    found = verify_output(output)
    assert not found.is_whole
    assert len(found.problems) == 1
    with pytest.raises(TaggingError):
        found.check()


@given(file=st.integers(0, 10**6), at=st.integers(0, 10**6), bits=st.integers(1, 255))
@settings(max_examples=60, deadline=None)
def test_verify_passes_no_damaged_byte(
    tmp_path_factory: pytest.TempPathFactory, file: int, at: int, bits: int
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    source = folder / "in.jsonl"
    source.write_bytes(jsonl(20))
    output = folder / "out"
    run([source], output, shard_bytes=200)
    files = sorted(p for p in output.rglob("*") if p.is_file() and "lease" not in p.parts)
    path = files[file % len(files)]
    content = bytearray(path.read_bytes())
    content[at % len(content)] ^= bits
    path.write_bytes(content)
    try:
        found = verify_output(output)
    except (TaggingError, FormatError):
        return
    assert not found.is_whole


def test_resume_names_an_output_that_is_gone_and_its_hint_works(
    tmp_path: Path, source: Path
) -> None:
    output = tmp_path / "out"
    run([source], output, shard_bytes=300)
    expected = data_in(output)
    (output / "in-000002.jsonl").unlink()
    with pytest.raises(TaggingError, match="this file is missing") as caught:
        run([source], output, "resume", shard_bytes=300)
    done = output / ".tagging" / "done" / "000002"
    assert str(done) in str(caught.value)
    shutil.rmtree(done)
    assert run([source], output, "resume", shard_bytes=300).tagged_now > 0
    assert data_in(output) == expected
    assert is_whole(output)


def test_starting_again_leaves_nothing_of_the_earlier_run(tmp_path: Path, source: Path) -> None:
    output = tmp_path / "out"
    run([source], output, shard_bytes=100)
    many = len(data_in(output))
    with pytest.raises(TaggingError, match="the output of a run is in this folder") as caught:
        run([source], output, shard_bytes=1000)
    assert "--overwrite" in str(caught.value)
    with pytest.raises(TaggingError, match="shard_bytes was 100, and is 1000"):
        run([source], output, "resume", shard_bytes=1000)
    run([source], output, "overwrite", shard_bytes=1000)
    assert len(data_in(output)) < many
    assert is_whole(output)


def test_a_folder_with_other_files_is_refused(tmp_path: Path, source: Path) -> None:
    output = tmp_path / "out"
    output.mkdir()
    (output / "mine.txt").write_text("precious")
    for start in ("new", "resume", "overwrite"):
        with pytest.raises(TaggingError, match="not empty") as caught:
            run([source], output, start)
        assert "name another one" in str(caught.value)
    assert (output / "mine.txt").read_text() == "precious"
    with pytest.raises(FormatError, match="this is a file"):
        run([source], source.with_name("in.jsonl"))


def test_an_input_that_changes_under_way_is_noticed(tmp_path: Path, source: Path) -> None:
    output = tmp_path / "out"
    plan = plan_tagging([source], output, TaggingOptions(shards=True, shard_bytes=300))

    def tag(folder: ShardedFolder) -> int:
        folder.tag(folder.shards[0], StubTagger())
        source.write_bytes(source.read_bytes().replace(b"Oslo 5", b"Rome 5"))
        for shard in folder.shards[1:]:
            folder.tag(shard, StubTagger())
        return 0

    with pytest.raises(TaggingError, match="has changed"):
        plan.run_shards(tag, {})
    found = verify_output(output)
    assert not found.is_whole
    assert found.problems == ()
    with pytest.raises(TaggingError, match="changed since the run was interrupted"):
        run([source], output, "resume", shard_bytes=300)


def test_parquet_that_changes_after_it_was_tagged_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    inputs, output = write_inputs(tmp_path / "in", "parquet"), tmp_path / "out"
    from nerine.serving.files.parquet import ParquetReader

    assemble = ParquetReader.assemble

    def changes(reader: ParquetReader, *rest: Any) -> None:
        table = parquet.read_table(inputs[0])
        parquet.write_table(table.take([*range(table.num_rows)][::-1]), inputs[0], row_group_size=5)
        assemble(reader, *rest)

    monkeypatch.setattr(ParquetReader, "assemble", changes)
    with pytest.raises(TaggingError, match="has changed"):
        run(inputs, output, shard_bytes=1)
    assert not verify_output(output).is_whole


def test_another_model_cannot_complete_a_run(tmp_path: Path, source: Path) -> None:
    output = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run([source], output, tagger=Interrupted(20, KeyboardInterrupt()), model={"weights": "a"})
    for share in (None, (1, 2)):
        with pytest.raises(TaggingError, match='weights was "a", and is "b"'):
            run([source], output, "resume", model={"weights": "b"}, share=share)
    run([source], output, "resume", model={"weights": "a"})
    assert is_whole(output)


def test_a_full_disk_ends_the_run_which_can_be_resumed(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, left = tmp_path / "out", [7]
    from nerine.serving.files import durable

    append = durable.append

    def fails(stream: Any, content: bytes) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        append(stream, content)

    monkeypatch.setattr(durable, "append", fails)
    with pytest.raises(TaggingError, match="No space left on device") as caught:
        run([source], output, shard_bytes=300)
    assert "--resume" in str(caught.value)
    monkeypatch.setattr(durable, "append", append)
    run([source], output, "resume", shard_bytes=300)
    assert is_whole(output)


def test_two_drivers_at_once(tmp_path: Path, source: Path) -> None:
    output = tmp_path / "out"
    plan = plan_tagging([source], output, TaggingOptions(shards=True, shard_bytes=300))

    def tag(folder: ShardedFolder) -> int:
        with pytest.raises(TaggingError, match="another process is at work here"):
            run([source], output, "resume", shard_bytes=300)
        with pytest.raises(TaggingError, match="another process is at work here"):
            run([source], output, "overwrite", shard_bytes=300)
        for shard in folder.shards:
            folder.tag(shard, StubTagger())
        return 0

    plan.run_shards(tag, {})
    assert is_whole(output)


def test_processes_write_the_same_shards(tmp_path: Path, source: Path) -> None:
    source.write_bytes(jsonl(600))
    run([source], tmp_path / "out", shard_bytes=2000)
    expected = data_in(tmp_path / "out")
    shutil.rmtree(tmp_path / "out")
    shutil.rmtree(tmp_path / "out.failed")
    plain = {"shard_bytes": 2000, "processes": 2}
    summary = run([source], tmp_path / "out", tagger=StubTagger(), **plain)
    assert summary.tagged_now == summary.documents
    assert data_in(tmp_path / "out").keys() == expected.keys()
    assert is_whole(tmp_path / "out")


SLOWLY = """
import sys
sys.path.insert(0, sys.argv[3])
from slow_tagger import SlowTagger
from nerine.serving.files import TaggingOptions, tag_files

if __name__ == "__main__":
    options = TaggingOptions(shard_bytes=2000, shards=True)
    tag_files(SlowTagger(), [sys.argv[1]], sys.argv[2], options)
"""


def test_a_driver_that_is_killed_is_followed_at_once(tmp_path: Path, source: Path) -> None:
    source.write_bytes(jsonl(900))
    script, output = tmp_path / "run.py", tmp_path / "out"
    script.write_text(SLOWLY)
    child = subprocess.Popen(
        [sys.executable, str(script), str(source), str(output), str(SUPPORT)],
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 60
    while time.monotonic() < until and len([*output.glob("in-*")]) < 3:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    resumed = run([source], output, "resume", shard_bytes=2000)
    assert 0 < resumed.tagged_now < resumed.documents
    assert is_whole(output)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"share": (4, 3)}, "4/3 is not a share"),
        ({"share": (0, 3)}, "0/3 is not a share"),
        ({"share": (1, 3), "shards": False}, "one output file cannot be shared out"),
        ({"share": (1, 3), "start": "overwrite"}, "would remove the output of each other"),
    ],
)
def test_shares_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        TaggingOptions(**{"shards": True, **options})


def test_what_cannot_be_divided_is_refused(tmp_path: Path, source: Path) -> None:
    with pytest.raises(FormatError, match="standard input cannot be divided"):
        plan_tagging(["-"], tmp_path / "out", TaggingOptions(shards=True, format="text"))
    with pytest.raises(FormatError, match="lies in the folder of the output"):
        plan_tagging([source], tmp_path, TaggingOptions(shards=True))
    with pytest.raises(SettingsError, match="a stream has no files"):
        plan_tagging([source], sys.stdout.buffer, TaggingOptions(shards=True))
    plan = plan_tagging([source], tmp_path / "out.jsonl")
    with pytest.raises(SettingsError, match="needs a file for each shard"):
        plan.run_shards(lambda _: 0, {})
    with pytest.raises(FormatError, match="not an output of nerine tag --shards"):
        verify_output(tmp_path)


def test_a_verification_as_json(tmp_path: Path, source: Path) -> None:
    run([source], tmp_path / "out")
    found: Verification = verify_output(tmp_path / "out")
    values = json.loads(json.dumps(found.to_dict()))
    assert values["is_whole"]
    assert values["documents"] == 59
    assert values["failures"] == 2


def test_the_lease_is_renewed_while_a_run_is_at_work(tmp_path: Path, source: Path) -> None:
    before = threading.active_count()
    run([source], tmp_path / "out")
    assert threading.active_count() == before
