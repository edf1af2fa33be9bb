"""Models trained on a cluster of Ray: the results of one process, deaths, signals and errors."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from clusters import ray_cluster
from nerine.core.errors import MissingExtraError, TrainingError
from nerine.core.ray_cluster import RayCluster
from nerine.curation.label_errors import CrossValidation, cross_validated_label_errors
from nerine.data.corpus import Corpus
from nerine.training.parallel import ray_team
from nerine.training.parallel.messages import Ended
from nerine.training.parallel.ray_team import RayTeam
from nerine.training.parallel.teams import Task, do_all
from nerine.training.settings import TrainingSettings
from runs import corpus
from searches import SearchRecorder, small_search
from teams import Recorder, die, die_once, fail, pid_after, wait_for_a_signal

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore"),  # of Ray itself
]


def test_a_cluster_that_is_not_there_is_an_error() -> None:  # the first: no cluster runs yet
    pytest.importorskip("ray", reason="needs the extra ray: make engines")
    with (
        pytest.raises(TrainingError, match="there is no cluster of Ray here"),
        RayTeam(RayCluster("127.0.0.1:1")),
    ):
        pass


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    with pytest.MonkeyPatch.context() as environment, ray_cluster(environment, 2):
        yield RayCluster(workers=2)


def ends_of(cluster: RayCluster, tasks: list[Task]) -> list[Ended]:
    """The ends of tasks, in their order."""
    left = iter(tasks)
    ends: dict[Task, Ended] = {}
    with RayTeam(cluster) as team:
        do_all(team, lambda: next(left, None), ends.__setitem__)
    return [ends[task] for task in tasks]


def test_tasks_run_elsewhere_and_are_followed(cluster: RayCluster, tmp_path: Path) -> None:
    begun = Recorder()
    tasks = [Task(partial(pid_after, 0.5), begun), Task(partial(pid_after, 0.5))]
    pids = [ended.get() for ended in ends_of(cluster, tasks)]
    assert len({*pids, os.getpid()}) == 3
    assert begun.told == [("started", 0, 1), ("stepped", 1)]


def test_a_worker_that_dies_is_replaced_and_its_task_goes_on(
    cluster: RayCluster, tmp_path: Path
) -> None:
    tasks = [Task(partial(die_once, tmp_path / "died"))]
    assert ends_of(cluster, tasks)[0].get() == "went on"


def test_errors_reach_the_driver(cluster: RayCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_team, "_RETRIES", 0)
    tasks = [Task(partial(fail, "no luck")), Task(partial(fail, "odd", kind=ValueError)), Task(die)]
    own, odd, died = ends_of(cluster, tasks)
    with pytest.raises(TrainingError, match="no luck"):
        own.get()
    with pytest.raises(RuntimeError, match="ValueError: odd"):
        odd.get()
    with pytest.raises(TrainingError, match="a worker died"):
        died.get()


def test_a_signal_has_all_tasks_save_their_state(cluster: RayCluster, tmp_path: Path) -> None:
    shown = [Recorder(lambda: interrupt()) for _ in range(2)]

    def interrupt() -> None:
        if all(each.told for each in shown):
            os.kill(os.getpid(), signal.SIGINT)

    paths = [tmp_path / name for name in ("first", "second")]
    tasks = [
        Task(partial(wait_for_a_signal, path), each)
        for path, each in zip(paths, shown, strict=True)
    ]
    with pytest.raises(KeyboardInterrupt, match="SIGINT"):
        ends_of(cluster, tasks)
    assert [path.read_text() for path in paths] == ["SIGTERM"] * 2


def test_an_error_of_a_listener_ends_its_task_alone(cluster: RayCluster) -> None:
    def refuse() -> None:
        raise ValueError("enough")

    began = time.monotonic()
    tasks = [Task(partial(pid_after, 300.0), Recorder(refuse)), Task(partial(pid_after, 0.0))]
    refused, other = ends_of(cluster, tasks)
    assert isinstance(refused.error, ValueError)
    assert other.error is None
    assert time.monotonic() - began < 200


@pytest.fixture(scope="module")
def encoder(encoder_of: Callable[[str], Path]) -> str:
    return str(encoder_of("bert"))


def test_label_errors_are_those_of_one_process(
    cluster: RayCluster, encoder: str, tmp_path: Path
) -> None:
    settings = TrainingSettings(
        encoder=encoder, max_length=64, overlap=8, epochs=6, learning_rate=1e-2, batch_size=4
    )
    train = corpus().train
    of = Corpus({"train": train, "validation": train}, corpus().labels, "made")

    def found(name: str, cluster: RayCluster | None) -> dict[str, Any]:
        validation = CrossValidation(of, tmp_path / name, folds=3, settings=settings)
        return cross_validated_label_errors(validation, cluster=cluster).to_dict()

    assert found("on Ray", cluster) == found("here", None)


def test_a_search_has_its_runs_on_the_cluster(
    cluster: RayCluster, encoder: str, tmp_path: Path
) -> None:
    recorder = SearchRecorder()
    tuning = small_search(tmp_path / "search", Path(encoder), cluster=cluster, listener=recorder)
    assert [trial.number for trial in tuning.trials] == [0, 1, 2, 3]
    assert tuning.spent[0] == 8
    assert [len(each.others) for each in tuning.decision.finalists] == [2, 2]
    assert len(recorder.results) == 8
    alone = small_search(tmp_path / "alone", Path(encoder), runs=1)
    assert tuning.trials[0].f1 == alone.trials[0].f1


def test_ray_that_is_not_installed_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(MissingExtraError, match="training on Ray"), RayTeam(RayCluster()):
        pass
