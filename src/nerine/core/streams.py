"""Streams that may stand still: lines of a pipe as they come, with marks for the pauses.

Texts are tagged many at a time. Where they come slowly, a full batch would be waited for; a pause
in the stream says that the texts before it are to be tagged now.
"""

from __future__ import annotations

import os
import select
import stat
import time
from collections.abc import Iterator
from enum import Enum
from functools import partial
from typing import BinaryIO, Final

PATIENCE = 0.2
"""Seconds that a line of a pipe waits for others at most, before a pause is marked."""

_PIECE = 1 << 20


class Pause(Enum):
    """A mark in a stream of texts: the texts before it are tagged without waiting for more."""

    PAUSE = "pause"


PAUSE: Final = Pause.PAUSE


def line_pieces(stream: BinaryIO) -> Iterator[bytes | Pause]:
    """The lines of a binary stream in pieces, with a pause where a pipe stands still.

    A pause comes `PATIENCE` seconds after the first line since the last pause, if no more data are
    there by then. Regular files have no pauses, and neither have pipes on Windows.

    Args:
        stream: An open stream.

    Yields:
        Lines with their line ends; a long one may come in several pieces.
    """
    number = _pipe(stream)
    if number is None:
        yield from iter(partial(stream.readline, _PIECE), b"")
        return
    since: float | None = None
    while True:
        if since is not None:
            left = max(0.0, since + PATIENCE - time.monotonic())
            if not select.select([number], [], [], left)[0]:
                since = None
                yield PAUSE
                continue
        # first what the stream holds already, later what one read gives
        chunk = stream.read1(_PIECE)  # type: ignore[attr-defined] # of buffered streams
        if not chunk:
            return
        if since is None:
            since = time.monotonic()
        *whole, rest = chunk.split(b"\n")
        for line in whole:
            yield line + b"\n"
        if rest:
            yield rest


def timely_lines(stream: BinaryIO) -> Iterator[bytes | Pause]:
    """The lines of a binary stream, with a pause where a pipe stands still.

    Args:
        stream: An open stream.
    """
    held: list[bytes] = []
    for piece in line_pieces(stream):
        if isinstance(piece, Pause):
            yield piece
        elif piece.endswith(b"\n"):
            yield b"".join([*held, piece])
            held = []
        else:
            held.append(piece)
    if held:
        yield b"".join(held)


def _pipe(stream: BinaryIO) -> int | None:
    """The number of a stream that can be waited for; None for regular files and others."""
    if os.name != "posix" or not hasattr(stream, "read1"):
        return None
    try:
        number = stream.fileno()
    except OSError:  # of a stream in memory
        return None
    return None if stat.S_ISREG(os.fstat(number).st_mode) else number
