"""`nerine tune`, from the command line to a recipe."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import nerine
import runs
from nerine.cli import main, progress
from nerine.core.errors import TrainingError
from nerine.training.settings import TrainingSettings
from nerine.training.tuning.space import RANGES
from searches import SearchRecorder

SMALL = ("--learning-rate", "1e-2", "--steps", 12, "--validate-every", 4, "--max-length", 64)
SEARCH = ("--runs", 4, "--seeds", 2, "--tune", "masking", "--tune", "freeze_embeddings")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.fixture(scope="module")
def encoder(encoder_of: Callable[[str], Path]) -> Path:
    return encoder_of("bert")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return runs.write_corpus(tmp_path / "corpus")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What `nerine.tune` is asked for, instead of a search."""
    calls: list[dict[str, Any]] = []

    def tune(corpus: nerine.Corpus, **options: Any) -> nerine.Tuning:
        calls.append({"corpus": corpus, **options})
        raise TrainingError("only asked")

    monkeypatch.setattr(nerine, "tune", tune)
    return calls


def test_the_help_lists_the_settings_that_can_be_tuned() -> None:
    shown = " ".join(run("tune", "--help").stdout.split())
    *first, last = RANGES
    assert f"Setting to tune: {', '.join(first)} or {last}." in shown
    assert sum(each.is_usual for each in RANGES.values()) == 6
    assert "the first six" in shown
    assert all(each.is_usual for each in [*RANGES.values()][:6])


def test_options_are_fixed_and_a_file_and_a_recipe_are_the_start(
    asked: list[dict[str, Any]], tmp_path: Path
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("dropout = 0.3\n")
    run("tune", "sample", "-o", "tuned", "--settings", file, "--masking", 0, "--tune", "dropout")
    assert asked[0].pop("corpus").source == "sample"
    assert asked[0] == {
        "output": Path("tuned"),
        "settings": TrainingSettings(dropout=0.3),
        "names": ("dropout",),
        "minutes": None,
        "runs": None,
        "finalists": 3,
        "seeds": 3,
        "resume": False,
        "listener": None,
        "processes": 1,
        "cluster": None,
        "masking": 0,
    }


def test_searches_and_prints_finalists_and_the_decision(
    corpus: Path, encoder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "tuned"
    result = run("tune", corpus, "-o", output, "--encoder", encoder, *SMALL, *SEARCH)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[0] == "tuned masking, freeze_embeddings"
    assert lines[1].startswith("4 runs in ")
    assert lines[1].endswith("; the budget was 4 runs")
    columns = " ".join(lines[3].split())
    assert columns == "trial settings seed 0 seed 1 mean of seed 1 ±"
    assert lines[5].split()[:3] == ["0", "the", "default"]
    assert "The recipe is" in result.stdout
    trained = f"nerine train {corpus} --settings {output}/recipe.toml -o RUN"
    assert lines[-1] == f"train with: {trained}"
    tomllib.loads((output / "recipe.toml").read_text(encoding="utf-8"))

    again = run("tune", corpus, "-o", output, "--encoder", encoder, *SMALL, *SEARCH)
    assert again.exit_code == 2
    assert "the folder is not empty" in again.stderr
    other = run("tune", corpus, "-o", output, "--encoder", encoder, *SMALL, "--resume")
    assert other.exit_code == 2
    assert "a search cannot be resumed under other conditions" in other.stderr


@contextlib.contextmanager
def _stopping_display() -> Iterator[SearchRecorder]:
    yield SearchRecorder("trial 1", 2, lambda: os.kill(os.getpid(), signal.SIGINT))


def test_an_interrupted_search_prints_how_to_resume_and_resumes(
    corpus: Path, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "tuned"
    with monkeypatch.context() as patch:
        patch.setattr(progress, "training_display", _stopping_display)
        stopped = run(
            *("tune", corpus, "-o", output, "--encoder", encoder, *SMALL, *SEARCH, "--json")
        )
    assert stopped.exit_code == 1
    assert stopped.stdout == ""
    assert "stopped by SIGINT; the search was saved" in stopped.stderr
    assert (output / "runs" / "trial-1" / "run.json").is_file()
    program, *command = shlex.split(stopped.stderr.partition("resume with: ")[2])
    assert program == "nerine"
    resumed = run(*command)
    assert resumed.exit_code == 0, resumed.output
    found = json.loads(resumed.stdout)
    assert found["runs"] == 4
    assert found["budget"] == "4 runs"
    assert [each["trial"] for each in found["finalists"]] == [0, 1]
    assert found["recipe"] == str(output / "recipe.toml")
    assert found["tuned"] == {"masking": "0 to 0.4", "freeze_embeddings": "True, False"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--tune", "seed"), "the setting 'seed' cannot be tuned"),
        (("--tune", "masking", "--masking", 0), "masking is to be tuned, and masking is given"),
        (("--minutes", 0), "minutes: 0.0 is too small"),
        (("--resume",), "found no search to resume"),
    ],
)
def test_a_search_that_cannot_begin_is_bad_input(
    options: tuple[object, ...], message: str, corpus: Path, encoder: Path, tmp_path: Path
) -> None:
    result = run("tune", corpus, "-o", tmp_path / "tuned", "--encoder", encoder, *options)
    assert result.exit_code == 2
    assert message in result.stderr


def test_results_stay_on_a_terminal_above_the_display() -> None:
    import io

    from rich.console import Console

    shown = io.StringIO()
    on = Console(file=shown, force_terminal=True, width=120, _environ={"TERM": "xterm"})
    display = progress.TrainingDisplay(on)
    with display.live:
        display.run("trial 7, 2.0 of 30 minutes")
        display.started(0, 14)
        display.ended("trial 7: F1 0.5000")
        on.print("then")
    assert "trial 7, 2.0 of 30 minutes" in shown.getvalue()
    assert "trial 7: F1 0.5000\n" in shown.getvalue().replace("\r", "")
