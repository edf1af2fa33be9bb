"""Files that are whole or missing, whenever the process is killed or the disk is full."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from nerine.core.errors import TaggingError

NEW = ".new"
"""The suffix of a file that is being written."""

_CHUNK = 1 << 23


def append(stream: BinaryIO, content: bytes) -> None:
    """Writes, and waits until the content is on the disk."""
    stream.write(content)
    stream.flush()
    os.fsync(stream.fileno())


def move(path: Path, target: Path) -> None:
    """Renames a file, and waits until that is on the disk."""
    path.replace(target)
    if os.name == "posix":
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def write_file(path: Path, content: bytes) -> None:
    """Writes a file: whole, or not at all. Several processes may write the same one."""
    new = path.with_name(f"{path.name}.{uuid.uuid4().hex}{NEW}")
    with new.open("wb") as stream:
        append(stream, content)
    move(new, path)


def put(path: Path, start: int, content: bytes, place: Path) -> None:
    """Writes `content` at byte `start` of a file; a repeat changes nothing.

    Raises `TaggingError` at `place` if the file is shorter.
    """
    path.touch()
    with path.open("r+b") as stream:
        if stream.seek(0, os.SEEK_END) < start:
            raise TaggingError(
                "parts before this one are missing",
                place=str(place),
                hint="the folder is damaged: --overwrite starts again",
            )
        stream.seek(start)
        append(stream, content)


def append_file(source: Path, whole: Path, start: int) -> None:
    """Moves the content of a file to byte `start` of another one; a repeat completes the work."""
    if start == 0:
        move(source, whole)
        return
    with source.open("rb") as content:
        at = start
        while chunk := content.read(_CHUNK):
            put(whole, at, chunk, source)
            at += len(chunk)
    source.unlink()


@contextlib.contextmanager
def readable(path: Path, hint: str = "--overwrite starts again") -> Iterator[None]:
    """Turns errors of reading a file of a run into a `TaggingError`."""
    try:
        yield
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise TaggingError(
            f"the interrupted run cannot be read: {error!r}",
            place=str(path),
            hint=hint,
        ) from error
