"""Interrupted runs: whatever happens and whenever, the output is that of an undisturbed run."""

from __future__ import annotations

import errno
import gzip
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import pytest

from kills import Crash, Disk, Interrupted, jsonl, write_inputs
from nerine.core.errors import FormatError, TaggingError
from nerine.core.tags import TagScheme
from nerine.model.settings import ModelSettings
from nerine.model.tagger import Tagger
from nerine.serving.files import TaggingOptions, TaggingSummary, durable, plan_tagging, tag_files
from nerine.serving.files import parts as parts_module
from nerine.serving.files.identity import tagger_identity
from nerine.serving.files.parts import Journal, Part, Progress
from places import SUPPORT
from streams import StubTagger, files_in, look_aheads_of_four


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nerine.model.batching.look_aheads", look_aheads_of_four)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def run(
    inputs: list[Path], output: Path, start: Any = "new", tagger: Any = None, **options: Any
) -> TaggingSummary:
    chosen = {"commit_seconds": 0.0, **options}
    return tag_files(tagger or StubTagger(), inputs, output, TaggingOptions(start=start, **chosen))


def output_of(kind: str, inputs: list[Path], folder: Path, name: str = "") -> Path:
    """Where outputs go: under a name, or compressed as the inputs are."""
    folder.mkdir()
    if name:
        return folder / name
    suffix = "".join(inputs[0].suffixes).replace(".txt", ".jsonl")
    return folder / ("out" if inputs[0].is_dir() else f"out{suffix}")


def outcome(summary: TaggingSummary) -> tuple[object, ...]:
    return summary.documents, summary.failures, summary.entities, len(summary.outputs)


@pytest.mark.parametrize(
    ("kind", "name", "shard_bytes"),
    [
        *((kind, "", 1 << 22) for kind in ("text", "csv", "gz", "bz2", "folder", "parquet")),
        *((kind, "", 20) for kind in ("text", "parquet")),
        *(pytest.param(kind, "", 20, marks=pytest.mark.slow) for kind in ("csv", "folder")),
        *(
            ("csv", "out.csv.gz", 1 << 22),
            pytest.param("csv", "out.csv.gz", 20, marks=pytest.mark.slow),
            ("gz", "out.parquet", 1 << 22),
            ("text", "out.jsonl", 20),
            ("parquet", "out.tsv", 20),
        ),
    ],
)
def test_a_kill_at_any_point_changes_no_byte_of_what_a_resumed_run_writes(
    tmp_path: Path, disk: Disk, kind: str, name: str, shard_bytes: int
) -> None:
    options: dict[str, Any] = {"shard_bytes": shard_bytes}
    if name:
        options["rows"] = "entities"
    inputs = write_inputs(tmp_path / "in", kind)
    whole = output_of(kind, inputs, tmp_path / "whole", name)
    undisturbed = run(inputs, whole, **options)
    steps, expected = disk.done, files_in(whole.parent)
    assert steps > 12
    assert not any("tagging" in name for name in expected)
    for step in range(steps):
        output = output_of(kind, inputs, tmp_path / f"cut{step}", name)
        disk.dies_after(step)
        with pytest.raises(Crash):
            run(inputs, output, **options)
        disk.dies_after(None)
        standing = files_in(output.parent)
        ready = {name for name in standing if "tagging" not in name}
        assert all(standing[name] == expected[name] for name in ready)  # whole or not there
        if not (output.parent / f".{output.name}.tagging" / "state.json").exists() and ready:
            assert ready == expected.keys()  # all is done but for clearing away
            continue
        assert outcome(run(inputs, output, "resume", **options)) == outcome(undisturbed)
        assert files_in(output.parent) == expected


def test_many_kills_in_a_row_change_no_byte_either(tmp_path: Path, disk: Disk) -> None:
    inputs = write_inputs(tmp_path / "in", "folder")
    whole = output_of("folder", inputs, tmp_path / "whole")
    undisturbed = run(inputs, whole)
    output = output_of("folder", inputs, tmp_path / "cut")
    kills, summary = 0, None
    while summary is None:
        disk.dies_after(20)
        try:
            summary = run(inputs, output, "resume")
        except Crash:
            kills += 1
            assert kills < 100
    assert kills >= 4
    assert summary.tagged_now < undisturbed.documents
    assert outcome(summary) == outcome(undisturbed)
    assert files_in(output.parent) == files_in(whole.parent)


