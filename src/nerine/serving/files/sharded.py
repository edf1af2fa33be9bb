"""An output folder with a file for each shard, and the state of its run.

::

    OUT/.tagging/
        fingerprint               of the run; written when all of the following is there
        run.json                  its identity, and the names of its inputs
        shards.jsonl              the manifest: a line for each shard
        lease                     held by the process that gives out the shards
        work/, done/              attempts at shards (`attempts`)

The state is a line and a receipt for each shard, whatever the number of its documents. Processes on
any number of machines may tag shards of the same output, as long as all of them see the folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from nerine.core.errors import TaggingError
from nerine.core.files import write_errors
from nerine.serving.files.attempts import (
    HIDDEN,
    ShardFiles,
    ShardWork,
    run_fingerprint,
)
from nerine.serving.files.blocks import Listener, StreamTagger
from nerine.serving.files.durable import readable, write_file
from nerine.serving.files.identity import USE, check_same
from nerine.serving.files.inputs import RecordReader
from nerine.serving.files.lease import Lease, take, try_take
from nerine.serving.files.options import Start, TaggingOptions
from nerine.serving.files.outputs import ShardedOutputs
from nerine.serving.files.receipts import Receipt, Totals, fingerprint_of
from nerine.serving.files.run import receipts_of
from nerine.serving.files.shards import Shard, manifest_of, read_manifest

Plan = Callable[[], Iterable[Shard]]

_FORMAT = 1
_GLANCE = 1.0  # seconds between two looks at a run that another process plans
_STARTS_AGAIN = "--overwrite starts again"
_DELETE = "delete this folder and that of the failures to start again"
_SAME_FOR_ALL = (
    "give all jobs the same inputs and options, --threads and --backend too; or name another "
    "folder with -o"
)


@dataclass(frozen=True, slots=True)
class RunState:
    """What an output folder says of its run.

    Attributes:
        fingerprint: The fingerprint of the run.
        identity: Its inputs, settings and model.
        inputs: The names that the outputs of the inputs would have, if each were one file.
        manifest: The sha256 of the manifest.
    """

    fingerprint: str
    identity: Mapping[str, Any]
    inputs: tuple[str, ...]
    manifest: str

    @classmethod
    def of(cls, identity: Mapping[str, Any], inputs: tuple[str, ...], manifest: str) -> RunState:
        """The state of a run, whose fingerprint follows from all the rest."""
        whole = {**identity, "the names of the outputs": inputs, "the manifest": manifest}
        return cls(fingerprint_of(whole), identity, inputs, manifest)

    @classmethod
    def read(cls, folder: Path) -> RunState | None:
        """The state of the run in a folder; None if there is none.

        Raises `TaggingError` if it is damaged, or of another version of Nerine.
        """
        fingerprint = run_fingerprint(folder)
        if fingerprint is None:
            return None
        path = folder / HIDDEN / "run.json"
        with readable(path, _DELETE):
            values: dict[str, Any] = json.loads(path.read_bytes())
            if values["format"] == _FORMAT:
                state = cls.of(values["identity"], tuple(values["inputs"]), values["manifest"])
                if state.fingerprint != fingerprint:
                    raise ValueError("its content is not that of its fingerprint")
                return state
        raise TaggingError(
            f"the run in this folder has format {values['format']}, of another version of Nerine",
            place=str(path),
            expected=f"format {_FORMAT}",
            hint=f"resume it with the version that started it, or {_DELETE}",
        )

    def write(self, folder: Path) -> None:
        """Writes the state; the fingerprint comes last, and makes it a run."""
        values = {
            "format": _FORMAT,
            "identity": self.identity,
            "inputs": self.inputs,
            "manifest": self.manifest,
        }
        write_file(folder / HIDDEN / "run.json", json.dumps(values).encode())
        write_file(folder / HIDDEN / "fingerprint", self.fingerprint.encode())

    def shards(self, folder: Path) -> list[Shard]:
        """The shards of the manifest. Raises `TaggingError` if it is damaged."""
        path = folder / HIDDEN / "shards.jsonl"
        with readable(path, _DELETE):
            found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != self.manifest:
            raise TaggingError(
                f"the manifest has the hash {found[:12]}…",
                place=str(path),
                expected=f"{self.manifest[:12]}…, by the state of the run",
                hint=_DELETE,
            )
        return read_manifest(path)

    def files(self, folder: Path, shard: Shard) -> ShardFiles:
        """Where the files of a shard are."""
        return ShardFiles(folder, shard.number, self.inputs[shard.input])


class ShardedFolder:
    """The output folder of a run that writes a file for each shard.

    Args:
        outputs: The output.
        readers: The reader of each input.
        options: How the inputs are tagged.

    Attributes:
        outputs: The output.
        shards: The shards of this process, once the folder is open: all of the run, or a share.
        count: How many shards the run has.
    """

    def __init__(
        self, outputs: ShardedOutputs, readers: Sequence[RecordReader], options: TaggingOptions
    ) -> None:
        self.shards: Sequence[Shard] = ()
        self.count = 0
        self.outputs = outputs
        self._folder = outputs.folder
        self._readers = readers
        self._options = options
        self._state: RunState | None = None
        self._use: Mapping[str, Any] = {}
        self._held: Lease | None = None
        self._write_errors = partial(
            write_errors, TaggingError, outputs.output, "correct the error, and use --resume"
        )

    def __getstate__(self) -> dict[str, Any]:
        """All but the lease, which other processes do not hold."""
        return {**self.__dict__, "_held": None}

    # -- the beginning ---------------------------------------------------------------------------

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Makes the folder if it is missing, and holds its lease unless others share the work.

        Raises `TaggingError` if another process holds it.
        """
        with self._write_errors():
            (self._folder / HIDDEN).mkdir(parents=True, exist_ok=True)
        if self._options.share:
            yield
            return
        with take(self._lease, str(self.outputs.output)) as lease:
            self._held = lease
            yield

    def check_lease(self) -> None:
        """Raises `TaggingError` if another process has taken the lease of this one."""
        if self._held is not None:
            self._held.check()

    @property
    def _lease(self) -> Path:
        return self._folder / HIDDEN / "lease"

    def check_start(self, identity: Mapping[str, Any], start: Start) -> None:
        """Raises `TaggingError` if the run cannot start.

        A run or other files may be in the folder, or the run to resume may have another identity.
        """
        others = self._other_files()
        state = RunState.read(self._folder)  # after the files, which another process may just write
        if state is None:
            self._refuse(others)
        elif start == "resume" or self._options.share:
            self._check_same(state, identity)
        elif start == "new":
            raise TaggingError(
                "the output of a run is in this folder",
                place=str(self.outputs.output),
                expected="a new folder",
                hint=f"--resume completes it, {_STARTS_AGAIN}",
            )

    def _check_same(self, state: RunState, identity: Mapping[str, Any]) -> None:
        hint = _SAME_FOR_ALL if self._options.share else _STARTS_AGAIN
        check_same(state.identity, identity, self.outputs.output, hint)

    def _other_files(self) -> list[Path]:
        """The folders that have files or folders apart from the state of a run."""
        folders = [each for each in (self._folder, self.outputs.failed) if each.exists()]
        return [each for each in folders if any(path.name != HIDDEN for path in each.iterdir())]

    def _refuse(self, folders: Sequence[Path]) -> None:
        if folders:
            raise TaggingError(
                "this folder is not empty",
                place=str(folders[0]),
                expected="a new or an empty folder, so that all files in it are outputs",
                hint="name another one with -o",
            )

    def open(self, identity: Mapping[str, Any], start: Start, plan: Plan) -> None:
        """Joins the run in the folder, or starts one with the shards of `plan`.

        Of several processes that share out the work, the first one plans, and the others wait.
        Raises `TaggingError` if the run in the folder has another identity or is damaged.
        """
        self._use = {USE: identity[USE]} if USE in identity else {}
        if start == "overwrite":
            with self._write_errors():
                self._remove_run()
        state = self._joined(identity)
        if state is None:
            start_one = self._start_one if self._options.share else self._start
            state = start_one(identity, plan)
        self._state = state
        shards = state.shards(self._folder)
        self.count = len(shards)
        number, of = self._options.share or (1, 1)
        self.shards = shards[number - 1 :: of]

    def _joined(self, identity: Mapping[str, Any]) -> RunState | None:
        """The run in the folder; None if there is none."""
        state = RunState.read(self._folder)
        if state is not None:
            self._check_same(state, identity)
        return state

    def _start_one(self, identity: Mapping[str, Any], plan: Plan) -> RunState:
        """Starts the run, or waits until another process has."""
        while True:
            lease = try_take(self._lease, str(self.outputs.output))
            if isinstance(lease, Lease):
                with lease:
                    return self._joined(identity) or self._start(identity, plan)
            time.sleep(_GLANCE)
            if state := self._joined(identity):
                return state

    def _start(self, identity: Mapping[str, Any], plan: Plan) -> RunState:
        """Plans the run, and writes its state."""
        with self._write_errors():
            self._refuse(self._other_files())
            manifest = manifest_of(plan())
            write_file(self._folder / HIDDEN / "shards.jsonl", manifest)
            digest = hashlib.sha256(manifest).hexdigest()
            state = RunState.of(identity, self.outputs.inputs, digest)
            state.write(self._folder)
        return state

    def _remove_run(self) -> None:
        """Removes the run in the folder: its outputs first, and its state last."""
        state = RunState.read(self._folder)
        if state is None:
            return
        for shard in state.shards(self._folder):
            files = state.files(self._folder, shard)
            files.output.unlink(missing_ok=True)
            files.failed.unlink(missing_ok=True)
        for name in ("done", "work"):
            shutil.rmtree(self._folder / HIDDEN / name, ignore_errors=True)
        for name in ("fingerprint", "run.json", "shards.jsonl"):
            (self._folder / HIDDEN / name).unlink(missing_ok=True)
        remove_empty_folders(self._folder)
        remove_empty_folders(self.outputs.failed)

    # -- shards ----------------------------------------------------------------------------------

    def work(self, shard: Shard) -> ShardWork:
        """A shard with all that a process needs to tag it."""
        state = self._opened
        return ShardWork(
            shard,
            self._readers[shard.input],
            state.files(self._folder, shard),
            state.fingerprint,
            self._options.rows,
            self._use,
        )

    @property
    def _opened(self) -> RunState:
        if self._state is None:
            raise RuntimeError("the folder is not open")
        return self._state

    def receipt(self, shard: Shard) -> Receipt | None:
        """The receipt of a shard; None if it is not done.

        Raises `TaggingError` if it is of another run, or its output is not there.
        """
        state = self._opened
        files = state.files(self._folder, shard)
        receipt = files.receipt(state.fingerprint)
        if receipt is not None:
            check_sizes(files, receipt)
        return receipt

    def documents_of(self, shard: Shard) -> int:  # noqa: ARG002 - of a run's folder
        """0: a shard that is not done begins again."""
        return 0

    def tag(
        self, shard: Shard, tagger: StreamTagger, listener: Listener | None = None, before: int = 0
    ) -> Receipt:
        """Tags a shard, and writes its output and its receipt."""
        return self.work(shard).tag(tagger, listener, before)

    def working(self) -> AbstractContextManager[None]:
        """Nothing: attempts of other processes are apart."""
        return nullcontext()

    # -- the end ---------------------------------------------------------------------------------

    def publish(self) -> Totals:
        """What the shards of this process hold; their outputs are at their places already.

        Raises `TaggingError` if one of them is missing.
        """
        totals = Totals.of(receipts_of(self))
        if not self._options.share:
            shutil.rmtree(self._folder / HIDDEN / "work", ignore_errors=True)
        return totals

    def leave(self) -> None:
        """Nothing: what is done stays."""


def check_sizes(files: ShardFiles, receipt: Receipt) -> None:
    """Raises `TaggingError` if the files of a shard do not have the sizes of its receipt."""
    for path, content in files.contents(receipt):
        size = path.stat().st_size if path.exists() else None
        if size != content.size:
            raise TaggingError(
                "this file is missing" if size is None else f"this file has {size:,} bytes",
                place=str(path),
                expected=f"the {content.size:,} bytes of its receipt",
                hint=f"delete {files.done}, and --resume tags this shard again",
            )


def remove_empty_folders(folder: Path) -> None:
    """Removes the empty folders below a folder."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            with contextlib.suppress(OSError):
                path.rmdir()
