"""What a thread of the scheduler runs: a group of short texts, or a step of a long one."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import NamedTuple, cast

from nerine.core.document import Document
from nerine.model.batching import Batch
from nerine.model.encoding import Encoding
from nerine.model.inference import Failure
from nerine.model.logits import LogitArray
from nerine.model.tagger import Tagger

Outcome = Document | Failure

_BYTES_A_SUBWORD = 4


def cost(text: str) -> int:
    """About how many subwords a text has: one for four bytes of UTF-8, and two special tokens."""
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    return size // _BYTES_A_SUBWORD + 2


class Job:
    """The documents of one caller.

    Args:
        tagger: The tagger.
        documents: The documents.

    Attributes:
        future: Gets the outcomes, in order.
    """

    def __init__(self, tagger: Tagger, documents: Sequence[Document]) -> None:
        self.tagger = tagger
        self.documents = documents
        self.future: Future[list[Outcome]] = Future()
        self._outcomes: dict[int, Outcome] = {}

    def finish(self, index: int, outcome: Outcome) -> bool:
        """Keeps the outcome of a document; returns whether it was the last one."""
        self._outcomes[index] = outcome
        return len(self._outcomes) == len(self.documents)

    def resolve(self) -> None:
        """Hands the outcomes to the caller, unless it has gone away."""
        if self.future.set_running_or_notify_cancel():
            self.future.set_result([self._outcomes[n] for n in range(len(self.documents))])


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """A document that waits.

    Attributes:
        job: The documents of its caller.
        index: Its place among them.
        cost: About how many subwords it has.
    """

    job: Job
    index: int
    cost: int

    @property
    def document(self) -> Document:
        """The document."""
        return self.job.documents[self.index]

    @property
    def is_wanted(self) -> bool:
        """Whether its caller still waits."""
        return not self.job.future.done()


class Done(NamedTuple):
    """What a piece of work has done: the documents that are finished, and the subwords that ran."""

    outcomes: list[tuple[Item, Outcome]]
    cost: int


class Group:
    """Short texts that run together; all are for one tagger.

    Args:
        items: The texts.
    """

    def __init__(self, items: list[Item]) -> None:
        self.items = items

    def run(self, *, alone: bool) -> Done:
        """Tags them. If they fail together, each is tried again in smaller groups."""
        inference = self.items[0].job.tagger.inference
        documents = [item.document for item in self.items]
        outcomes: Sequence[Outcome]
        try:
            encoding = inference.encoder.encode(documents)
            results = [
                (batch, inference.backend.logits(batch, alone=alone))
                for batch in inference.batches(encoding)
            ]
            outcomes = inference.decode(documents, encoding, results)
        except Exception:
            try:
                outcomes = list(inference.stream([documents]))
            except Exception as error:
                outcomes = [Failure(document, error) for document in documents]
        done = list(zip(self.items, outcomes, strict=True))
        return Done(done, sum(item.cost for item in self.items))


@dataclass(slots=True, eq=False)
class LongText:
    """A long text, which is encoded first and then run batch by batch.

    Attributes:
        item: The text.
        cost: About how many of its subwords have not run yet.
        encoding: Its encoding; None until it is made.
        waiting: Its batches that have not begun.
        running: The number of those that have begun and not ended.
        results: Those that have ended, with their logits.
    """

    item: Item
    cost: int
    encoding: Encoding | None = None
    waiting: list[Batch] = field(default_factory=list)
    running: int = 0
    results: list[tuple[Batch, LogitArray]] = field(default_factory=list)

    def encode(self) -> tuple[Encoding, list[Batch]]:
        """Its encoding and its batches."""
        inference = self.item.job.tagger.inference
        encoding = inference.encoder.encode([self.item.document])
        return encoding, inference.batches(encoding)

    def logits(self, batch: Batch, *, alone: bool) -> LogitArray:
        """The logits of one of its batches."""
        return self.item.job.tagger.inference.backend.logits(batch, alone=alone)

    def decode(self) -> Outcome:
        """The document with its entities, when all batches have run."""
        inference = self.item.job.tagger.inference
        encoding = cast(Encoding, self.encoding)  # it was made before its batches
        return inference.decode([self.item.document], encoding, self.results)[0]
