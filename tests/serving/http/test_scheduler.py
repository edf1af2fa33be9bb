"""The scheduler: batches of many callers, long texts in turns, refusals, failures and its end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerine.core.document import Document
from nerine.core.errors import CheckpointError
from nerine.model.batching import Batch
from nerine.model.inference import Failure
from nerine.model.logits import LogitArray
from nerine.model.tagger import Tagger
from nerine.serving.http.scheduler import OverloadedError, Scheduler, StoppedError
from nerine.serving.http.work import cost
from tiny import documents, make_checkpoint

SECONDS = 60
"""The time that a test waits for an outcome, generous for a busy machine."""

ANY = 10**9
SHORT = Document("In Lisbon it rains, said Jonas.")
LONG = Document("Ana Reyes met Jonas Lind in Oslo. " * 400)


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> Tagger:
    return Tagger.load(make_checkpoint(tmp_path_factory.mktemp("tagger")), device="cpu")


class Watched:
    """A backend whose batches can be held up, and that keeps what it has run.

    Args:
        backend: Runs the batches.
        before: Called before each of them.
    """

    def __init__(self, backend: Any, before: Callable[[Batch], None]) -> None:
        self._backend = backend
        self._before = before
        self.ran: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def logits(self, batch: Batch, *, alone: bool = True) -> LogitArray:
        self._before(batch)
        self.ran.append(len(batch.indices))
        found: LogitArray = self._backend.logits(batch, alone=alone)
        return found


def watched(tagger: Tagger, before: Callable[[Batch], None] = lambda _: None) -> Tagger:
    """A tagger with its own backend of the same model."""
    backend: Any = Watched(tagger.inference.backend, before)
    return Tagger(backend, tagger.inference.tokenizer, tagger.settings, token_budget=256)


@pytest.fixture
def scheduler() -> Iterator[Scheduler]:
    made = Scheduler(1, ANY)
    yield made
    assert made.stop(SECONDS)


class Held:
    """Lets a backend run only after `release`; `begun` is set when it is waiting."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.released = threading.Event()

    def __call__(self, _: Batch) -> None:
        self.begun.set()
        assert self.released.wait(SECONDS)


def spans(document: Any) -> list[tuple[int, int, str]]:
    return [(each.start, each.end, each.label) for each in document.entities]


def scores(document: Any) -> list[float]:
    return [each.score for each in document.entities]


# --- outcomes


@settings(max_examples=10, deadline=None)
@given(st.lists(st.lists(st.sampled_from([*documents(), LONG, Document("")]), max_size=4)))
def test_each_caller_gets_what_the_tagger_finds(
    tagger: Tagger, callers: list[list[Document]]
) -> None:
    made = Scheduler(2, ANY)
    with ThreadPoolExecutor(4) as threads:
        futures = list(threads.map(lambda some: made.submit(tagger, some), callers))
    for some, future in zip(callers, futures, strict=True):
        for found, expected in zip(
            future.result(SECONDS), [tagger(each) for each in some], strict=True
        ):
            assert isinstance(found, Document)
            assert (found.text, spans(found)) == (expected.text, spans(expected))
            assert scores(found) == pytest.approx(scores(expected), abs=1e-5)
    assert made.stop(SECONDS)
    assert made.waiting == 0
    assert made.counts.documents == sum(map(len, callers))


def test_texts_that_wait_run_together(tagger: Tagger, scheduler: Scheduler) -> None:
    held = Held()
    slow = watched(tagger, held)
    first = scheduler.submit(slow, [SHORT])
    assert held.begun.wait(SECONDS)
    others = [scheduler.submit(slow, [SHORT]) for _ in range(8)]
    held.released.set()
    assert all(spans(each.result(SECONDS)[0]) == spans(tagger(SHORT)) for each in [first, *others])
    assert slow.inference.backend.ran == [1, 8]  # type: ignore[attr-defined] # of the watched one


def test_texts_of_two_models_run_apart(tagger: Tagger, scheduler: Scheduler) -> None:
    held = Held()
    one, other = watched(tagger, held), watched(tagger)
    futures = [scheduler.submit(one, [SHORT])]
    assert held.begun.wait(SECONDS)
    for _ in range(3):
        futures += [scheduler.submit(each, [SHORT]) for each in (one, other)]
    held.released.set()
    assert all(spans(each.result(SECONDS)[0]) == spans(tagger(SHORT)) for each in futures)
    assert (one.inference.backend.ran, other.inference.backend.ran) == ([1, 3], [3])  # type: ignore[attr-defined]


def test_a_group_keeps_to_the_budget(tagger: Tagger, scheduler: Scheduler) -> None:
    small = watched(tagger)
    small.inference.token_budget = 2 * cost(SHORT.text)
    assert len(scheduler.submit(small, [SHORT] * 7).result(SECONDS)) == 7
    assert scheduler.counts.batches == 4


def test_a_short_text_waits_for_one_batch_of_a_long_one_at_most(
    tagger: Tagger, scheduler: Scheduler
) -> None:
    steps = threading.Semaphore(0)
    slow = watched(tagger, lambda _: assert_acquired(steps))
    long = scheduler.submit(slow, [LONG])
    short = scheduler.submit(slow, [SHORT])
    for _ in range(2):
        steps.release()
    assert spans(short.result(SECONDS)[0]) == spans(tagger(SHORT))
    assert not long.done()
    for _ in range(1000):
        steps.release()
    assert spans(long.result(SECONDS)[0]) == spans(tagger(LONG))
    assert len(slow.inference.backend.ran) > 10  # type: ignore[attr-defined]


