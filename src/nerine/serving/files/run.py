"""A run: records are tagged in blocks, in order, in bounded memory.

A block is a look-ahead of the tagger. Scores depend in their last digits on the texts that share a
batch, and batches are made within a look-ahead. A run that is resumed between two blocks makes the
same batches as one that was never interrupted, and so the same bytes.
"""

from __future__ import annotations

import json
import logging
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice, tee
from typing import TYPE_CHECKING, BinaryIO, Protocol

from nerine.core.display import visible
from nerine.core.document import Document, Entity
from nerine.core.errors import FormatError, NerineError, TaggingError
from nerine.core.streams import Pause
from nerine.serving.files.inputs import RecordReader
from nerine.serving.files.lines import closing
from nerine.serving.files.parts import PartFiles, Progress
from nerine.serving.files.records import BEGIN, Position, Record

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

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.progress = Progress()

    def write(self, output: bytes, failed: bytes, progress: Progress) -> None:
        """Writes both."""
        self._stream.write(output)
        self._stream.flush()
        sys.stderr.write(failed.decode())
        self.progress = progress

    def publish(self, readers: Sequence[RecordReader]) -> None:
        """Does nothing: everything is written."""

    def stop(self) -> None:
        """Does nothing: a stream cannot be resumed."""


Writer = StreamWriter | PartFiles


def run_tagging(
    readers: Sequence[RecordReader],
    tagger: StreamTagger,
    writer: Writer,
    listener: Listener | None = None,
    check: Callable[[], None] = lambda: None,
) -> int:
    """Tags inputs one after another, from the progress of `writer` on.

    `check` is called before the outputs are published, and may raise to prevent that.

    Returns:
        The number of documents that were read, without those of earlier runs that are resumed.
    """
    before = writer.progress.documents
    try:
        while (progress := writer.progress).input < len(readers):
            reader = readers[progress.input]
            start = Position(progress.offset, progress.line)
            logger.info("tagging %s from %d on", visible(reader.name), progress.offset)
            if listener:
                listener.started(reader.name, reader.done(start), reader.size)
            with closing(_tagged_blocks(reader, start, tagger)) as blocks:
                for block in blocks:
                    header = _header(reader, progress)
                    output, failed, progress = _rendered(reader, block, progress)
                    writer.write(header + output, failed, progress)
                    logger.debug("%d documents are tagged", progress.documents - before)
                    if listener:
                        done = reader.done(block[-1][0].after)
                        listener.advanced(done, progress.documents - before)
            if reader.end not in (None, progress.offset):
                raise TaggingError(
                    f"only {progress.offset:,} of {reader.end:,} bytes or rows were read",
                    place=reader.name,
                    expected="an input that does not change meanwhile",
                )
            following = replace(progress, input=progress.input + 1, offset=0, line=1)
            writer.write(_header(reader, progress), b"", following)
        check()
        writer.publish(readers)
        logger.info("%d documents, %d of them failed", progress.documents, progress.failures)
    except BaseException:
        writer.stop()
        raise
    return writer.progress.documents - before


def _header(reader: RecordReader, progress: Progress) -> bytes:
    """The beginning of an output, at the beginning of its input."""
    return reader.header if (progress.offset, progress.line) == BEGIN else b""


def _tagged_blocks(reader: RecordReader, start: Position, tagger: StreamTagger) -> Iterator[Block]:
    """Records with their outcomes, in blocks that are the tagger's look-aheads."""
    from nerine.model.batching import look_aheads  # numpy, which checking inputs does not need

    with closing(reader.records(start)) as read:
        to_render, to_tagger, to_cut = tee(read, 3)
        records = (record for record in to_render if not isinstance(record, Pause))
        with closing(tagger.pipe_with_errors(map(_document_of, to_tagger))) as outcomes:
            for block in filter(None, look_aheads(map(_document_of, to_cut))):
                size = len(block)
                yield list(zip(islice(records, size), list(islice(outcomes, size)), strict=True))


def _document_of(record: Record | Pause) -> Document | Pause:
    """A record's text; empty without one, so that records and outcomes stay in step."""
    return record if isinstance(record, Pause) else Document(record.text or "")


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
    following = Progress(progress.input, *after, documents, failures, dict(entities), nulls)
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
