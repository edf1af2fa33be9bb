"""The journal of a shard: its output in finished parts, which are joined at its end.

::

    000003/0000000.part, …           rendered blocks of records, and the progress after them
    000003/joined                    the last part, renamed when all have been joined
    000003.output, 000003.failed     the parts put together

A part is written under another name, synced and renamed: it is whole or missing, and never
changes. So the process may be killed at any moment, and a shard resumes after its last part. A part
holds where it belongs in the joined files, so that joining can be interrupted and repeated too.
Each part is removed when it was joined: outputs are never on the disk twice.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from nerine.serving.files.compression import compressed
from nerine.serving.files.durable import move, put, readable, write_file
from nerine.serving.files.records import BEGIN, Position

_PART_BYTES = 1 << 23
"""A part is finished when it has this size, so that it fits in memory."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How much of a shard is done.

    Attributes:
        offset: Where the next record begins, as in `Position`.
        line: Its line or row, from 1.
        documents: The number of documents read.
        failures: How many of them failed.
        entities: The number of entities found, by label.
        nulls: How many of the documents have null instead of a text.
    """

    offset: int = BEGIN.offset
    line: int = BEGIN.line
    documents: int = 0
    failures: int = 0
    entities: Mapping[str, int] = field(default_factory=dict)
    nulls: int = 0

    @property
    def position(self) -> Position:
        """Where the next record begins."""
        return Position(self.offset, self.line)


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive blocks of a shard.

    Attributes:
        number: Its number in the shard, from 0.
        output_start: Where its output begins in the output of the shard, in bytes.
        failed_start: Where its failures begin in the shard's failures, in bytes.
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
    def first(cls, start: Position) -> Part:
        """The empty part at the beginning of a shard."""
        return cls(before=Progress(*start), after=Progress(*start))

    @classmethod
    def read(cls, path: Path) -> Part:
        """The part in a file. Raises `TaggingError` if it is damaged."""
        with readable(path):
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
        return Part(
            self.number + 1,
            self.output_start + len(self.output),
            self.failed_start + len(self.failed),
            self.after,
            self.after,
        )


class Journal:
    """The parts of one shard in a folder.

    Args:
        folder: The folder, in which only one process at a time writes this shard.
        number: The number of the shard.
        start: Where the shard begins.
        compression: The suffix of the compression of the output.
        write_errors: Turns errors of writing into those of the run.
        commit_seconds: The time between two parts.
    """

    def __init__(
        self,
        folder: Path,
        number: int,
        start: Position = BEGIN,
        *,
        compression: str = "",
        write_errors: Callable[[], AbstractContextManager[None]] = nullcontext,
        commit_seconds: float = 0.0,
    ) -> None:
        self.output = folder / f"{number:06}.output"
        self.failed = folder / f"{number:06}.failed"
        self._parts = folder / f"{number:06}"
        self._joined = self._parts / "joined"
        self._write_errors = write_errors
        self._compression = compression
        self._commit_seconds = commit_seconds
        self._committed = time.monotonic()
        self._part = Part.first(start)
        if paths := [*self._paths(), *([self._joined] if self._joined.exists() else [])]:
            self._part = Part.read(paths[-1]).next()

    def _paths(self) -> list[Path]:
        return sorted(self._parts.glob("*.part"))

    @property
    def progress(self) -> Progress:
        """How much of the shard is done."""
        return self._part.after

    @property
    def is_empty(self) -> bool:
        """Whether there is no output yet."""
        return not (self._part.output_start or self._part.output)

    def write(
        self, output: bytes, failed: bytes, progress: Progress, *, is_piece: bool = False
    ) -> None:
        """Adds a block of records.

        A block is compressed by itself, so that the bytes of an output depend on the blocks alone,
        and not on when they were committed. `is_piece` makes a compressed piece of nothing, too.
        """
        part = self._part
        output = compressed(output, self._compression) if output or is_piece else b""
        # in one step, so that an interruption finds all of the block or nothing
        self._part = dataclasses.replace(
            part, output=part.output + output, failed=part.failed + failed, after=progress
        )
        is_due = time.monotonic() - self._committed >= self._commit_seconds
        if is_due or len(self._part.output) + len(self._part.failed) >= _PART_BYTES:
            with self._write_errors():
                self.commit()

    def commit(self) -> None:
        """Writes what was added since the last part."""
        if self._part.after != self._part.before or self._part.output:
            self._parts.mkdir(exist_ok=True)
            write_file(self._parts / f"{self._part.number:07}.part", self._part.to_bytes())
            self._part = self._part.next()
        self._committed = time.monotonic()

    def join(self) -> None:
        """Puts the parts together in `output`, and in `failed` if any record failed.

        A repeat completes the work. A shard that fits in memory has no parts, and is written at
        once.
        """
        if self._joined.exists():
            return
        if self._part.number == 0:
            write_file(self.output, self._part.output)
            if self._part.failed:
                write_file(self.failed, self._part.failed)
            return
        self.commit()
        paths = self._paths()
        for path in paths:
            part = Part.read(path)
            put(self.output, part.output_start, part.output, path)
            if part.failed:
                put(self.failed, part.failed_start, part.failed, path)
            if path != paths[-1]:
                path.unlink()
        move(paths[-1], self._joined)

    def clear(self) -> None:
        """Removes the last part, once there is a receipt."""
        if self._parts.exists():
            shutil.rmtree(self._parts)
