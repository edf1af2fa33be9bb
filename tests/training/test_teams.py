"""Several tasks at the same time: order, errors, signals, and what a listener is shown."""

from __future__ import annotations

import os
import signal
from functools import partial
from typing import Any

import pytest

from nerine.core.errors import SettingsError, TrainingError
from nerine.core.ray_cluster import RayCluster
from nerine.evaluation.epochs import EpochRecord
from nerine.training.callbacks import Listener
from nerine.training.parallel.apart import team_of
from nerine.training.parallel.messages import Ended
from nerine.training.parallel.process_team import ProcessTeam
from nerine.training.parallel.teams import Alone, Stage, Task, Team, do_all
from teams import Recorder, die, fail, pid_after, wait_for_a_signal


def ends_of(team: Team, tasks: list[Task]) -> dict[Task, Ended]:
    """The ends of tasks that a team has done."""
    left = iter(tasks)
    ends: dict[Task, Ended] = {}
    do_all(team, lambda: next(left, None), ends.__setitem__)
    return ends


@pytest.mark.slow
def test_each_task_has_a_process_and_its_result() -> None:
    shown = [Recorder() for _ in range(3)]
    tasks = [Task(partial(pid_after, 0.1), each) for each in shown]
    with ProcessTeam(2) as team:
        ends = ends_of(team, tasks)
    pids = [ends[task].get() for task in tasks]
    assert len({*pids, os.getpid()}) == 4
    assert [each.told for each in shown] == [[("started", 0, 1), ("stepped", 1)]] * 3


@pytest.mark.slow
def test_no_more_run_than_there_are_places() -> None:
    with ProcessTeam(2) as team:
        for _ in range(2):
            team.start(Task(partial(pid_after, 0.2)))
        assert (team.size, team.running) == (2, 2)
        while team.running:
            team.wait()


def test_tasks_are_done_in_this_process_if_it_is_alone() -> None:
    tasks = [Task(partial(pid_after, 0.0)) for _ in range(2)]
    with Alone() as team:
        ends = ends_of(team, tasks)
    assert [ends[task].get() for task in tasks] == [os.getpid()] * 2


@pytest.mark.parametrize("alone", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_an_error_is_raised_where_its_result_is_asked_for(alone: bool) -> None:
    with Alone() if alone else ProcessTeam(2) as team:
        task = Task(partial(fail, "no luck"))
        ended = ends_of(team, [task])[task]
    with pytest.raises(TrainingError, match="no luck"):
        ended.get()


@pytest.mark.parametrize("alone", [True, False])
def test_an_error_of_a_listener_ends_its_task_alone(alone: bool) -> None:
    def refuse() -> None:
        raise ValueError("enough")

    refused = Task(partial(pid_after, 30.0, first=0.0), Recorder(refuse))
    other = Task(partial(pid_after, 0.0))
    with Alone() if alone else ProcessTeam(2) as team:
        ends = ends_of(team, [refused, other])
    assert isinstance(ends[refused].error, ValueError)
    assert ends[other].error is None


def test_a_process_that_dies_is_an_error() -> None:
    task = Task(die)
    with ProcessTeam(2) as team:
        ended = ends_of(team, [task])[task]
    with pytest.raises(TrainingError, match="process 0 of 2 was killed by SIGKILL"):
        ended.get()


def test_an_error_that_is_not_handled_has_the_others_save_their_state(tmp_path: Any) -> None:
    saved = tmp_path / "saved"
    begun = Recorder()

    def raise_error(task: Task, ended: Ended) -> None:
        while not begun.told:
            team.wait()
        ended.get()

    tasks = iter([Task(partial(fail, "first")), Task(partial(wait_for_a_signal, saved), begun)])
    with pytest.raises(TrainingError, match="first"), ProcessTeam(2) as team:
        do_all(team, lambda: next(tasks, None), raise_error)
    assert saved.read_text() == "SIGTERM"


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_a_signal_is_passed_on_and_nothing_else_begins(tmp_path: Any, number: int) -> None:
    def interrupt() -> None:
        if all(each.told for each in shown[:2]):
            os.kill(os.getpid(), number)

    shown = [Recorder(interrupt) for _ in range(3)]
    paths = [tmp_path / f"saved-{place}" for place in range(3)]
    tasks = [
        Task(partial(wait_for_a_signal, path), each)
        for path, each in zip(paths, shown, strict=True)
    ]
    name = signal.Signals(number).name
    with pytest.raises(KeyboardInterrupt, match=name), ProcessTeam(2) as team:
        ends_of(team, tasks)
    assert [path.exists() and path.read_text() for path in paths] == [name, name, False]


@pytest.mark.slow
def test_a_task_that_was_interrupted_alone_stops_the_others(tmp_path: Any) -> None:
    saved = tmp_path / "saved"
    interrupted = Task(partial(fail, "SIGHUP", kind=KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt, match="SIGHUP"), ProcessTeam(2) as team:
        ends_of(team, [Task(partial(wait_for_a_signal, saved)), interrupted])
    assert not saved.exists() or saved.read_text() == "SIGTERM"


def test_the_run_that_began_first_is_shown_then_the_next_with_what_it_has_done() -> None:
    record = EpochRecord(1.0, 4, 0.5, 0.6, 0.7, 0.8, 0.75, 0.9, 2.0)
    stage, shown = Stage(), Recorder()

    def enter(name: str) -> Listener:
        listener = stage.enter(shown, lambda: shown.told.append(name))
        assert listener
        return listener

    first, second, third = enter("first"), enter("second"), enter("third")
    first.started(0, 9)
    second.started(2, 8)
    second.stepped(3)
    second.evaluated(record, best=True)
    first.stepped(1)
    stage.leave(third)
    assert shown.told == ["first", ("started", 0, 9), ("stepped", 1)]
    shown.told.clear()
    stage.leave(first)
    second.stepped(4)
    stage.leave(second)
    assert shown.told == ["second", ("started", 3, 8), ("evaluated", 4, True), ("stepped", 4)]
    assert stage.enter(None, lambda: None) is None


@pytest.mark.parametrize(
    ("processes", "cluster", "found"),
    [
        (0, None, "processes: 0 is too small"),
        (2, RayCluster(), "a cluster has workers in place of processes"),
    ],
)
def test_teams_that_cannot_be(processes: int, cluster: RayCluster | None, found: str) -> None:
    with pytest.raises(SettingsError, match=found):
        team_of(processes, cluster)


def test_a_process_that_a_launcher_started_has_no_team(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(TrainingError, match="one of 2 processes of a launcher"):
        team_of(1)


def test_no_more_processes_than_tasks() -> None:
    assert isinstance(team_of(8, most=1), Alone)
    assert team_of(8, most=3).size == 3


def test_a_cluster_has_at_least_one_worker_with_one_thread() -> None:
    with pytest.raises(SettingsError, match="workers: 0 is too small"):
        RayCluster(workers=0)
    with pytest.raises(SettingsError, match="threads: 0 is too small"):
        RayCluster(threads=0)
