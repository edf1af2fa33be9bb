"""What the routes use: models by name, the scheduler that runs them, and the limits."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from nerine.core.document import Document, Token
from nerine.core.errors import SettingsError
from nerine.model.explanation import Explanation, explain
from nerine.model.loading.weights_hash import weights_hash
from nerine.model.tagger import Tagger
from nerine.serving.http.limits import Limits
from nerine.serving.http.problems import Problem
from nerine.serving.http.scheduler import Scheduler
from nerine.serving.http.work import Outcome, cost

_WARM_UP = (
    "Mira Okonjo left Tandem Labs for Lisbon.",
    "On 3 May, the Quill 3 of Tandem Labs was shown to 300 guests in Lisbon. " * 8,
)
"""Texts that are tagged before a model is used."""

_PATIENCE = 0.12
"""Seconds of work that may wait when a request is refused, if no limit is given."""
_LEAST_QUEUE = 800
"""What so many subwords are at least: 32 sentences."""
_AGAIN = 0.05
"""Seconds after which a document of a stream that was refused is tried again."""


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model under a name.

    Attributes:
        name: The name.
        tagger: The tagger.
        version: The commit of the hub, or the beginning of the hash of its weights; then that of
            its rules, if it has some.
        load: Loads the tagger again; None if it was given as a tagger.
    """

    name: str
    tagger: Tagger
    version: str
    load: Callable[[], Tagger] | None = None

    @classmethod
    def of(cls, name: str, tagger: Tagger, load: Callable[[], Tagger] | None = None) -> ServedModel:
        """The model of a tagger, which has tagged some texts by then.

        Args:
            name: Its name.
            tagger: The tagger.
            load: Loads it again.

        Raises:
            CheckpointError: If the model fails on an ordinary text.
        """
        for text in _WARM_UP:
            tagger(text)
        return cls(name, tagger, _version(tagger), load)

    def reloaded(self) -> ServedModel:
        """The model, loaded again from where it came from.

        Raises:
            CheckpointError: If it can't be loaded, or fails on an ordinary text.
            SettingsError: If it was given as a tagger.
        """
        if self.load is None:
            raise SettingsError(
                f"the model {self.name} was given as a tagger, and cannot be loaded again",
                hint="give the server a folder or a hub id",
            )
        return self.of(self.name, self.load(), self.load)

    def words(self, document: Document) -> list[Token]:
        """The words of a document that bear its tags, without those of white space.

        Args:
            document: The document.
        """
        words = self.tagger.inference.encoder.encode([document]).words
        return [word for word in words if not document.text[word.start : word.end].isspace()]


def _version(tagger: Tagger) -> str:
    source = tagger.source
    ruled = "" if tagger.rules is None else f"+rules.{tagger.rules.fingerprint[:12]}"
    if source is None:
        return f"in memory{ruled}"
    known = weights_hash(source.folder) if source.snapshot is None else source.snapshot.commit
    return f"{known[:12]}{ruled}"


