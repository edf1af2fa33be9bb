"""Servers as processes of their own: started, watched, paused and ended."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from types import TracebackType
from typing import Self

import psutil

from bench.serving.connection import HOST

PORT = "{port}"
"""Stands for the port in a system's command."""

_START = 120.0
_END = 30.0
_DROPPED = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class System:
    """A server that can be started.

    Attributes:
        name: Its name in the tables.
        command: Its command line, with `{port}` in place of the port.
        path: Where it takes texts.
        ready: The path that answers 200 once it can tag.
        environment: Variables for it; an empty value removes one.
    """

    name: str
    command: Sequence[str]
    path: str = "/"
    ready: str = "/health"
    environment: Mapping[str, str] = field(default_factory=dict)


class Server:
    """A running server; the `with` block ends it and all its processes.

    Its standard output and standard error go to a file, which is shown if it does not get ready.

    Attributes:
        system: What was started.
        port: Its port on this machine.
        process: Its first process.
    """

    def __init__(self, system: System) -> None:
        self.system = system
        self.port = _free_port()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the server
        command = [each.replace(PORT, str(self.port)) for each in system.command]
        kept = {name: each for name, each in os.environ.items() if name not in _DROPPED}
        given = {name: each for name, each in {**kept, **system.environment}.items() if each}
        self._began = time.perf_counter()
        self.process = subprocess.Popen(
            command,
            env=given,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def wait(self) -> float:
        """Waits until it is ready; the seconds since its process was started."""
        while not self._is_ready():
            if self.process.poll() is not None or time.perf_counter() - self._began > _START:
                log = self.log()
                self.stop()
                sys.exit(f"{self.system.name} did not get ready:\n{log[-3000:]}")
            time.sleep(0.005)
        return time.perf_counter() - self._began

    def log(self) -> str:
        """What it has printed."""
        return os.pread(self._log.fileno(), 1 << 24, 0).decode(errors="replace")

    def resident(self) -> int:
        """The bytes of resident memory of its processes."""
        return sum(each.memory_info().rss for each in self.processes())

    def processes(self) -> list[psutil.Process]:
        """Its processes, the first one first."""
        first = psutil.Process(self.process.pid)
        return [first, *first.children(recursive=True)]

    def pause(self) -> None:
        """Stops all its processes until `resume`, so that they take no core."""
        os.killpg(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Lets its processes run again."""
        os.killpg(self.process.pid, signal.SIGCONT)

    def stop(self) -> int:
        """Ends it; the exit status of its first process."""
        with contextlib.suppress(ProcessLookupError):
            self.resume()
            self.process.terminate()
        try:
            self.process.wait(_END)
        except subprocess.TimeoutExpired:
            print(f"{self.system.name} did not end in {_END:.0f} s", file=sys.stderr)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self._log.close()
        return self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._log.closed:
            self.stop()

    def _is_ready(self) -> bool:
        connection = HTTPConnection(HOST, self.port, timeout=5)
        try:
            connection.request("GET", self.system.ready)
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind((HOST, 0))
        return int(found.getsockname()[1])
