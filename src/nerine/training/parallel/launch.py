"""Starts the processes that train together on this machine, and follows them to their end.

They are new programs, not forks or `multiprocessing`'s children, which would import the user's
script again. Each gets its task through a pipe, and sends through it its progress and its result.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
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
from nerine.training.parallel.group import check_batch_size, launched_processes
from nerine.training.parallel.messages import KILLED, Ended, Job, Logged, Progress
from nerine.training.signals import SignalHandlers

T = TypeVar("T")

_HOST = "127.0.0.1"
_PATIENCE = 20.0
"""Seconds in which processes end after the failure of another one, before they are killed."""


def check_processes(number: int, batch_size: int) -> None:
    """Raises `SettingsError` if so many processes cannot be started to share such batches."""
    check("processes", number, int, least=1)
    if number == 1:
        return
    launched = launched_processes()
    if launched > 1:
        raise SettingsError(
            f"{number} processes are to be started by one of {launched} that train already",
            place="processes",
            expected="processes of a launcher such as torchrun, or of Nerine",
            hint="leave the number of processes to the launcher",
        )
    if torch.accelerator.is_available() and number > torch.accelerator.device_count():
        raise SettingsError(
            f"{number} processes for {torch.accelerator.device_count()} accelerators",
            place="processes",
            expected="at most a process for each accelerator",
        )
    check_batch_size(batch_size, number)


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
        listener: Receives the progress; by default a notebook shows it.

    Raises:
        NerineError: The first error of any process.
        TrainingError: If a process was killed.
        KeyboardInterrupt: If a signal has ended processes that could not handle it yet.
    """
    store: Any = distributed.TCPStore(_HOST, 0, is_master=True, wait_for_workers=False)  # type: ignore[attr-defined] # it is public
    log = logging.getLogger("nerine")
    job = pickle.dumps(Job(task, log.getEffectiveLevel()))
    passed: list[str] = []
    with contextlib.ExitStack() as stack:
        workers = [
            stack.enter_context(_started(each, number, store.port)) for each in range(number)
        ]

        def pass_on(signal_number: int) -> None:
            passed.append(signal.Signals(signal_number).name)
            handlers.restore()
            for worker in workers:
                worker.program.send_signal(signal_number)

        handlers = stack.enter_context(SignalHandlers(pass_on))
        for worker in workers:
            with contextlib.suppress(OSError):  # it has died, which `_follow` reports
                worker.connection.send_bytes(job)
        ended = _follow(workers, listener or notebook_progress())
        if ended.order == KILLED and passed:
            raise KeyboardInterrupt(passed[0])
        if ended.error:
            raise ended.error
        result: T = ended.result
        return result


@contextlib.contextmanager
def _started(number: int, processes: int, port: int) -> Iterator[_Worker]:
    """A new process, which is killed at the end of the context if it has not ended."""
    own, other = Pipe()
    command = [sys.executable, "-P", "-m", "nerine.training.parallel", f"{other.fileno()}"]
    # in a group of its own, where a signal from the terminal does not reach it twice
    program = subprocess.Popen(  # noqa: S603 - Python itself
        command,
        env=_environment(number, processes, port),
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


def _environment(number: int, processes: int, port: int) -> dict[str, str]:
    """The variables that torchrun sets, with the modules and a share of the threads of this one."""
    threads = str(max(1, number_of_threads() // processes))
    return {
        "GLOO_SOCKET_IFNAME": "lo",
        "TORCH_CPP_LOG_LEVEL": "ERROR",  # it warns of what Trainer sets
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)),
        "OMP_NUM_THREADS": threads,
        THREADS_VARIABLE: threads,
        "RANK": str(number),
        "LOCAL_RANK": str(number),
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        "MASTER_ADDR": _HOST,
        "MASTER_PORT": str(port),
        "TORCHELASTIC_USE_AGENT_STORE": "True",
        "TORCHELASTIC_RESTART_COUNT": "0",
    }


def _follow(workers: Sequence[_Worker], listener: Listener | None) -> Ended:
    """The end of the first worker, once all have ended, or of the one that failed first."""
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
            elif isinstance(message, Progress) and listener:
                message.tell(listener)
        if deadline is None and any(end.error for end in ends.values()):
            deadline = time.monotonic() + _PATIENCE
    failures = [end for end in ends.values() if end.error]
    return min(failures, key=lambda end: end.order) if failures else ends[0]


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
