"""Tasks that are done on a cluster of Ray.

Each task is one of Ray's, in a process of a machine of the cluster. If that dies, Ray starts the
task again elsewhere, which goes on from the state that is saved. Progress and logs go through a
mailbox on the driver's machine, in which a worker also sees that it has to stop. The driver may be
killed: its workers end with it, and what they have saved remains.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from nerine.core.errors import TrainingError, first_line
from nerine.core.extras import import_extra
from nerine.core.ray_cluster import RayCluster, enter
from nerine.model.backends.hardware import THREADS_VARIABLE
from nerine.training.callbacks import Listener
from nerine.training.parallel.messages import Ended, Message, Sender
from nerine.training.parallel.teams import Task
from nerine.training.parallel.worker import logs_sent, outcome_of
from nerine.training.signals import SignalHandlers

logger = logging.getLogger("nerine.train")

_PURPOSE = "training on Ray"
_GLANCE = 0.5  # seconds between two looks into the mailbox, and between steps that are told
_WAITING = 60.0  # seconds until the user is told that nothing has begun
_PATIENCE = 60.0
"""Seconds in which tasks that were stopped save their state, before they are killed."""
_RETRIES = 3
"""How often Ray starts a task again whose process or machine has died."""


class RayTeam:
    """A team of workers on a cluster of Ray.

    SIGINT and SIGTERM stop the tasks, which save their state; a second signal has its usual effect.

    Args:
        cluster: The cluster.
    """

    def __init__(self, cluster: RayCluster) -> None:
        self.size = 1
        self.interrupted = ""
        self._cluster = cluster
        self._open = contextlib.ExitStack()
        self._handlers = SignalHandlers(self._receive)
        self._ray: Any = None
        self._mailbox: Any = None
        self._running: dict[Any, tuple[int, Task]] = {}
        self._number = 0
        self._stopped = False
        self._deadline: float | None = None
        self._waiting_since: float | None = None

    def __enter__(self) -> RayTeam:
        with contextlib.ExitStack() as stack:
            self._ray = stack.enter_context(self._cluster.connected(TrainingError, _PURPOSE))
            self.size = self._cluster.number_of_workers(self._ray)
            self._mailbox = _mailbox_of(self._ray)
            stack.enter_context(self._handlers)
            self._open = stack.pop_all()
        self._waiting_since = time.monotonic()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._open:
            if kind is not None and issubclass(kind, Exception):
                self.stop()
                while self._running:
                    self.wait()
            for reference in self._running:
                self._kill(reference)
            self._ray.kill(self._mailbox)

    @property
    def running(self) -> int:
        """The number of tasks that have started and not ended."""
        return len(self._running)

    def start(self, task: Task) -> None:
        """Starts a task, as soon as the cluster has CPUs for it."""
        threads = self._cluster.threads
        kind = self._ray.remote(_do).options(
            num_cpus=threads, max_retries=_RETRIES, scheduling_strategy="SPREAD"
        )
        level = logging.getLogger("nerine").getEffectiveLevel()
        place = str(Path.cwd()), threads
        reference = kind.remote(task.work, self._mailbox, self._number, place, level)
        self._running[reference] = self._number, task
        self._number += 1

    def wait(self) -> list[tuple[Task, Ended]]:
        """Waits a moment, passes on progress and logs, and returns the tasks that ended."""
        if self.interrupted and not self._stopped:
            self._tell_to_stop()
        with self._errors():
            done, _ = self._ray.wait([*self._running], timeout=_GLANCE)
            ends = self._read(self._ray.get(self._mailbox.take.remote()))
        for reference in done:
            ends.setdefault(reference, self._end_of(reference))
        if self._deadline is not None and time.monotonic() > self._deadline:
            for reference in self._running:
                ends.setdefault(reference, Ended(interrupted=signal.SIGTERM.name))
        for reference in ends:
            self._kill(reference)
        return [(self._running.pop(reference)[1], ended) for reference, ended in ends.items()]

    def stop(self) -> None:
        """Has all tasks save their state and end; they are killed if that takes long."""
        if self._deadline is None:
            self._deadline = time.monotonic() + _PATIENCE
            self._tell_to_stop()

    def _receive(self, number: int) -> None:
        self.interrupted = signal.Signals(number).name
        self._handlers.restore()

    def _tell_to_stop(self) -> None:
        self._stopped = True
        self._mailbox.stop.remote()

    def _read(self, mail: list[tuple[int, Message]]) -> dict[Any, Ended]:
        """Passes on messages; returns the ends of tasks whose listeners raised an error."""
        by_number = {number: (each, task) for each, (number, task) in self._running.items()}
        ends: dict[Any, Ended] = {}
        for number, message in mail:
            if number in by_number:
                reference, task = by_number[number]
                ended = None if reference in ends else task.receive(message)
                if ended:
                    ends[reference] = ended
        self._note_waiting(bool(mail))
        return ends

    def _note_waiting(self, has_mail: bool) -> None:
        """Tells the log if nothing has begun for a while."""
        since = self._waiting_since
        if has_mail:
            self._waiting_since = None
        elif since is not None and time.monotonic() - since > _WAITING:
            self._waiting_since = None
            logger.info("no worker has begun yet: does the cluster have a free CPU?")

    def _end_of(self, reference: Any) -> Ended:
        """The end of a task that Ray has ended."""
        exceptions = self._ray.exceptions
        try:
            ended: Ended = self._ray.get(reference)
        except exceptions.RayTaskError as error:
            reason = f"a worker failed: {first_line(error.cause)}"
        except exceptions.RayError as error:
            if self._stopped:
                return Ended(interrupted=self.interrupted or signal.SIGTERM.name)
            reason = f"a worker died {_RETRIES + 1} times: {first_line(error)}"
        else:
            return ended
        expected = "workers with Nerine, the same files and enough memory"
        return Ended(error=TrainingError(reason, expected=expected))

    def _kill(self, reference: Any) -> None:
        """Ends a task if it has not ended."""
        self._ray.cancel(reference, force=True)

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Turns errors of the cluster itself into a `TrainingError`."""
        try:
            yield
        except self._ray.exceptions.RayError as error:
            raise TrainingError(
                f"the cluster failed: {first_line(error)}",
                hint="what is saved stays: use --resume when it runs again",
            ) from error


