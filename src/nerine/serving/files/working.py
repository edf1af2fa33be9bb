"""The working folder of a run: its shards, their journals and receipts, and how outputs are made.

::

    .OUTPUT.tagging/              next to OUTPUT
        state.json                the identity of the run
        shards.jsonl              the manifest: a line for each shard
        000003/                   the journal of a shard (`parts`)
        000003.output, .failed    what it came to
        000003.receipt            written when it is done
        0.whole, failed.whole     shards put together: a file for each input, and the failures
        joined                    all shards have been put together
        0.done, 1.done            the outputs, ready to be moved to their places
        lock                      held by the process that runs it
        workers                   shared by the processes that tag shards for it

Each file is whole or missing, so the process may be killed at any moment. What was put together is
removed, so that outputs are never on the disk twice.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from nerine.core.errors import TaggingError
from nerine.core.files import write_errors
from nerine.serving.files.blocks import Listener, StreamTagger, tag_shard
from nerine.serving.files.compression import compression_of
from nerine.serving.files.durable import NEW, append_file, move, readable, write_file
from nerine.serving.files.identity import check_same
from nerine.serving.files.inputs import RecordReader
from nerine.serving.files.options import Rows, Start
from nerine.serving.files.outputs import Outputs
from nerine.serving.files.parts import Journal
from nerine.serving.files.receipts import (
    Content,
    Receipt,
    Totals,
    check_counts,
    check_fingerprint,
    fingerprint_of,
)
from nerine.serving.files.run import receipts_of
from nerine.serving.files.shards import Shard, manifest_of, read_manifest

_FORMAT = 5
_LOCKS = ("lock", "workers")
_TRY_AGAIN = "free some space or correct the error, and continue with --resume"


class WorkingFolder:
    """The working folder of some outputs.

    Args:
        outputs: The outputs.
        readers: The reader of each input.
        commit_seconds: The time between two parts of a journal.
        keep: Whether the folder stays if the run is interrupted.
        rows: What the outputs have a row for.

    Attributes:
        outputs: The outputs.
        shards: The shards of the run, once it is open.
    """

    def __init__(
        self,
        outputs: Outputs,
        readers: Sequence[RecordReader],
        *,
        commit_seconds: float = 0.0,
        keep: bool = True,
        rows: Rows = "records",
    ) -> None:
        self.shards: Sequence[Shard] = ()
        self.outputs = outputs
        self._readers = readers
        self._folder = outputs.parts
        self._joined = self._folder / "joined"
        self._commit_seconds = commit_seconds
        self._keep = keep
        self._rows = rows
        self._write_errors = partial(write_errors, TaggingError, outputs.output, _TRY_AGAIN)
        self._fingerprint = ""
        self._replace = False

    # -- the beginning ---------------------------------------------------------------------------

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Makes the folder if it is missing, and locks it against other runs.

        Raises `TaggingError` if another one holds it, or a worker of one that was killed.
        """
        with self._write_errors():
            self._folder.mkdir(exist_ok=True)
        with self._lock("lock"):
            with self._lock("workers"):
                pass
            yield

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Shares the lock of workers, so that no other run begins before this process ends."""
        with self._lock("workers", shared=True):
            yield

    @contextlib.contextmanager
    def _lock(self, name: str, *, shared: bool = False) -> Iterator[None]:
        with self._write_errors():
            lock = (self._folder / name).open("ab")
        with lock:
            if os.name == "posix":  # Windows has no such locks
                import fcntl

                kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
                try:
                    fcntl.flock(lock, kind | fcntl.LOCK_NB)
                except OSError:
                    raise TaggingError(
                        "another process is writing this output", place=str(self.outputs.output)
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
                place=str(self.outputs.output),
                hint="--resume continues it, --overwrite starts again",
            )
        if state:
            check_same(state["identity"], identity, self.outputs.output)
        replaces = state["replace"] or self._joined.exists() if state else start == "overwrite"
        if self.outputs.existing and not replaces:
            raise TaggingError(
                "this output exists",
                place=str(self.outputs.existing[0]),
                expected="a name that is not in use",
                hint="--overwrite replaces it",
            )

    def _read_state(self) -> dict[str, Any] | None:
        path = self._folder / "state.json"
        if not path.exists():
            return None
        with readable(path):
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

    def open(
        self, identity: Mapping[str, Any], start: Start, plan: Callable[[], Iterable[Shard]]
    ) -> None:
        """Resumes the run in the folder, or starts one with the shards of `plan`.

        Raises `TaggingError` if the run in the folder has another identity or is damaged.
        """
        state = self._read_state() if start == "resume" else None
        manifest = self._folder / "shards.jsonl"
        with self._write_errors():
            if state is None:
                self._remove_files(keep=_LOCKS)
                self._replace = start == "overwrite"
                self.shards = [*plan()]
                write_file(manifest, manifest_of(self.shards))
                state = {"format": _FORMAT, "identity": identity, "replace": self._replace}
                write_file(self._folder / "state.json", json.dumps(state).encode())
                self._fingerprint = fingerprint_of(identity)
                return
            for path in [*self._folder.rglob(f"*{NEW}")]:
                path.unlink()
        check_same(state["identity"], identity, self.outputs.output)
        self._replace = state["replace"]
        self._fingerprint = fingerprint_of(identity)
        self.shards = read_manifest(manifest)

    # -- shards ----------------------------------------------------------------------------------

    def tag(
        self, shard: Shard, tagger: StreamTagger, listener: Listener | None = None, before: int = 0
    ) -> Receipt:
        """Tags a shard from the end of its journal on, and writes its receipt.

        The listener is told of `before` documents more than the shard has. Raises `TaggingError` if
        the journal is damaged, or the input has changed.
        """
        journal = self._read_journal(shard)
        try:
            tag_shard(self._readers[shard.input], shard, tagger, journal, listener, before)
        except BaseException:
            if self._keep:
                with contextlib.suppress(OSError):  # earlier parts are valid all the same
                    journal.commit()
            raise
        with self._write_errors():
            journal.join()
            receipt = Receipt.of(
                shard, self._fingerprint, journal.progress, journal.output, journal.failed
            )
            receipt.write(self._receipt_path(shard))
            journal.clear()
        return receipt

    def documents_of(self, shard: Shard) -> int:
        """How many documents of a shard without a receipt have been read."""
        return self._read_journal(shard).progress.documents

    def _read_journal(self, shard: Shard) -> Journal:
        return Journal(
            self._folder,
            shard.number,
            shard.start,
            compression=compression_of(self.outputs.files[shard.input]),
            write_errors=self._write_errors,
            commit_seconds=self._commit_seconds,
        )

    def receipt(self, shard: Shard) -> Receipt | None:
        """The receipt of a shard; None if it is not done.

        Raises `TaggingError` if it is of another run.
        """
        path = self._receipt_path(shard)
        if not path.exists():
            return None
        receipt = Receipt.read(path)
        check_fingerprint(receipt, self._fingerprint, path)
        return receipt

    def _receipt_path(self, shard: Shard) -> Path:
        return self._folder / f"{shard.number:06}.receipt"

    # -- the end ---------------------------------------------------------------------------------

    def publish(self) -> Totals:
        """Puts the shards together and moves the outputs to their places.

        A repeat completes the work. Raises `TaggingError` before outputs are moved if records were
        lost or added.

        Returns:
            What the outputs hold.
        """
        with self._write_errors():
            if not self._joined.exists():
                self._join()
            totals = Totals.of(receipts_of(self))
            failed, target = self._folder / "failed.whole", self.outputs.failed
            if not totals.failures:
                failed.unlink(missing_ok=True)
                target.unlink(missing_ok=True)
            for number, reader in enumerate(self._readers):
                whole, done = self._folder / f"{number}.whole", self._folder / f"{number}.done"
                if whole.exists():
                    reader.assemble(whole, done)
                    with done.open("rb") as stream:
                        os.fsync(stream.fileno())
                    whole.unlink(missing_ok=True)
            self._check_counts(totals)
            moves = {failed: target}
            for number, path in enumerate(self.outputs.files):
                path.parent.mkdir(parents=True, exist_ok=True)
                moves[self._folder / f"{number}.done"] = path
            for source, path in moves.items():
                if source.exists():  # else it was moved already
                    move(source, path)
            self._clear()
        return totals

    def _join(self) -> None:
        """Puts the outputs of the shards together, a file for each input, and their failures."""
        if self.outputs.existing and not self._replace:
            raise TaggingError(
                "this file was created during the run, and would be overwritten",
                place=str(self.outputs.existing[0]),
                hint="move it away, and continue with --resume",
            )
        starts: dict[Path, int] = {}
        for shard, receipt in zip(self.shards, receipts_of(self), strict=True):
            for suffix, name, content in (
                ("output", f"{shard.input}.whole", receipt.output),
                ("failed", "failed.whole", receipt.failed),
            ):
                source = self._folder / f"{shard.number:06}.{suffix}"
                whole = self._folder / name
                if source.exists():
                    self._check_content(source, content)
                    append_file(source, whole, starts.get(whole, 0))
                starts[whole] = starts.get(whole, 0) + content.size
        write_file(self._joined, b"")

    def _check_content(self, path: Path, expected: Content) -> None:
        """Raises `TaggingError` if a file isn't what its receipt says."""
        found = Content.of(path)
        if found != expected:
            raise TaggingError(
                f"this has {found.size:,} bytes with the hash {found.sha256[:12]}…",
                place=str(path),
                expected=f"{expected.size:,} bytes with {expected.sha256[:12]}…, by its receipt",
                hint="the folder is damaged: --overwrite starts again",
            )

    def _check_counts(self, totals: Totals) -> None:
        """Raises `TaggingError` unless each record is in an output or among the failures."""
        written = 0
        pairs = zip(self._readers, self.outputs.files, strict=True)
        for number, (reader, path) in enumerate(pairs):
            done = self._folder / f"{number}.done"  # unless it was moved already
            written += reader.count(done if done.exists() else path, compression_of(path))
        failed = self._folder / "failed.whole"
        failures = failed if failed.exists() else self.outputs.failed
        check_counts(totals, written, failures, self._rows, self.outputs.output)

    def leave(self) -> None:
        """Removes the folder of a run that was interrupted and cannot be resumed."""
        if not self._keep:
            with contextlib.suppress(OSError):
                self._clear()

    def _clear(self) -> None:
        """Removes the folder. It is a run as long as it has a state, which goes before receipts."""
        receipts = (path.name for path in self._folder.glob("*.receipt"))
        self._remove_files({"state.json", "shards.jsonl", self._joined.name, *_LOCKS, *receipts})
        (self._folder / "state.json").unlink(missing_ok=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _remove_files(self, keep: Collection[str]) -> None:
        for path in list(self._folder.iterdir()):
            if path.name in keep:
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
