"""`nerine tag` as it is called."""

from __future__ import annotations

import io
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from nerine.cli import main
from nerine.cli.progress import TaggingDisplay, tagging_bar
from nerine.cli.resuming import resuming_command
from nerine.cli.tag import tag
from nerine.model.tagger import Tagger
from streams import files_in
from tiny import make_foreign

TEXTS = ("Mira Okonjo left Oslo .", "", "Nobody was there .")


@pytest.fixture(scope="module")
def checkpoint(checkpoint_of: Callable[..., Path]) -> Path:
    return checkpoint_of("bert")


@pytest.fixture
def posts(tmp_path: Path) -> Path:
    path = tmp_path / "posts.txt"
    path.write_text("\n".join(TEXTS))
    return path


def run(*arguments: object, **options: Any) -> Result:
    return CliRunner().invoke(main, ["tag", *map(str, arguments)], **options)


def test_tags_a_file_and_says_what_it_did(checkpoint: Path, posts: Path, tagger: Tagger) -> None:
    output = posts.with_name("out.jsonl")
    result = run(checkpoint, posts, "-o", output)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == ""
    records = [json.loads(line) for line in output.read_text().splitlines()]
    assert [record["text"] for record in records] == [*TEXTS]
    found = sum(len(document.entities) for document in tagger.predict(TEXTS))
    assert sum(len(record["entities"]) for record in records) == found > 0
    assert f"3 documents tagged, {found} entit" in result.stderr
    assert "documents/s" in result.stderr
    assert f"written: {output}" in result.stderr
    again = run(checkpoint, posts, "-o", output)
    assert again.exit_code == 2
    assert "this output exists" in again.stderr
    assert run(checkpoint, posts, "-o", output, "--overwrite").exit_code == 0


