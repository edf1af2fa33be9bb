"""Documents → word logits → documents with entities: encode, batch, run, decode.

The tagger, training, explanation and curation share this one way through the model.
"""

from __future__ import annotations

import contextlib
import copy
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from nerine.core.document import Document
from nerine.core.errors import CheckpointError, ProcessError
from nerine.model.backends import Backend
from nerine.model.batching import Batch, batches
from nerine.model.encoding import Encoder, Encoding
from nerine.model.heads import TagHead
from nerine.model.heads.joining import joined
from nerine.model.logits import LogitArray, WordLogits
from nerine.model.settings import ModelSettings

# Look-aheads that are started before the first of them has to be finished.
_STARTED = 1
# If so many texts of one look-ahead all fail, the model is the cause.
_MANY = 32


@dataclass(frozen=True, slots=True)
class Failure:
    """A document that could not be tagged, in its place among the results.

    Attributes:
        document: The document as it came.
        error: The reason.
    """

    document: Document
    error: Exception


def attempted(
    step: Callable[[Document], Document], outcome: Document | Failure
) -> Document | Failure:
    """What a further step makes of a document; its error makes a failure, and a failure stays."""
    if isinstance(outcome, Failure):
        return outcome
    try:
        return step(outcome)
    except Exception as error:
        return Failure(outcome, error)


