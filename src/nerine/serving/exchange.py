"""What a client's requests to a server say, and what the answers mean.

An exchange is a generator of steps, which a thread or an event loop carries out: requests to be
sent, and seconds to wait.
"""

from __future__ import annotations

import json
import random
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import httpx2 as httpx

from nerine.core.document import Document, Entity
from nerine.core.errors import CheckpointError, DocumentError, NerineError, ServerError
from nerine.core.streams import Pause
from nerine.model.batching import look_aheads
from nerine.model.inference import Failure

Outcome = Document | Failure

_TEXTS = 64
_CHARACTERS = 200_000
"""The most texts, and about the most characters, of a request."""
_LONGEST_WAIT = 30.0
"""The most seconds between two attempts, whatever the server asks for."""
_SHORTEST_WAIT = 0.2
_MOST_BROKEN = 3
"""The most attempts whose connection fails."""

_TOO_MUCH = ("too-many-texts", "body-too-large")
_KINDS: dict[str, type[NerineError]] = {"invalid": DocumentError, "model-failed": CheckpointError}
"""The errors of a text that a tagger would raise, by the server's causes."""


class Send(NamedTuple):
    """A step: send a request, and continue with the response or the error."""

    method: str
    path: str
    body: bytes | None = None


Step = Send | float
"""A request, or seconds to wait."""
Result = httpx.Response | Exception | None
Steps = Generator[Step, Result, Any]


class Exchange:
    """Requests to a server, and the meaning of its answers.

    Args:
        url: The address of the server.
        settings: What every request for entities says besides its documents.
        attempts: The most attempts while the server is overloaded or not ready.
    """

    def __init__(self, url: str, settings: Mapping[str, Any], attempts: int) -> None:
        self.url = url
        self.settings = settings
        self.attempts = attempts

    def tagged(self, documents: Sequence[Document]) -> Generator[Step, Result, list[Outcome]]:
        """The outcome of each document; too many for one request are sent in several."""
        unsent = {n: _unsendable(each) for n, each in enumerate(documents)}
        if any(unsent.values()):
            others = [each for n, each in enumerate(documents) if not unsent[n]]
            outcomes = iter((yield from self.tagged(others)) if others else ())
            return [unsent[n] or next(outcomes) for n in range(len(documents))]
        content = {"documents": [_sent(each) for each in documents], **self.settings}
        body = json.dumps(content, ensure_ascii=False).encode()
        try:
            answer = yield from self._answered(Send("POST", "/tag", body))
        except ServerError as error:
            if error.cause not in _TOO_MUCH:
                raise
            if len(documents) == 1:
                return [Failure(documents[0], error)]
            half = len(documents) // 2
            first = yield from self.tagged(documents[:half])
            return first + (yield from self.tagged(documents[half:]))
        found = answer.get("documents") if isinstance(answer, dict) else None
        if not isinstance(found, list) or len(found) != len(documents):
            raise self._unfit(f"{len(documents)} documents in the answer")
        return [self._outcome(*pair) for pair in zip(documents, found, strict=True)]

    def labels(self) -> Generator[Step, Result, tuple[str, ...]]:
        """The labels of the model."""
        answer = yield from self._answered(Send("GET", "/info"))
        name = self.settings.get("model")
        try:
            for model in answer["models"]:
                if name in (None, model["name"]):
                    return tuple(map(str, model["labels"]))
        except (KeyError, TypeError) as error:
            raise self._unfit("models with labels") from error
        raise ServerError(f"the server has no model {name!r}", place=self.url)

    def _answered(self, send: Send) -> Steps:
        """The content of the answer to a request, which is sent again where that may help."""
        attempts = broken = 0
        while True:
            response = yield send
            if isinstance(response, httpx.Response):
                try:
                    return _content_of(response, self.url)
                except ServerError as error:
                    attempts += 1
                    if attempts >= self.attempts or not _is_passing(error):
                        raise
                yield _wait(attempts, response.headers.get("Retry-After", ""))
                continue
            broken += 1
            if broken >= _MOST_BROKEN or isinstance(response, httpx.ReadTimeout):
                raise ServerError(
                    f"no answer: {response or type(response).__name__}",
                    place=self.url,
                    hint="is the server running, and is this its address?",
                ) from response
            yield _wait(broken)

    def _outcome(self, document: Document, found: Any) -> Outcome:
        """What the server says of a document; raises `ServerError` if that does not fit it."""
        if isinstance(found, dict) and isinstance(found.get("error"), str):
            return Failure(document, _error_of(found))
        try:
            if found["text"] != document.text:
                raise self._unfit("the text that was sent")
            entities = [
                Entity(each["start"], each["end"], each["label"], each["score"])
                for each in found["entities"]
            ]
            tagged = document.with_entities(entities)
            surfaces = [document.text[each.start : each.end] for each in entities]
            if surfaces != [each["text"] for each in found["entities"]]:
                raise self._unfit("entities whose texts stand at their offsets")
        except (KeyError, TypeError, ValueError, DocumentError) as error:
            raise self._unfit("documents with entities") from error
        return tagged

    def _unfit(self, expected: str) -> ServerError:
        return ServerError(
            "the server's answer does not fit the request",
            expected=expected,
            place=self.url,
            hint="is this the address of a nerine server?",
        )


