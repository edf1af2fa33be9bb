"""A shard whose output is a file of its own, which any number of processes may try to write.

::

    OUT/posts-000003.jsonl                the output of shard 3
    OUT.failed/posts-000003.failed.jsonl  its failures, if there are any
    OUT/.tagging/
        work/000003.HOST.4711.…/          the private folder of an attempt
        done/000003/                      the folder of the attempt that won

An attempt works in a folder of its own: output, failures and receipt are written there, counted and
synced. Then the folder is renamed to that of the shard. This one step commits the attempt: a folder
can't be renamed to one that has files. So of several attempts, on whatever machines, one wins, and
its receipt says which bytes the output has. Last, the output is moved to its place. If the process
is killed before that, the next one that reads the receipt moves it.
"""

from __future__ import annotations

import math
import os
import shutil
import socket
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from nerine.core.display import visible
from nerine.core.errors import TaggingError
from nerine.core.files import sync_files, write_errors
from nerine.serving.files import durable
from nerine.serving.files.blocks import Listener, StreamTagger, logger, tag_shard
from nerine.serving.files.compression import compression_of
from nerine.serving.files.identity import check_same, tagger_identity
from nerine.serving.files.inputs import RecordReader
from nerine.serving.files.options import Rows
from nerine.serving.files.outputs import failures_of
from nerine.serving.files.parts import Journal
from nerine.serving.files.receipts import Content, Receipt, check_counts, check_fingerprint
from nerine.serving.files.shards import Shard

HIDDEN = ".tagging"
"""The folder in an output that has the state of its run."""
_TRY_AGAIN = "free some space or correct the error, and continue with --resume"


@dataclass(frozen=True, slots=True)
class ShardFiles:
    """Where the files of a shard are.

    Attributes:
        folder: The output.
        shard: The number of the shard.
        input: The name that the output of its input would have, if it were one file.
    """

    folder: Path
    shard: int
    input: str

    @property
    def output(self) -> Path:
        """The output: of `a/posts.jsonl.gz`, `a/posts-000003.jsonl.gz`."""
        stem, suffixes = self._name
        return self.folder / f"{stem}-{self.shard:06}{suffixes}"

    @property
    def failed(self) -> Path:
        """The failures. They are outside of the folder: all files in it are outputs."""
        return failures_of(self.folder) / f"{self._name[0]}-{self.shard:06}.failed.jsonl"

    @property
    def _name(self) -> tuple[str, str]:
        """The name of the input without its suffixes, and these."""
        packed = compression_of(Path(self.input))
        name = self.input.removesuffix(packed)
        suffix = Path(name).suffix
        return name.removesuffix(suffix), suffix + packed

    @property
    def compression(self) -> str:
        """The suffix of the compression of the output."""
        return compression_of(Path(self.input))

    @property
    def done(self) -> Path:
        """The folder of the attempt that won."""
        return self.folder / HIDDEN / "done" / f"{self.shard:06}"

    def receipt(self, fingerprint: str) -> Receipt | None:
        """The receipt; None if the shard is not done. Moves what was not moved to its place yet.

        Raises `TaggingError` if the receipt is of another run.
        """
        path = self.done / "receipt"
        try:
            receipt = Receipt.read(path)
        except TaggingError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            raise
        check_fingerprint(receipt, fingerprint, path)
        self.publish()
        return receipt

    def contents(self, receipt: Receipt) -> Iterator[tuple[Path, Content]]:
        """The files that the shard has by its receipt, and what they hold."""
        yield self.output, receipt.output
        if receipt.failures:
            yield self.failed, receipt.failed

    def publish(self) -> None:
        """Moves the output and the failures to their places; a repeat completes the work."""
        for name, target in (("failed", self.failed), ("output", self.output)):
            source = self.done / name
            if source.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                with suppress(FileNotFoundError):  # another process was faster
                    durable.move(source, target)


