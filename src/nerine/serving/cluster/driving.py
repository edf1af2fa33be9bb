"""The part of a driver that does not depend on its engine: shards, progress, and how it ends."""

from __future__ import annotations

from collections.abc import Sequence

from nerine.core.display import counted
from nerine.core.errors import TaggingError
from nerine.serving.cluster.scheduler import ATTEMPTS, Assignment, GivenUp, Scheduler
from nerine.serving.cluster.worker import Failed, Tagged
from nerine.serving.files.attempts import ShardWork
from nerine.serving.files.blocks import Listener, logger
from nerine.serving.files.inputs import InputFile
from nerine.serving.files.sharded import ShardedFolder
from nerine.serving.files.shards import Shard

_SHOWN = 5


class Drive:
    """A run whose shards are tagged by workers.

    Args:
        folder: The output, open, with its lease held.
        files: The inputs.
        listener: Receives the progress, counted in shards.
        attempts: Failures after which a shard is given up.

    Attributes:
        scheduler: Who tags what.
        documents: The number of documents that were tagged.
        missing: The number of shards that were not done at the beginning.
    """

    def __init__(
        self,
        folder: ShardedFolder,
        files: Sequence[InputFile],
        listener: Listener | None = None,
        attempts: int = ATTEMPTS,
    ) -> None:
        self._folder = folder
        self._files = files
        self._listener = listener
        missing = [shard for shard in folder.shards if folder.receipt(shard) is None]
        self.missing = len(missing)
        self.documents = 0
        self._bytes = [file.path.stat().st_size if file.path else 0 for file in files]
        self._units = [folder.work(s).reader.size for s in folder.shards if s.is_first]
        self.scheduler = Scheduler(
            (shard.number for shard in missing),
            (self._size(shard) for shard in missing),
            attempts=attempts,
        )
        if listener:
            listener.started("shards", len(folder.shards) - len(missing), len(folder.shards))

    def _size(self, shard: Shard) -> float:
        """About how many bytes of its file are in a shard."""
        whole, units = self._bytes[shard.input], self._units[shard.input]
        if shard.end is None or not units:
            return whole
        return whole * (shard.end - shard.start.offset) / units

    def assign(self, now: float) -> list[tuple[Assignment, ShardWork]]:
        """The shards that are to be tagged from now on, with what their workers need.

        Raises `TaggingError` if this process has lost the output's lease, or all workers fail.
        """
        self._folder.check_lease()
        if reason := self.scheduler.hopeless:
            raise TaggingError(
                f"all workers fail: {reason}",
                place=str(self._folder.outputs.output),
                expected="workers that can read the inputs and write the output",
                hint="shards that are done stay done: correct the error, and use --resume",
            )
        given = self.scheduler.assign(now)
        return [(each, self._folder.work(self._folder.shards[each.shard])) for each in given]

    def ended(self, worker: int, now: float, outcome: Tagged | Failed) -> None:
        """A worker has ended a shard. Raises its error if each repeat would raise it."""
        if isinstance(outcome, Failed):
            if outcome.error is not None:
                raise outcome.error
            logger.info("shard %s: %s", self.scheduler.shard_of(worker), outcome.reason)
            self.scheduler.failed(worker, now, outcome.reason, outcome.fault)
            return
        if self.scheduler.done(worker, now):
            self.documents += outcome.documents
            if self._listener:
                left = self.scheduler.open + len(self.scheduler.given_up)
                self._listener.advanced(len(self._folder.shards) - left, self.documents)

    def check_complete(self) -> None:
        """Raises `TaggingError` if shards were given up."""
        given_up = sorted(self.scheduler.given_up)
        if not given_up:
            return
        found = [self._described(each) for each in given_up[:_SHOWN]]
        if len(given_up) > _SHOWN:
            found.append(f"and {len(given_up) - _SHOWN:,} more")
        raise TaggingError(
            f"{counted(len(given_up), 'shard')} of {len(self._folder.shards):,} could not be "
            f"tagged: {'; '.join(found)}",
            place=str(self._folder.outputs.output),
            hint="all others are done; correct the error, and use --resume to try these again",
        )

    def _described(self, given_up: GivenUp) -> str:
        shard = self._folder.shards[given_up.shard]
        lines = f"from line or row {shard.start.line:,} on"
        following = self._folder.shards[shard.number + 1 : shard.number + 2]
        if following and following[0].input == shard.input:
            lines = f"lines or rows {shard.start.line:,} to {following[0].start.line - 1:,}"
        place = self._files[shard.input].place
        tries = counted(given_up.attempts, "attempt")
        return f"shard {shard.number} ({place}, {lines}) after {tries}: {given_up.reason}"
