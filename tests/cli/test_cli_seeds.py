"""`nerine train --seeds`, and `nerine compare` with the group of runs that it leaves."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import nerine
import runs
from nerine.cli import main, progress
from nerine.evaluation.epochs import EpochRecord

SMALL = (
    *("--epochs", 2, "--batch-size", 4, "--learning-rate", "1e-2", "--max-length", 64),
    *("--precision", "fp32", "--no-crf"),
)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def as_json(*arguments: object) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def encoder(encoder_of: Callable[[str], Path]) -> Path:
    return encoder_of("bert")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return runs.write_corpus(tmp_path_factory.mktemp("seeds") / "corpus")


@pytest.fixture(scope="module")
def soup(corpus: Path, encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `nerine train --json` says of two seeds whose soup is kept."""
    folder = tmp_path_factory.mktemp("runs") / "soup"
    options = ["-o", folder, "--encoder", encoder, *SMALL, "--seeds", 2, "--keep", "soup"]
    found: dict[str, Any] = as_json("train", corpus, *options)
    return found


def test_prints_a_row_for_each_seed_and_their_spread(
    corpus: Path, encoder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "run"
    options = ["--encoder", encoder, *SMALL, "--seed", 4, "--seeds", 3]
    result = run("train", corpus, "-o", output, *options)
    assert result.exit_code == 0
    assert result.stderr == ""
    lines = [line.split() for line in result.stdout.splitlines()]
    assert " ".join(lines[1]) == ("seed epoch validation loss precision recall F1 accuracy")
    rows = lines[3:6]
    assert [row[0] for row in rows] == ["4", "5", "6"]
    kept = [row for row in rows if row[-1] == "kept"]
    scores = [float(row[5]) for row in rows]
    assert [float(row[5]) for row in kept] == [max(scores)]
    assert lines[6][0] == "F1"
    assert float(lines[6][1]) == pytest.approx(statistics.mean(scores), abs=1e-4)
    assert float(lines[6][3]) == pytest.approx(statistics.stdev(scores), abs=1e-4)
    assert result.stdout.endswith(f"the checkpoint is in {output}\n")
    again = run("train", corpus, "-o", output, *options)
    assert again.exit_code == 2
    assert f"error: {output}: the folder is not empty" in again.stderr


def test_prints_json(soup: dict[str, Any]) -> None:
    folder = Path(soup["checkpoint"])
    assert [each["seed"] for each in soup["seeds"]] == [0, 1]
    scores = [each["f1"] for each in soup["seeds"]]
    assert soup["mean"] == pytest.approx(statistics.mean(scores))
    assert soup["deviation"] == pytest.approx(statistics.stdev(scores))
    assert [each["checkpoint"] for each in soup["seeds"]] == [
        str(folder / name) for name in ("seed-0", "seed-1")
    ]
    for each in soup["seeds"]:
        assert each["f1"] == max(record["f1"] for record in each["epochs"])
    info = json.loads((folder / "nerine.json").read_text())
    assert soup["soup"]["overall"]["f1"] == info["scores"]["validation"]["f1"]
    assert (soup["keep"], soup["kept"], soup["interrupted"]) == ("soup", None, None)


class _Stopper:
    """A listener that interrupts the second seed after three steps."""

    def __init__(self) -> None:
        self.number = 0

    def seed(self, number: int, seeds: int) -> None:
        self.number = number

    def started(self, step: int, steps: int) -> None: ...

    def stepped(self, step: int) -> None:
        if (self.number, step) == (2, 3):
            os.kill(os.getpid(), signal.SIGINT)

    def evaluated(self, record: EpochRecord, *, best: bool) -> None: ...


@contextlib.contextmanager
def _stopping_display() -> Iterator[_Stopper]:
    yield _Stopper()


@pytest.mark.parametrize("repeated", [True, False])
def test_an_interrupted_group_resumes(
    repeated: bool,
    soup: dict[str, Any],
    corpus: Path,
    encoder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    output = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(progress, "training_display", _stopping_display)
        options = ["--encoder", encoder, *SMALL, "--seeds", 2, "--keep", "soup"]
        stopped = run("train", corpus, "-o", output, *options)
    assert stopped.exit_code == 1
    assert stopped.stdout == ""
    assert "stopped by SIGINT; the state was saved" in stopped.stderr
    program, *command = shlex.split(stopped.stderr.partition("resume with: ")[2])
    assert program == "nerine"
    if not repeated:  # the settings, the number of seeds and the choice are those of the group
        command = ["train", str(corpus), "-o", str(output), "--resume"]
    found = as_json(*command)
    assert found["notes"][0] == "seed 1: resumed after step 3"
    assert found["soup"] == soup["soup"]


def test_an_interrupted_group_as_json(
    corpus: Path, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "training_display", _stopping_display)
    options = ["-o", tmp_path / "run", "--encoder", encoder, *SMALL, "--seeds", 3, "--json"]
    stopped = run("train", corpus, *options)
    assert stopped.exit_code == 1
    found = json.loads(stopped.stdout)
    assert found["interrupted"] == "SIGINT"
    assert (found["checkpoint"], found["mean"], found["kept"]) == (None, None, None)
    assert [each["interrupted"] for each in found["seeds"]] == [None, "SIGINT"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--keep", "best"], "--keep needs --seeds"),
        (["--seeds", "1"], "Invalid value for '--seeds'"),
        (["--seeds", "2", "--keep", "worst"], "Invalid value for '--keep'"),
        (["--seeds", "2", "--resume"], "found no run to resume"),
    ],
)
def test_bad_options_are_an_error(
    options: list[str], message: str, encoder: Path, corpus: Path, tmp_path: Path
) -> None:
    result = run("train", corpus, "-o", tmp_path / "run", "--encoder", encoder, *options)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "run").exists()


