"""A stream of documents through a tagger: computed in threads, and given in order."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from nerine.core.document import Document
from nerine.core.errors import CheckpointError
from nerine.model.backends import Backend
from nerine.model.batching import Batch
from nerine.model.encoding import Encodings
from nerine.model.readings import LogitArray

if TYPE_CHECKING:
    from nerine.model.tagger import Tagger

# How many look-aheads are begun before the first of them has to be done.
_AHEAD = 1
# If so many texts that are read together all fail, the model is at fault.
_MANY = 32


@dataclass(frozen=True, slots=True)
class Failure:
    """A document that could not be tagged, in its place among those that could.

    Attributes:
        document: The document as it came.
        error: Why it could not be tagged.
    """

    document: Document
    error: Exception


@dataclass(frozen=True, slots=True)
class _Work:
    """A look-ahead on its way through the model."""

    encodings: Encodings
    batches: list[tuple[Batch, Future[LogitArray]]]


def outcomes(tagger: Tagger, aheads: Iterable[list[Document]]) -> Iterator[Document | Failure]:
    """The documents of all look-aheads, each with its entities or as a `Failure`, in order."""
    begun: deque[tuple[list[Document], _Work | Exception]] = deque()
    with _workers(tagger.backend) as workers:
        for documents in aheads:
            begun.append((documents, _begin(tagger, documents, workers)))
            if len(begun) > _AHEAD:
                yield from _end(tagger, *begun.popleft())
        while begun:
            yield from _end(tagger, *begun.popleft())


def computed(backend: Backend, batches: Sequence[Batch]) -> Iterator[tuple[Batch, LogitArray]]:
    """Each batch with its logits, in order; several at once where the backend likes that."""
    if len(batches) <= 1:
        yield from ((each, backend.logits(each)) for each in batches)
        return
    with _workers(backend) as workers:
        run = partial(_run, backend)
        yield from zip(batches, workers.map(run, batches), strict=True)


@contextlib.contextmanager
def _workers(backend: Backend) -> Iterator[Executor]:
    """Threads that compute; when they are left early, batches not yet begun are given up."""
    workers = ThreadPoolExecutor(backend.workers, thread_name_prefix="nerine")
    try:
        yield workers
    finally:
        workers.shutdown(wait=True, cancel_futures=True)


def _run(backend: Backend, batch: Batch) -> LogitArray:
    return backend.logits(batch, alone=False)


def _begin(tagger: Tagger, documents: list[Document], workers: Executor) -> _Work | Exception:
    try:
        encodings = tagger.encoder.encode(documents)
        batches = tagger.batches(encodings)
    except Exception as error:
        return error
    run = partial(_run, tagger.backend)
    return _Work(encodings, [(each, workers.submit(run, each)) for each in batches])


def _end(
    tagger: Tagger, documents: Sequence[Document], work: _Work | Exception
) -> Iterator[Document | Failure]:
    try:
        if isinstance(work, Exception):
            raise work
        results = ((batch, future.result()) for batch, future in work.batches)
        read = tagger.reading(documents, work.encodings, results)
        found = list(tagger.entities(documents, read))
    except Exception as error:
        outcomes = list(_apart(tagger, documents, error))
        _check_not_all_alike(outcomes)
        yield from outcomes
    else:
        yield from found


def _apart(
    tagger: Tagger, documents: Sequence[Document], error: Exception
) -> Iterator[Document | Failure]:
    """Documents of which one has failed, in halves, until it stands alone."""
    if len(documents) == 1:
        yield Failure(documents[0], error)
        return
    half = len(documents) // 2
    for part in (documents[:half], documents[half:]):
        try:
            found = list(tagger.entities(part, tagger.word_logits(part)))
        except Exception as again:
            yield from _apart(tagger, part, again)
        else:
            yield from found


def _check_not_all_alike(outcomes: Sequence[Document | Failure]) -> None:
    """Raises `CheckpointError` where so many texts fail in one way that it is not the texts."""
    errors = [outcome.error for outcome in outcomes if isinstance(outcome, Failure)]
    reasons = {getattr(error, "found", None) or repr(error) for error in errors}
    if len(errors) == len(outcomes) >= _MANY and len(reasons) == 1:
        raise CheckpointError(
            f"the model fails on each of {len(outcomes)} texts: {reasons.pop()}",
            hint="the weights or the machine are at fault rather than the texts",
        ) from errors[0]
