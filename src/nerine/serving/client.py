"""A client of `nerine serve`, with the verbs of a tagger.

It carries out the exchanges with the server, in threads or in an event loop.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Literal, Self
from weakref import WeakKeyDictionary

import httpx2 as httpx

from nerine.core.arguments import check_type
from nerine.core.document import Document
from nerine.core.errors import SettingsError
from nerine.core.settings import check
from nerine.core.streams import Pause
from nerine.model.batching import document_of
from nerine.model.inference import Failure
from nerine.serving.exchange import Exchange, Outcome, Result, Send, Steps, requests

Text = str | Document

_AT_ONCE = 4
"""The most requests of a stream that are under way at the same time."""


class Client:
    """Finds the entities of texts with a server, `nerine serve`, as a `Tagger` does.

    A document keeps its id, tokens and meta, which do not leave this process, tokens apart; its
    entities are replaced. Offsets count code points. Requests are of bounded size, and a bounded
    number is under way at a time. A server that is overloaded or starting is asked again after the
    time that it states; if a connection fails, a few more attempts are made.

    Several threads and event loops may use a client at the same time.

    ::

        with nerine.Client("http://127.0.0.1:8000") as client:
            doc = client("One text.")
            documents = client.predict(["One text.", "Another."])
            for doc in client.pipe(open("posts.txt")):
                ...

    Args:
        url: The address of the server, such as `http://127.0.0.1:8000`.
        key: The key, if the server wants one.
        model: The name of the model; by default the server's first one.
        thresholds: A score from 0 to 1 below which entities are dropped, one for each of some
            labels, or `"saved"`; by default what the server was started with.
        timeout: Seconds to wait for an answer.
        attempts: The most attempts while the server is overloaded or not ready.

    Raises:
        SettingsError: If the address is not one of HTTP, or a number is out of its range.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        model: str | None = None,
        thresholds: float | Mapping[str, float] | Literal["saved"] | None = None,
        timeout: float = 90.0,
        attempts: int = 8,
    ) -> None:
        check_type("key", key, str | None, "Client")
        check_type("model", model, str | None, "Client")
        check("timeout", timeout, float, least=0)
        check("attempts", attempts, int, least=1)
        self.url = _checked_url(url)
        by_label = dict(thresholds) if isinstance(thresholds, Mapping) else thresholds
        stated = {"model": model, "thresholds": by_label}
        settings = {name: each for name, each in stated.items() if each is not None}
        self._exchange = Exchange(self.url, settings, attempts)
        self._options: dict[str, Any] = {
            "base_url": self.url,
            "headers": {} if key is None else {"Authorization": f"Bearer {key}".encode()},
            "timeout": timeout,
        }
        self._http = httpx.Client(**self._options)
        self._of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = (
            WeakKeyDictionary()
        )
        self._labels: tuple[str, ...] | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that the model can give; the server is asked once.

        Raises:
            ServerError: If the server can't be reached, or has no such model.
        """
        if self._labels is None:
            self._labels = self._run(self._exchange.labels())
        return self._labels

    def __call__(self, text: Text) -> Document:
        """Tags one text.

        Args:
            text: A text, or a document.

        Raises:
            DocumentError: If it is neither, or the server can't read it.
            CheckpointError: If the model fails on it.
            ServerError: If the server can't be reached, refuses, or its answer doesn't fit.
        """
        return self.predict([document_of(text)])[0]

    def predict(self, texts: Iterable[Text]) -> list[Document]:
        """Tags many texts.

        Args:
            texts: The texts.

        Raises:
            DocumentError: If an item is not a text, or `texts` is a single text.
            CheckpointError: If the model fails on one.
            ServerError: If the server can't be reached, refuses, or its answer doesn't fit.
        """
        return list(self.pipe(texts))

    def pipe(self, texts: Iterable[Text | Pause]) -> Iterator[Document]:
        """Tags a stream of texts in bounded memory.

        Args:
            texts: The texts; they are read ahead. At a `PAUSE` among them, those before it are
                tagged without waiting for more.

        Raises:
            DocumentError: If an item is not a text, or `texts` is a single text.
            CheckpointError: If the model fails on one.
            ServerError: If the server can't be reached, refuses, or its answer doesn't fit.
        """
        for outcome in self.pipe_with_errors(texts):
            yield _document(outcome)

    def pipe_with_errors(self, texts: Iterable[Text | Pause]) -> Iterator[Outcome]:
        """Tags a stream of texts as `pipe` does, with a `Failure` for each text that fails.

        Args:
            texts: As for `pipe`; an error in reading them is raised here, too.

        Raises:
            DocumentError: If an item is not a text, or `texts` is a single text.
            ServerError: If the server can't be reached, refuses, or its answer doesn't fit.
        """
        running: deque[Future[list[Outcome]]] = deque()
        threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="nerine-client")
        try:
            for documents in requests(texts):
                if documents:
                    running.append(threads.submit(self._run, self._exchange.tagged(documents)))
                while len(running) >= (_AT_ONCE if documents else 1):
                    yield from running.popleft().result()
            while running:
                yield from running.popleft().result()
        finally:
            threads.shutdown(wait=False, cancel_futures=True)

    async def apredict(self, texts: Iterable[Text]) -> list[Document]:
        """Tags many texts without blocking the event loop.

        Args:
            texts: The texts.

        Raises:
            DocumentError: If an item is not a text, or `texts` is a single text.
            CheckpointError: If the model fails on one.
            ServerError: If the server can't be reached, refuses, or its answer doesn't fit.
        """
        return [document async for document in self.apipe(texts)]

    async def apipe(self, texts: Iterable[Text]) -> AsyncIterator[Document]:
        """Tags a stream of texts in bounded memory without blocking the event loop.

        Args:
            texts: The texts; they are read in the event loop.

        Raises:
            DocumentError: If an item is not a text, or `texts` is a single text.
            CheckpointError: If the model fails on one.
            ServerError: If the server can't be reached, refuses, or its answer doesn't fit.
        """
        running: deque[asyncio.Task[list[Outcome]]] = deque()
        try:
            for documents in requests(texts):
                running.append(asyncio.ensure_future(self._arun(self._exchange.tagged(documents))))
                if len(running) >= _AT_ONCE:
                    for outcome in await running.popleft():
                        yield _document(outcome)
            while running:
                for outcome in await running.popleft():
                    yield _document(outcome)
        finally:
            for task in running:
                task.cancel()

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    async def aclose(self) -> None:
        """Closes the connections, those of this event loop too."""
        self.close()
        of_loop = self._of_loops.pop(asyncio.get_running_loop(), None)
        if of_loop is not None:
            await of_loop.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, *_: type[BaseException] | BaseException | TracebackType | None
    ) -> None:
        await self.aclose()

    # --- steps

    def _run(self, steps: Steps) -> Any:
        """The result of steps, carried out in this thread."""
        result: Result = None
        while True:
            try:
                step = steps.send(result)
            except StopIteration as end:
                return end.value
            if isinstance(step, float):
                time.sleep(step)
                result = None
                continue
            try:
                result = self._http.request(step.method, step.path, **_content(step))
            except (httpx.HTTPError, OSError) as error:
                result = error

    async def _arun(self, steps: Steps) -> Any:
        """The result of steps, carried out in this event loop."""
        http = self._of_loops.setdefault(
            asyncio.get_running_loop(), httpx.AsyncClient(**self._options)
        )
        result: Result = None
        while True:
            try:
                step = steps.send(result)
            except StopIteration as end:
                return end.value
            if isinstance(step, float):
                await asyncio.sleep(step)
                result = None
                continue
            try:
                result = await http.request(step.method, step.path, **_content(step))
            except (httpx.HTTPError, OSError) as error:
                result = error


def _content(send: Send) -> dict[str, Any]:
    if send.body is None:
        return {}
    return {"content": send.body, "headers": {"Content-Type": "application/json"}}


def _document(outcome: Outcome) -> Document:
    if isinstance(outcome, Failure):
        raise outcome.error
    return outcome


def _checked_url(url: str) -> str:
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError):
        parsed = httpx.URL("")
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise SettingsError(
            f"{url!r} is not the address of a server", expected="such as http://127.0.0.1:8000"
        )
    return str(url).rstrip("/")
