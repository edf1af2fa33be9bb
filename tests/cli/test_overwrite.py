"""`--overwrite` and `--threads` of commands that train."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nerine.cli import main
from nerine.cli.outputs import remove_run
from nerine.core.errors import TrainingError
from nerine.data.formats import write_documents
from nerine.model.backends.hardware import number_of_threads
from tiny import documents

SMALL = ("--epochs", "1", "--learning-rate", "1e-3", "--no-tag-prior")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for name in ("train", "validation"):
        write_documents(documents(), folder / f"{name}.conll")
    return folder


@pytest.mark.parametrize("mark", ["run.json", "nerine.json", "study.jsonl"])
def test_a_run_is_removed(tmp_path: Path, mark: str) -> None:
    folder = tmp_path / "run"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / mark).touch()
    remove_run(folder, ["sample", "package:some"])
    assert not folder.exists()
    remove_run(folder, [])


def test_what_is_not_a_run_stays(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(TrainingError, match="not the folder of a run"):
        remove_run(tmp_path, [])
    with pytest.raises(TrainingError, match="not the folder of a run"):
        remove_run(tmp_path / "thesis.txt", [])
    assert (tmp_path / "thesis.txt").exists()


def test_a_run_that_is_read_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    Path("run/run.json").touch()
    for source in ("run", str(tmp_path / "run"), "run/texts.jsonl"):
        with pytest.raises(TrainingError, match="--overwrite would remove it"):
            remove_run(Path("run"), [source])
    assert Path("run/run.json").exists()


def test_a_run_takes_the_place_of_an_earlier_one(
    corpus: Path, tmp_path: Path, encoder_of: Callable[[str], Path]
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "run.json").touch()
    (folder / "of-the-earlier-run").touch()
    arguments = ["train", corpus, "-o", folder, "--encoder", encoder_of("bert"), *SMALL]
    assert "the folder is not empty" in run(*arguments).stderr
    assert (folder / "of-the-earlier-run").exists()
    both = run(*arguments, "--resume", "--overwrite")
    assert "--resume and --overwrite are both given" in both.stderr
    again = run(*arguments, "--overwrite", "--threads", "1")
    assert again.exit_code in (0, 3), again.stderr  # 3: it has learned nothing
    assert (folder / "nerine.json").is_file()
    assert not (folder / "of-the-earlier-run").exists()


def test_threads_are_those_of_one_command(monkeypatch: pytest.MonkeyPatch) -> None:
    import nerine

    seen: list[int] = []

    def plan(*_: object) -> None:
        seen.append(number_of_threads())
        raise TrainingError("far enough")

    monkeypatch.setattr(nerine, "plan_training", plan)
    for before in (None, "7"):
        if before:
            monkeypatch.setenv("NERINE_THREADS", before)
        run("train", "sample", "--plan", "--threads", "3")
        assert os.environ.get("NERINE_THREADS") == before
    assert seen == [3, 3]
