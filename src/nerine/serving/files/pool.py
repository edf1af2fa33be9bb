"""A pool of processes that tag the shards of a run on one machine.

The main process holds the lock of the run, gives out shards, reads their receipts and publishes.
Each worker loads the tagger from its pickle, and writes the journal and the receipt of the shard
that it was given, so that an interrupted run resumes after the last parts of all workers.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from multiprocessing.synchronize import Event
from typing import Any

from nerine.core.errors import TaggingError
from nerine.serving.files.blocks import Listener, StreamTagger
from nerine.serving.files.receipts import Receipt
from nerine.serving.files.run import RunFolder
from nerine.serving.files.shards import Shard

_AHEAD = 2
"""Shards that are given out, for each process."""
_GLANCE = 0.2  # seconds between two looks at the progress


def tag_in_processes(
    folder: RunFolder,
    tagger: StreamTagger,
    processes: int,
    listener: Listener | None = None,
) -> int:
    """Tags the shards of a run that have no receipt, several at a time.

    Args:
        folder: The folder of the run, locked and open. It is pickled.
        tagger: A tagger that can be pickled. Each process has one, with the threads of this one.
        processes: The number of processes.
        listener: Receives the progress, counted in shards.

    Returns:
        The number of documents that were read.

    Raises:
        TaggingError: If a process ends by itself, as when it is killed for want of memory.
        ProcessError: If the tagger can't be pickled.
    """
    missing = [shard for shard in folder.shards if folder.receipt(shard) is None]
    now = -sum(map(folder.documents_of, missing))
    with _Pool(folder, tagger, min(processes, len(missing) or 1)) as pool:
        progress = _Shown(listener, len(folder.shards) - len(missing), len(folder.shards), pool)
        for receipt in pool.results(iter(missing), progress):
            now += receipt.documents
    return now


class _Shown:
    """Tells a listener how many shards are done, and how many documents."""

    def __init__(self, listener: Listener | None, done: int, of: int, pool: _Pool) -> None:
        self._listener = listener
        self._done = done
        self._pool = pool
        if listener:
            listener.started("shards", done, of)

    def advance(self, shards: int) -> None:
        self._done += shards
        if self._listener:
            self._listener.advanced(self._done, self._pool.documents)


class _Pool:
    """Processes that tag shards."""

    def __init__(self, folder: RunFolder, tagger: StreamTagger, processes: int) -> None:
        context = multiprocessing.get_context("spawn")  # this process has threads
        self._stop = context.Event()
        self._documents = context.Value("q", 0)
        self._processes = processes
        work = _Work(folder, tagger, self._stop, self._documents)
        self._executor = ProcessPoolExecutor(
            processes, mp_context=context, initializer=_begin, initargs=(work,)
        )

    @property
    def documents(self) -> int:
        """The number of documents that were read."""
        return int(self._documents.value)

    def __enter__(self) -> _Pool:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._stop.set()  # after the block that each process is at
        self._executor.shutdown(wait=True, cancel_futures=True)

    def results(self, shards: Iterator[Shard], progress: _Shown) -> Iterator[Receipt]:
        """The receipts of the shards, as they come."""
        waiting: set[Future[Receipt]] = set()
        try:
            while True:
                wanted = _AHEAD * self._processes - len(waiting)
                waiting |= {self._executor.submit(_tag, each) for each in islice(shards, wanted)}
                if not waiting:
                    return
                done, waiting = wait(waiting, _GLANCE, FIRST_COMPLETED)
                for each in done:
                    yield each.result()
                progress.advance(len(done))
        except BrokenProcessPool:
            raise TaggingError(
                "a process of the pool ended by itself; perhaps the memory was too small",
                expected="processes that are not killed",
                hint="--resume continues; fewer processes need less memory",
            ) from None


@dataclass(frozen=True, slots=True)
class _Work:
    """What a process of the pool is given once."""

    folder: RunFolder
    tagger: StreamTagger
    stop: Event
    documents: Any


class _StoppedError(BaseException):
    """The run was interrupted, and the journal is to be kept."""


class _Counting:
    """Counts the documents of all processes, and ends the shard when the run is interrupted."""

    def __init__(self, work: _Work) -> None:
        self._work = work
        self._counted = 0

    def started(self, name: str, done: int, size: int | None) -> None:
        """Does nothing."""

    def advanced(self, done: int, documents: int) -> None:  # noqa: ARG002 - of Listener
        """Adds documents; raises `_StoppedError` if the run was interrupted."""
        with self._work.documents.get_lock():
            self._work.documents.value += documents - self._counted
        self._counted = documents
        if self._work.stop.is_set():
            raise _StoppedError


_work: _Work | None = None
_held = ExitStack()


def _begin(work: _Work) -> None:
    """Begins a process of the pool."""
    global _work
    for each in (signal.SIGINT, signal.SIGTERM):  # the main process says when to stop
        signal.signal(each, signal.SIG_IGN)
    _held.enter_context(work.folder.working())
    threading.Thread(target=_end_with_the_main_process, daemon=True).start()
    _work = work


def _end_with_the_main_process() -> None:
    """Ends this process as soon as the main one is gone, even if that was killed."""
    main = multiprocessing.parent_process()
    if main is not None:
        main.join()
        os._exit(1)


def _tag(shard: Shard) -> Receipt:
    """Tags a shard, in a process of the pool."""
    if _work is None:
        raise RuntimeError("the process was not begun")
    counting = _Counting(_work)
    return _work.folder.tag(shard, _work.tagger, counting, -_work.folder.documents_of(shard))
