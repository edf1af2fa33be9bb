"""Training in several processes: the same curve, signals, death, and one error for all."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from curves import EXACT, Listener, assert_same_curve, assert_same_records, children
from nerine.core.errors import SettingsError, TrainingError
from nerine.curation.label_errors.cross_validation import CrossValidation
from nerine.curation.label_errors.finding import cross_validated_label_errors
from nerine.evaluation.epochs import read_epochs
from nerine.training.parallel.group import (
    gathered,
    in_first,
    is_of_connection,
    largest,
    together,
)
from nerine.training.parallel.launch import check_processes
from nerine.training.run import TrainingRun
from nerine.training.states import States
from nerine.training.tuning.tune import tune
from runs import corpus, small_run


@pytest.fixture(scope="module")
def encoder(encoder_of: Callable[[str], Path]) -> Path:
    return encoder_of("bert")


@pytest.fixture(scope="module")
def alone(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingRun:
    """A run of one process."""
    return small_run(tmp_path_factory.mktemp("run") / "alone", encoder, **EXACT)


@pytest.fixture(scope="module")
def pair(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainingRun, Listener]:
    """The same run of two processes, which have ended, and its progress."""
    listener, before = Listener(), children()
    folder = tmp_path_factory.mktemp("run") / "pair"
    run = small_run(folder, encoder, processes=2, listener=listener, **EXACT)
    assert {*children()} <= {*before}
    return run, listener


def test_two_processes_have_the_curve_of_one(
    alone: TrainingRun, pair: tuple[TrainingRun, Listener]
) -> None:
    run, listener = pair
    assert_same_curve(run, alone)
    assert listener.steps == list(range(1, 19))
    assert listener.begun == [(0, 18)]
    assert tuple(listener.records) == run.epochs == read_epochs(run.folder)
    assert run.notes == alone.notes
    assert run.signs == alone.signs


def test_two_processes_write_the_files_of_one(
    alone: TrainingRun, pair: tuple[TrainingRun, Listener]
) -> None:
    folders = pair[0].folder, alone.folder
    names = [sorted(path.name for path in folder.iterdir()) for folder in folders]
    assert names[0] == names[1]
    for name in ("run.json", "plan.json", "settings.toml"):
        texts = [(folder / name).read_text() for folder in folders]
        assert texts[0] == texts[1], name
    infos = [json.loads((folder / "nerine.json").read_text())["provenance"] for folder in folders]
    assert [info["processes"] for info in infos] == [2, 1]


@pytest.mark.slow
def test_a_signal_stops_all_and_another_number_of_processes_resumes(
    alone: TrainingRun, encoder: Path, tmp_path: Path
) -> None:
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    folder = tmp_path / "run"
    listener = Listener(3, lambda: os.kill(os.getpid(), signal.SIGTERM))
    given = {**EXACT, "epochs": 20}  # far from its end when the signal comes
    stopped = small_run(folder, encoder, processes=2, listener=listener, **given)
    assert stopped.interrupted == "SIGTERM"
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == handlers
    last = listener.steps[-1]
    assert 3 <= last < 100
    assert States(folder).newest_complete() == (last, [])
    assert children() == []
    whole = small_run(tmp_path / "whole", encoder, **given)
    again = Listener()
    resumed = small_run(folder, encoder, resume=True, listener=again, **given)
    assert again.begun == [(last, 120)]
    assert f"resumed after step {last}" in resumed.notes
    assert any("in 1 process instead of 2" in note for note in resumed.notes)
    assert_same_records(resumed.epochs, whole.epochs)


@pytest.mark.slow
def test_a_process_that_is_killed_ends_all_with_one_error(encoder: Path, tmp_path: Path) -> None:
    listener = Listener(8, lambda: os.kill(children()[1], signal.SIGKILL))
    with pytest.raises(TrainingError, match=r"process 1 of 2 was killed by SIGKILL"):
        small_run(tmp_path / "run", encoder, processes=2, listener=listener, epochs=300, **EXACT)
    assert children() == []
    assert States(tmp_path / "run").newest_complete()[0]


@pytest.mark.parametrize(
    ("number", "batch_size", "environment", "message"),
    [
        (0, 16, {}, "processes: 0 is too small"),
        (17, 16, {}, "batches of 16 windows cannot be shared among 17 processes"),
        (
            1,
            2,
            {"WORLD_SIZE": "3", "RANK": "1"},
            "batches of 2 windows cannot be shared among 3 processes",
        ),
        (
            2,
            16,
            {"WORLD_SIZE": "3", "RANK": "1", "LOCAL_RANK": "1"},
            "2 processes are to be started by one of 3 that train already",
        ),
    ],
)
def test_numbers_of_processes_that_cannot_be(
    number: int,
    batch_size: int,
    environment: Mapping[str, str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=message):
        check_processes(number, batch_size)


def test_a_search_and_a_cross_validation_are_not_started_by_a_launcher(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in {"WORLD_SIZE": "2", "RANK": "0", "LOCAL_RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(TrainingError, match="one of 2 processes of a launcher"):
        tune(corpus(), output=tmp_path / "tuned")
    with pytest.raises(TrainingError, match="one of 2 processes of a launcher"):
        cross_validated_label_errors(CrossValidation(corpus(), tmp_path / "work"))
    assert list(tmp_path.iterdir()) == []


def test_as_many_processes_as_windows_in_a_batch_are_enough() -> None:
    check_processes(16, 16)


def test_one_process_alone_agrees_with_itself() -> None:
    with together():
        assert (largest(7), gathered("a"), in_first(lambda: 3)) == (7, ["a"], 3)
        with pytest.raises(TrainingError, match="not here"):
            in_first(lambda: (_ for _ in ()).throw(TrainingError("not here")))


def test_a_launcher_that_sets_some_variables_only_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {"WORLD_SIZE": "2", "RANK": "0", "LOCAL_RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match="WORLD_SIZE are set, but MASTER_ADDR is not"):
        together().__enter__()


def test_an_error_of_the_connection_is_known_by_its_message() -> None:
    text = "[../third_party/gloo/gloo/transport/tcp/pair.cc:553] Connection closed by peer"
    assert is_of_connection(RuntimeError(text))
    assert not is_of_connection(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_of_connection(TrainingError("gloo"))
    assert not is_of_connection(None)
