"""`nerine distill`, from the command line to a student."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shlex
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import nerine
import runs
from nerine.cli import main, progress
from nerine.core.errors import TrainingError
from nerine.training.distillation.settings import DistillationSettings

SMALL = (
    *("--layers", 1, "--epochs", 2, "--batch-size", 4, "--learning-rate", "1e-2"),
    *("--precision", "fp32"),  # planned by the device otherwise, with a note
)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.fixture(scope="module")
def teacher(checkpoint_of: Callable[..., Path]) -> Path:
    return checkpoint_of("bert")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return runs.write_corpus(tmp_path / "corpus")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What `nerine.distill` is asked for, instead of a run."""
    calls: list[dict[str, Any]] = []

    def distill(teacher: str, corpus: nerine.Corpus, **options: Any) -> nerine.TrainingRun:
        calls.append({"teacher": teacher, "corpus": corpus, **options})
        raise TrainingError("only asked")

    monkeypatch.setattr(nerine, "distill", distill)
    return calls


@pytest.mark.parametrize("field", dataclasses.fields(DistillationSettings), ids=lambda f: f.name)
def test_every_setting_is_a_flag_with_its_meaning(field: dataclasses.Field[Any]) -> None:
    shown = " ".join(run("distill", "--help").stdout.split())
    assert f"--{field.name.replace('_', '-')}" in shown
    assert field.metadata["help"][1:] in shown.replace("warm- up", "warm-up")


def test_flags_and_files_reach_the_run(asked: list[dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "posts.txt").write_text("Mira was here.\n\nIn Oslo.\n")
    (tmp_path / "more.jsonl").write_text('{"text": "Ana left."}\n')
    (tmp_path / "mine.toml").write_text("temperature = 3.0\nepochs = 5\nkeep_layers = [0, 2]\n")
    files = ["--unlabelled", tmp_path / "posts.txt", "--unlabelled", tmp_path / "more.jsonl"]
    flags = ["--settings", tmp_path / "mine.toml", "--keep-layers", "0,2,5", "--epochs", 3]
    run("distill", "runs/a", "sample", "-o", "run", *files, *flags, "--revision", "v1")
    (call,) = asked
    assert call["settings"] == DistillationSettings(
        keep_layers=(0, 2, 5), temperature=3.0, epochs=3
    )
    texts = [each if isinstance(each, str) else each.text for each in call["unlabelled"]]
    assert texts == ["Mira was here.", "", "In Oslo.", "Ana left."]
    assert (call["teacher"], call["output"], call["revision"]) == ("runs/a", Path("run"), "v1")
    assert call["corpus"].source == "sample"
    assert not call["resume"]


def test_further_teachers_reach_the_run(asked: list[dict[str, Any]]) -> None:
    run("distill", "runs/a", "sample", "-o", "run", "--teacher", "runs/b", "--teacher", "runs/c")
    (call,) = asked
    assert call["teacher"] == ["runs/a", "runs/b", "runs/c"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--keep-layers", "0,x"], "'0,x' is not a list of whole numbers"),
        (["--keep-layers", "1,0"], "keep_layers: (1, 0) is not a valid list of layers"),
        (["--layers", "2"], "layers: 2 layers for the student of a teacher that has 2"),
        (["--layers", "1", "--keep-layers", "0,1"], "layers: 1 layers, but keep_layers lists 2"),
        (["--encoder-revision", "v1"], "encoder_revision: the revision 'v1' of no encoder"),
        (["--encoder", "none/such"], "none/such"),
        (["--unlabelled", "none.txt"], "none.txt: the file does not exist"),
    ],
)
def test_what_cannot_be_used_is_an_error(
    flags: list[str], message: str, teacher: Path, corpus: Path, tmp_path: Path
) -> None:
    result = run("distill", teacher, corpus, "-o", tmp_path / "student", *flags)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "student").exists()


def test_a_teacher_and_a_corpus_have_to_be_there(corpus: Path, tmp_path: Path) -> None:
    output = tmp_path / "student"
    missing = run("distill", tmp_path / "none", corpus, "-o", output)
    assert missing.exit_code == 2
    assert "there is no such folder" in missing.stderr
    assert "Missing argument 'CORPUS'" in run("distill", "runs/a", "-o", output).stderr


def test_makes_a_student_and_prints_the_epochs(teacher: Path, corpus: Path, tmp_path: Path) -> None:
    output = tmp_path / "student"
    result = run("distill", teacher, corpus, "-o", output, *SMALL)
    assert result.exit_code == 0
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[0] == "note: the student keeps 1 of the teacher's 2 layers: 0"
    assert lines[1].startswith("note: the teacher's validation F1 is 0.")
    assert lines[2].split()[:3] == ["epoch", "training", "loss"]
    assert lines[-1] == f"the checkpoint is in {output}"
    assert nerine.Tagger.load(output).labels == ("location", "person")
    again = run("distill", teacher, corpus, "-o", output, *SMALL)
    assert again.exit_code == 2
    assert "the folder is not empty" in again.stderr


def test_makes_a_student_and_prints_json(teacher: Path, corpus: Path, tmp_path: Path) -> None:
    output = tmp_path / "student"
    result = run("distill", teacher, corpus, "-o", output, *SMALL, "--json")
    found = json.loads(result.stdout)
    assert found["checkpoint"] == str(output)
    assert [each["epoch"] for each in found["epochs"]] == [1, 2]
    assert len(found["notes"]) == 2


class _Stopper:
    """A listener that interrupts the run after three steps."""

    def started(self, step: int, steps: int) -> None: ...

    def stepped(self, step: int) -> None:
        if step == 3:
            os.kill(os.getpid(), signal.SIGINT)

    def evaluated(self, record: Any, *, best: bool) -> None: ...


@contextlib.contextmanager
def _stopping_display() -> Iterator[_Stopper]:
    yield _Stopper()


def test_an_interrupted_run_prints_how_to_resume_and_resumes(
    teacher: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spaced = corpus.rename(tmp_path / "my corpus")
    (tmp_path / "posts.txt").write_text("Mira was here.\n")
    flags = [*SMALL[2:], "--keep-layers", "1", "--unlabelled", tmp_path / "posts.txt", "--repair"]
    with monkeypatch.context() as patch:
        patch.setattr(progress, "training_display", _stopping_display)
        stopped = run("distill", teacher, spaced, "-o", tmp_path / "student", *flags)
    assert stopped.exit_code == 1
    assert "stopped by SIGINT; the state was saved" in stopped.stderr
    program, *command = shlex.split(stopped.stderr.partition("resume with: ")[2])
    assert program == "nerine"
    assert command[-1] == "--resume"
    assert run(*command, "--temperature", 9).exit_code == 2
    resumed = run(*command)
    assert resumed.exit_code == 0
    assert "note: resumed after step 3" in resumed.stdout
    assert len(nerine.Tagger.load(tmp_path / "student").predict(["Mira"])) == 1