def requests(texts: Iterable[str | Document | Pause]) -> Iterator[list[Document]]:
    """The documents of each request; an empty list after a pause."""
    for ahead in look_aheads(texts, first=_TEXTS):
        if not ahead:
            yield []
        request: list[Document] = []
        size = 0
        for document in ahead:
            if request and (len(request) >= _TEXTS or size + len(document.text) > _CHARACTERS):
                yield request
                request, size = [], 0
            request.append(document)
            size += len(document.text)
        if request:
            yield request


def _sent(document: Document) -> Any:
    """A document in a request: its text, and its tokens for models whose words they are."""
    if document.tokens is None:
        return document.text
    return {"text": document.text, "tokens": [(each.start, each.end) for each in document.tokens]}


def _unsendable(document: Document) -> Failure | None:
    """The failure of a text that has no form in UTF-8."""
    try:
        document.text.encode()
    except UnicodeEncodeError as error:
        problem = DocumentError(
            f"the text has half of a surrogate pair at {error.start}", expected="text in Unicode"
        )
        return Failure(document, problem)
    return None


def _content_of(response: httpx.Response, url: str) -> Any:
    """The content of an answer; raises `ServerError` if the request was refused."""
    try:
        content = response.json()
    except ValueError:  # also of bytes that are not UTF-8
        content = None
    if response.is_success and content is not None:
        return content
    status, request_id = response.status_code, response.headers.get("X-Request-Id")
    if not isinstance(content, dict) or not isinstance(content.get("error"), str):
        raise ServerError(
            f"an answer of status {status} that is not of a nerine server",
            place=url,
            status=status,
            request_id=request_id,
        )
    parts = {name: content.get(name) for name in ("expected", "place", "hint", "cause")}
    told: dict[str, Any] = {name: str(part) for name, part in parts.items() if part is not None}
    raise ServerError(content["error"], status=status, request_id=request_id, **told)


def _error_of(found: Mapping[str, Any]) -> NerineError:
    """The error of a document that could not be tagged, of the kind that a tagger raises."""
    parts = {name: found.get(name) for name in ("expected", "hint")}
    told: dict[str, Any] = {name: str(part) for name, part in parts.items() if part is not None}
    kind = _KINDS.get(str(found.get("cause")))
    if kind is not None:
        return kind(found["error"], **told)
    return ServerError(found["error"], cause=str(found.get("cause")), **told)


def _is_passing(error: ServerError) -> bool:
    """Whether the same request may be answered later."""
    return error.status == 429 or (error.status == 503 and error.cause != "timeout")


def _wait(attempt: int, stated: str = "") -> float:
    """Seconds until the next attempt: those that the server states, or more each time.

    They vary, so that clients that were refused together do not come back together.
    """
    seconds = float(stated) if stated.isdecimal() else _SHORTEST_WAIT * 2 ** (attempt - 1)
    return min(seconds, _LONGEST_WAIT) * random.uniform(1.0, 1.25)  # noqa: S311 - no secret
