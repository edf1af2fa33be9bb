"""Starts the processes that train together on this machine, and follows them to their end.

They are new programs, not forks or `multiprocessing`'s children, which would import the user's
script again. Each gets its task through a pipe, and sends through it its progress and its result.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any, TypeVar

import torch
from torch import distributed

from nerine.core.errors import SettingsError, TrainingError
from nerine.core.settings import check
from nerine.model.backends.hardware import THREADS_VARIABLE, number_of_threads
from nerine.training.callbacks import Listener
from nerine.training.notebook import notebook_progress
from nerine.training.parallel.group import check_alone
from nerine.training.parallel.launched import launched_processes
from nerine.training.parallel.messages import KILLED, Ended, Job, Logged, Progress
from nerine.training.signals import SignalHandlers

T = TypeVar("T")

_HOST = "127.0.0.1"
_PATIENCE = 20.0
"""Seconds in which processes end after the failure of another one, before they are killed."""


def check_processes(number: int, batch_size: int) -> None:
    """Raises `SettingsError` if `number` processes cannot be started that share such batches.

    With 1, the batches are shared by the processes of a launcher, if there are any.
    """
    check("processes", number, int, least=1)
    launched = launched_processes()
    if number > 1 and launched > 1:
        raise SettingsError(
            f"{number} processes are to be started by one of {launched} that train already",
            place="processes",
            expected="processes of a launcher such as torchrun, or of Nerine",
            hint="leave the number of processes to the launcher",
        )
    accelerators = torch.accelerator.device_count()
    if 0 < accelerators < number:
        raise SettingsError(
            f"{number} processes for {accelerators} accelerators",
            place="processes",
            expected="at most a process for each accelerator",
        )
    most = max(number, launched)
    if batch_size < most:
        raise SettingsError(
            f"batches of {batch_size} windows cannot be shared among {most} processes",
            place="batch_size",
            expected=f"at least {most}: each process has a share of every batch",
            hint="use fewer processes or a larger --batch-size",
        )


def check_apart(number: int) -> None:
    """Raises `SettingsError` if so many processes cannot be started that train models apart."""
    check_alone()
    check("processes", number, int, least=1)
    if number > 1 and torch.accelerator.is_available():
        raise SettingsError(
            f"{number} processes would share an accelerator",
            place="processes",
            expected="1, or a machine without an accelerator",
        )


@dataclass(frozen=True, slots=True)
class _Worker:
    """A process, and this end of its pipe."""

    number: int
    program: subprocess.Popen[bytes]
    connection: Connection[Any, Any]


def launch(task: Callable[..., T], number: int, listener: Listener | None) -> T:
    """The result of `task(listener=…)`, which `number` new processes do together.

    SIGINT and SIGTERM are passed on to them; a second signal has its usual effect here, and kills
    them.

    Args:
        task: The task. It can be pickled, and so can its result.
        number: The number of processes.
        listener: Receives the progress of the first one; by default a notebook shows it.

    Raises:
        NerineError: The first error of any process.
        TrainingError: If a process was killed.
        KeyboardInterrupt: If a signal has ended processes that could not handle it yet.
    """
    meeting = socket.create_server((_HOST, 0))  # the store itself would listen on all interfaces
    port = meeting.getsockname()[1]
    store: Any = distributed.TCPStore(  # type: ignore[attr-defined] # it is public
        _HOST, port, is_master=True, wait_for_workers=False, master_listen_fd=meeting.detach()
    )
    found: T = _results([task] * number, listener, port=store.port)[0]
    return found


def launch_apart(tasks: Sequence[Callable[..., T]], listener: Listener | None) -> list[T]:
    """The results of tasks, each done by a new process of its own, at the same time as the others.

    Takes and raises what `launch` does. After the first error, the others get SIGTERM.
    """
    return _results(tasks, listener)


def _results(
    tasks: Sequence[Callable[..., Any]], listener: Listener | None, port: int | None = None
) -> list[Any]:
    """The results of a process for each task; those that train together meet at `port`."""
    level = logging.getLogger("nerine").getEffectiveLevel()
    passed: list[str] = []
    workers: list[_Worker] = []

    def pass_on(number: int) -> None:
        passed.append(signal.Signals(number).name)
        handlers.restore()
        _send(signal.Signals(number), workers)

    with contextlib.ExitStack() as stack:
        handlers = stack.enter_context(SignalHandlers(pass_on))
        for number in range(len(tasks)):
            environment = _environment(number, len(tasks), port)
            workers.append(stack.enter_context(_started(number, environment)))
        if passed:
            raise KeyboardInterrupt(passed[0])
        for worker, task in zip(workers, tasks, strict=True):
            with contextlib.suppress(OSError):  # it has died, which `_follow` reports
                worker.connection.send(Job(task, level))
        ends = _follow(workers, listener or notebook_progress())
    failures = [end for end in ends.values() if end.error]
    cause = min(failures, key=lambda end: end.order, default=Ended())
    if cause.order == KILLED and passed:
        raise KeyboardInterrupt(passed[0])
    if cause.error:
        raise cause.error
    return [ends[number].result for number in range(len(tasks))]


def _send(number: signal.Signals, workers: Iterable[_Worker]) -> None:
    for worker in workers:
        worker.program.send_signal(number)


@contextlib.contextmanager
def _started(number: int, environment: Mapping[str, str]) -> Iterator[_Worker]:
    """A new process, which is killed at the end of the context if it has not ended."""
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
    try:
        yield _Worker(number, program, own)
    finally:
        program.kill()
        program.wait()
        own.close()


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
        "MASTER_ADDR": _HOST,
        "MASTER_PORT": str(port),
        "TORCHELASTIC_USE_AGENT_STORE": "True",
        "TORCHELASTIC_RESTART_COUNT": "0",
    }


def _follow(workers: Sequence[_Worker], listener: Listener | None) -> dict[int, Ended]:
    """The end of each worker, by its number; the first failure ends the others, too."""
    left = list(workers)
    ends: dict[int, Ended] = {}
    deadline: float | None = None
    while left:
        patience = None if deadline is None else max(0.0, deadline - time.monotonic())
        ready = wait([worker.connection for worker in left], patience)
        if not ready:
            break
        for worker in [each for each in left if each.connection in ready]:
            try:
                message = worker.connection.recv()
            except (EOFError, OSError):
                left.remove(worker)
                code = worker.program.wait()
                ends.setdefault(worker.number, _death(worker.number, len(workers), code))
                continue
            if isinstance(message, Ended):
                ends[worker.number] = message
            elif isinstance(message, Logged):
                logging.getLogger(message.record.name).handle(message.record)
            elif isinstance(message, Progress) and listener and worker is workers[0]:
                message.tell(listener)
        if deadline is None and any(end.error for end in ends.values()):
            deadline = time.monotonic() + _PATIENCE
            _send(signal.SIGTERM, left)
    return ends


def _death(number: int, processes: int, code: int) -> Ended:
    """The end of a process that sent none."""
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
    error = TrainingError(
        f"process {number} of {processes} {how}",
        expected="all processes until the end of the run",
        hint="its machine may have had no memory left; --resume continues from the last saved "
        "state",
    )
    return Ended(error=error, order=KILLED)
