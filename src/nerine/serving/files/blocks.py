"""The records of a shard are tagged in blocks, in order, in bounded memory.

A block is a look-ahead of the tagger. Scores depend in their last digits on the texts that share a
batch, and batches are made within a look-ahead, which ends with its shard. A run that is resumed
between two blocks makes the same batches as one that was never interrupted, and so the same bytes.
"""

from __future__ import annotations

import json
import logging
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, tee
from typing import TYPE_CHECKING, BinaryIO, Protocol

from nerine.core.display import visible
from nerine.core.document import Document, Entity
from nerine.core.errors import FormatError, NerineError, TaggingError
from nerine.core.streams import Pause
from nerine.serving.files.inputs import RecordReader
from nerine.serving.files.lines import closing
from nerine.serving.files.neighbours import records_in_context, uses_context
from nerine.serving.files.parts import Journal, Progress
from nerine.serving.files.records import BEGIN, Position, Record
from nerine.serving.files.shards import UNCHANGED, Shard, check_content

if TYPE_CHECKING:
    from nerine.model.inference import Failure

    Block = Sequence[tuple[Record, Document | Failure]]

logger = logging.getLogger("nerine.tag")


class StreamTagger(Protocol):
    """A tagger of streams, such as `nerine.Tagger`."""

    def pipe_with_errors(
        self, texts: Iterable[str | Document | Pause]
    ) -> Iterator[Document | Failure]:
        """Tags a stream of texts.

        Args:
            texts: The texts. At a `PAUSE` among them, the results of those before it are given
                without waiting for more.

        Returns:
            For each text in order, its document, or a failure with the reason.
        """


class Listener(Protocol):
    """Receives the progress of a run."""

    def started(self, name: str, done: int, size: int | None) -> None:
        """The next input starts.

        Args:
            name: Its name.
            done: How many of its bytes or rows are done already.
            size: How many bytes or rows it has; None if that is unknown.
        """

    def advanced(self, done: int, documents: int) -> None:
        """A block is done.

        Args:
            done: How many bytes or rows of the input are done.
            documents: How many documents this process has tagged.
        """


class StreamWriter:
    """Writes to a stream immediately, and failures to standard error as JSON lines in ASCII."""

    is_empty = False

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.progress = Progress()

    def write(
        self,
        output: bytes,
        failed: bytes,
        progress: Progress,
        *,
        is_piece: bool = False,  # noqa: ARG002 - of compressed files
    ) -> None:
        """Writes both."""
        self._stream.write(output)
        self._stream.flush()
        sys.stderr.write(failed.decode())
        self.progress = progress


def tag_shard(
    reader: RecordReader,
    shard: Shard,
    tagger: StreamTagger,
    writer: StreamWriter | Journal,
    listener: Listener | None = None,
    before: int = 0,
) -> None:
    """Tags a shard of an input from the progress of `writer` on.

    The listener is told of `before` documents more than the progress has. Raises `TaggingError` if
    the input is not what it was when the shard was planned.
    """
    progress = writer.progress
    logger.info("tagging %s from %d on", visible(reader.name), progress.offset)
    if listener:
        listener.started(reader.name, reader.done(progress.position), reader.size)
    with closing(_tagged_blocks(reader, progress.position, shard.end, tagger)) as blocks:
        for block in blocks:
            header = _header(reader, progress)
            output, failed, progress = _rendered(reader, block, progress)
            writer.write(header + output, failed, progress)
            logger.debug("%d documents are tagged", before + progress.documents)
            if listener:
                listener.advanced(reader.done(progress.position), before + progress.documents)
    _check_input(reader, shard, progress)
    header = _header(reader, progress)
    if header or (shard.is_first and writer.is_empty):
        writer.write(header, b"", progress, is_piece=True)


def _check_input(reader: RecordReader, shard: Shard, progress: Progress) -> None:
    """Raises `TaggingError` if the input changed since the shard was planned."""
    if shard.end not in (None, progress.offset):
        raise TaggingError(
            f"only {progress.offset:,} of {shard.end:,} bytes or rows were read",
            place=reader.name,
            expected=UNCHANGED,
        )
    check_content(reader, shard, reader.name)


def _header(reader: RecordReader, progress: Progress) -> bytes:
    """The beginning of an output, at the beginning of its input."""
    return reader.header if progress.position == BEGIN else b""


def _tagged_blocks(
    reader: RecordReader, start: Position, end: int | None, tagger: StreamTagger
) -> Iterator[Block]:
    """Records with their outcomes, in blocks that are the tagger's look-aheads."""
    from nerine.model.batching import look_aheads  # numpy, which checking inputs does not need

    in_context = uses_context(reader, tagger) and start.offset != end
    records = records_in_context(reader, start, end) if in_context else reader.records(start)
    with closing(records) as read:
        shard = iter(()) if start.offset == end else _until(read, end)
        to_render, to_tagger, to_cut = tee(shard, 3)
        rendered = (record for record in to_render if not isinstance(record, Pause))
        with closing(tagger.pipe_with_errors(map(_document_of, to_tagger))) as outcomes:
            for block in filter(None, look_aheads(map(_document_of, to_cut))):
                size = len(block)
                yield list(zip(islice(rendered, size), list(islice(outcomes, size)), strict=True))


def _until(records: Iterator[Record | Pause], end: int | None) -> Iterator[Record | Pause]:
    """The records up to the one that ends at `end`."""
    for record in records:
        yield record
        if end is not None and not isinstance(record, Pause) and record.after.offset >= end:
            return


def _document_of(record: Record | Pause) -> Document | Pause:
    """A record's text; empty without one, so that records and outcomes stay in step."""
    if isinstance(record, Pause):
        return record
    return Document(record.text or "", context=record.context)


def _rendered(
    reader: RecordReader, block: Block, progress: Progress
) -> tuple[bytes, bytes, Progress]:
    """The bytes of the output, those of the failures, and the progress after a block."""
    output, failed, entities = [], [], Counter(progress.entities)
    documents, nulls = progress.documents, progress.nulls
    for record, outcome in block:
        if record.is_null:
            documents, nulls = documents + 1, nulls + 1
            output.append(reader.render_null(record))
            continue
        if record.text is None and record.error is None:
            output.append(record.raw)
            continue
        documents += 1
        try:
            found = _entities(record, outcome)
            output.append(reader.render(record, found))
        except FormatError as error:
            values = {"file": reader.name, "line": record.number, "reason": error.found}
            values["record"] = reader.whole_record(record)
            output.append(reader.failed_output)
            failed.append(f"{json.dumps(values)}\n".encode())
        else:
            entities.update(entity.label for entity in found)
    after = block[-1][0].after
    failures = progress.failures + len(failed)
    following = Progress(*after, documents, failures, dict(entities), nulls)
    return b"".join(output), b"".join(failed), following


def _entities(record: Record, outcome: Document | Failure) -> Sequence[Entity]:
    """The entities of a record; raises `FormatError` if it has an error, or the tagger failed."""
    if record.error is not None:
        raise FormatError(record.error)
    if isinstance(outcome, Document):
        return outcome.entities
    if isinstance(outcome.error, NerineError):
        raise FormatError(outcome.error.found)
    raise FormatError(f"{type(outcome.error).__name__}: {outcome.error}")
