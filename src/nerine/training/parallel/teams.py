"""Tasks that train a model each, several of them at the same time.

::

    with team:
        do_all(team, next_task, done)

A team has places at which tasks are done: in this process one after another (`Alone`), in new
processes of this machine (`ProcessTeam`), or on a cluster (`RayTeam`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from nerine.evaluation.epochs import EpochRecord
from nerine.training.callbacks import Listener
from nerine.training.notebook import notebook_progress
from nerine.training.parallel.messages import Ended, Logged, Message, Progress


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """What is done at one place.

    Attributes:
        work: It is called with a `listener`. It can be pickled, and so can its result. If it is
            interrupted, it saves its state and raises `KeyboardInterrupt` with the name of the
            signal, and it continues when it is called again.
        listener: Receives its progress. An exception that it raises ends the task.
    """

    work: Callable[..., Any]
    listener: Listener | None = None

    def receive(self, message: Message) -> Ended | None:
        """Passes on progress or a record of the log.

        Returns the end of the task if its listener raises an error.
        """
        if isinstance(message, Logged):
            logging.getLogger(message.record.name).handle(message.record)
        elif isinstance(message, Progress) and self.listener:
            try:
                message.tell(self.listener)
            except Exception as error:
                return Ended(error=error)
        return None


class Team(Protocol):
    """Places at which tasks are done at the same time. A context manager, which ends them all."""

    interrupted: str
    """The name of the signal that has ended the tasks; empty if there was none."""

    @property
    def size(self) -> int:
        """The number of places."""

    @property
    def running(self) -> int:
        """The number of tasks that have started and not ended."""

    def start(self, task: Task) -> None:
        """Starts a task at a place that is free."""

    def wait(self) -> list[tuple[Task, Ended]]:
        """Passes on progress, and returns tasks that have ended; perhaps none, after a while."""

    def stop(self) -> None:
        """Has all tasks save their state and end."""


def do_all(
    team: Team, next_task: Callable[[], Task | None], done: Callable[[Task, Ended], None]
) -> None:
    """Does tasks until there are none.

    Args:
        team: The team, as a context that was entered.
        next_task: Gives a task for a place that is free; None if there is none now.
        done: Receives each task that has ended, with its result or its error.

    Raises:
        KeyboardInterrupt: If a signal ended tasks, with its name, after all of them have ended.
        Exception: What `done` raises.
    """
    interrupted = ""
    while True:
        while not (team.interrupted or interrupted) and team.running < team.size:
            task = next_task()
            if task is None:
                break
            team.start(task)
        if not team.running:
            break
        for task, ended in team.wait():
            if ended.interrupted:
                interrupted = interrupted or ended.interrupted
                team.stop()
            else:
                done(task, ended)
    if team.interrupted or interrupted:
        raise KeyboardInterrupt(team.interrupted or interrupted)


class Alone:
    """A team of this process, which does one task after another."""

    size = 1
    interrupted = ""

    def __init__(self) -> None:
        self._task: Task | None = None

    def __enter__(self) -> Alone:
        return self

    def __exit__(self, *_: object) -> None:
        self._task = None

    @property
    def running(self) -> int:
        """The number of tasks that have started and not ended."""
        return int(self._task is not None)

    def start(self, task: Task) -> None:
        """Keeps the task until `wait`."""
        self._task = task

    def wait(self) -> list[tuple[Task, Ended]]:
        """Does the task. A signal that interrupts it is raised at once."""
        task, self._task = self._task, None
        if task is None:
            return []
        try:
            return [(task, Ended(task.work(listener=task.listener)))]
        except Exception as error:
            return [(task, Ended(error=error))]

    def stop(self) -> None:
        """Drops the task if it has not begun."""
        self._task = None


class Stage:
    """Shows one of several runs to a listener: of those that run, the one that began first."""

    def __init__(self) -> None:
        self._runs: list[_Run] = []

    def enter(self, listener: Listener | None, begin: Callable[[], None]) -> Listener | None:
        """The listener of a run that begins.

        Args:
            listener: The listener to which it is shown; by default a notebook shows each run.
            begin: Is called when the run is the one that is shown from now on.
        """
        if listener is None:
            return notebook_progress()
        run = _Run(self._runs, listener, begin)
        self._runs.append(run)
        if self._runs[0] is run:
            begin()
        return run

    def leave(self, run: Listener | None) -> None:
        """A run has ended. The next one is shown, with what it has done so far."""
        if run not in self._runs:
            return
        was_shown = self._runs[0] is run
        self._runs[:] = [each for each in self._runs if each is not run]
        if was_shown and self._runs:
            self._runs[0].show()


class _Run:
    """The `Listener` of a run, which is passed on while it is the first of the `runs`."""

    def __init__(self, runs: list[_Run], listener: Listener, begin: Callable[[], None]) -> None:
        self._runs, self._listener, self._begin = runs, listener, begin
        self._step = self._steps = 0
        self._records: list[tuple[EpochRecord, bool]] = []

    @property
    def _is_shown(self) -> bool:
        return self._runs[:1] == [self]

    def show(self) -> None:
        """Passes on what was done before."""
        self._begin()
        if self._steps:
            self._listener.started(self._step, self._steps)
        for record, best in self._records:
            self._listener.evaluated(record, best=best)

    def started(self, step: int, steps: int) -> None:
        self._step, self._steps = step, steps
        if self._is_shown:
            self._listener.started(step, steps)

    def stepped(self, step: int) -> None:
        self._step = step
        if self._is_shown:
            self._listener.stepped(step)

    def evaluated(self, record: EpochRecord, *, best: bool) -> None:
        self._records.append((record, best))
        if self._is_shown:
            self._listener.evaluated(record, best=best)
