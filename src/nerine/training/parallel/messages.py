"""What a program and the processes that do its tasks say to each other."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
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
    """The end of a task, with its result, with its error, or with the signal that interrupted it.

    Of several errors, the one with the lowest `order` is the cause of the others.
    """

    result: Any = None
    error: Exception | None = None
    order: int = 0
    interrupted: str = ""

    def get(self) -> Any:
        """The result; raises the error."""
        if self.error:
            raise self.error
        return self.result


Message = Progress | Logged | Ended


class Sender(ABC):
    """Sends messages to the process that waits for a task, from any thread. It is a `Listener`."""

    @abstractmethod
    def send(self, message: Message) -> None:
        """Sends a message."""

    def started(self, step: int, steps: int) -> None:
        """The run continues after `step` of `steps`."""
        self.send(Progress("started", (step, steps), {}))

    def stepped(self, step: int) -> None:
        """`step` is done."""
        self.send(Progress("stepped", (step,), {}))

    def evaluated(self, record: EpochRecord, *, best: bool) -> None:
        """A validation is done."""
        self.send(Progress("evaluated", (record,), {"best": best}))


class PipeSender(Sender):
    """Sends messages through a pipe."""

    def __init__(self, connection: Connection[Any, Any]) -> None:
        self._connection = connection
        self._lock = Lock()

    def send(self, message: Message) -> None:
        """Sends a message."""
        with self._lock:
            self._connection.send(message)
