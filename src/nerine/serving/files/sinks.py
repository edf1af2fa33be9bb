"""Where what is rendered goes: into a journal that can be resumed, or out at once."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace as changed
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from nerine.core.errors import TaggingError
from nerine.serving.files.compression import compressed, compression_of
from nerine.serving.files.journal import Journal, Reached, State, append, disk_errors, replace, sync
from nerine.serving.files.records import RecordReader
from nerine.serving.files.targets import Targets


class Sink(Protocol):
    """Takes what is rendered, a block at a time."""

    @property
    def reached(self) -> Reached:
        """How far the run has come."""

    def begin(self, number: int) -> None:
        """The records of input `number`, from 0, come next."""

    def write(self, output: bytes, failed: bytes, reached: Reached) -> None:
        """A whole block: what was rendered, what failed, and where the run stands after it."""

    def end(self, reached: Reached) -> None:
        """The input's last block has been written; `reached` is where the next one begins."""

    def publish(self, sources: Sequence[RecordReader]) -> None:
        """All inputs are done."""

    def stop(self) -> None:
        """Something came in between: keeps what can be kept."""


class StandardSink:
    """Writes at once to a stream. What failed goes to standard error, as JSON in ASCII."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.reached = Reached()

    def begin(self, number: int) -> None:
        """Nothing is to be done."""

    def write(self, output: bytes, failed: bytes, reached: Reached) -> None:
        """Writes both."""
        self._stream.write(output)
        self._stream.flush()
        sys.stderr.write(failed.decode())
        self.reached = reached

    def end(self, reached: Reached) -> None:
        """Nothing is to be done."""
        self.reached = reached

    def publish(self, sources: Sequence[RecordReader]) -> None:
        """All is out already."""

    def stop(self) -> None:
        """Nothing can be kept."""


class JournalSink:
    """Collects outputs in a journal, commits every few seconds, and moves them out at the end.

    A block becomes a piece of a compressed file, so that the bytes of an output depend on the
    blocks alone, and not on when they were committed.
    """

    def __init__(
        self,
        journal: Journal,
        targets: Targets,
        identity: Mapping[str, Any],
        state: State,
        *,
        commit_seconds: float,
        keep: bool = True,
    ) -> None:
        self._journal, self._targets, self._identity = journal, targets, identity
        self._state = state
        self._commit_seconds = commit_seconds
        self._keep = keep
        self._committed = time.monotonic()
        self._output: BinaryIO | None = None
        self._failed: BinaryIO | None = None
        self._kind = ""

    @property
    def reached(self) -> Reached:
        """How far the run has come."""
        return self._state.reached

    def begin(self, number: int) -> None:
        """Opens the partial files, cut back to what was committed."""
        with disk_errors(self._targets.output):
            self._kind = self._kind_of(number)
            self._output = _cut_back(self._journal.partial(number), self._state.output)
            self._failed = _cut_back(self._journal.failed, self._state.failed)
            self._commit()

    def _kind_of(self, number: int) -> str:
        return compression_of(self._targets.files[number])

    def write(self, output: bytes, failed: bytes, reached: Reached) -> None:
        """Appends both, and commits if the last time is some seconds ago."""
        with disk_errors(self._targets.output):
            packed = compressed(output, self._kind) if output else b""
            append(_open(self._output), packed)
            append(_open(self._failed), failed)
            # in one step, so that an interruption finds the old state or the new one
            self._state = changed(
                self._state,
                reached=reached,
                output=self._state.output + len(packed),
                failed=self._state.failed + len(failed),
            )
            if time.monotonic() - self._committed >= self._commit_seconds:
                self._commit()

    def _commit(self) -> None:
        for stream in (self._output, self._failed):
            if stream is not None:
                sync(stream)
        self._journal.write(self._identity, self._state)
        self._committed = time.monotonic()

    def end(self, reached: Reached) -> None:
        """Closes the partial output and commits."""
        with disk_errors(self._targets.output):
            if not self._state.output:  # an empty file that is compressed has some bytes too
                append(_open(self._output), compressed(b"", self._kind))
            self._state = changed(self._state, reached=reached, output=0)
            self._commit()
            self._close()

    def publish(self, sources: Sequence[RecordReader]) -> None:
        """Moves all files to their places. Cut short, it can be done again."""
        with disk_errors(self._targets.output):
            if not self._state.rendered:
                self._check_free()
                self._state = changed(self._state, rendered=True)
                self._commit()
            for number, source in enumerate(sources):
                self._assemble(number, source)
            if not self._state.failed:
                self._journal.failed.unlink(missing_ok=True)
                self._targets.failed.unlink(missing_ok=True)
            _move(self._journal.failed, self._targets.failed)
            for number, path in enumerate(self._targets.files):
                path.parent.mkdir(parents=True, exist_ok=True)
                _move(self._journal.done(number), path)
            self._journal.clear()

    def _check_free(self) -> None:
        """Raises `TaggingError` where a file came into being while this run was at work."""
        if self._targets.standing and not self._state.replace:
            raise TaggingError(
                "this file came into being meanwhile, and would be replaced",
                place=str(self._targets.standing[0]),
                hint="move it away, and go on with --resume",
            )

    def _assemble(self, number: int, source: RecordReader) -> None:
        partial, done = self._journal.partial(number), self._journal.done(number)
        if partial.exists():
            source.assemble(partial, done)
            with done.open("rb") as stream:
                sync(stream)
            partial.unlink(missing_ok=True)

    def stop(self) -> None:
        """Commits the last whole block, if the disk lets it and there is a use for it."""
        if not self._keep:
            self._close()
            self._journal.clear()
            return
        try:
            if self._output is not None:
                self._commit()
        except OSError:
            return  # what was committed before still holds
        finally:
            self._close()

    def _close(self) -> None:
        for stream in (self._output, self._failed):
            if stream is not None:
                stream.close()
        self._output = self._failed = None


def _open(stream: BinaryIO | None) -> BinaryIO:
    if stream is None:
        raise ValueError("begin() comes first")
    return stream


def _cut_back(path: Path, size: int) -> BinaryIO:
    """A file to append to, of which the first `size` bytes are kept."""
    stream = path.open("ab")
    if stream.tell() < size:
        stream.close()
        raise TaggingError(
            f"there are fewer than the {size:,} bytes that were committed",
            place=str(path),
            hint="the journal is damaged: --overwrite begins anew",
        )
    stream.truncate(size)
    stream.seek(size)
    return stream


def _move(partial: Path, target: Path) -> None:
    """Moves a file to its place, unless that was done already."""
    if partial.exists():
        replace(partial, target)


def failed_line(place: str, number: int, why: str, raw: bytes) -> bytes:
    """A record that failed, as a line of JSON in ASCII.

    Bytes of the record that are no UTF-8 stand as `\\udc80` to `\\udcff`, as Python's
    `surrogateescape` has them.
    """
    values = {"file": place, "line": number, "reason": why}
    values["record"] = raw.decode("utf-8", "surrogateescape")
    return f"{json.dumps(values)}\n".encode()
