"""Several processes write the bytes of one, however they end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from nerine.core.errors import ProcessError, TaggingError
from nerine.serving.files import TaggingOptions, TaggingSummary, tag_files
from places import SUPPORT
from streams import POISON, StubTagger, files_in


def run(source: Path, output: Path, tagger: Any = None, **options: Any) -> TaggingSummary:
    chosen = {"shard_bytes": 2000, "commit_seconds": 0.0, **options}
    return tag_files(tagger or StubTagger(), [source], output, TaggingOptions(**chosen))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Records that make some twenty shards, three of them bad."""
    lines = [json.dumps({"id": n, "text": f"Mira was in Oslo {n}"}) for n in range(900)]
    lines[100], lines[500], lines[899] = "{bad", json.dumps({"text": POISON}), '{"text": 5}'
    path = tmp_path / "in.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_number_of_processes_changes_no_byte(tmp_path: Path, source: Path) -> None:
    heard: list[Any] = []

    class Listener:
        def started(self, name: str, done: int, size: int | None) -> None:
            heard.append((name, done, size))

        def advanced(self, done: int, documents: int) -> None:
            heard.append((done, documents))

    found = []
    for processes in (1, 2):
        heard.clear()
        folder = tmp_path / str(processes)
        folder.mkdir()
        options = TaggingOptions(shard_bytes=2000, processes=processes)
        summary = tag_files(StubTagger(), [source], folder / "out.jsonl", options, Listener())
        assert summary.tagged_now == summary.documents == 900
        found.append((files_in(folder), summary.failures, summary.entities))
    assert found[0][1] == 3
    assert found[0] == found[1]
    (name, done, shards), *steps = heard  # of two processes
    assert (name, done) == ("shards", 0)
    assert shards > 10
    assert steps == sorted(steps)
    assert steps[-1] == (shards, 900)


class Dying(StubTagger):
    """Its process is killed at a text, as long as a file is there."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def pipe_with_errors(self, texts: Any) -> Any:
        for each in super().pipe_with_errors(texts):
            if self.mark.exists() and getattr(each, "text", "").endswith("Oslo 600"):
                os.kill(os.getpid(), signal.SIGKILL)
            yield each


def test_a_worker_that_is_killed_ends_the_run_which_can_be_resumed(
    tmp_path: Path, source: Path
) -> None:
    mark, output, whole = tmp_path / "mark", tmp_path / "out.jsonl", tmp_path / "whole.jsonl"
    mark.touch()
    with pytest.raises(TaggingError, match="a process of the pool ended by itself") as caught:
        run(source, output, Dying(mark), processes=2)
    assert "--resume" in str(caught.value)
    assert not output.exists()
    mark.unlink()
    resumed = run(source, output, Dying(mark), processes=2, start="resume")
    assert 0 < resumed.tagged_now < 900
    run(source, whole)
    assert output.read_bytes() == whole.read_bytes()


class InMemory(StubTagger):
    """Cannot be pickled, as a `Tagger` that was made in memory."""

    def __reduce__(self) -> str:
        raise ProcessError("a tagger that was made in memory cannot be pickled")


def test_a_tagger_that_cannot_be_pickled_is_an_error(tmp_path: Path, source: Path) -> None:
    with pytest.raises(ProcessError, match="made in memory"):
        run(source, tmp_path / "out.jsonl", InMemory(), processes=2)


SLOWLY = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
sys.path.insert(0, sys.argv[3])
from slow_tagger import SlowTagger
from nerine.serving.files import TaggingOptions, tag_files

if __name__ == "__main__":
    options = TaggingOptions(shard_bytes=2000, commit_seconds=0.0, processes=2)
    tag_files(SlowTagger(), [sys.argv[1]], sys.argv[2], options)
"""


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_killed_is_resumed_at_once(
    tmp_path: Path, source: Path, sent: signal.Signals
) -> None:
    script, output, whole = tmp_path / "run.py", tmp_path / "out.jsonl", tmp_path / "whole.jsonl"
    script.write_text(SLOWLY)
    child = subprocess.Popen(
        [sys.executable, str(script), str(source), str(output), str(SUPPORT)],
        stderr=subprocess.PIPE,
    )
    folder = tmp_path / ".out.jsonl.tagging"
    until = time.monotonic() + 60
    while time.monotonic() < until and len([*folder.glob("*.receipt")]) < 3:
        time.sleep(0.01)
    child.send_signal(sent)
    child.communicate()
    assert not output.exists()
    done = len([*folder.glob("*.receipt")])
    assert done >= 3
    resumed = None
    while resumed is None and time.monotonic() < until:
        with contextlib.suppress(TaggingError):  # its workers end a moment later
            resumed = run(source, output, start="resume")
    assert resumed is not None
    assert 0 < resumed.tagged_now < 900
    run(source, whole)
    assert output.read_bytes() == whole.read_bytes()