class Inference:
    """A model, its tokenizer and its settings as the stages from documents to entities.

    Args:
        backend: Runs the model.
        tokenizer: The tokenizer of the model.
        settings: How the model is used.
        token_budget: The most subwords of a batch, padding included; by default the backend's.

    Attributes:
        encoder: Cuts documents into words, subwords and windows.
        head: Turns logits into entities, and gold entities into training targets.

    Raises:
        EncodingError: If the tokenizer gives no character offsets.
        SchemeError: If a tag has an unknown form, or `O` is missing.
        SettingsError: If windows of this length cannot have this overlap.
    """

    def __init__(
        self,
        backend: Backend,
        tokenizer: Any,
        settings: ModelSettings,
        *,
        token_budget: int | None = None,
    ) -> None:
        self.backend = backend
        self.tokenizer = tokenizer
        self.settings = settings
        self.token_budget = token_budget
        self.encoder = Encoder.of(tokenizer, settings)
        self.head = TagHead(settings)

    def changed(
        self, *, backend: Backend | None = None, settings: ModelSettings | None = None
    ) -> Inference:
        """The same with another backend or other settings; the tokenizer is not read again.

        Args:
            backend: Runs the model from now on.
            settings: How it is used from now on.
        """
        changed = copy.copy(self)
        changed.backend = backend or self.backend
        if settings is not None and settings != self.settings:
            changed.settings, changed.head = settings, TagHead(settings)
            changed.encoder = self.encoder.changed(settings)
        return changed

    @property
    def budget(self) -> int:
        """The most subwords of a batch, padding included."""
        return self.token_budget or self.backend.token_budget

    def batches(self, encoding: Encoding, token_budget: int | None = None) -> list[Batch]:
        """All windows in batches, the longest first.

        Args:
            encoding: The encoding of some documents.
            token_budget: The most subwords of a batch, padding included.
        """
        return batches(
            self.encoder.windows(encoding),
            token_budget=token_budget or self.budget,
            pad_id=self.tokenizer.pad_token_id or 0,
            batching=self.backend.batching,
            overhead=self.backend.batch_overhead,
        )

    def word_logits(self, documents: Sequence[Document]) -> WordLogits:
        """The logits of every word of every document.

        The logits of a word are those of its first subword, in the window that sees most context
        around it.

        Args:
            documents: The documents.

        Raises:
            CheckpointError: If a logit is infinite or not a number.
        """
        encoding = self.encoder.encode(documents)
        made = self.batches(encoding)
        if len(made) <= 1:
            results = [(batch, self.backend.logits(batch)) for batch in made]
            return self.collect(documents, encoding, results)
        with self._threads() as threads:
            running = self._submit(made, threads)
            return self.collect(documents, encoding, ((b, f.result()) for b, f in running))

    def collect(
        self,
        documents: Sequence[Document],
        encoding: Encoding,
        results: Iterable[tuple[Batch, LogitArray]],
    ) -> WordLogits:
        """The logits of all words from those of the batches. Blind words get the head's own.

        Args:
            documents: The documents, for messages.
            encoding: Their encoding.
            results: Each batch with the logits of its words, `(words, outputs)`.

        Raises:
            CheckpointError: If a logit is infinite or not a number.
        """
        values = np.tile(self.head.blind_logits, (len(encoding.word_starts), 1))
        for batch, logits in results:
            values[batch.words] = self.head.of_tags(logits)
        if not np.isfinite(values).all():
            word = int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
            index = int(np.searchsorted(encoding.word_splits, word, side="right")) - 1
            raise CheckpointError(
                "the model's logits are infinite or not numbers",
                place=f"document {documents[index].id or index}",
                hint="the weights are damaged, or overflow at this precision",
            )
        return joined(WordLogits(encoding, values), self.head.tags)

    def decode(
        self,
        documents: Sequence[Document],
        encoding: Encoding,
        results: Iterable[tuple[Batch, LogitArray]],
    ) -> list[Document]:
        """The documents with their predicted entities, by the logits of their batches.

        Args:
            documents: The documents.
            encoding: Their encoding.
            results: Each batch with the logits of its words, as for `collect`.

        Raises:
            CheckpointError: If a logit is infinite or not a number.
        """
        return list(self.head.decode(documents, self.collect(documents, encoding, results)))

    def predict(self, documents: Sequence[Document]) -> list[Document]:
        """The documents with their predicted entities, in order.

        Args:
            documents: The documents; all of them are in memory at once.

        Raises:
            CheckpointError: If a logit is infinite or not a number.
        """
        return list(self.head.decode(documents, self.word_logits(documents)))

    def stream(self, look_aheads: Iterable[list[Document]]) -> Iterator[Document | Failure]:
        """The documents of look-aheads with entities, or as a `Failure`, in order.

        While threads run the model, this thread encodes the next look-ahead and decodes the last.

        Args:
            look_aheads: Lists of documents; each list is encoded and batched together. At an empty
                one, all those before it are finished.

        Raises:
            CheckpointError: If many documents of a look-ahead all fail in the same way: then the
                model is the cause.
            ProcessError: If it was begun in another process, of which this one is a fork.
        """
        process = os.getpid()
        started: deque[tuple[list[Document], Encoding | Exception, _Running]] = deque()
        with self._threads() as threads:
            for documents in look_aheads:
                if documents:
                    started.append((documents, *self._start(documents, threads)))
                while len(started) > (_STARTED if documents else 0):
                    yield from self._finish(process, *started.popleft())
            while started:
                yield from self._finish(process, *started.popleft())

    @contextlib.contextmanager
    def _threads(self) -> Iterator[Executor]:
        """Threads that run batches; batches that have not begun are cancelled at the end."""
        threads = ThreadPoolExecutor(self.backend.workers, thread_name_prefix="nerine")
        try:
            yield threads
        finally:
            threads.shutdown(wait=True, cancel_futures=True)

    def _submit(self, made: Iterable[Batch], threads: Executor) -> _Running:
        return [(batch, threads.submit(self.backend.logits, batch, alone=False)) for batch in made]

    def _start(
        self, documents: list[Document], threads: Executor
    ) -> tuple[Encoding | Exception, _Running]:
        try:
            encoding = self.encoder.encode(documents)
            return encoding, self._submit(self.batches(encoding), threads)
        except Exception as error:  # belongs to the documents; raised in their turn
            return error, []

    def _finish(
        self,
        process: int,
        documents: Sequence[Document],
        encoding: Encoding | Exception,
        running: _Running,
    ) -> Iterator[Document | Failure]:
        if os.getpid() != process:
            raise ProcessError(
                "this stream was begun in another process, and its threads stayed there",
                expected="a stream that is read in the process that began it",
                hint="call pipe again in this process, with the texts that are left",
            )
        try:
            if isinstance(encoding, Exception):
                raise encoding
            results = ((batch, future.result()) for batch, future in running)
            tagged = self.decode(documents, encoding, results)
        except Exception as error:
            outcomes = list(self._bisect(documents, error))
            errors = [each.error for each in outcomes if isinstance(each, Failure)]
            reasons = {getattr(each, "found", None) or repr(each) for each in errors}
            if len(errors) == len(outcomes) >= _MANY and len(reasons) == 1:
                raise CheckpointError(
                    f"the model fails on each of {len(outcomes)} texts: {reasons.pop()}",
                    hint="the cause is in the weights or the machine, not in the texts",
                ) from errors[0]
            yield from outcomes
        else:
            yield from tagged

    def _bisect(
        self, documents: Sequence[Document], error: Exception
    ) -> Iterator[Document | Failure]:
        """The results of documents that failed together, halved until the bad one is alone."""
        if len(documents) == 1:
            yield Failure(documents[0], error)
            return
        half = len(documents) // 2
        for part in (documents[:half], documents[half:]):
            try:
                tagged = self.predict(part)
            except Exception as again:
                yield from self._bisect(part, again)
            else:
                yield from tagged


_Running = list[tuple[Batch, Future[LogitArray]]]
