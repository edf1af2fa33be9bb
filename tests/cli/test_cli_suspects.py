"""`nerine suspects`."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import runs
from nerine.cli import main, progress
from nerine.cli.suspects import suspects as command
from nerine.core.document import Document, Entity
from nerine.data.formats import write_documents

SMALL = ("--epochs", 2, "--batch-size", 4, "--learning-rate", "1e-2", "--max-length", 64)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["suspects", *(str(each) for each in arguments)])


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return runs.write_corpus(tmp_path / "a corpus", 12)


@pytest.fixture(scope="module")
def options(encoder_of: Callable[[str], Path]) -> tuple[object, ...]:
    return ("--encoder", encoder_of("bert"), "--folds", 2, *SMALL)


def records(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_writes_all_and_shows_the_first(
    corpus: Path, options: tuple[object, ...], tmp_path: Path
) -> None:
    output, page = tmp_path / "out.jsonl", tmp_path / "review.html"
    work = tmp_path / "out.jsonl.work"
    work.mkdir()
    (work / "a note of the user's").touch()
    result = run(corpus, "-o", output, "--html", page, *options)
    assert result.exit_code == 0
    assert result.stderr == ""
    found = records(output)
    assert len(found) > 20
    assert [each["rank"] for each in found] == list(range(1, len(found) + 1))
    lines = result.stdout.splitlines()
    assert lines[0].startswith("note: ")
    assert lines[1] == f"{len(found)} suspects in 12 documents with 24 entities; the first 20"
    rows = [line.split() for line in lines[4:24]]
    assert [(row[0], row[1]) for row in rows] == [
        (str(each["rank"]), each["kind"]) for each in found[:20]
    ]
    assert f"{corpus}/train.conll:" in lines[4]
    assert lines[-2:] == [f"wrote {output}", f"wrote {page}"]
    assert page.read_text().count("<li ") == len(found)
    assert [path.name for path in work.iterdir()] == ["a note of the user's"]


@contextlib.contextmanager
def _stopping_display() -> Iterator[_Stopper]:
    yield _Stopper()


class _Stopper:
    """Interrupts the run of the second fold."""

    number = 0

    def fold(self, number: int, folds: int) -> None:
        self.number = number

    def started(self, step: int, steps: int) -> None: ...

    def stepped(self, step: int) -> None:
        if self.number == 2:
            os.kill(os.getpid(), signal.SIGINT)

    def evaluated(self, record: object, *, best: bool) -> None: ...


def test_an_interrupted_call_prints_how_to_resume_and_resumes(
    corpus: Path, options: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, work = tmp_path / "out.jsonl", tmp_path / "work"
    arguments = ["-o", output, *options, "--split", "train", "--split", "validation"]
    with monkeypatch.context() as patch:
        patch.setattr(progress, "training_display", _stopping_display)
        stopped = run(corpus, *arguments, "--work", work, "--no-tag-prior", "--keep-work", "--json")
    assert stopped.exit_code == 1
    assert stopped.stdout == ""
    assert not output.exists()
    program, name, *again = shlex.split(stopped.stderr.partition("resume with: ")[2])
    assert (program, name, again[-1]) == ("nerine", "suspects", "--resume")

    resumed = run(*again)
    assert resumed.exit_code == 0
    shown = json.loads(resumed.stdout)
    assert shown["suspects"] == records(output)
    assert shown["documents"] == 16
    assert {each["split"] for each in shown["suspects"]} == {"train", "validation"}
    assert sorted(path.name for path in work.iterdir()) == ["fold-1-of-2", "fold-2-of-2"]

    removing = [each for each in again if each not in ("--json", "--keep-work")]
    assert run(*removing).exit_code == 0
    assert not work.exists()


@pytest.mark.parametrize("flag", ["-o", "--html"])
def test_the_corpus_is_not_replaced(flag: str, corpus: Path, tmp_path: Path) -> None:
    path = corpus / "train.conll"
    before = path.read_bytes()
    others = ["-o", tmp_path / "out.jsonl"] if flag == "--html" else []
    for source in (corpus, path):
        result = run(source, *others, flag, path)
        assert result.exit_code == 2
        assert f"{path}: this file is read, and the output would replace it" in result.stderr
    assert path.read_bytes() == before


def test_a_judgement_that_is_interrupted_says_so(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("nerine.model.loading.checkpoint.load_checkpoint", interrupted)
    result = run(corpus, "-o", tmp_path / "out.jsonl", "--checkpoint", "any")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "interrupted\n")
    assert not (tmp_path / "out.jsonl").exists()


def test_a_model_that_is_there_judges_without_training(
    corpus: Path, checkpoint_of: Callable[..., Path], tmp_path: Path
) -> None:
    output = tmp_path / "out.jsonl"
    model = checkpoint_of("bert")
    result = run(corpus, "-o", output, "--split", "validation", "--checkpoint", model, "--json")
    assert result.exit_code == 0
    assert {each["split"] for each in records(output)} == {"validation"}
    shown = json.loads(result.stdout)["contamination"]["text"]
    assert "no record says whether the checkpoint has seen" in shown


def test_nothing_to_suspect_is_said(tmp_path: Path, checkpoint_of: Callable[..., Path]) -> None:
    write_documents([Document("")], tmp_path / "train.jsonl")
    output = tmp_path / "out.jsonl"
    result = run(tmp_path / "train.jsonl", "-o", output, "--checkpoint", checkpoint_of("bert"))
    assert "0 suspects in 1 document with 0 entities\n" in result.stdout
    assert output.read_bytes() == b""


def test_texts_do_not_steer_the_terminal(
    tmp_path: Path, checkpoint_of: Callable[..., Path]
) -> None:
    text = "\x1b[31mLisbon [bold]x[/]\u202e"
    document = Document(text, (Entity(0, len(text), "person"),))
    write_documents([document], tmp_path / "train.jsonl")
    output = tmp_path / "out.jsonl"
    result = run(tmp_path / "train.jsonl", "-o", output, "--checkpoint", checkpoint_of("bert"))
    assert result.exit_code == 0
    assert "␛[31mLisbon [bold]x[/]\ufffd (person)" in result.stdout
    assert records(output)[0]["text"] == text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "."], ".: this is a folder"),
        (["-o", "no/out.jsonl"], "no: the folder does not exist"),
        (["-o", "a", "--html", "./a"], "-o and --html name the same file"),
        (["-o", "a", "--folds", "1"], "Invalid value for '--folds'"),
        (["-o", "a", "--split", "dev"], "there is no dev split"),
        (["-o", "a", "--epochs", "0"], "epochs: 0 is too small"),
        (["-o", "a", "--checkpoint", "m", "--epochs", "2"], "--epochs is for training"),
        (["-o", "a", "--checkpoint", "m", "--resume"], "--resume is for training"),
        (["-o", "a", "--resume"], "a.work: there is nothing to resume"),
        (["-o", "a", "--checkpoint", "./m"], "./m"),
    ],
)
def test_bad_input_is_an_error_at_once(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("sample", *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert message in result.stderr
    assert [*tmp_path.iterdir()] == []


def test_a_working_folder_in_use_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "out.jsonl.work" / "fold-1-of-4").mkdir(parents=True)
    result = run("sample", "-o", tmp_path / "out.jsonl")
    assert result.exit_code == 2
    assert "the working folder holds 'fold-1-of-4' already" in result.stderr
    resumed = run("sample", "-o", tmp_path / "out.jsonl", "--resume")
    assert resumed.exit_code == 2
    assert "expected: runs of 3 folds" in resumed.stderr


def test_the_help_names_the_settings_that_are_used() -> None:
    shown = " ".join(run("--help").stdout.split())
    assert "Settings that are not given are planned for each fold, as in nerine train" in shown
    assert {parameter.name for parameter in command.params} >= {"epochs", "encoder", "seed"}


@pytest.fixture
def rare(tmp_path: Path) -> Path:
    """A corpus of which a short training learns nothing: one word of 21 is an entity."""
    texts = [f"{number:2} {'so ' * 20}Mira" for number in range(24)]
    path = tmp_path / "train.jsonl"
    write_documents((Document(text, (Entity(63, 67, "person"),)) for text in texts), path)
    return path


def test_models_that_have_learned_nothing_are_no_judges(
    rare: Path, options: tuple[object, ...], tmp_path: Path
) -> None:
    output, work = tmp_path / "out.jsonl", tmp_path / "work"
    arguments = ["-o", output, *options, "--learning-rate", "1e-9", "--max-length", 64]
    result = run(rare, *arguments, "--work", work)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "the model has learned nothing: it finds 0 of " in result.stderr
    assert "hint: train longer: --steps 300; " in result.stderr
    assert "--work FOLDER" in result.stderr
    assert not output.exists()
    assert [path.name for path in work.iterdir()] == ["fold-1-of-2"]  # no other was trained

    resumed = run(rare, *arguments, "--work", work, "--resume")
    assert resumed.exit_code == 2
    assert resumed.stderr == result.stderr
    judged = run(rare, "-o", output, "--checkpoint", work / "fold-1-of-2")
    assert judged.exit_code == 2
    assert "the model has learned nothing" in judged.stderr
    assert "without --checkpoint, models are trained by cross-validation" in judged.stderr
