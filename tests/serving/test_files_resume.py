"""Runs that are cut short: whatever happens and whenever, the output is as if nothing had."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import json
import lzma
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from nerine.core.errors import FormatError, TaggingError
from nerine.core.tags import TagScheme
from nerine.model.settings import ModelSettings
from nerine.serving.files import TaggingOptions, TaggingSummary, plan_tagging, tag_files
from nerine.serving.files import journal as journal_module
from nerine.serving.files import sinks as sinks_module
from nerine.serving.files.journal import Reached, State
from places import SUPPORT
from streams import POISON, StubTagger, files_in, look_aheads_of_four

JOURNAL = ".out.tagging"


class Crash(BaseException):
    """The process is killed."""


class Disk:
    """Counts what is done to the disk, and lets nothing happen any more from some point on.

    What is appended at that very point arrives by half.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done = 0
        self.most: int | None = None
        self._append = journal_module.append
        self._replace = journal_module.replace
        self._unlink = Path.unlink
        for module in (journal_module, sinks_module):
            for name in ("append", "sync", "replace"):
                monkeypatch.setattr(module, name, getattr(self, name))
        monkeypatch.setattr("os.fsync", lambda _: None)

        def unlink(path: Path, missing_ok: bool = False) -> None:
            self._step()
            self._unlink(path, missing_ok)

        monkeypatch.setattr(Path, "unlink", unlink)

    def _step(self) -> None:
        self.done += 1
        if self.most is not None and self.done > self.most:
            raise Crash

    def append(self, stream: BinaryIO, data: bytes) -> None:
        try:
            self._step()
        except Crash:
            if self.most is not None and self.done == self.most + 1:
                self._append(stream, data[: len(data) // 2])
            raise
        self._append(stream, data)

    def sync(self, stream: BinaryIO) -> None:
        self._step()

    def replace(self, path: Path, target: Path) -> None:
        self._step()
        self._replace(path, target)

    def dies_after(self, steps: int | None) -> None:
        self.done, self.most = 0, steps


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nerine.model.batching.look_aheads", look_aheads_of_four)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def jsonl(records: int = 11) -> bytes:
    lines = [b'{"n": %d, "text": "Mira was in Oslo %d"}\n' % (n, n) for n in range(records)]
    lines[2], lines[5], lines[6] = b"{bad\n", b'{"text": "poison"}\r\n', b"\n"
    return b"".join(lines)


def write_inputs(folder: Path, kind: str) -> list[Path]:
    folder.mkdir()
    table = b"id,text\r\n" + b"".join(b'%d,"Mira\r\nin Oslo"\r\n' % n for n in range(9)) + b"a\r\n"
    files = {
        "text": {"in.txt": b"Mira\n\nOslo\npoison\n\nAna\nJonas"},
        "csv": {"in.csv": table},
        "gz": {"in.jsonl.gz": gzip.compress(jsonl())},
        "folder": {
            "a.jsonl": jsonl(7),
            "b.csv.xz": lzma.compress(table[:60]),
            "c.txt": b"",
            "d.txt": b"Mira",
        },
        "bz2": {"in.jsonl.bz2": bz2.compress(jsonl())},
        "parquet": {},
    }[kind]
    for name, content in files.items():
        (folder / name).write_bytes(content)
    if kind == "parquet":
        arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        texts = [f"Mira in Oslo {n}" for n in range(9)] + [None, POISON, "Ana"]
        parquet.write_table(arrow.table({"text": texts}), folder / "in.parquet", row_group_size=5)
    found = sorted(folder.iterdir())
    return [folder] if len(found) > 1 else found


def run(
    inputs: list[Path], output: Path, start: Any = "new", tagger: Any = None, **options: Any
) -> TaggingSummary:
    chosen = {"commit_seconds": 0.0, **options}
    return tag_files(tagger or StubTagger(), inputs, output, TaggingOptions(start=start, **chosen))


def output_of(kind: str, inputs: list[Path], folder: Path) -> Path:
    """Where outputs go that are compressed as the inputs are."""
    folder.mkdir()
    suffix = "".join(inputs[0].suffixes).replace(".txt", ".jsonl")
    return folder / ("out" if inputs[0].is_dir() else f"out{suffix}")


def outcome(summary: TaggingSummary) -> tuple[object, ...]:
    return summary.documents, summary.failures, summary.entities, len(summary.outputs)


@pytest.mark.parametrize("kind", ["text", "csv", "gz", "bz2", "folder", "parquet"])
def test_a_kill_at_any_point_changes_no_byte_of_what_a_resumed_run_writes(
    tmp_path: Path, disk: Disk, kind: str
) -> None:
    inputs = write_inputs(tmp_path / "in", kind)
    whole = output_of(kind, inputs, tmp_path / "whole")
    undisturbed = run(inputs, whole)
    steps, expected = disk.done, files_in(whole.parent)
    assert steps > 12
    assert not any("tagging" in name for name in expected)
    for step in range(steps):
        output = output_of(kind, inputs, tmp_path / f"cut{step}")
        disk.dies_after(step)
        with pytest.raises(Crash):
            run(inputs, output)
        disk.dies_after(None)
        standing = files_in(output.parent)
        ready = {name for name in standing if "tagging" not in name}
        assert all(standing[name] == expected[name] for name in ready)  # whole or not there
        if not (output.parent / f".{output.name}.tagging" / "state.json").exists() and ready:
            assert ready == expected.keys()  # all is done but for clearing away
            continue
        assert outcome(run(inputs, output, "resume")) == outcome(undisturbed)
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


class Interrupted(StubTagger):
    """Is interrupted, or fails, after so many documents."""

    def __init__(self, documents: int, error: BaseException) -> None:
        self._left, self._error = documents, error

    def pipe_with_errors(self, texts: Any) -> Any:
        for each in super().pipe_with_errors(texts):
            self._left -= 1
            if self._left < 0:
                raise self._error
            yield each


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("a defect")])
def test_what_was_done_before_an_interruption_is_kept(tmp_path: Path, error: BaseException) -> None:
    inputs = write_inputs(tmp_path / "in", "gz")
    run(inputs, tmp_path / "whole.jsonl.gz")
    output = tmp_path / "out.jsonl.gz"
    with pytest.raises(type(error)):
        run(inputs, output, tagger=Interrupted(9, error), commit_seconds=1000.0)
    state = json.loads((tmp_path / ".out.jsonl.gz.tagging" / "state.json").read_text())["state"]
    assert state["reached"]["documents"] == 7  # two blocks, with an empty line
    with pytest.raises(TaggingError, match="an interrupted run stands here") as caught:
        run(inputs, output)
    assert "--resume" in str(caught.value)
    assert run(inputs, output, "resume").tagged_now == 3
    assert output.read_bytes() == (tmp_path / "whole.jsonl.gz").read_bytes()


