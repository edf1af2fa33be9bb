"""`nerine adapt`, from the command line to an encoder, and the texts of files."""

from __future__ import annotations

import dataclasses
import gzip
import io
import json
import os
import shlex
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import nerine
import runs
from nerine.cli import main, progress
from nerine.core.errors import FormatError, TrainingError
from nerine.serving.files.options import TaggingOptions
from nerine.serving.files.texts import texts_of_files
from nerine.training.adaptation.measurements import Measurement
from nerine.training.adaptation.settings import AdaptationSettings

SMALL = ("--steps", 4, "--validate-every", 2, "--batch-size", 8, "--learning-rate", "5e-3")


def run(*arguments: object, given: str | None = None) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments], input=given)


@pytest.fixture(scope="module")
def encoder(encoder_of: Callable[[str], Path]) -> Path:
    return encoder_of("bert")


@pytest.fixture
def posts(tmp_path: Path) -> Path:
    path = tmp_path / "posts.txt"
    path.write_text("".join(f"Mira left Lisbon again {n}\n" for n in range(40)))
    return path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What `nerine.adapt` is asked for, instead of a run."""
    calls: list[dict[str, Any]] = []

    def adapt(encoder: str, texts: Iterator[str], **options: Any) -> nerine.AdaptationRun:
        calls.append({"encoder": encoder, "texts": [*texts], **options})
        raise TrainingError("only asked")

    monkeypatch.setattr(nerine, "adapt", adapt)
    return calls


@pytest.mark.parametrize("field", dataclasses.fields(AdaptationSettings), ids=lambda f: f.name)
def test_every_setting_is_a_flag_with_its_meaning(field: dataclasses.Field[Any]) -> None:
    shown = " ".join(run("adapt", "--help").stdout.split())
    assert f"--{field.name.replace('_', '-')}" in shown
    assert field.metadata["help"][1:] in shown.replace("warm- up", "warm-up").replace(
        "base- sized", "base-sized"
    ).replace("held- out", "held-out")


def test_flags_and_files_reach_the_run(asked: list[dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("Mira was here.\n\nIn Oslo.\n")
    (tmp_path / "texts" / "b.jsonl").write_text('{"text": null}\n{"text": "Ana", "entities": []}\n')
    (tmp_path / "mine.toml").write_text("masking = 0.3\nepochs = 5\n")
    flags = ["--settings", tmp_path / "mine.toml", "--steps", 7, "--without", "sample"]
    run("adapt", "some/encoder", tmp_path / "texts", "-o", "out", *flags, "--revision", "v1")
    (call,) = asked
    assert call["settings"] == AdaptationSettings(masking=0.3, steps=7, revision="v1")
    assert call["texts"] == ["Mira was here.", "", "In Oslo.", "Ana"]
    assert (call["encoder"], call["output"]) == ("some/encoder", Path("out"))
    assert [each.source for each in call["without"]] == ["sample"]
    assert not call["resume"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--resume", "--overwrite"], "--resume and --overwrite are both given"),
        (["--left-out", "a.jsonl"], "--left-out needs --without"),
        (["--steps", "2", "--epochs", "2"], "2 steps and 2 epochs"),
        (["--masking", "0"], "masking: 0.0 is too small"),
        (["--text-field", "body", "--format", "jsonl"], "this is not valid JSON"),
    ],
)
def test_flags_that_do_not_fit_are_an_error(
    flags: list[str], message: str, asked: list[dict[str, Any]], posts: Path
) -> None:
    result = run("adapt", "encoder", posts, "-o", posts.parent / "out", *flags)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not asked


def test_a_run_prints_its_losses_and_leaves_an_encoder_for_train(
    encoder: Path, posts: Path, tmp_path: Path
) -> None:
    out = tmp_path / "adapted"
    result = run("adapt", encoder, posts, "-o", out, *SMALL)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[0].startswith("note: the encoder has no masked-language head")
    assert [line.split()[0] for line in lines[3:6]] == ["0", "2", "4"]
    assert lines[-3] == "40 texts, 10 of them held out"
    assert lines[-2].startswith("held-out loss ")
    assert lines[-1] == f"the encoder is in {out}"
    again = run("adapt", encoder, posts, "-o", out, *SMALL)
    assert (again.exit_code, "this run has ended" in again.stderr) == (2, False)
    assert "the folder is not empty" in again.stderr
    replaced = run("adapt", encoder, posts, "-o", out, *SMALL, "--overwrite", "--json")
    found = json.loads(replaced.stdout)
    assert found["encoder"] == str(out)
    assert found["best"] == 4
    assert [each["step"] for each in found["measurements"]] == [0, 2, 4]
    assert not found["learned_nothing"]
    corpus = runs.write_corpus(tmp_path / "corpus")
    trained = run("train", corpus, "--encoder", out, "-o", tmp_path / "run", "--steps", 2)
    assert trained.exit_code in (0, 3), trained.output
    info = json.loads((tmp_path / "run" / "nerine.json").read_text())["provenance"]
    assert info["adaptation"]["texts"]["documents"] == 40


@pytest.mark.slow
def test_a_loss_that_never_falls_is_said_loudly(encoder: Path, posts: Path, tmp_path: Path) -> None:
    run("adapt", encoder, posts, "-o", tmp_path / "a", *SMALL)
    flags = [*SMALL[:-1], "0.9", "--max-gradient-norm", "99"]
    result = run("adapt", tmp_path / "a", posts, "-o", tmp_path / "b", *flags)
    assert result.exit_code == 3
    assert "sign of failure: the held-out loss never fell below" in result.stdout
    assert (tmp_path / "b" / "config.json").is_file()


def test_an_interrupted_run_names_the_command_that_resumes_it(
    encoder: Path, posts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopping:
        def started(self, step: int, steps: int) -> None: ...

        def measured(self, measurement: Measurement, *, best: bool) -> None: ...

        def stepped(self, step: int) -> None:
            os.kill(os.getpid(), signal.SIGINT)

    @contextmanager
    def display() -> Iterator[Stopping]:
        yield Stopping()

    monkeypatch.setattr(progress, "adaptation_display", display)
    out = tmp_path / "adapted"
    stopped = run("adapt", encoder, posts, "-o", out, *SMALL, "--threads", 1)
    assert stopped.exit_code == 1
    command = stopped.stderr.splitlines()[-1].removeprefix("resume with: nerine ")
    monkeypatch.undo()
    resumed = run(*shlex.split(command))
    assert resumed.exit_code == 0, resumed.output
    assert "note: resumed after step 1" in resumed.stdout


def test_the_display_shows_a_row_for_each_measurement() -> None:
    from rich.console import Console

    stream = io.StringIO()
    on = Console(file=stream, width=100)
    display = progress.AdaptationDisplay(on)
    display.started(0, 10)
    display.measured(Measurement(0, 0.0, None, 2.0, 1.0), best=True)
    display.stepped(5)
    display.measured(Measurement(5, 1.0, 1.5, 1.25, 2.0), best=True)
    on.print(display)
    shown = stream.getvalue()
    assert "1.2500" in shown
    assert "3.5" in shown  # e to that
    assert shown.count("lowest") == 1
    assert "5/10" in shown


# -- texts of files ------------------------------------------------------------------------------


def test_texts_are_those_that_tag_reads(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Mira left\n\nOslo")
    (tmp_path / "b.csv").write_text('id,text\n1,"Ana, and ""Jo"""\n\n2,Ghent\n')
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress(b'{"text": "a"}\n\n{"text": null}\n'))
    texts = texts_of_files([tmp_path])
    assert [*texts] == ["Mira left", "", "Oslo", 'Ana, and "Jo"', "Ghent", "a"]
    options = TaggingOptions(text_field="id")
    assert [*texts_of_files([tmp_path / "b.csv"], options)] == ["1", "2"]


def test_a_record_that_cannot_be_read_is_an_error_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a"}\n{"text": 3}\n')
    with pytest.raises(FormatError, match=r"a\.jsonl:2: the field 'text' is not a string"):
        [*texts_of_files([path])]
    with pytest.raises(FormatError, match="the field 'body' is missing"):
        texts_of_files([path], TaggingOptions(text_field="body"))


def test_standard_input_is_read_once(asked: list[dict[str, Any]]) -> None:
    run("adapt", "e", "-", "--format", "jsonl", "-o", "o", given='{"text": "a"}\n{"text": "b"}\n')
    assert asked[0]["texts"] == ["a", "b"]
