"""Tasks that are done by new processes of this machine.

They are new programs, not forks or `multiprocessing`'s children, which would import the user's
script again. Each gets its task through a pipe, and sends through it its progress and its result.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any

from nerine.core.errors import TrainingError
from nerine.model.backends.hardware import THREADS_VARIABLE, number_of_threads
from nerine.training.parallel.messages import KILLED, Ended, Job
from nerine.training.parallel.teams import Task
from nerine.training.signals import SignalHandlers

HOST = "127.0.0.1"
_PATIENCE = 20.0
"""Seconds in which processes that were stopped save their state, before they are killed."""


@dataclass(slots=True, eq=False)
class _Worker:
    """A process, this end of its pipe, and the end of its task once it has sent it."""

    number: int
    task: Task
    program: subprocess.Popen[bytes]
    connection: Connection[Any, Any]
    ended: Ended | None = None

    def kill(self) -> int:
        """Kills the process if it has not ended; returns its status."""
        self.program.kill()
        self.connection.close()
        return self.program.wait()


class ProcessTeam:
    """A team of processes, a new one for each task.

    SIGINT and SIGTERM are passed on to them; a second signal has its usual effect here, and kills
    them. If the context ends with an error, the others save their state first.

    Args:
        size: How many run at the same time.
        port: The port at which processes meet that train one model together; None if each has a
            model of its own.
    """

    def __init__(self, size: int, port: int | None = None) -> None:
        self.size = size
        self.interrupted = ""
        self._port = port
        self._workers: list[_Worker] = []
        self._handlers = SignalHandlers(self._pass_on)
        self._deadline: float | None = None

    def __enter__(self) -> ProcessTeam:
        self._handlers.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is not None and issubclass(kind, Exception):
                self.stop()
                while self._workers:
                    self.wait()
        finally:
            for worker in self._workers:
                worker.kill()
            self._handlers.restore()

    @property
    def running(self) -> int:
        """The number of tasks that have started and not ended."""
        return len(self._workers)

    def start(self, task: Task) -> None:
        """Starts a process for a task."""
        taken = {worker.number for worker in self._workers}
        number = next(each for each in range(self.size) if each not in taken)
        environment = _environment(number, self.size, self._port)
        own, other = Pipe()
        command = [sys.executable, "-P", "-m", "nerine.training.parallel", f"{other.fileno()}"]
        # in a group of its own, where a signal from the terminal does not reach it twice
        program = subprocess.Popen(  # noqa: S603 - Python itself
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[other.fileno()],
            process_group=0,
        )
        other.close()
        self._workers.append(_Worker(number, task, program, own))
        if self.interrupted:  # by a signal that was passed on just before
            program.kill()
        level = logging.getLogger("nerine").getEffectiveLevel()
        with contextlib.suppress(OSError):  # it has died, which `wait` reports
            own.send(Job(task.work, level))

    def wait(self) -> list[tuple[Task, Ended]]:
        """Waits for messages, passes on progress and logs, and returns the tasks that ended."""
        patience = None if self._deadline is None else max(0.0, self._deadline - time.monotonic())
        ready = wait([worker.connection for worker in self._workers], patience)
        heard = [each for each in self._workers if each.connection in ready]
        ends = []
        for worker in heard or self._workers:
            ended = self._heard(worker) if heard else self._death(worker, worker.kill())
            if ended:
                ends.append((worker, ended))
        for worker, _ in ends:
            self._workers.remove(worker)
        return [(worker.task, ended) for worker, ended in ends]

    def stop(self) -> None:
        """Has all processes save their state and end; they are killed if that takes long."""
        if self._deadline is None:
            self._deadline = time.monotonic() + _PATIENCE
            self._send(signal.SIGTERM)

    def _pass_on(self, number: int) -> None:
        self.interrupted = signal.Signals(number).name
        self._handlers.restore()
        self._send(signal.Signals(number))

    def _send(self, number: signal.Signals) -> None:
        for worker in self._workers:
            worker.program.send_signal(number)

    def _heard(self, worker: _Worker) -> Ended | None:
        """Handles the next message of a worker; returns the end of its task if it has ended."""
        try:
            message = worker.connection.recv()
        except (EOFError, OSError):
            worker.connection.close()
            status = worker.program.wait()
            return worker.ended or self._death(worker, status)
        if isinstance(message, Ended):
            worker.ended = message
            return None
        ended = worker.task.receive(message)
        if ended:
            worker.kill()
        return ended

    def _death(self, worker: _Worker, status: int) -> Ended:
        """The end of a process that sent none; a signal kills one that cannot handle it yet."""
        if self.interrupted or self._deadline is not None:
            return Ended(interrupted=self.interrupted or signal.SIGTERM.name)
        name = signal.Signals(-status).name if status < 0 else ""
        how = f"was killed by {name}" if name else f"ended with status {status}"
        error = TrainingError(
            f"process {worker.number} of {self.size} {how}",
            expected="all processes until the end of the run",
            hint="its machine may have had no memory left; --resume continues from the last saved "
            "state",
        )
        return Ended(error=error, order=KILLED)


def _environment(number: int, processes: int, port: int | None) -> dict[str, str]:
    """The environment of a process, with the modules and a share of the threads of this one.

    Processes that train together get the variables that torchrun sets.
    """
    threads = str(max(1, number_of_threads() // processes))
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)),
        "OMP_NUM_THREADS": threads,
        THREADS_VARIABLE: threads,
    }
    if port is None:
        return environment
    return {
        "GLOO_SOCKET_IFNAME": "lo",
        "TORCH_CPP_LOG_LEVEL": "ERROR",  # it warns of what Trainer sets
        **environment,
        "RANK": str(number),
        "LOCAL_RANK": str(number),
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        "MASTER_ADDR": HOST,
        "MASTER_PORT": str(port),
        "TORCHELASTIC_USE_AGENT_STORE": "True",
        "TORCHELASTIC_RESTART_COUNT": "0",
    }