class _Mailbox:
    """What workers say to the driver, and whether they are to stop; an actor."""

    def __init__(self) -> None:
        self._messages: list[tuple[int, Message]] = []
        self._is_stopping = False

    def put(self, number: int, message: Message) -> None:
        """A message of a task."""
        self._messages.append((number, message))

    def take(self) -> list[tuple[int, Message]]:
        """The messages since the last call."""
        messages, self._messages = self._messages, []
        return messages

    def stop(self) -> None:
        """All tasks are to stop."""
        self._is_stopping = True

    def is_stopping(self) -> bool:
        """Whether the tasks are to stop."""
        return self._is_stopping


def _mailbox_of(ray: Any) -> Any:
    """A mailbox on the machine of this driver, so that it lives as long."""
    here = ray.get_runtime_context().get_node_id()
    place = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(here, soft=False)
    return ray.remote(_Mailbox).options(num_cpus=0, scheduling_strategy=place).remote()


class _RaySender(Sender):
    """Sends messages of a task through the mailbox; of steps that follow each other quickly, some.

    Args:
        ray: The module.
        mailbox: The actor.
        number: The number of the task.
    """

    def __init__(self, ray: ModuleType, mailbox: Any, number: int) -> None:
        self._ray, self._mailbox, self._number = ray, mailbox, number
        self._sent: list[Any] = []
        self._told = 0.0

    def send(self, message: Message) -> None:
        """Sends a message."""
        self._sent.append(self._mailbox.put.remote(self._number, message))

    def stepped(self, step: int) -> None:
        """Sends the step, unless one was sent just before."""
        if time.monotonic() - self._told >= _GLANCE:
            self._told = time.monotonic()
            super().stepped(step)

    def flush(self) -> None:
        """Waits until all messages are in the mailbox."""
        with contextlib.suppress(self._ray.exceptions.RayError):  # the driver has ended
            self._ray.get(self._sent)


def _do(
    work: Callable[..., Any], mailbox: Any, number: int, place: tuple[str, int], log_level: int
) -> Ended:
    """Does a task in a process of Ray.

    Args:
        work: The task.
        mailbox: The actor.
        number: The number of the task.
        place: The driver's folder and the number of threads.
        log_level: The level of the log.
    """
    ray = import_extra("ray", "ray", _PURPOSE)
    folder, threads = place
    enter(folder)
    os.environ[THREADS_VARIABLE] = str(threads)
    torch.set_num_threads(threads)
    sender = _RaySender(ray, mailbox, number)

    def until_stopped(listener: Listener | None) -> Any:
        with _stopped_by(ray, mailbox):
            return work(listener=listener)

    with logs_sent(sender, log_level):
        ended = outcome_of(until_stopped, sender)
    sender.flush()
    return ended


@contextlib.contextmanager
def _stopped_by(ray: ModuleType, mailbox: Any) -> Iterator[None]:
    """Gives this process SIGTERM when the mailbox says stop, or is gone with its driver."""
    lock, ended = threading.Lock(), threading.Event()

    def watch() -> None:
        while not ended.wait(2 * _GLANCE):
            try:
                is_stopping = ray.get(mailbox.is_stopping.remote())
            except ray.exceptions.RayError:
                is_stopping = True
            with lock:
                if is_stopping and not ended.is_set():
                    os.kill(os.getpid(), signal.SIGTERM)
                    return

    with SignalHandlers(_interrupt):  # until the task has its own
        threading.Thread(target=watch, daemon=True).start()
        try:
            yield
        finally:
            with lock:
                ended.set()


def _interrupt(number: int) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)