def assert_acquired(steps: threading.Semaphore) -> None:
    assert steps.acquire(timeout=SECONDS)


# --- refusals


def test_more_than_may_wait_is_refused(tagger: Tagger) -> None:
    held = Held()
    slow = watched(tagger, held)
    scheduler = Scheduler(1, 2 * cost(SHORT.text))
    running = scheduler.submit(slow, [SHORT])
    assert held.begun.wait(SECONDS)
    waiting = [scheduler.submit(slow, [SHORT]), scheduler.submit(slow, [SHORT] * 9)]
    with pytest.raises(OverloadedError, match="subwords wait") as caught:
        scheduler.submit(slow, [SHORT])
    assert caught.value.seconds > 0
    long = scheduler.submit(slow, [LONG])  # long texts wait apart
    with pytest.raises(OverloadedError):
        scheduler.submit(slow, [LONG])
    assert scheduler.counts.refused == 2
    held.released.set()
    assert [len(each.result(SECONDS)) for each in (running, *waiting, long)] == [1, 1, 9, 1]
    assert scheduler.stop(SECONDS)


@pytest.mark.parametrize("document", [SHORT, LONG])
def test_what_a_caller_no_longer_wants_is_dropped(
    tagger: Tagger, scheduler: Scheduler, document: Document
) -> None:
    held = Held()
    slow, other = watched(tagger, held), watched(tagger)
    first = scheduler.submit(slow, [SHORT])
    assert held.begun.wait(SECONDS)
    given_up = scheduler.submit(other, [document])
    last = scheduler.submit(slow, [SHORT])
    assert given_up.cancel()
    held.released.set()
    assert first.result(SECONDS)
    assert last.result(SECONDS)
    assert other.inference.backend.ran == []  # type: ignore[attr-defined]
    assert scheduler.counts.dropped == 1
    assert scheduler.waiting == 0


def test_the_rest_of_a_long_text_is_dropped(tagger: Tagger, scheduler: Scheduler) -> None:
    held = Held()
    slow = watched(tagger, held)
    long = scheduler.submit(slow, [LONG])
    assert held.begun.wait(SECONDS)
    assert long.cancel()
    held.released.set()
    assert scheduler.submit(tagger, [SHORT]).result(SECONDS)
    assert len(slow.inference.backend.ran) == 1  # type: ignore[attr-defined]
    assert scheduler.waiting == 0


# --- failures


def failing(tagger: Tagger, word: str) -> Tagger:
    """A tagger that fails on texts with a word."""
    slow = watched(tagger)
    encode = slow.inference.encoder.encode

    def encode_or_fail(some: Any) -> Any:
        if any(word in each.text for each in some):
            raise CheckpointError(f"cannot encode {word}")
        return encode(some)

    slow.inference.encoder.encode = encode_or_fail  # type: ignore[method-assign, assignment]
    return slow


@pytest.mark.parametrize("bad", [Document("a Quill 3"), Document(f"{LONG.text} Quill 3")])
def test_a_text_that_fails_fails_alone(tagger: Tagger, scheduler: Scheduler, bad: Document) -> None:
    some = [SHORT, bad, LONG, SHORT]
    found = scheduler.submit(failing(tagger, "Quill"), some).result(SECONDS)
    assert [isinstance(each, Failure) for each in found] == [False, True, False, False]
    assert isinstance(found[1], Failure)
    assert found[1].document is bad
    assert "cannot encode Quill" in str(found[1].error)
    assert scheduler.counts.failed == 1
    assert scheduler.waiting == 0
    assert scheduler.is_alive


def test_a_long_text_whose_batch_fails_is_not_run_further(
    tagger: Tagger, scheduler: Scheduler
) -> None:
    def fail(batch: Batch) -> None:
        raise ValueError(len(batch.indices))

    found = scheduler.submit(watched(tagger, fail), [LONG]).result(SECONDS)
    assert isinstance(found[0], Failure)
    assert scheduler.waiting == 0
    assert scheduler.counts.batches == 2  # it was encoded, and one batch was tried


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_dies_is_noticed(tagger: Tagger) -> None:
    def end_thread(_: Batch) -> None:
        raise SystemExit

    scheduler = Scheduler(2, ANY)
    assert scheduler.is_alive
    scheduler.submit(watched(tagger, end_thread), [SHORT])
    waited = threading.Event()
    while all([scheduler.is_alive]):  # a property, of which mypy believes that it stays
        assert not waited.wait(0.01)
    scheduler.stop(0)


# --- the end


def test_what_was_accepted_is_finished_at_the_end(tagger: Tagger) -> None:
    held = Held()
    slow = watched(tagger, held)
    scheduler = Scheduler(2, ANY)
    futures = [scheduler.submit(slow, [each]) for each in (SHORT, LONG, SHORT)]
    assert held.begun.wait(SECONDS)
    assert not scheduler.stop(0)
    with pytest.raises(StoppedError, match="stopping"):
        scheduler.submit(slow, [SHORT])
    held.released.set()
    assert [spans(each.result(SECONDS)[0]) for each in futures] == [
        spans(tagger(each)) for each in (SHORT, LONG, SHORT)
    ]
    assert scheduler.stop(SECONDS)
    assert not scheduler.is_alive


def test_a_request_without_texts_is_answered_at_once(tagger: Tagger, scheduler: Scheduler) -> None:
    assert scheduler.submit(tagger, []).result(0) == []
