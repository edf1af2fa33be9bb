"""A run: its shards are tagged one after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from nerine.serving.files.blocks import Listener, StreamTagger
from nerine.serving.files.receipts import Receipt
from nerine.serving.files.shards import Shard


class RunFolder(Protocol):
    """The folder of a run that is open: `WorkingFolder` or `ShardedFolder`."""

    @property
    def shards(self) -> Sequence[Shard]:
        """The shards that this process is to complete, in order."""

    def receipt(self, shard: Shard) -> Receipt | None:
        """The receipt of a shard; None if it is not done."""

    def documents_of(self, shard: Shard) -> int:
        """How many documents of a shard without a receipt have been read."""

    def tag(
        self, shard: Shard, tagger: StreamTagger, listener: Listener | None = None, before: int = 0
    ) -> Receipt:
        """Tags a shard. The listener is told of `before` documents more than the shard has."""

    def working(self) -> AbstractContextManager[None]:
        """A context for each other process that tags shards."""


def tag_shards(folder: RunFolder, tagger: StreamTagger, listener: Listener | None = None) -> int:
    """Tags the shards of a run that have no receipt, one after another.

    Returns:
        The number of documents that were read.
    """
    now = 0
    for shard in folder.shards:
        if folder.receipt(shard) is None:
            before = now - folder.documents_of(shard)
            now = before + folder.tag(shard, tagger, listener, before).documents
    return now


def receipts_of(folder: RunFolder) -> Iterator[Receipt]:
    """The receipts of the shards that are done, in order."""
    return filter(None, map(folder.receipt, folder.shards))