def test_blocks_are_the_same_whether_or_not_they_are_committed(tmp_path: Path) -> None:
    inputs = write_inputs(tmp_path / "in", "gz")
    run(inputs, tmp_path / "one.jsonl.gz")
    run(inputs, tmp_path / "two.jsonl.gz", commit_seconds=1000.0)
    one, two = (tmp_path / f"{name}.jsonl.gz" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_replacing_is_resumed_too(tmp_path: Path, disk: Disk) -> None:
    inputs = write_inputs(tmp_path / "in", "text")
    output = output_of("text", inputs, tmp_path / "o")
    output.write_text("precious")
    disk.dies_after(10)
    with pytest.raises(Crash):
        run(inputs, output, "overwrite")
    disk.dies_after(None)
    assert output.read_text() == "precious"
    run(inputs, output, "resume")
    assert output.read_text().startswith('{"text": "Mira"')


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("a defect")])
def test_what_was_done_before_an_interruption_is_kept(tmp_path: Path, error: BaseException) -> None:
    inputs = write_inputs(tmp_path / "in", "gz")
    run(inputs, tmp_path / "whole.jsonl.gz")
    output = tmp_path / "out.jsonl.gz"
    with pytest.raises(type(error)):
        run(inputs, output, tagger=Interrupted(9, error), commit_seconds=1000.0)
    (part,) = (tmp_path / ".out.jsonl.gz.tagging").rglob("*.part")
    assert Part.read(part).after.documents == 7  # two blocks, with an empty line
    with pytest.raises(TaggingError, match="an interrupted run exists") as caught:
        run(inputs, output)
    assert "--resume" in str(caught.value)
    assert run(inputs, output, "resume").tagged_now == 3
    assert output.read_bytes() == (tmp_path / "whole.jsonl.gz").read_bytes()


def test_starting_again_forgets_the_interrupted_run(tmp_path: Path) -> None:
    inputs = write_inputs(tmp_path / "in", "text")
    output = tmp_path / "out.jsonl"
    with pytest.raises(KeyboardInterrupt):
        run(inputs, output, tagger=Interrupted(5, KeyboardInterrupt()))
    assert run(inputs, output, "overwrite").tagged_now == 7


def test_nothing_to_resume_is_a_beginning(tmp_path: Path) -> None:
    inputs = write_inputs(tmp_path / "in", "text")
    assert run(inputs, tmp_path / "out.jsonl", "resume").documents == 7