def test_a_run_of_one_seed_is_not_resumed_as_a_group(
    corpus: Path, encoder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nerine.training.run.save_checkpoint", _die)
        assert run("train", corpus, "-o", output, "--encoder", encoder, *SMALL).exit_code == 1
    result = run("train", corpus, "-o", output, "--resume", "--seeds", 2)
    assert result.exit_code == 2
    assert "the number of seeds is different" in result.stderr
    assert run("train", corpus, "-o", output, "--resume").exit_code == 0


def _die(*_: object) -> None:
    raise KeyboardInterrupt


def test_compare_takes_the_runs_of_a_group(
    soup: dict[str, Any], corpus: Path, checkpoint_of: Callable[..., Path]
) -> None:
    folder, other = Path(soup["checkpoint"]), checkpoint_of()
    gold = corpus / "validation.conll"
    found = as_json("compare", gold, folder, f"other={other}")
    group, single = found["systems"]
    assert group["name"] == str(folder)
    assert group["values"] == [each["f1"] for each in soup["seeds"]]
    assert len(single["values"]) == 1
    assert f"{folder}: the runs of its 2 seeds are compared" in found["notes"]
    named = [f"{folder}={folder / name}" for name in ("seed-0", "seed-1")]
    assert (
        as_json("compare", gold, *named, f"other={other}")["differences"] == (found["differences"])
    )
    kept = as_json("compare", gold, folder, f"other={other}", "--kept")
    assert kept["systems"][0]["values"] == [soup["soup"]["overall"]["f1"]]
    assert not [note for note in kept["notes"] if "seeds" in note]


def test_compare_refuses_a_group_without_one_of_its_runs(
    soup: dict[str, Any], corpus: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(soup["checkpoint"], copy)
    shutil.rmtree(copy / "seed-1")
    result = run("compare", corpus, copy, soup["checkpoint"], "--split", "validation")
    assert result.exit_code == 2
    assert "the run seed-1 is missing" in result.stderr
    shutil.rmtree(copy / "seed-0")
    systems = as_json("compare", corpus, copy, soup["checkpoint"], "--split", "validation")
    assert [len(each["values"]) for each in systems["systems"]] == [1, 2]


def test_a_group_is_evaluated_as_its_kept_checkpoint(soup: dict[str, Any], corpus: Path) -> None:
    found = as_json("evaluate", soup["checkpoint"], corpus, "--split", "validation")
    assert found["overall"]["f1"] == soup["soup"]["overall"]["f1"]
    assert nerine.Tagger.load(soup["checkpoint"]).labels == ("location", "person")
