"""Receipts: what a shard's output holds, and what it was made of.

A receipt is written when the shard's output is on the disk. So a run is resumed by reading
receipts, and a shard without one is tagged.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nerine.core.errors import TaggingError
from nerine.core.files import file_hash
from nerine.serving.files.durable import readable, write_file
from nerine.serving.files.options import Rows
from nerine.serving.files.parts import Progress
from nerine.serving.files.shards import Shard


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of a file.

    Attributes:
        size: How many they are.
        sha256: Their hash.
    """

    size: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> Content:
        """The content of a file now; nothing if there is no file."""
        if not path.exists():
            return cls(0, hashlib.sha256().hexdigest())
        return cls(path.stat().st_size, file_hash(path))


@dataclass(frozen=True, slots=True)
class Receipt:
    """A shard that is done.

    Attributes:
        shard: Its number.
        fingerprint: What identifies the run: inputs, settings, model and version of Nerine.
        input: The hash of the shard's bytes; None without a file.
        documents: The number of documents read.
        failures: How many of them failed.
        nulls: How many of them have null instead of a text.
        entities: The number of entities found, by label.
        output: The rendered records.
        failed: The records that failed, each with the reason.
    """

    shard: int
    fingerprint: str
    input: str | None
    documents: int
    failures: int
    nulls: int
    output: Content
    failed: Content
    entities: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls, shard: Shard, fingerprint: str, progress: Progress, output: Path, failed: Path
    ) -> Receipt:
        """The receipt of a shard whose output is in the file `output`."""
        return cls(
            shard.number,
            fingerprint,
            shard.sha256,
            progress.documents,
            progress.failures,
            progress.nulls,
            Content.of(output),
            Content.of(failed),
            progress.entities,
        )

    @classmethod
    def read(cls, path: Path) -> Receipt:
        """The receipt in a file. Raises `TaggingError` if it is damaged."""
        with readable(path):
            line, digest = path.read_text(encoding="utf-8").splitlines()
            if digest != _digest(line):
                raise ValueError("its content is not that of its hash")
            values: dict[str, Any] = json.loads(line)
            for name in ("output", "failed"):
                values[name] = Content(**values[name])
            return cls(**values)

    def write(self, path: Path) -> None:
        """Writes the receipt, and a line with its hash: whole, or not at all."""
        line = json.dumps(dataclasses.asdict(self))
        write_file(path, f"{line}\n{_digest(line)}\n".encode())


def _digest(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Totals:
    """What some shards have together, in the terms of `Receipt`."""

    documents: int = 0
    failures: int = 0
    nulls: int = 0
    entities: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, done: Iterable[Receipt | Progress]) -> Totals:
        """The sums."""
        documents = failures = nulls = 0
        entities: Counter[str] = Counter()
        for each in done:
            documents += each.documents
            failures += each.failures
            nulls += each.nulls
            entities.update(each.entities)
        return cls(documents, failures, nulls, dict(sorted(entities.items())))


def check_counts(
    done: Receipt | Totals, written: int, failures: Path, rows: Rows, output: Path
) -> None:
    """Raises `TaggingError` unless each record was written, or is among the failures.

    In tables of entities, and before redaction, unless each entity was written.

    Args:
        done: What was done.
        written: The number of rows in the outputs.
        failures: The file of the records that failed, if any did.
        rows: What the outputs have a row for.
        output: The output, for messages.
    """
    failed_lines = 0
    if failures.exists():
        with failures.open("rb") as lines:
            failed_lines = sum(1 for _ in lines)
    due = done.documents - done.failures
    found = f"{done.documents:,} records were read"
    if rows != "records":
        due = sum(done.entities.values())
        found += f" and {due:,} entities found"
    if (written, failed_lines) != (due, done.failures):
        raise TaggingError(
            f"{found}, but {written:,} are in the outputs and {failed_lines:,} among the failures",
            place=str(output),
            expected="each record in one of them",
            hint="the outputs were not moved to their places; --overwrite starts again",
        )


def fingerprint_of(identity: Mapping[str, Any]) -> str:
    """The fingerprint of a run with this identity."""
    content = json.dumps(identity, sort_keys=True, default=list)
    return hashlib.sha256(content.encode()).hexdigest()


def check_fingerprint(receipt: Receipt, fingerprint: str, path: Path) -> None:
    """Raises `TaggingError` if a receipt is of another run."""
    if receipt.fingerprint != fingerprint:
        raise TaggingError(
            "this shard was tagged by another run: with another model, other settings or inputs",
            place=str(path),
            expected=f"the fingerprint {fingerprint[:12]}…, not {receipt.fingerprint[:12]}…",
            hint="--overwrite starts again",
        )
