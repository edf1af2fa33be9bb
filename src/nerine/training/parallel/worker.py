"""What a process does for another one: its task, whose progress and result it sends."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import traceback
from collections.abc import Callable, Iterator
from logging.handlers import QueueHandler
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any

from nerine.core.errors import NerineError, PeerError
from nerine.training.callbacks import Listener
from nerine.training.parallel.group import is_of_connection
from nerine.training.parallel.messages import (
    LOST,
    OWN,
    PEER,
    Ended,
    Job,
    Logged,
    PipeSender,
    Sender,
)


def work(descriptor: int) -> None:
    """Does the task that comes through the pipe.

    Sends its progress and its log, of processes that train together those of the first one.
    """
    connection: Connection[Any, Any] = Connection(descriptor)
    sender = PipeSender(connection)
    try:
        job: Job = connection.recv()
    except EOFError:  # the parent has ended
        return
    Thread(target=_stop_without_parent, args=(connection,), daemon=True).start()
    if os.environ.get("RANK", "0") == "0":
        with logs_sent(sender, job.log_level):
            ended = outcome_of(job.task, sender)
    else:
        ended = outcome_of(job.task, None)
    with contextlib.suppress(BrokenPipeError):  # the parent has been killed
        sender.send(ended)


@contextlib.contextmanager
def logs_sent(sender: Sender, level: int) -> Iterator[None]:
    """Sends the records of Nerine's loggers from a level on."""
    log, handler = logging.getLogger("nerine"), _LogSender(sender)
    before = log.level
    log.setLevel(level)
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before)


class _LogSender(QueueHandler):
    """Sends records of the log to the parent."""

    def __init__(self, sender: Sender) -> None:
        super().__init__(sender)  # type: ignore[arg-type] # `enqueue` is all that uses it
        self._sender = sender

    def enqueue(self, record: logging.LogRecord) -> None:
        self._sender.send(Logged(record))


def outcome_of(task: Callable[..., Any], listener: Listener | None) -> Ended:
    """The end of a task that is done here, for another process."""
    try:
        return Ended(task(listener=listener))
    except KeyboardInterrupt as error:
        return Ended(interrupted=str(error) or signal.SIGINT.name)
    except Exception as error:
        return _failed(error)


def _failed(error: Exception) -> Ended:
    """The end by an error; one that is not known to the parent is sent as a text."""
    if isinstance(error, PeerError):
        return Ended(error=error, order=PEER)
    if isinstance(error, NerineError | OSError):
        return Ended(error=error, order=LOST if is_of_connection(error.__cause__) else OWN)
    return Ended(error=RuntimeError("".join(traceback.format_exception(error)).strip()), order=OWN)


def _stop_without_parent(connection: Connection[Any, Any]) -> None:
    """Saves the state and stops once the parent has ended, which says nothing more until then."""
    with contextlib.suppress(EOFError, OSError):
        connection.recv()
    os.kill(os.getpid(), signal.SIGTERM)
