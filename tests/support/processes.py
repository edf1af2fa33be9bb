"""`nerine serve` in a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

PATIENCE = 120
"""Seconds for what a busy machine may take long for."""


def until(found: Callable[[], object], what: str) -> None:
    """Waits until a condition holds."""
    end = time.monotonic() + PATIENCE
    while not found():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.02)


def lives(pid: int) -> bool:
    """Whether a process runs; one that has ended may still wait for its parent to be told."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


class ServerProcess:
    """A server, from the line with its address on.

    Args:
        arguments: Those of Python, such as `-m nerine serve CHECKPOINT`.
        environment: Added to that of this process.
    """

    def __init__(self, *arguments: object, environment: Mapping[str, str] | None = None) -> None:
        self._log = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - until the end
        self.process = subprocess.Popen(
            [sys.executable, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, "PYTHONUTF8": "1", **(environment or {})},
        )
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline()
        address = re.search(r"http://[^\s\"]+|unix:\S+", self.line)
        assert address, (self.line, self.log)
        self.url = address[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.end()

    def end(self) -> None:
        """Ends it at once, if it has not ended."""
        if self.process.poll() is None:
            for pid in self.children:
                os.kill(pid, signal.SIGKILL)
            self.process.kill()
        self.process.wait(PATIENCE)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._log.close()

    @property
    def log(self) -> str:
        """What it has written to standard error."""
        return Path(f"/proc/self/fd/{self._log.fileno()}").read_text(encoding="utf-8")

    @property
    def children(self) -> list[int]:
        """The processes that it has started and that have not ended."""
        pid = self.process.pid
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def send(self, number: signal.Signals) -> None:
        """Sends it a signal."""
        self.process.send_signal(number)

    def ended(self) -> int:
        """Waits for its end; returns its exit code."""
        return self.process.wait(PATIENCE)


def serve(*arguments: object, environment: Mapping[str, str] | None = None) -> ServerProcess:
    """`nerine serve` at a free port."""
    return ServerProcess("-m", "nerine", "serve", *arguments, "--port", 0, environment=environment)
