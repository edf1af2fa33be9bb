"""Documents of many callers → batches under a token budget → the outcomes of each caller.

Threads take what waits, so that batches grow with the load and an idle scheduler adds no delay.
What the model finds in a text doesn't depend on the texts that share its batch.

Texts of more than a few batches are *long*. They are encoded once and then run batch by batch, in
turns with the short ones, so that a short text waits for one batch of a long one at most.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial

from nerine.core.document import Document
from nerine.core.errors import NerineError
from nerine.model.batching import Batch
from nerine.model.inference import Failure
from nerine.model.tagger import Tagger
from nerine.serving.http.work import Done, Group, Item, Job, LongText, Outcome, cost

_LONG = 4
"""The number of full batches from which on a text is long."""

_HANGING = 300.0
"""Seconds after which a batch that still runs counts as one that hangs."""


class OverloadedError(NerineError):
    """Documents that are refused since too many others wait.

    Attributes:
        seconds: About how long those need that wait.
    """

    def __init__(self, waiting: int, limit: int, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(
            f"about {waiting:,} subwords wait to be tagged",
            expected=f"fewer than {limit:,}",
            hint="send the request again later",
        )


class StoppedError(NerineError):
    """Documents that are refused since the scheduler is stopping or has stopped."""


@dataclass(slots=True)
class Counts:
    """What a scheduler has done since its start.

    Attributes:
        documents: The documents that were tagged or failed.
        failed: Those that failed.
        refused: Those that were refused since too many others waited.
        dropped: Those whose caller had gone away before they were tagged.
        batches: The groups of short texts and the batches of long ones that ran.
        subwords: About how many subwords they had.
        seconds: The seconds that they took, added up over the threads.
    """

    documents: int = 0
    failed: int = 0
    refused: int = 0
    dropped: int = 0
    batches: int = 0
    subwords: int = 0
    seconds: float = 0.0


Run = Callable[[bool], Done]
"""A piece of work; it is told whether no other one runs, so that it may use all cores."""


class Scheduler:
    """Tags the documents of many callers in batches, in threads of its own.

    Args:
        workers: The number of threads.
        limit: Documents are refused while so many subwords or more wait, those of short and of long
            texts counted apart. Those that are accepted may have more.

    Attributes:
        limit: The limit, which may be changed.
        counts: What it has done.
    """

    def __init__(self, workers: int, limit: int) -> None:
        self.limit = limit
        self.counts = Counts()
        self._short: deque[Item] = deque()
        self._long: deque[LongText] = deque()
        self._unfinished: set[LongText] = set()
        self._waiting = {"short": 0, "long": 0}
        self._is_long_turn = False
        self._is_stopping = False
        self._changed = threading.Condition()
        self._running: dict[int, float] = {}
        self._threads = [
            threading.Thread(target=self._work, args=(n,), name=f"nerine-{n}", daemon=True)
            for n in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """About how many subwords wait."""
        return sum(self._waiting.values())

    @property
    def is_alive(self) -> bool:
        """Whether all threads live and none hangs; they end when the scheduler is stopped."""
        begun = list(self._running.values())
        is_moving = time.monotonic() - min(begun, default=time.monotonic()) < _HANGING
        return is_moving and all(thread.is_alive() for thread in self._threads)

    def submit(self, tagger: Tagger, documents: Sequence[Document]) -> Future[list[Outcome]]:
        """Tags documents later.

        Args:
            tagger: The tagger.
            documents: The documents.

        Returns:
            A future of an outcome for each document, in order: the document with all entities that
            the model finds, whatever the tagger's thresholds, or a failure. If the future is
            cancelled, documents that have not run are dropped.

        Raises:
            OverloadedError: If too many documents wait.
            StoppedError: If the scheduler is stopping.
        """
        job = Job(tagger, documents)
        if not documents:
            job.resolve()
        longest = _LONG * tagger.inference.budget
        items = [Item(job, index, cost(each.text)) for index, each in enumerate(documents)]
        short = [item for item in items if item.cost <= longest]
        long = [LongText(item, item.cost) for item in items if item.cost > longest]
        with self._changed:
            if self._is_stopping:
                raise StoppedError("the server is stopping", hint="send the request again")
            for kind, some in (("short", short), ("long", long)):
                if some and self._waiting[kind] >= self.limit:
                    self.counts.refused += len(documents)
                    waiting = self._waiting[kind]
                    raise OverloadedError(waiting, self.limit, self._seconds_for(waiting))
            self._short.extend(short)
            self._long.extend(long)
            self._unfinished.update(long)
            self._waiting["short"] += sum(item.cost for item in short)
            self._waiting["long"] += sum(text.cost for text in long)
            self._changed.notify(len(items))
        return job.future

    def stop(self, seconds: float | None = None) -> bool:
        """Refuses documents from now on, finishes those that were accepted, and ends the threads.

        Args:
            seconds: How long it waits for the threads; None waits until they have ended.

        Returns:
            Whether all have ended.
        """
        with self._changed:
            self._is_stopping = True
            self._changed.notify_all()
        end = None if seconds is None else time.monotonic() + seconds
        for thread in self._threads:
            thread.join(None if end is None else max(0.0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _seconds_for(self, subwords: int) -> float:
        """About how long so many subwords need; a second if nothing has run yet."""
        if not self.counts.subwords:
            return 1.0
        return subwords * self.counts.seconds / (self.counts.subwords * len(self._threads))

    def _work(self, number: int) -> None:
        """Runs what waits, until the scheduler has stopped."""
        while True:
            with self._changed:
                while (run := self._take()) is None:
                    if self._is_stopping and not self._short and not self._unfinished:
                        return
                    self._changed.wait()
                alone = not self._running and not self._short and not self._long
                self._running[number] = begun = time.monotonic()
            done = run(alone)
            with self._changed:
                del self._running[number]
                self.counts.batches += 1
                self.counts.subwords += done.cost
                self.counts.seconds += time.monotonic() - begun
                self.counts.documents += len(done.outcomes)
                self.counts.failed += sum(isinstance(each, Failure) for _, each in done.outcomes)
                ended = [
                    item.job
                    for item, outcome in done.outcomes
                    if item.job.finish(item.index, outcome)
                ]
                if self._is_stopping:
                    self._changed.notify_all()
            for job in ended:
                job.resolve()

    def _take(self) -> Run | None:
        """What runs next: a group of short texts, or a step of a long one. The lock is held."""
        takes = [self._take_group, self._take_step]
        if self._is_long_turn:
            takes.reverse()
        for take in takes:
            if (run := take()) is not None:
                self._is_long_turn = take == self._take_group
                return run
        return None

    def _take_group(self) -> Run | None:
        """The first short texts that wait, up to the budget; those of one tagger."""
        group: list[Item] = []
        passed: list[Item] = []
        left = 0
        while self._short:
            item = self._short.popleft()
            if not group:
                left = item.job.tagger.inference.budget
            elif item.cost > left:
                passed.append(item)
                break
            if not item.is_wanted:
                self._waiting["short"] -= item.cost
                self.counts.dropped += 1
            elif group and item.job.tagger is not group[0].job.tagger:
                passed.append(item)
            else:
                group.append(item)
                left -= item.cost
        self._short.extendleft(reversed(passed))
        if not group:
            return None
        self._waiting["short"] -= sum(item.cost for item in group)
        work = Group(group)
        return lambda alone: work.run(alone=alone)

    def _take_step(self) -> Run | None:
        """The next step of the long text whose turn it is."""
        while self._long:
            text = self._long.popleft()
            if not text.item.is_wanted:
                self._forget(text)
                self.counts.dropped += 1
                continue
            if text.encoding is None:
                return partial(self._encode, text)
            batch = text.waiting.pop()
            text.running += 1
            if text.waiting:
                self._long.append(text)
            return partial(self._run_batch, text, batch)
        return None

    def _encode(self, text: LongText, alone: bool) -> Done:  # noqa: ARG002 - a kind of `Run`
        try:
            encoding, batches = text.encode()
        except Exception as error:
            return self._end(text, error)
        with self._changed:
            text.encoding, text.waiting = encoding, batches[::-1]
            if batches:
                self._long.append(text)
                self._changed.notify(len(batches))
        return Done([], 0) if batches else self._end(text)

    def _run_batch(self, text: LongText, batch: Batch, alone: bool) -> Done:
        try:
            logits = text.logits(batch, alone=alone)
        except Exception as error:
            return self._end(text, error)
        with self._changed:
            text.running -= 1
            text.results.append((batch, logits))
            left = len(text.waiting) + text.running
            share = text.cost // (left + 1)
            text.cost -= share
            self._waiting["long"] -= share
        return Done([], share) if left else self._end(text)

    def _end(self, text: LongText, error: Exception | None = None) -> Done:
        """The outcome of a long text; after an error its other batches are not run."""
        with self._changed:
            is_first = text in self._unfinished
            self._forget(text)
        if not is_first:
            return Done([], 0)
        if error is None:
            try:
                return Done([(text.item, text.decode())], 0)
            except Exception as late:
                error = late
        return Done([(text.item, Failure(text.item.document, error))], 0)

    def _forget(self, text: LongText) -> None:
        """Takes a long text out of the queue, with what has not run of it. The lock is held."""
        self._unfinished.discard(text)
        self._waiting["long"] -= text.cost
        text.cost = 0
        text.waiting.clear()
        if text in self._long:
            self._long.remove(text)