@dataclass(frozen=True, slots=True)
class ShardWork:
    """A shard with all that a process needs to tag it, here or on another machine.

    Attributes:
        shard: The shard.
        reader: The reader of its input, which has been checked.
        files: Where its files are.
        fingerprint: The fingerprint of the run.
        rows: What the output has a row for.
        use: What a tagger must have in common with that of the run (`tagger_identity`).
    """

    shard: Shard
    reader: RecordReader
    files: ShardFiles
    fingerprint: str
    rows: Rows
    use: Mapping[str, Any]

    def complete(self, tagger: StreamTagger) -> Receipt:
        """The receipt of the shard, which is tagged unless another process has done it."""
        return self.files.receipt(self.fingerprint) or self.tag(tagger)

    def tag(
        self, tagger: StreamTagger, listener: Listener | None = None, before: int = 0
    ) -> Receipt:
        """Tags the shard, and gives the receipt of the attempt that won.

        The listener is told of `before` documents more than the shard has. Raises `TaggingError` if
        the tagger is another one than that of the run, the input has changed, the run was started
        again meanwhile, or files can't be written.
        """
        check_same(self.use, tagger_identity(tagger), self.files.folder)
        with self._attempt() as attempt:
            errors = partial(write_errors, TaggingError, self.files.output, _TRY_AGAIN)
            journal = Journal(
                attempt,
                self.shard.number,
                self.shard.start,
                compression=self.files.compression,
                write_errors=errors,
                commit_seconds=math.inf,
            )
            if not self.shard.is_first and (header := self.reader.repeated_header):
                journal.write(header, b"", journal.progress)
            try:
                tag_shard(self.reader, self.shard, tagger, journal, listener, before)
                with errors():
                    mine = self._write(attempt, journal)
                    return self._commit(attempt, mine)
            except TaggingError:
                # a run that ends removes what is left of attempts, and has done this shard
                won = None if attempt.exists() else self.files.receipt(self.fingerprint)
                if won is None:
                    raise
                return won

    @contextmanager
    def _attempt(self) -> Iterator[Path]:
        """A private folder, which is removed unless it wins."""
        name = f"{self.shard.number:06}.{socket.gethostname()}.{os.getpid()}.{uuid.uuid4().hex}"
        attempt = self.files.folder / HIDDEN / "work" / name
        with write_errors(TaggingError, self.files.output, _TRY_AGAIN):
            attempt.mkdir(parents=True)
        try:
            yield attempt
        finally:
            shutil.rmtree(attempt, ignore_errors=True)

    def _write(self, attempt: Path, journal: Journal) -> Receipt:
        """Writes output, failures and receipt of an attempt, and counts its records."""
        journal.join()
        journal.clear()
        output, failed = attempt / "output", attempt / "failed"
        self.reader.assemble(journal.output, output, self.shard)
        journal.output.unlink(missing_ok=True)
        if journal.failed.exists():
            journal.failed.replace(failed)
        sync_files(attempt)
        receipt = Receipt.of(self.shard, self.fingerprint, journal.progress, output, failed)
        written = self.reader.count(output, self.files.compression)
        check_counts(receipt, written, failed, self.rows, self.files.output)
        receipt.write(attempt / "receipt")
        return receipt

    def _commit(self, attempt: Path, mine: Receipt) -> Receipt:
        """Makes an attempt the one that won, unless another one has; moves its files."""
        self._check_run()
        self.files.done.parent.mkdir(parents=True, exist_ok=True)
        try:
            durable.move(attempt, self.files.done)
        except OSError:
            won = self.files.receipt(self.fingerprint)
            if won is None:
                raise
            if won.output != mine.output:
                logger.info(
                    "%s: two attempts gave different bytes; the first one counts",
                    visible(str(self.files.output)),
                )
            return won
        self.files.publish()
        return mine

    def _check_run(self) -> None:
        """Raises `TaggingError` if the run was replaced by another one."""
        found = run_fingerprint(self.files.folder)
        if found != self.fingerprint:
            raise TaggingError(
                "this output is written by another run meanwhile",
                place=str(self.files.folder),
                expected="one run at a time",
            )


def run_fingerprint(folder: Path) -> str | None:
    """The fingerprint of the run in an output folder; None if there is none."""
    try:
        return (folder / HIDDEN / "fingerprint").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return None
