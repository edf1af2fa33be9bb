"""What a worker does with a shard, and how it says what happened, whatever engine runs it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass

from nerine.core.errors import NerineError, first_line
from nerine.serving.cluster.scheduler import Fault
from nerine.serving.files.attempts import ShardWork
from nerine.serving.files.blocks import StreamTagger, logger


@dataclass(frozen=True, slots=True)
class Tagged:
    """A shard that is done.

    Attributes:
        documents: The number of its documents.
    """

    documents: int


@dataclass(frozen=True, slots=True)
class Failed:
    """A shard, or a tagger, that failed.

    Attributes:
        reason: Why, and where.
        fault: What it is taken to be the fault of.
        error: The error, if each repeat would raise it.
    """

    reason: str
    fault: Fault
    error: NerineError | None = None


def tag_here(work: ShardWork, tagger: StreamTagger) -> Tagged | Failed:
    """Tags a shard, unless another worker has done it meanwhile."""
    try:
        return Tagged(work.complete(tagger).documents)
    except Exception as error:
        return failure_of(error)


def failure_of(error: Exception) -> Failed:
    """What an error is taken for.

    An error of the disk or of memory is its node's fault, and may not come elsewhere. The other
    errors of Nerine, such as a changed input, would come again.
    """
    reason = f"{first_line(error)} (on {socket.gethostname()})"
    if any(isinstance(each, OSError | MemoryError) for each in _with_causes(error)):
        return Failed(reason, "node")
    if isinstance(error, NerineError):
        return Failed(reason, "shard", error)
    logger.info("a shard failed", exc_info=True)
    return Failed(f"{type(error).__name__}: {reason}", "shard")


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    """The error and those that it was raised from."""
    following: BaseException | None = error
    while following is not None:
        yield following
        following = following.__cause__ or following.__context__
