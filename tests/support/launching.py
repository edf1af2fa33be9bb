"""`nerine serve` in a process of its own, on a free port of loopback."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

SECONDS = 120
"""The time for a server to end, generous for a busy machine."""


@dataclass(frozen=True, slots=True)
class Launched:
    """A running server.

    Attributes:
        process: Its first process.
        port: Its port.
        log: The file with its standard error.
    """

    process: subprocess.Popen[str]
    port: int
    log: Path

    @property
    def first(self) -> psutil.Process:
        """Its first process, to be looked at."""
        return psutil.Process(self.process.pid)


@contextlib.contextmanager
def launched(folder: Path, *arguments: str | Path) -> Iterator[Launched]:
    """Starts a server, and kills it and its processes at the end if they have not ended.

    Args:
        folder: Where its log is written.
        arguments: Those of `nerine serve`, without the address.
    """
    log = folder / "serve.log"
    command = [sys.executable, "-m", "nerine", "serve", *arguments, "--port", "0"]
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, encoding="utf-8"
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()  # printed when it is ready; empty if it has ended
        address = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        assert address, f"{line}\n{log.read_text(encoding='utf-8')}"
        yield Launched(process, int(address[1]), log)
    finally:
        if process.poll() is None:
            for each in psutil.Process(process.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()
            process.kill()
        process.communicate(timeout=SECONDS)