class Service:
    """Tags documents with one of several models, within limits.

    Args:
        models: The models; the first one is used where a request names none.
        limits: The limits.

    Attributes:
        limits: The limits, with the length of the queue that was found.
        scheduler: Runs the models.
        is_ready: Whether new requests are welcome.

    Raises:
        SettingsError: If two models have the same name, or there is none.
    """

    def __init__(self, models: Sequence[ServedModel], limits: Limits | None = None) -> None:
        names = [model.name for model in models]
        if not names or len(set(names)) < len(names):
            raise SettingsError(
                f"two models have the name {max(names, key=names.count)}"
                if names
                else "there is no model to serve",
                expected="models with names of their own",
                hint="state a name: CHECKPOINT=NAME",
            )
        self._models = {model.name: model for model in models}
        self._reloading = threading.Lock()
        self.limits = limits or Limits()
        self.is_ready = False
        self.scheduler: Scheduler | None = None
        self._explaining = asyncio.Semaphore(1)

    # --- life

    def start(self) -> Scheduler:
        """Starts the threads, in the process that serves, unless they run already."""
        if self.scheduler is not None:
            return self.scheduler
        workers = max(model.tagger.inference.backend.workers for model in self.models)
        queue = self.limits.queue or _queue_for(self.models)
        self.limits = replace(self.limits, queue=queue)
        self.scheduler = Scheduler(workers, queue)
        self.is_ready = True
        return self.scheduler

    def stop(self, seconds: float | None = None) -> bool:
        """Finishes what was accepted and ends the threads; returns whether they have ended."""
        self.is_ready = False
        return self.scheduler is None or self.scheduler.stop(seconds)

    @property
    def is_alive(self) -> bool:
        """Whether the threads that run the models are in order."""
        return self.scheduler is None or self.scheduler.is_alive

    # --- models

    @property
    def models(self) -> tuple[ServedModel, ...]:
        """The models, the default one first."""
        return tuple(self._models.values())

    def model(self, name: str | None = None) -> ServedModel:
        """The model of a name, or the default one; raises `Problem` if there is none."""
        if name is None:
            return self.models[0]
        if name not in self._models:
            raise Problem(
                "unknown-model",
                f"there is no model {name[:100]!r}",
                expected=f"one of {', '.join(self._models)}",
                place="model",
            )
        return self._models[name]

    def reload(self, name: str | None = None) -> tuple[ServedModel, ...]:
        """Loads a model, or all, again; each takes the place of the old one when it has been tried.

        Requests that were accepted before are answered by the old one.

        Args:
            name: Its name; None for all models.

        Returns:
            The new models.

        Raises:
            Problem: If there is no such model.
            NerineError: If one cannot be loaded or used; then all stay as they were.
        """
        with self._reloading:
            chosen = self.models if name is None else (self.model(name),)
            loaded = tuple(model.reloaded() for model in chosen)
            self._models |= {model.name: model for model in loaded}
            return loaded

    # --- work

    def check(self, items: Sequence[object]) -> None:
        """Raises `Problem` if a request has too many texts."""
        if len(items) > self.limits.texts:
            raise Problem(
                "too-many-texts",
                f"{len(items):,} texts in one request",
                expected=f"at most {self.limits.texts:,}",
                hint="send them in several requests, or as NDJSON to /tag",
            )

    async def tag(
        self, model: ServedModel, documents: Sequence[Document]
    ) -> list[Document | Problem]:
        """Tags documents together with those of other requests.

        Args:
            model: The model.
            documents: The documents.

        Returns:
            For each the document with all entities that the model finds, whatever its thresholds,
            or the reason why it could not be tagged.

        Raises:
            Problem: If there are too many documents, others wait, or it takes too long.
        """
        self.check(documents)
        return await self.tag_some(model, documents)

    async def tag_some(
        self, model: ServedModel, read: Sequence[Document | Problem]
    ) -> list[Document | Problem]:
        """Tags the documents among some that could not all be read; problems stay in their places.

        Args:
            model: The model.
            read: The documents, and problems in the places of others.

        Raises:
            Problem: If too many other documents wait, or it takes too long.
        """
        read = [self._too_long(each) or each for each in read]
        found = iter(await self._run(model, [each for each in read if isinstance(each, Document)]))
        return [_outcome(next(found)) if isinstance(each, Document) else each for each in read]

    async def tag_one(self, model: ServedModel, document: Document) -> Document | Problem:
        """Tags a document of a stream, which waits as long as too many others do.

        Args:
            model: The model.
            document: The document.

        Returns:
            The document with its entities, or the reason why it could not be tagged.
        """
        while True:
            try:
                return (await self.tag(model, [document]))[0]
            except Problem as problem:
                if problem.cause != "overloaded":
                    return problem
                await asyncio.sleep(_AGAIN)

    async def explain(self, tagger: Tagger, text: str) -> Explanation:
        """Explains a text; one at a time, as this doesn't go through the scheduler.

        Args:
            tagger: The tagger, with the thresholds that are asked for.
            text: The text.

        Raises:
            Problem: If the model or a rule fails.
        """
        async with self._explaining:
            try:
                return await asyncio.to_thread(explain, tagger, text)
            except SettingsError as error:
                raise Problem.of_rule(error) from error
            except Exception as error:
                raise Problem.of(error) from error

    def _too_long(self, read: Document | Problem) -> Problem | None:
        if isinstance(read, Problem) or len(read.text) <= self.limits.characters:
            return None
        return Problem(
            "text-too-long",
            f"a text of {len(read.text):,} characters",
            expected=f"at most {self.limits.characters:,}",
            hint="divide it, or start the server with a higher --max-characters",
        )

    async def _run(self, model: ServedModel, documents: Sequence[Document]) -> list[Outcome]:
        # an app that is mounted in another one has no lifespan of its own
        scheduler = self.start()
        try:
            running = scheduler.submit(model.tagger, documents)
        except Exception as error:
            raise Problem.of(error) from error
        try:
            async with asyncio.timeout(self.limits.seconds):
                return await asyncio.wrap_future(running)
        except TimeoutError:
            raise Problem(
                "timeout",
                f"the request took more than {self.limits.seconds} seconds",
                hint="send fewer or shorter texts, or start the server with a higher --timeout",
            ) from None


def _outcome(outcome: Outcome) -> Document | Problem:
    return outcome if isinstance(outcome, Document) else Problem.of(outcome.error)


def _queue_for(models: Sequence[ServedModel]) -> int:
    """The subwords that the slowest model runs in the time that a request may wait."""
    speeds = []
    for model in models:
        inference = model.tagger.inference
        texts = [Document(_WARM_UP[0])] * max(1, inference.budget // cost(_WARM_UP[0]))
        begun = time.perf_counter()
        inference.predict(texts)
        seconds = time.perf_counter() - begun
        speeds.append(sum(cost(each.text) for each in texts) / seconds)
    return max(_LEAST_QUEUE, int(_PATIENCE * min(speeds)))
