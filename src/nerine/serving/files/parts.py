"""The working folder of a run: its outputs in finished parts, which are joined at the end.

::

    .OUTPUT.tagging/              next to OUTPUT
        state.json                the identity of the run
        0000000.part, …           rendered blocks of records, and the progress after them
        0.joined, failed.joined   parts put together: a file for each input, and the failures
        joined.part               the last part, renamed when all parts have been joined
        0.done, 1.done            the outputs, ready to be moved to their places
        lock                      held by the process that works on the run

A part is written under another name, synced and renamed: it is whole or missing, and never
changes. So the process may be killed at any moment, and a run resumes after its last part. A part
holds where it belongs in the joined files, so that joining can be interrupted and repeated too.
Each part is removed when it was joined: outputs are never on the disk twice.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from nerine.core.errors import TaggingError
from nerine.core.files import write_errors
from nerine.serving.files.compression import compressed, compression_of
from nerine.serving.files.identity import check_same
from nerine.serving.files.inputs import RecordReader
from nerine.serving.files.options import Rows, Start
from nerine.serving.files.outputs import Outputs

_FORMAT = 3
_TRY_AGAIN = "free some space or correct the error, and continue with --resume"
_PART_BYTES = 1 << 23
"""A part is finished when it has this size, so that it fits in memory."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How much of a run is done.

    Attributes:
        input: The input of the next record, from 0.
        offset: Where this record begins, as in `Position`.
        line: Its line or row, from 1.
        documents: The number of documents read.
        failures: How many of them failed.
        entities: The number of entities found, by label.
        nulls: How many of the documents have null instead of a text.
    """

    input: int = 0
    offset: int = 0
    line: int = 1
    documents: int = 0
    failures: int = 0
    entities: Mapping[str, int] = field(default_factory=dict)
    nulls: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive blocks of one input.

    Attributes:
        number: Its number in the run, from 0.
        output_start: Where its output begins in the output of the input, in bytes.
        failed_start: Where its failures begin in the file of failures, in bytes.
        before: The progress before it.
        after: The progress after it.
        output: Rendered records.
        failed: Records that failed.
    """

    number: int = 0
    output_start: int = 0
    failed_start: int = 0
    before: Progress = Progress()
    after: Progress = Progress()
    output: bytes = b""
    failed: bytes = b""

    @classmethod
    def read(cls, path: Path) -> Part:
        """The part in a file. Raises `TaggingError` if it is damaged."""
        with _readable(path):
            header, _, content = path.read_bytes().partition(b"\n")
            values = json.loads(header)
            output, failed = values.pop("output"), values.pop("failed")
            if len(content) != output + failed:
                raise ValueError(f"{len(content):,} bytes, where {output + failed:,} belong")
            for name in ("before", "after"):
                values[name] = Progress(**values[name])
            return cls(**values, output=content[:output], failed=content[output:])

    def to_bytes(self) -> bytes:
        """The content of its file: a line of JSON, the output, and the failures."""
        values = dataclasses.asdict(self)
        header = {**values, "output": len(self.output), "failed": len(self.failed)}
        return json.dumps(header).encode() + b"\n" + self.output + self.failed

    def next(self) -> Part:
        """The empty part that follows."""
        same_input = self.after.input == self.before.input
        return Part(
            self.number + 1,
            self.output_start + len(self.output) if same_input else 0,
            self.failed_start + len(self.failed),
            self.after,
            self.after,
        )


