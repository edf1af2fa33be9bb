"""Threads in processes that fork.

A forked process has a single thread, the one that forked, and that is its main thread from then on.
Other threads stay behind, and libraries do not notice: the threads of OpenMP, which torch uses,
belong to the thread that first needed them, so that the main thread of a forked process would wait
for them for ever. A thread that is started after the fork gets new ones.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class ProcessThreads:
    """A pool of threads that each process starts for itself when it first needs them.

    Args:
        workers: The number of threads.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._pools: dict[int, ThreadPoolExecutor] = {}

    def pool(self) -> ThreadPoolExecutor:
        """The pool of this process."""
        process = os.getpid()
        made = self._pools.get(process)
        # Threads are started by the first task, so that a pool that came second costs nothing.
        return made or self._pools.setdefault(
            process, ThreadPoolExecutor(self._workers, thread_name_prefix="nerine")
        )


_own_thread = ProcessThreads(1)


def off_main_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of a function, run in a thread that this process has started.

    In any other thread than the main one it runs at once.
    """
    if threading.current_thread() is not threading.main_thread():
        return function(*args, **kwargs)
    return _own_thread.pool().submit(function, *args, **kwargs).result()
