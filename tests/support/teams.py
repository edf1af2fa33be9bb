"""Tasks for teams, which other processes import."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nerine.core.errors import TrainingError
from nerine.evaluation.epochs import EpochRecord
from nerine.training.callbacks import Listener
from nerine.training.signals import SignalHandlers


class Recorder:
    """Records what it is told, and calls `do` after a step."""

    def __init__(self, do: Callable[[], Any] = lambda: None) -> None:
        self.told: list[Any] = []
        self._do = do

    def started(self, step: int, steps: int) -> None:
        self.told.append(("started", step, steps))

    def stepped(self, step: int) -> None:
        self.told.append(("stepped", step))
        self._do()

    def evaluated(self, record: EpochRecord, *, best: bool) -> None:
        self.told.append(("evaluated", record.step, best))


def pid_after(seconds: float, first: float = 0.0, listener: Listener | None = None) -> int:
    """The process, after some seconds; tells of a step before."""
    if listener:
        listener.started(0, 1)
        time.sleep(first)
        listener.stepped(1)
    time.sleep(seconds)
    return os.getpid()


def fail(
    message: str, kind: type[BaseException] = TrainingError, listener: Listener | None = None
) -> None:
    """Raises an error."""
    raise kind(message)


def die(listener: Listener | None = None) -> None:
    """Kills the process."""
    os.kill(os.getpid(), signal.SIGKILL)


def wait_for_a_signal(path: Path, listener: Listener | None = None) -> None:
    """Waits for a signal, writes its name as the state, and is interrupted by it."""
    received: list[str] = []
    with SignalHandlers(lambda number: received.append(signal.Signals(number).name)):
        if listener:
            listener.stepped(1)
        while not received:
            time.sleep(0.01)
        path.write_text(received[0])
    raise KeyboardInterrupt(received[0])


def die_once(path: Path, listener: Listener | None = None) -> str:
    """Kills the process, unless it has done so before."""
    if not path.exists():
        path.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "went on"