class PartFiles:
    """Writes a run into the working folder of its outputs, and moves these out at the end.

    `commit_seconds` is the time between two parts. `keep` says whether the folder stays if the run
    is interrupted, `rows` what the outputs have a row for.
    """

    def __init__(
        self,
        outputs: Outputs,
        *,
        commit_seconds: float = 0.0,
        keep: bool = True,
        rows: Rows = "records",
    ) -> None:
        self._outputs = outputs
        self._folder = outputs.parts
        self._joined = self._folder / "joined.part"
        self._commit_seconds = commit_seconds
        self._keep = keep
        self._rows = rows
        self._committed = time.monotonic()
        self._write_errors = partial(write_errors, TaggingError, outputs.output, _TRY_AGAIN)
        self._part = Part()
        self._replace = False

    @property
    def progress(self) -> Progress:
        """How much of the run is done."""
        return self._part.after

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Makes the folder if it is missing, and locks it against other processes."""
        with self._write_errors():
            self._folder.mkdir(exist_ok=True)
            lock = (self._folder / "lock").open("ab")
        with lock:
            if os.name == "posix":  # Windows has no such locks
                import fcntl

                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    raise TaggingError(
                        "another process is writing this output", place=str(self._outputs.output)
                    ) from None
            yield

    def check_start(self, identity: Mapping[str, Any], start: Start) -> None:
        """Raises `TaggingError` if the run cannot start.

        An interrupted run or an existing output may be in the way, or the run to resume may have
        another identity.
        """
        state = None if start == "overwrite" else self._read_state()
        if state and start == "new":
            raise TaggingError(
                "an interrupted run exists",
                place=str(self._outputs.output),
                hint="--resume continues it, --overwrite starts again",
            )
        if state:
            check_same(state["identity"], identity, self._outputs.output)
        replaces = state["replace"] or self._joined.exists() if state else start == "overwrite"
        if self._outputs.existing and not replaces:
            raise TaggingError(
                "this output exists",
                place=str(self._outputs.existing[0]),
                expected="a name that is not in use",
                hint="--overwrite replaces it",
            )

    def _read_state(self) -> dict[str, Any] | None:
        path = self._folder / "state.json"
        if not path.exists():
            return None
        with _readable(path):
            state: dict[str, Any] = json.loads(path.read_bytes())
            if state["format"] == _FORMAT:
                _ = state["identity"], state["replace"]
                return state
        raise TaggingError(
            f"the interrupted run has format {state['format']}, of another version of Nerine",
            place=str(path),
            expected=f"format {_FORMAT}",
            hint="resume it with the version that started it; --overwrite starts again",
        )

    def open(self, identity: Mapping[str, Any], start: Start) -> None:
        """Resumes the run in the folder, or starts one. Raises `TaggingError`."""
        state = self._read_state() if start == "resume" else None
        with self._write_errors():
            if state is None:
                self._remove_files(keep=("lock",))
                self._replace = start == "overwrite"
                state = {"format": _FORMAT, "identity": identity, "replace": self._replace}
                self._write("state.json", json.dumps(state).encode())
                return
        check_same(state["identity"], identity, self._outputs.output)
        self._replace = state["replace"]
        paths = sorted(self._folder.glob("[0-9]*.part"))
        if self._joined.exists():
            paths.append(self._joined)
        if paths:
            self._part = Part.read(paths[-1]).next()

    def write(self, output: bytes, failed: bytes, progress: Progress) -> None:
        """Adds a block of records; the next one is of another input if `progress` says so.

        A block is compressed by itself, so that the bytes of an output depend on the blocks alone,
        and not on when they were committed.
        """
        with self._write_errors():
            part = self._part
            suffix = compression_of(self._outputs.files[part.before.input])
            ended = progress.input > part.before.input
            is_empty = not (part.output_start or part.output or output)
            if output or (ended and is_empty):  # even an empty compressed file has some bytes
                output = compressed(output, suffix)
            # in one step, so that an interruption finds all of the block or nothing
            self._part = dataclasses.replace(
                part, output=part.output + output, failed=part.failed + failed, after=progress
            )
            is_due = time.monotonic() - self._committed >= self._commit_seconds
            size = len(self._part.output) + len(self._part.failed)
            if ended or is_due or size >= _PART_BYTES:
                self._commit()

    def _commit(self) -> None:
        if self._part.after != self._part.before:
            self._write(f"{self._part.number:07}.part", self._part.to_bytes())
            self._part = self._part.next()
        self._committed = time.monotonic()

    def _write(self, name: str, content: bytes) -> None:
        """Writes a file of the folder: whole, or not at all."""
        new = self._folder / "new"
        with new.open("wb") as stream:
            _append(stream, content)
        _move(new, self._folder / name)

    def publish(self, readers: Sequence[RecordReader]) -> None:
        """Joins the parts and moves the outputs to their places. A repeat completes the work.

        Raises `TaggingError` before they are moved if records were lost or added.
        """
        with self._write_errors():
            if not self._joined.exists():
                self._join()
            failed, target = self._folder / "failed.joined", self._outputs.failed
            if not self.progress.failures:
                failed.unlink(missing_ok=True)
                target.unlink(missing_ok=True)
            for number, reader in enumerate(readers):
                joined, done = self._folder / f"{number}.joined", self._folder / f"{number}.done"
                if joined.exists():
                    reader.assemble(joined, done)
                    with done.open("rb") as stream:
                        os.fsync(stream.fileno())
                    joined.unlink(missing_ok=True)
            self._check_counts(readers)
            moves = {failed: target}
            for number, path in enumerate(self._outputs.files):
                path.parent.mkdir(parents=True, exist_ok=True)
                moves[self._folder / f"{number}.done"] = path
            for source, path in moves.items():
                if source.exists():  # else it was moved already
                    _move(source, path)
            self._clear()

    def _check_counts(self, readers: Sequence[RecordReader]) -> None:
        """Raises `TaggingError` unless each record is in an output or among the failures.

        In tables of entities, unless each entity is in one of them.
        """
        written = 0
        for number, (reader, path) in enumerate(zip(readers, self._outputs.files, strict=True)):
            done = self._folder / f"{number}.done"  # unless it was moved already
            written += reader.count(done if done.exists() else path, compression_of(path))
        failed = self._folder / "failed.joined"
        failures = self._outputs.failed if not failed.exists() else failed
        failed_lines = 0
        if self.progress.failures:
            with failures.open("rb") as lines:
                failed_lines = sum(1 for _ in lines)
        due = self.progress.documents - self.progress.failures
        found = f"{self.progress.documents:,} records were read"
        if self._rows == "entities":
            due = sum(self.progress.entities.values())
            found += f" and {due:,} entities found"
        if (written, failed_lines) != (due, self.progress.failures):
            raise TaggingError(
                f"{found}, but {written:,} are in the outputs and {failed_lines:,} among the "
                "failures",
                place=str(self._outputs.output),
                expected="each record in one of them",
                hint="the outputs were not moved to their places; --overwrite starts again",
            )

    def _join(self) -> None:
        if self._outputs.existing and not self._replace:
            raise TaggingError(
                "this file was created during the run, and would be overwritten",
                place=str(self._outputs.existing[0]),
                hint="move it away, and continue with --resume",
            )
        paths = sorted(self._folder.glob("[0-9]*.part"))
        for path in paths:
            part = Part.read(path)
            for name, start, content in (
                (f"{part.before.input}.joined", part.output_start, part.output),
                ("failed.joined", part.failed_start, part.failed),
            ):
                joined = self._folder / name
                joined.touch()
                with joined.open("r+b") as stream:
                    if stream.seek(0, os.SEEK_END) < start:
                        raise TaggingError(
                            "parts before this one are missing",
                            place=str(path),
                            hint="the folder is damaged: --overwrite starts again",
                        )
                    stream.seek(start)
                    _append(stream, content)
            if path != paths[-1]:
                path.unlink()
        _move(paths[-1], self._joined)

    def stop(self) -> None:
        """Commits the last whole block, if the disk permits and the run can be resumed."""
        with contextlib.suppress(OSError):  # earlier parts are valid all the same
            if self._keep:
                self._commit()
            else:
                self._clear()

    def _clear(self) -> None:
        """Removes the folder. It is a run as long as it has a state, which goes after the parts."""
        self._remove_files(keep=("state.json", self._joined.name, "lock"))
        (self._folder / "state.json").unlink(missing_ok=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _remove_files(self, keep: Sequence[str]) -> None:
        for path in list(self._folder.iterdir()):
            if path.name not in keep:
                path.unlink()


def _append(stream: BinaryIO, content: bytes) -> None:
    """Writes, and waits until the content is on the disk."""
    stream.write(content)
    stream.flush()
    os.fsync(stream.fileno())


def _move(path: Path, target: Path) -> None:
    """Renames a file, and waits until that is on the disk."""
    path.replace(target)
    if os.name == "posix":
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turns errors of reading a file of the folder into a `TaggingError`."""
    try:
        yield
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise TaggingError(
            f"the interrupted run cannot be read: {error!r}",
            place=str(path),
            hint="--overwrite starts again",
        ) from error