def _cut_short(
    tmp_path: Path, tagger: Any = None, documents: int = 5, **options: Any
) -> tuple[list[Path], Path]:
    inputs, output = write_inputs(tmp_path / "in", "text"), tmp_path / "out.jsonl"
    if documents > 5:
        inputs[0].write_text("Mira\n" * 12)
    stub = Interrupted(documents, KeyboardInterrupt())
    for name, value in vars(tagger or StubTagger()).items():
        setattr(stub, name, value)
    with pytest.raises(KeyboardInterrupt):
        run(inputs, output, tagger=stub, **options)
    return inputs, output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"into": "found"}, 'the settings changed since .* into was "entities", and is "found"'),
        ({"model": {"weights": "b"}}, 'the model changed .* weights was "a", and is "b"'),
    ],
)
def test_other_settings_or_models_are_refused(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    inputs, output = _cut_short(tmp_path, model={"weights": "a"})
    before = files_in(tmp_path)
    chosen = {"model": {"weights": "a"}, **options}
    with pytest.raises(TaggingError, match=message):
        plan_tagging(inputs, output, TaggingOptions(start="resume", **chosen))
    assert files_in(tmp_path) == before


class LikeOurs(StubTagger):
    """Has the settings of a `Tagger`."""

    def __init__(self, overlap: int = 8, workers: int = 2) -> None:
        self.settings = ModelSettings(("O",), TagScheme.IOB2, overlap=overlap)
        self.thresholds = self.rules = None
        backend = SimpleNamespace(name="pytorch", workers=workers, token_budget=9)
        self.inference = SimpleNamespace(token_budget=None, backend=backend)


@pytest.mark.parametrize("other", [{"overlap": 9}, {"workers": 1}])
def test_another_use_of_the_model_is_refused(tmp_path: Path, other: dict[str, int]) -> None:
    inputs, output = _cut_short(tmp_path, LikeOurs())
    with pytest.raises(TaggingError, match="the use of the model changed"):
        run(inputs, output, "resume", LikeOurs(**other))
    assert not output.exists()


def test_the_identity_of_a_tagger_is_known(tagger: Tagger) -> None:
    (used,) = tagger_identity(tagger).values()
    assert used["settings"] == tagger.settings.to_dict()
    assert used["backend's name"] == "pytorch"
    assert used["backend's token_budget"] > used["backend's workers"] > 0


def test_another_list_of_inputs_is_refused(tmp_path: Path) -> None:
    inputs = write_inputs(tmp_path / "in", "folder")
    with pytest.raises(KeyboardInterrupt):
        run(inputs, tmp_path / "out", tagger=Interrupted(5, KeyboardInterrupt()))
    (tmp_path / "in" / "e.txt").write_text("Mira")
    with pytest.raises(TaggingError, match="the list of inputs changed"):
        run(inputs, tmp_path / "out", "resume")


@pytest.mark.parametrize("how", ["longer", "touched", "other"])
def test_an_input_that_changed_is_refused(tmp_path: Path, how: str) -> None:
    inputs, output = _cut_short(tmp_path)
    (source,) = inputs
    content, status = source.read_bytes(), source.stat()
    if how == "longer":
        source.write_bytes(content + b"more\n")
    if how == "other":
        source.write_bytes(content.replace(b"Mira", b"Mara"))
        os.utime(source, ns=(status.st_atime_ns, status.st_mtime_ns))
    if how == "touched":
        os.utime(source, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    name = {"longer": "size was 28, and is 33", "touched": "changed was", "other": "sha256 was"}
    with pytest.raises(TaggingError, match=f"the input {source} changed .*{name[how]}"):
        plan_tagging(inputs, output, TaggingOptions(start="resume"))


@pytest.mark.parametrize(
    ("damaged", "message"),
    [
        ("state.json", "the interrupted run cannot be read"),
        ("000000/0000001.part", "the interrupted run cannot be read: .* bytes, where"),
        ("000000/0000000.part", "the interrupted run cannot be read: .* bytes, where"),
    ],
)
def test_a_damaged_run_is_refused(tmp_path: Path, damaged: str, message: str) -> None:
    inputs, output = _cut_short(tmp_path, documents=9)
    path = tmp_path / ".out.jsonl.tagging" / damaged
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(TaggingError, match=message) as caught:
        run(inputs, output, "resume")
    assert caught.value.place == str(path)
    assert "--overwrite" in str(caught.value)
    assert not output.exists()
    run(inputs, output, "overwrite")


def test_a_missing_part_is_refused(tmp_path: Path) -> None:
    inputs, output = _cut_short(tmp_path, documents=9)
    (tmp_path / ".out.jsonl.tagging" / "000000/0000000.part").unlink()
    with pytest.raises(TaggingError, match="parts before this one are missing"):
        run(inputs, output, "resume")
    assert not output.exists()


def test_a_run_of_an_older_version_is_refused(tmp_path: Path) -> None:
    inputs = write_inputs(tmp_path / "in", "text")
    output, folder = tmp_path / "out.jsonl", tmp_path / ".out.jsonl.tagging"
    folder.mkdir()
    state = {"format": 1, "identity": {}, "state": {"reached": {}, "output": 5}}
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "0.part").write_text("12345")
    before = files_in(tmp_path)
    for start in ("new", "resume"):
        with pytest.raises(TaggingError, match="has format 1, of another version") as caught:
            run(inputs, output, start)
        assert "--overwrite starts again" in str(caught.value)
    assert files_in(tmp_path) == before
    run(inputs, output, "overwrite")
    assert not folder.exists()


@pytest.mark.parametrize("writes", range(10))
def test_a_full_disk_is_an_error_that_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    inputs = write_inputs(tmp_path / "in", "gz")
    run(inputs, tmp_path / "whole.jsonl.gz")
    output = tmp_path / "out.jsonl.gz"
    append, room = (
        durable.append,
        [writes],
    )  # two for manifest and state, four for parts, then joining

    def filling(stream: BinaryIO, content: bytes) -> None:
        room[0] -= 1
        if room[0] < 0:
            stream.write(content[:5])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        append(stream, content)

    monkeypatch.setattr(durable, "append", filling)
    with pytest.raises(TaggingError, match="cannot be written: No space left on device") as caught:
        run(inputs, output)
    assert "--resume" in str(caught.value)
    assert not output.exists()
    room[0] = 100
    tagged = run(inputs, output, "resume").tagged_now
    assert tagged == {0: 10, 1: 10, 2: 10, 3: 6, 4: 3}.get(writes, 0)
    assert output.read_bytes() == (tmp_path / "whole.jsonl.gz").read_bytes()


def test_damaged_data_are_found_first_and_after_a_failing_disk_the_run_can_be_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, output = tmp_path / "in.jsonl.gz", tmp_path / "out.jsonl"
    source.write_bytes(gzip.compress(jsonl())[:-9])
    with pytest.raises(FormatError, match="cut off"):
        plan_tagging([source], output)
    assert files_in(tmp_path).keys() == {"in.jsonl.gz"}
    source.write_bytes(gzip.compress(jsonl()))
    planned = plan_tagging([source], output, TaggingOptions(commit_seconds=0.0))
    readline, left = gzip.GzipFile.readline, [12]

    def failing(stream: Any, size: Any = -1) -> bytes:
        left[0] -= 1
        if not left[0]:
            raise OSError(errno.EIO, "Input/output error")
        return readline(stream, size)

    monkeypatch.setattr(gzip.GzipFile, "readline", failing)
    with pytest.raises(TaggingError, match=r"in\.jsonl\.gz:12: cannot be read: Input/output error"):
        planned.run(StubTagger())
    assert run([source], output, "resume").tagged_now < 10


def test_standard_input_cannot_be_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def given() -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"Mira\n" * 9)))

    given()
    with pytest.raises(TaggingError, match="standard input cannot be read again"):
        run([Path("-")], tmp_path / "out.jsonl", "resume", format="text")
    given()
    tagger = Interrupted(5, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        run([Path("-")], tmp_path / "out.jsonl", tagger=tagger, format="text")
    assert files_in(tmp_path) == {}
    given()
    assert run([Path("-")], tmp_path / "out.jsonl", format="text").documents == 9


def test_a_part_is_read_as_it_was_written(tmp_path: Path) -> None:
    before, after = Progress(2, 3, 4, 5, {"a": 6}), Progress(9, 9, 9, 9, {"a\n": 9})
    part = Part(7, 8, 9, before, after, b"x\ny\n", b"\n{}")
    (tmp_path / "part").write_bytes(part.to_bytes())
    assert Part.read(tmp_path / "part") == part
    assert part.next() == Part(8, 12, 12, after, after)


def test_a_part_has_a_limited_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts_module, "_PART_BYTES", 100)
    journal = Journal(tmp_path, 0, commit_seconds=1e9)
    for number in range(1, 21):
        journal.write(b"-" * 30, b"", Progress(number, number))
    assert len([*tmp_path.rglob("*.part")]) == 5


