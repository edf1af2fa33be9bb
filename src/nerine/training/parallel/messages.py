"""What `launch` and the processes that it starts say to each other through their pipes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from threading import Lock
from typing import Any

from nerine.evaluation.epochs import EpochRecord
from nerine.training.callbacks import Listener

OWN, KILLED, LOST, PEER = range(4)
"""Orders of errors: of the process itself, its death, a lost connection, another's error."""


@dataclass(frozen=True, slots=True)
class Job:
    """The task of a process, which is called with a `listener`, and the level of the log."""

    task: Callable[..., Any]
    log_level: int


@dataclass(frozen=True, slots=True)
class Progress:
    """A call of a method of the listener."""

    method: str
    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]

    def tell(self, listener: Listener) -> None:
        """Calls the method of `listener`."""
        getattr(listener, self.method)(*self.arguments, **self.keywords)


@dataclass(frozen=True, slots=True)
class Logged:
    """A record of the log, with its message formatted."""

    record: logging.LogRecord


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a task, with its result or with its error.

    Of several errors, the one with the lowest `order` is the cause of the others.
    """

    result: Any = None
    error: Exception | None = None
    order: int = 0


class Sender:
    """Sends messages through a pipe, from any thread. It is a `Listener`."""

    def __init__(self, connection: Connection[Any, Any]) -> None:
        self._connection = connection
        self._lock = Lock()

    def send(self, message: Progress | Logged | Ended) -> None:
        """Sends a message."""
        with self._lock:
            self._connection.send(message)

    def fold(self, number: int, folds: int) -> None:
        """A fold is next."""
        self.send(Progress("fold", (number, folds), {}))

    def started(self, step: int, steps: int) -> None:
        """The run continues after `step` of `steps`."""
        self.send(Progress("started", (step, steps), {}))

    def stepped(self, step: int) -> None:
        """`step` is done."""
        self.send(Progress("stepped", (step,), {}))

    def evaluated(self, record: EpochRecord, *, best: bool) -> None:
        """A validation is done."""
        self.send(Progress("evaluated", (record,), {"best": best}))
