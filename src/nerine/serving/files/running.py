"""The run: blocks of records through a tagger, in order, in bounded memory.

A block is what the tagger looks ahead. Scores depend on which texts share a batch, in their last
digits; batches are made within a look-ahead. A run that is resumed at the border of a block makes
the very same batches as one that was never interrupted, and so the very same bytes.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as changed
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from nerine.core.document import Document
from nerine.serving.files.inputs import Input
from nerine.serving.files.journal import Reached
from nerine.serving.files.lines import closed
from nerine.serving.files.records import Position, Record, RecordReader, reason
from nerine.serving.files.sinks import Sink, failed_line

if TYPE_CHECKING:
    from nerine.model.inference import Failure

Block = list[Record]

_EMPTY = Document("")


class Tagging(Protocol):
    """What is asked of a tagger, as `nerine.Tagger` has it."""

    def pipe_with_errors(self, texts: Iterable[str | Document]) -> Iterator[Document | Failure]:
        """Tags a stream of texts.

        Args:
            texts: The texts.

        Returns:
            The documents in order, or why one of them failed.
        """


class Listener(Protocol):
    """Whoever shows how a run goes on."""

    def started(self, name: str, done: int, size: int | None) -> None:
        """An input is next.

        Args:
            name: Its name.
            done: How many bytes or rows of it are done already.
            size: How many bytes or rows it has; None where that is not known.
        """

    def advanced(self, done: int, documents: int) -> None:
        """Something more is done.

        Args:
            done: How many bytes or rows of the input are done.
            documents: How many documents of this run are done.
        """


@dataclass(slots=True)
class Run:
    """Tags inputs one after another, from where the sink stands."""

    inputs: Sequence[Input]
    sources: Sequence[RecordReader]
    tagger: Tagging
    sink: Sink
    listener: Listener | None = None
    check: Callable[[], None] = lambda: None
    """Called before outputs go to their places; what it raises keeps them back."""
    documents: int = 0
    """How many were read in this process."""

    def go(self) -> None:
        """Runs to the end. What is raised leaves a journal to go on from, if the sink has one."""
        try:
            while self.sink.reached.input < len(self.inputs):
                self._tag(self.sink.reached.input)
            self.check()
            self.sink.publish(self.sources)
        except BaseException:
            self.sink.stop()
            raise

    def _tag(self, number: int) -> None:
        source, at = self.sources[number], self.sink.reached
        start = Position(at.offset, at.line)
        self.sink.begin(number)
        if self.listener:
            self.listener.started(source.name, source.done(start), source.size)
        waiting: deque[Block] = deque()
        with closed(self.tagger.pipe_with_errors(_texts(source, start, waiting))) as results:
            for block, outcomes in _paired(results, waiting):
                self._write(source, block, outcomes)
        self.sink.end(changed(self.sink.reached, input=number + 1, offset=0, line=1))

    def _write(
        self, source: RecordReader, block: Block, outcomes: Sequence[Document | Failure]
    ) -> None:
        made = _Made()
        for record, outcome in zip(block, outcomes, strict=True):
            made.add(source, record, outcome)
        after, at = block[-1].after, self.sink.reached
        reached = Reached(
            at.input,
            after.offset,
            after.line,
            at.documents + made.documents,
            at.failures + len(made.failed),
            dict(Counter(at.entities) + made.entities),
        )
        self.sink.write(b"".join(made.rendered), b"".join(made.failed), reached)
        self.documents += made.documents
        if self.listener:
            self.listener.advanced(source.done(after), self.documents)


@dataclass(slots=True)
class _Made:
    """What became of a block: bytes for the output and for the file of failures, and counts."""

    rendered: list[bytes] = field(default_factory=list)
    failed: list[bytes] = field(default_factory=list)
    entities: Counter[str] = field(default_factory=Counter)
    documents: int = 0

    def add(self, source: RecordReader, record: Record, outcome: Document | Failure) -> None:
        """Renders a record with its entities, or puts it to those that failed."""
        if record.text is None and record.fault is None:
            self.rendered.append(record.raw)
            return
        self.documents += 1
        if record.fault is not None:
            self._fail(source, record, record.fault)
        elif isinstance(outcome, Document):
            self.rendered.append(source.rendered(record, outcome.entities))
            self.entities.update([entity.label for entity in outcome.entities])
        else:
            self._fail(source, record, reason(outcome.error))

    def _fail(self, source: RecordReader, record: Record, why: str) -> None:
        self.rendered.append(source.dropped)
        self.failed.append(failed_line(source.name, record.number, why, record.raw))


def _texts(source: RecordReader, start: Position, waiting: deque[Block]) -> Iterator[Document]:
    """A document for each record; the block that it belongs to is put to those `waiting` first.

    A record without a text is an empty document, so that each one keeps its place.
    """
    from nerine.model.batching import look_aheads  # numpy, which is not needed to check inputs

    ahead: Block = []

    def documents() -> Iterator[Document]:
        for record in source.records(start):
            ahead.append(record)
            yield Document(record.text) if record.text else _EMPTY

    # the cut that the tagger itself makes, of the same documents in the same order
    for each in look_aheads(documents()):
        waiting.append([*ahead])
        ahead.clear()
        yield from each


def _paired(
    results: Iterator[Document | Failure], waiting: deque[Block]
) -> Iterator[tuple[Block, list[Document | Failure]]]:
    """Each block with what the tagger gave for its records."""
    for first in results:
        block = waiting.popleft()
        yield block, [first, *islice(results, len(block) - 1)]
    if waiting:
        raise ValueError(f"the tagger gave nothing for {len(waiting)} blocks")
