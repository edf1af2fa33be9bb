"""Proves that an output folder of shards is whole, and what its run made."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from nerine.core.arguments import checked
from nerine.core.display import counted
from nerine.core.errors import FormatError, TaggingError
from nerine.core.files import disk_errors
from nerine.serving.files.attempts import HIDDEN, ShardFiles
from nerine.serving.files.blocks import Listener
from nerine.serving.files.outputs import failures_of
from nerine.serving.files.receipts import Content, Receipt, Totals
from nerine.serving.files.sharded import RunState
from nerine.serving.files.shards import Shard

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found in an output folder.

    Attributes:
        output: The folder.
        shards: How many shards the run has.
        done: How many of them have a receipt.
        documents: The number of documents read for these.
        failures: How many of the documents failed.
        nulls: How many of them have null instead of a text.
        entities: The number of entities found, by label.
        problems: What is wrong, each with its place.
    """

    output: str
    shards: int
    done: int
    documents: int
    failures: int
    nulls: int
    entities: Mapping[str, int]
    problems: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        """Whether all shards are done, and nothing is wrong."""
        return self.done == self.shards and not self.problems

    def check(self) -> None:
        """Raises `TaggingError` unless the output is whole."""
        if self.is_whole:
            return
        missing = self.shards - self.done
        found = [*self.problems[:_SHOWN]]
        if len(self.problems) > _SHOWN:
            found.append(f"and {len(self.problems) - _SHOWN:,} more problems")
        if missing:
            found.append(f"{missing:,} of {counted(self.shards, 'shard')} are not done")
        raise TaggingError(
            "; ".join(found),
            place=self.output,
            expected="a whole output",
            hint="tag again with --resume" if not self.problems else None,
        )

    def to_dict(self) -> dict[str, Any]:
        """The verification for JSON."""
        values = dataclasses.asdict(self)
        return {**values, "problems": list(self.problems), "is_whole": self.is_whole}


@checked
@disk_errors(TaggingError)
def verify_output(output: str | Path, listener: Listener | None = None) -> Verification:
    """Reads all of an output folder that `nerine tag --shards` has written.

    Each shard of the manifest needs a receipt of this run, and its files need the sizes and hashes
    of the receipt. The shards of an input have to follow each other without a gap. Any other file
    in the folder is a problem, since programs that read the folder would read it, too.

    Args:
        output: The folder.
        listener: Receives the progress, counted in shards.

    Raises:
        FormatError: If the folder is not such an output.
        TaggingError: If the state of its run is damaged, or files cannot be read.
    """
    folder = Path(output).expanduser().resolve()
    state = RunState.read(folder)
    if state is None:
        raise FormatError(
            "this is not an output of nerine tag --shards",
            place=str(output),
            expected=f"a folder with the state of its run in {HIDDEN}",
        )
    shards = state.shards(folder)
    problems = [*_gaps(shards)]
    known: set[Path] = set()
    done = documents = 0
    if listener:
        listener.started("shards", 0, len(shards))

    def receipts() -> Iterator[Receipt]:
        nonlocal done, documents
        for number, shard in enumerate(shards, start=1):
            files = state.files(folder, shard)
            receipt = _receipt(files, state, problems)
            if receipt is not None:
                problems.extend(_problems(shard, receipt, files))
                known.update(path for path, _ in files.contents(receipt))
                done, documents = done + 1, documents + receipt.documents
                yield receipt
            if listener:
                listener.advanced(number, documents)

    totals = Totals.of(receipts())
    problems += _unknown(folder, known)
    return Verification(
        str(output),
        len(shards),
        done,
        totals.documents,
        totals.failures,
        totals.nulls,
        totals.entities,
        tuple(problems),
    )


def _gaps(shards: Sequence[Shard]) -> Iterator[str]:
    """Where the shards of an input do not follow each other."""
    for before, after in pairwise([Shard(input=-1), *shards]):
        if after.is_first:
            follows = after.input == before.input + 1
        else:
            follows = (after.input, after.start.offset) == (before.input, before.end)
        if not follows:
            yield f"shard {after.number} of the manifest does not follow the one before it"


def _receipt(files: ShardFiles, state: RunState, problems: list[str]) -> Receipt | None:
    """The receipt of a shard; None if there is none, or a wrong one, which is a problem."""
    try:
        return files.receipt(state.fingerprint)
    except TaggingError as error:
        problems.append(f"{error.place}: {error.found}")
        return None


def _problems(shard: Shard, receipt: Receipt, files: ShardFiles) -> Iterator[str]:
    """What is wrong with a shard that has a receipt."""
    if (receipt.shard, receipt.input) != (shard.number, shard.sha256):
        yield f"{files.done}: the receipt is of another shard"
    for path, content in files.contents(receipt):
        if not path.exists():
            yield f"{path}: this file is missing"
        elif (found := Content.of(path)) != content:
            yield (
                f"{path}: {found.size:,} bytes with the hash {found.sha256[:12]}…, where the "
                f"receipt has {content.size:,} with {content.sha256[:12]}…"
            )


def _unknown(folder: Path, known: Collection[Path]) -> Iterator[str]:
    """The files beside the outputs, which a reader of the folder would read, too."""
    for place in (folder, failures_of(folder)):
        for path in sorted(place.rglob("*")):
            if path.is_file() and path not in known and HIDDEN not in path.parts:
                yield f"{path}: this file has no receipt"
