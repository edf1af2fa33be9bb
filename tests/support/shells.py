"""Real terminals: what nerine writes to one, and shells in which TAB completes its commands."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PATIENCE = 60.0
"""Seconds for an answer of a shell, on a busy machine."""

_START = {
    "bash": (
        ("bash", "--norc", "--noprofile", "-i"),
        (
            "PS1=; set +o history; bind 'set enable-bracketed-paste off'; "
            "bind 'set show-all-if-ambiguous on'; bind 'set bell-style none'; "
            'eval "$(_NERINE_COMPLETE=bash_source nerine)"'
        ),
    ),
    "zsh": (
        ("zsh", "-f", "-i"),
        (
            "PROMPT=; unsetopt PROMPT_SP; unset zle_bracketed_paste; bindkey -e; "
            "autoload -Uz compinit; compinit -u -D; "
            'eval "$(_NERINE_COMPLETE=zsh_source nerine)"'
        ),
    ),
}


def needs(name: str) -> None:
    """Skips a test on a machine without a shell."""
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed: apt-get install {name}")


def environment(folder: Path) -> dict[str, str]:
    """Variables with which a shell finds this Nerine as its command `nerine`, made in `folder`."""
    folder.mkdir()
    script = folder / "nerine"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m nerine "$@"\n')
    script.chmod(0o755)
    path = f"{folder}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "TERM": "dumb", "LC_ALL": "C.UTF-8", "HOME": str(folder)}


class Shell:
    """A shell that reads what is typed."""

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal
        self._number = 0

    def typed(self, keys: str) -> str:
        """What the shell writes after `keys`, up to the end of the command that they make."""
        self._number += 1
        mark = f"end{self._number}"
        os.write(self._terminal, f"{keys}; printf '%s\\n' 'en''d{self._number}'\n".encode())
        shown = b""
        until = time.monotonic() + PATIENCE
        while f"{mark}\r\n".encode() not in shown:
            ready, _, _ = select.select([self._terminal], [], [], until - time.monotonic())
            assert ready, f"no answer: {shown.decode(errors='replace')}"
            shown += os.read(self._terminal, 65536)
        return shown.decode().replace("\r\n", "\n")

    def completed(self, line: str) -> list[str]:
        """The words of a line after TAB, as the shell hands them to the command."""
        shown = self.typed(f"{line}\t\x01printf '<%s>\\n' \x05")
        return re.findall("^<(.*)>$", shown, flags=re.M)

    def listed(self, line: str) -> str:
        """What the shell writes when TAB finds several ways to complete a line."""
        return self.typed(f"{line}\t\t\x01: \x05")


def written_to_terminal(*arguments: str, only_errors: bool = False) -> str:
    """What a command of nerine writes to a terminal of 80 columns.

    With `only_errors` the terminal is that of standard error alone.
    """
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "nerine", *arguments],
        stdin=None if only_errors else theirs,
        stdout=subprocess.DEVNULL if only_errors else theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "80"},
    ):
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 65536):
                shown += piece
        except OSError:  # Linux's way of saying that the other side is closed
            os.close(ours)
    return shown.decode()


@contextlib.contextmanager
def shell(name: str, folder: Path, variables: dict[str, str]) -> Iterator[Shell]:
    """An interactive shell in a folder, with completion."""
    command, start = _START[name]
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=folder,
        env=variables,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        started = Shell(ours)
        started.typed(start)
        yield started
    finally:
        process.kill()
        process.wait()
        os.close(ours)