SLOWLY = """
import sys, time
sys.path.insert(0, sys.argv[3])
import nerine.model.batching
from streams import StubTagger, look_aheads_of_four
from nerine.serving.files import TaggingOptions, tag_files
nerine.model.batching.look_aheads = look_aheads_of_four

class Slow(StubTagger):
    def pipe_with_errors(self, texts):
        for number, each in enumerate(super().pipe_with_errors(texts)):
            if number > 40:
                time.sleep(0.01)
            yield each

tag_files(Slow(), [sys.argv[1]], sys.argv[2], TaggingOptions(commit_seconds=0.1))
"""


def test_a_process_that_is_killed_is_resumed(tmp_path: Path) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(jsonl(2000))
    tests = str(SUPPORT)
    arguments = [sys.executable, "-c", SLOWLY, str(source), str(output), tests]
    child = subprocess.Popen(arguments)
    folder = tmp_path / ".out.jsonl.tagging"
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until and _documents(folder) < 60:
            time.sleep(0.01)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert not output.exists()
    resumed = run([source], output, "resume", commit_seconds=9.0)
    assert 60 <= resumed.documents - resumed.tagged_now < 2000
    whole = tmp_path / "whole.jsonl"
    assert outcome(run([source], whole, commit_seconds=9.0)) == outcome(resumed)
    assert output.read_bytes() == whole.read_bytes()
    failed = [path.with_name(f"{path.name}.failed.jsonl").read_bytes() for path in (output, whole)]
    assert failed[0] == failed[1]


def _documents(folder: Path) -> int:
    parts = sorted(folder.rglob("*.part"))
    return Part.read(parts[-1]).after.documents if parts else 0
