"""Several processes that serve at one socket, and the first process, which watches them.

The first process loads no model. It forks the others, one first, and the rest when that one is
ready. One that dies is replaced. SIGTERM and SIGHUP are passed on to all.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable

from nerine.core.errors import SettingsError
from nerine.serving.http.logs import logger

_BAD_INPUT = 2
"""The exit code of a process whose settings or checkpoint are wrong, as they are for the others."""
_SHORT_LIFE = 10.0
_LONGEST_PAUSE = 30.0


def supervise(
    number: int,
    place: socket.socket,
    work: Callable[[int], None],
    ready: Callable[[], None],
) -> None:
    """Runs work in several processes until SIGTERM or SIGINT, and returns when all have ended.

    Args:
        number: The number of processes.
        place: The socket that they listen on, which is closed here when they are told to end.
        work: What each of them does. It gets a pipe that is closed when the first process has died,
            and sends SIGUSR1 to the first process when it is ready; its errors are raised in its
            own process.
        ready: Called when the first of them is ready.

    Raises:
        SettingsError: If this system has no such processes.
        SystemExit: If one of them could not begin, or a second signal came.
    """
    if not hasattr(os, "fork"):
        raise SettingsError(
            "this system cannot fork processes", place="workers", hint="start it with one worker"
        )
    _Supervisor(number, place, work, ready).run()


class _Supervisor:
    def __init__(
        self,
        number: int,
        place: socket.socket,
        work: Callable[[int], None],
        ready: Callable[[], None],
    ) -> None:
        self._number = number
        self._place = place
        self._work = work
        self._ready = ready
        self._begun: dict[int, float] = {}
        self._is_ready = False
        self._is_stopping = False
        self._pause = 0.0
        self._exit = 0
        self._pipe = os.pipe()
        self._calls: dict[int, Callable[[], None]] = {
            signal.SIGCHLD: self._reap,
            signal.SIGHUP: lambda: self._tell(signal.SIGHUP),
            signal.SIGINT: self._stop,
            signal.SIGTERM: self._stop,
            signal.SIGUSR1: self._begin_all,
        }

    def run(self) -> None:
        # signals wait until they are asked for, so that nothing happens in between
        signal.pthread_sigmask(signal.SIG_BLOCK, self._calls)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # some systems drop it otherwise
        self._start()
        while self._begun:
            self._calls[signal.sigwait(self._calls)]()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, self._calls)
        if self._exit:
            sys.exit(self._exit)

    def _start(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid:
            self._begun[pid] = time.monotonic() + self._pause
            return
        reading, writing = self._pipe
        os.close(writing)  # so that the first process alone has it
        os.setpgid(0, 0)  # Ctrl-C reaches the first process alone
        for number in self._calls:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # it may be passed on before the server runs
        signal.pthread_sigmask(signal.SIG_UNBLOCK, self._calls)
        time.sleep(self._pause)
        self._work(reading)
        sys.exit(0)

    def _begin_all(self) -> None:
        """One is ready: so can the others be."""
        if not self._is_ready:
            self._is_ready = True
            self._ready()
            while len(self._begun) < self._number and not self._is_stopping:
                self._start()

    def _reap(self) -> None:
        """Takes note of those that have ended, and starts others in their places."""
        while self._begun:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            begun = self._begun.pop(pid, None)
            if begun is None or self._is_stopping:
                continue
            code = os.waitstatus_to_exitcode(status)
            if not self._is_ready and code == _BAD_INPUT:
                self._exit = code  # it has said why
                return
            is_short = time.monotonic() - begun < _SHORT_LIFE
            self._pause = min(max(1.0, 2 * self._pause), _LONGEST_PAUSE) if is_short else 0.0
            how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
            logger.error("worker %d ended %s; another one is started", pid, how)
            self._start()

    def _stop(self) -> None:
        if self._is_stopping:
            logger.warning("ended at once by a second signal")
            self._tell(signal.SIGKILL)
            self._exit = 1
            return
        self._is_stopping = True
        self._tell(signal.SIGTERM)
        self._place.close()  # connections that nobody will take are refused

    def _tell(self, number: signal.Signals) -> None:
        for pid in self._begun:
            os.kill(pid, number)