@pytest.mark.slow
def test_two_processes_write_what_one_writes(checkpoint: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text("\n".join([*TEXTS, name]))
    for processes in (1, 2):
        output = tmp_path / f"out{processes}"
        # one thread each: models differ in the last digits with other numbers
        given = (checkpoint, folder, "-o", output, "--threads", 1, "--processes", processes)
        assert run(*given).exit_code == 0
    assert files_in(tmp_path / "out1") == files_in(tmp_path / "out2")


def verify(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["verify", *map(str, arguments)])


def test_a_folder_of_shards_and_its_proof(checkpoint: Path, tmp_path: Path) -> None:
    source, output = tmp_path / "in.txt", tmp_path / "out"
    source.write_text("\n".join([*TEXTS] * 10))
    sized = (checkpoint, source, "-o", output, "--threads", 1, "--shard-size", 0.0001)
    first = run(*sized, "--shard", "2/3", "--json")
    assert first.exit_code == 0, first.stderr
    done, of = json.loads(first.stdout)["shards"]
    assert 0 < done < of
    assert f"written: {done} of {of} shards in {output}" in first.stderr
    part = verify(output)
    assert part.exit_code == 1
    assert f"{done} of {of} shards are done" in part.stdout
    assert "nerine tag with --resume completes it" in part.stdout
    refused = run(*sized, "--shards")
    assert refused.exit_code == 2
    assert "the output of a run is in this folder" in refused.stderr
    rest = run(*sized, "--shards", "--resume")
    assert rest.exit_code == 0, rest.stderr
    assert f"written: {of} shards in {output}; nerine verify reads all of it" in rest.stderr
    whole = verify(output, "--json")
    assert whole.exit_code == 0
    found = json.loads(whole.stdout)
    assert found["is_whole"]
    assert (found["done"], found["shards"], found["documents"]) == (of, of, 30)
    records = [path.read_bytes() for path in sorted(output.glob("in-*.jsonl"))]
    assert b"".join(records).count(b"\n") == 30
    (output / "in-000001.jsonl").write_bytes(b"")
    wrong = verify(output)
    assert wrong.exit_code == 1
    assert "in-000001.jsonl: 0 bytes with the hash" in wrong.stdout
    assert "not whole: 1 problem" in wrong.stdout
    for other in (tmp_path, source):
        refused = verify(other)
        assert refused.exit_code == 2
        assert "this is not an output of nerine tag --shards" in refused.stderr
    assert run(*sized, "--shard", "4/3").exit_code == 2
    typo = run(*sized, "--shard", "3-64")
    assert typo.exit_code == 2
    assert "'3-64' is not a share, such as 3/64" in typo.stderr


def test_the_summary_as_json_and_the_exit_code_of_failures(
    checkpoint: Path, tmp_path: Path
) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text('{"body": "Mira left Oslo ."}\n{"body": 5}\n')
    result = run(
        checkpoint, source, "-o", output, "--text-field", "body", "--into", "found", "--json"
    )
    assert result.exit_code == 1
    summary = json.loads(result.stdout)
    assert (summary["documents"], summary["failures"], summary["tagged_now"]) == (2, 1, 2)
    assert summary["outputs"] == [str(output)]
    assert summary["failed"] == f"{output}.failed.jsonl"
    assert "1 document failed: they and the reasons are in" in result.stderr
    assert "found" in json.loads(output.read_text())
    assert json.loads(Path(summary["failed"]).read_text())["line"] == 2


def test_a_table_of_entities_and_records_without_their_texts(
    checkpoint: Path, posts: Path, tagger: Tagger
) -> None:
    output = posts.with_name("out.tsv")
    result = run(checkpoint, posts, "-o", output, "--as", "entities", "--json")
    assert result.exit_code == 0, result.stderr
    rows = [line.split("\t") for line in output.read_text().splitlines()]
    expected = [
        [str(number), document.surface(entity), entity.label]
        for number, document in enumerate(tagger.predict(TEXTS), start=1)
        for entity in document.entities
    ]
    assert [[row[0], row[2], row[3]] for row in rows[1:]] == expected
    assert sum(json.loads(result.stdout)["entities"].values()) == len(expected)
    full = run(checkpoint, posts, "-o", "-")
    compact = run(checkpoint, posts, "-o", "-", "--compact")
    for line, other in zip(full.stdout.splitlines(), compact.stdout.splitlines(), strict=True):
        record = json.loads(line)
        texts = [entity.pop("text") for entity in record["entities"]]
        assert record == json.loads(other)
        assert texts == [record["text"][e["start"] : e["end"]] for e in record["entities"]]
    refused = run(checkpoint, posts, "-o", output, "--id", "n")
    assert refused.exit_code == 2
    assert "--as entities" in refused.stderr


def test_standard_input_to_standard_output(checkpoint: Path, posts: Path) -> None:
    given = "\n".join(TEXTS)
    result = run(checkpoint, "-", "-o", "-", "--format", "text", input=given)
    assert result.exit_code == 0, result.stderr
    assert [json.loads(line)["text"] for line in result.stdout.splitlines()] == [*TEXTS]
    output = posts.with_name("out.jsonl")
    assert run(checkpoint, posts, "-o", output).exit_code == 0
    assert output.read_text() == result.stdout
    bare = run(checkpoint, "-", "-o", "-", input=given)
    assert bare.exit_code == 2
    assert "the format of standard input is unknown" in bare.stderr
    assert run(checkpoint, posts, "-o", "-", "--json").exit_code == 2


def test_thresholds_drop_entities(checkpoint: Path, posts: Path) -> None:
    result = run(checkpoint, posts, "-o", "-", "--thresholds", "1")
    assert [json.loads(line)["entities"] for line in result.stdout.splitlines()] == [[], [], []]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("absent.txt", "-o", "out.jsonl"), "file not found"),
        (("posts.txt", "-o", "no/out.jsonl"), "folder not found"),
        (("posts.txt", "-o", "out.jsonl", "--resume", "--overwrite"), "both given"),
        (("posts.txt", "-o", "out.jsonl", "--into", "text"), "would replace the text"),
        (("bad.jsonl.gz", "-o", "out.jsonl"), "the compressed data are damaged"),
        (("posts.txt", "posts.txt", "-o", "-"), "several outputs cannot go to one stream"),
    ],
)
def test_what_is_wrong_is_said_before_a_model_is_loaded(
    posts: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(posts.parent)
    Path("bad.jsonl.gz").write_bytes(b"no gzip")
    result = run("no-such-checkpoint", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert files_in(posts.parent).keys() == {"posts.txt", "bad.jsonl.gz"}


def test_another_model_is_refused_on_resume_before_it_is_loaded(
    checkpoint: Path,
    checkpoint_of: Callable[..., Path],
    posts: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    output = posts.with_name("out.jsonl")

    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Tagger, "pipe_with_errors", interrupted)
        result = run(checkpoint, posts, "-o", output)
    assert result.exit_code == 1
    assert "the state was saved" in result.stderr
    assert f"resume with: nerine tag {checkpoint} {posts} -o {output} --resume" in (
        result.stderr.replace("--output", "-o")
    )
    with monkeypatch.context() as patched:
        patched.setattr(Tagger, "load", interrupted)
        refused = run(checkpoint_of("roberta"), posts, "-o", output, "--resume")
    assert refused.exit_code == 2
    assert "the model changed since the run was interrupted: config.json was" in refused.stderr
    begun = run(checkpoint, posts, "-o", output)
    assert "an interrupted run exists" in begun.stderr
    assert run(checkpoint, posts, "-o", output, "--resume").exit_code == 0
    assert files_in(posts.parent).keys() == {"posts.txt", "out.jsonl"}


def test_other_tags_are_refused_on_resume_before_the_model_is_loaded(
    posts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_foreign(tmp_path / "model", {index: f"LABEL_{index}" for index in range(3)})

    def interrupted(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    output = posts.with_name("out.jsonl")
    given = (model, posts, "-o", output, "--tags", "LABEL_1=B-person,LABEL_2=I-person")
    with monkeypatch.context() as patched:
        patched.setattr(Tagger, "pipe_with_errors", interrupted)
        assert run(*given).exit_code == 1
    with monkeypatch.context() as patched:
        patched.setattr(Tagger, "load", interrupted)
        refused = run(*given[:-1], "LABEL_1=B-place,LABEL_2=I-place", "--resume")
    assert refused.exit_code == 2
    assert "changed since the run was interrupted" in refused.stderr
    assert run(*given, "--resume").exit_code == 0


def test_the_resuming_command_does_not_start_again() -> None:
    given = ["runs/a", "x.txt", "-o", "y.jsonl", "--overwrite", "--thresholds", "saved"]
    with tag.make_context("tag", given) as context:
        again = resuming_command(context)
    assert again == "nerine tag runs/a x.txt -o y.jsonl --thresholds saved --resume"


# without torch, whose loading would take most of the time
WAITING = """
import sys, time, types
tagger = types.ModuleType("nerine.model.tagger")
class Tagger:
    notes = ()
    @classmethod
    def load(cls, *names, **options):
        return cls()
    def pipe_with_errors(self, texts):
        time.sleep(60)
        yield from texts
tagger.Tagger = Tagger
sys.modules["nerine.model.tagger"] = tagger
from nerine.cli import main
main(sys.argv[1:])
"""


def test_a_signal_ends_the_bar_and_the_state_is_saved(checkpoint: Path, posts: Path) -> None:
    output = posts.with_name("out.jsonl")
    arguments = ["tag", str(checkpoint), str(posts), "-o", str(output)]
    leader, follower = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", WAITING, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=follower,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "200"},
    )
    os.close(follower)
    shown = b""
    while b"posts.txt" not in shown:  # the bar
        piece = _shown(leader)
        assert piece, shown  # the child is gone
        shown += piece
    child.send_signal(signal.SIGTERM)
    shown += b"".join(iter(lambda: _shown(leader), b""))
    assert child.wait(timeout=60) == 1
    os.close(leader)
    assert b"resume with: nerine tag" in shown
    assert b"Traceback" not in shown
    assert not output.exists()
    assert (posts.parent / ".out.jsonl.tagging" / "state.json").exists()


def _shown(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # the other side is closed
        return b""


def test_the_bar_shows_documents_and_their_rate() -> None:
    stream = io.StringIO()
    on = Console(file=stream, force_terminal=True, width=100, _environ={})
    with tagging_bar(on) as bar:
        display = TaggingDisplay(bar)
        display.started("a\x1b[31m.txt", 0, 100)
        display.advanced(50, 2000)
        bar.refresh()
    assert "2,000 documents" in stream.getvalue()
    assert "/s" in stream.getvalue()
    assert "a\x1b[31m" not in stream.getvalue()
