"""Starts the processes that train one model together on this machine."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import distributed

from nerine.core.errors import SettingsError
from nerine.core.settings import check
from nerine.training.callbacks import Listener
from nerine.training.notebook import notebook_progress
from nerine.training.parallel.launched import launched_processes
from nerine.training.parallel.messages import Ended
from nerine.training.parallel.process_team import HOST, ProcessTeam
from nerine.training.parallel.teams import Task

T = TypeVar("T")


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
    meeting = socket.create_server((HOST, 0))  # the store itself would listen on all interfaces
    port = meeting.getsockname()[1]
    store: Any = distributed.TCPStore(  # type: ignore[attr-defined] # it is public
        HOST, port, is_master=True, wait_for_workers=False, master_listen_fd=meeting.detach()
    )
    first = Task(task, listener or notebook_progress())
    ends: dict[Task, Ended] = {}
    with ProcessTeam(number, store.port) as team:
        for each in (first, *(Task(task) for _ in range(1, number))):
            team.start(each)
        if team.interrupted:
            raise KeyboardInterrupt(team.interrupted)
        while team.running:
            for each, ended in team.wait():
                ends[each] = ended
                if ended.error:
                    team.stop()
    failures = [end for end in ends.values() if end.error]
    stops = [end.interrupted for end in ends.values() if end.interrupted]
    if stops and not failures:
        raise KeyboardInterrupt(stops[0])
    found: T = min(failures, key=lambda end: end.order, default=ends[first]).get()
    return found