def test_beginning_anew_forgets_the_interrupted_run(tmp_path: Path) -> None:
    inputs = write_inputs(tmp_path / "in", "text")
    output = tmp_path / "out.jsonl"
    with pytest.raises(KeyboardInterrupt):
        run(inputs, output, tagger=Interrupted(5, KeyboardInterrupt()))
    assert run(inputs, output, "overwrite").tagged_now == 7


def test_nothing_to_resume_is_a_beginning(tmp_path: Path) -> None:
    inputs = write_inputs(tmp_path / "in", "text")
    assert run(inputs, tmp_path / "out.jsonl", "resume").documents == 7


def _cut_short(tmp_path: Path, tagger: Any = None, **options: Any) -> tuple[list[Path], Path]:
    inputs, output = write_inputs(tmp_path / "in", "text"), tmp_path / "out.jsonl"
    stub = Interrupted(5, KeyboardInterrupt())
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


def test_a_model_that_is_used_in_another_way_is_refused(tmp_path: Path) -> None:
    class Set(StubTagger):
        def __init__(self, overlap: int) -> None:
            self.settings = ModelSettings(("O",), TagScheme.IOB2, overlap=overlap)

    inputs, output = _cut_short(tmp_path, Set(8))
    with pytest.raises(TaggingError, match="the way the model is used changed"):
        run(inputs, output, "resume", Set(9))
    assert not output.exists()


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


@pytest.mark.parametrize("damage", ["state", "partial"])
def test_a_damaged_journal_is_refused(tmp_path: Path, damage: str) -> None:
    inputs, output = _cut_short(tmp_path)
    folder = tmp_path / ".out.jsonl.tagging"
    path = folder / {"state": "state.json", "partial": "0.part"}[damage]
    path.write_bytes(path.read_bytes()[:-10])
    message = {"state": "the journal cannot be read", "partial": "fewer than the [0-9]+ bytes"}
    with pytest.raises(TaggingError, match=message[damage]) as caught:
        run(inputs, output, "resume")
    assert "--overwrite" in str(caught.value)
    run(inputs, output, "overwrite")


def test_a_full_disk_is_an_error_that_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = write_inputs(tmp_path / "in", "gz")
    run(inputs, tmp_path / "whole.jsonl.gz")
    output = tmp_path / "out.jsonl.gz"
    append, room = journal_module.append, [1]

    def filling(stream: BinaryIO, data: bytes) -> None:
        if stream.name.endswith("0.part"):
            room[0] -= 1
            if room[0] < 0:
                append(stream, data[:5])
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        append(stream, data)

    monkeypatch.setattr(sinks_module, "append", filling)
    with pytest.raises(TaggingError, match="cannot be written: No space left on device") as caught:
        run(inputs, output)
    assert "--resume" in str(caught.value)
    assert not output.exists()
    room[0] = 100
    assert run(inputs, output, "resume").tagged_now == 6
    assert output.read_bytes() == (tmp_path / "whole.jsonl.gz").read_bytes()


def test_broken_data_are_found_before_and_a_failing_disk_leaves_a_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, output = tmp_path / "in.jsonl.gz", tmp_path / "out.jsonl"
    source.write_bytes(gzip.compress(jsonl())[:-9])
    with pytest.raises(FormatError, match="break off"):
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


def test_a_state_comes_back_from_json() -> None:
    state = State(Reached(1, 2, 3, 4, 5, {"a": 6}), 7, 8, True, True)
    assert State.from_dict(json.loads(json.dumps(asdict(state)))) == state


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


def test_a_process_that_is_killed_is_gone_on_with(tmp_path: Path) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(jsonl(2000))
    tests = str(SUPPORT)
    arguments = [sys.executable, "-c", SLOWLY, str(source), str(output), tests]
    child = subprocess.Popen(arguments)
    state = tmp_path / ".out.jsonl.tagging" / "state.json"
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until and _documents(state) < 60:
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


def _documents(state: Path) -> int:
    try:
        return int(json.loads(state.read_text())["state"]["reached"]["documents"])
    except FileNotFoundError:
        return 0
