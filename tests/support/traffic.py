"""Mixed traffic for a server on loopback: good texts, broken requests, and clients that go away.

::

    visits = mixed_visits(tagger, key="secret")
    report = asyncio.run(go_through(port, visits, users=8, requests=500))
    assert report.faults == []

Everything is bounded: by a number of requests, by seconds, and each answer by `PATIENCE`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from bench.serving.answers import Found, entities_of, expected_of, is_same, tagging_request
from bench.serving.connection import HOST, Answer, Connection, request
from nerine.model.tagger import Tagger
from tiny import documents

PATIENCE = 120.0
"""Seconds within which a server answers, generous for a busy machine."""

MEGABYTE = 1_000_000
BODY = 2 * MEGABYTE
"""The limit of a body with which the server under this traffic is started."""
CHARACTERS = 1_500_000
"""The limit of a text."""

Outcome = Found | str
"""The entities of a document, or the cause of its error."""
Leaves = Literal["asking", "waiting", "reading"]
"""When a client goes away: in the middle of its request, before its answer, or in the middle."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A request, and what should become of it.

    Attributes:
        kind: Its name in a report.
        content: Its bytes.
        status: The status of its answer.
        expected: The outcomes of its documents; None if only the status is compared.
        read: Reads the outcomes from the body of an answer.
        leaves: When the client goes away; None if it waits for the answer.
        weight: How often it comes, among the others.
    """

    kind: str
    content: bytes
    status: int = 200
    expected: Sequence[Outcome] | None = None
    read: Callable[[bytes], list[Outcome]] | None = None
    leaves: Leaves | None = None
    weight: float = 1.0

    def fault(self, answer: Answer | None) -> str | None:
        """What is wrong with an answer."""
        if answer is None:
            return f"{self.kind}: no answer"
        if answer.status != self.status:
            return f"{self.kind}: {answer.status} {answer.body[:300]!r}, expected {self.status}"
        if self.expected is None or self.read is None:
            return None
        found = self.read(answer.body)
        if len(found) == len(self.expected) and all(map(_is_same, found, self.expected)):
            return None
        return f"{self.kind}: {found!r:.300}, expected {self.expected!r:.300}"


def _is_same(found: Outcome, expected: Outcome) -> bool:
    if isinstance(found, str) or isinstance(expected, str):
        return found == expected
    return is_same(found, expected)


@dataclass(slots=True)
class Report:
    """What became of the requests.

    Attributes:
        counts: The number of requests by kind and status; 0 is a client that went away.
        faults: What was wrong.
    """

    counts: Counter[tuple[str, int]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def add(self, visit: Visit, answer: Answer | None) -> None:
        """Adds the outcome of a visit."""
        self.counts[visit.kind, answer.status if answer else 0] += 1
        if visit.leaves is None and (fault := visit.fault(answer)) is not None:
            self.faults.append(fault)


async def go_through(
    port: int,
    visits: Sequence[Visit],
    *,
    users: int,
    requests: int,
    seconds: float = PATIENCE,
) -> Report:
    """Lets some users at a server at the same time, each on a connection of its own.

    Args:
        port: The server's port.
        visits: The requests: each is sent once, and then they choose among them by a fixed seed.
        users: The number of users.
        requests: The number of requests after which they end.
        seconds: The seconds after which they end in any case.
    """
    report = Report()
    end = time.monotonic() + seconds
    shuffled = random.Random(0).sample(visits, len(visits))
    left = iter(range(requests))

    async def use(number: int) -> None:
        draw = random.Random(number)
        connection: Connection | None = None
        while time.monotonic() < end and (index := next(left, None)) is not None:
            chosen = draw.choices(visits, [each.weight for each in visits])[0]
            visit = shuffled[index] if index < len(shuffled) else chosen
            if visit.leaves is not None:
                await _leave(port, visit)
                report.add(visit, None)
                continue
            if connection is None or not connection.is_open:
                connection = await Connection.open(port)
            report.add(visit, await asyncio.wait_for(connection.ask(visit.content), PATIENCE))
        if connection is not None:
            connection.close()

    await asyncio.gather(*map(use, range(users)))
    return report


async def _leave(port: int, visit: Visit) -> None:
    """Sends a request, or half of it, and cuts the connection."""
    reader, writer = await asyncio.open_connection(HOST, port)
    content = visit.content
    writer.write(content[: len(content) // 2] if visit.leaves == "asking" else content)
    with contextlib.suppress(OSError):
        await writer.drain()
        if visit.leaves == "reading":
            await asyncio.wait_for(reader.read(1), PATIENCE)
    writer.transport.abort()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def mixed_visits(tagger: Tagger, key: str, *, long_words: int = 2000) -> list[Visit]:
    """Requests of all kinds for a server with these limits and this key.

    Args:
        tagger: The tagger that is served; the expected entities are its own.
        key: The server's key.
        long_words: The number of words of a long text.
    """
    texts = [document.text for document in documents()]
    words = " ".join(texts).split()
    long = " ".join(words[index % len(words)] for index in range(long_words))
    found = [expected_of(document) for document in tagger.predict([*texts, long])]
    good = {"Authorization": f"Bearer {key}"}
    visits = [
        Visit("short", _tag([text], good), 200, [each], _of_documents)
        for text, each in zip(texts, found, strict=False)
    ]
    visits += [
        Visit("pipeline", request("/", tagging_request(text), good), 200, [each], _of_pipeline)
        for text, each in zip(texts, found, strict=False)
    ]
    both = json.dumps({"inputs": texts[:2]}).encode()
    asked = json.dumps({"text": texts[:2], "language": "en"}).encode()
    mixed = [texts[0], {"text": 5}, texts[1], {"text": "a", "tokens": [[0, 9]]}, ""]
    lines = b"".join(json.dumps(text).encode() + b"\n" for text in texts)
    stream = {**good, "Content-Type": "application/x-ndjson"}
    large = request("/tag", b"", {**good, "Content-Length": str(BODY + 1)})
    wrong = {"Authorization": "Bearer of bad news"}
    whole = json.dumps({"documents": texts}).encode()
    padded = {"documents": [" " * MEGABYTE]}
    megabyte = _tag(padded["documents"], good)
    return [
        *visits,
        Visit("several", _tag(texts, good), 200, found[:-1], _of_documents, weight=4),
        Visit(
            "mixed",
            _tag(mixed, good),
            200,
            [found[0], "invalid", found[1], "invalid", []],
            _of_documents,
        ),
        Visit("lines", request("/tag", lines, stream), 200, found[:-1], _of_lines, weight=2),
        Visit("pipeline, a list", request("/", both, good), 200, found[:2], _of_pipelines),
        Visit("Presidio", request("/analyze", asked, good), 200, found[:2], _of_presidio),
        Visit("long", _tag([long], good), 200, [found[-1]], _of_documents),
        Visit("empty text", _tag([""], good), 200, [[]], _of_documents),
        Visit("no text", _tag([], good), 200, [], _of_documents),
        Visit("megabyte", megabyte, 200, [[]], _of_documents, weight=0.2),
        Visit(
            "too long",
            _tag(["a" * (CHARACTERS + 1)], good),
            200,
            ["text-too-long"],
            _of_documents,
            weight=0.2,
        ),
        Visit("too large", large, 413),
        Visit("empty body", request("/tag", b"", good), 400),
        Visit("broken JSON", request("/tag", whole[:-20], good), 400),
        Visit("broken megabyte", request("/tag", b"[" * MEGABYTE, good), 400, weight=0.2),
        Visit("not UTF-8", request("/tag", b'{"documents": ["\xff"]}', good), 400),
        Visit("other JSON", request("/tag", b'{"texts": ["a"]}', good), 422),
        Visit("no model", _tag(["a"], good, model="none"), 404),
        Visit("wrong key", _tag(["a"], wrong), 401),
        Visit("no key", _tag(["a"], {}), 401),
        Visit("wrong path", request("/tagg", whole, good), 404),
        Visit("wrong method", request("/tag", b"", good, method="DELETE"), 405),
        Visit("explain", request("/explain", json.dumps({"text": texts[0]}).encode(), good)),
        Visit("live", request("/livez", method="GET")),
        Visit("info", request("/info", b"", good, method="GET")),
        Visit("leaves while asking", _tag(texts, good), leaves="asking"),
        Visit("leaves while waiting", _tag([long], good), leaves="waiting"),
        Visit("leaves while reading", request("/tag", lines * 20, stream), leaves="reading"),
        Visit("leaves lines", request("/tag", lines, stream), leaves="asking"),
        Visit("leaves with a megabyte", megabyte, leaves="asking", weight=0.5),
    ]


def _tag(content: Sequence[object], headers: dict[str, str], **more: object) -> bytes:
    body = json.dumps({"documents": content, **more}, ensure_ascii=False).encode()
    return request("/tag", body, headers)


def _outcome(document: dict[str, Any]) -> Outcome:
    if "cause" in document:
        return str(document["cause"])
    return [
        (each["start"], each["end"], each["label"], each["score"]) for each in document["entities"]
    ]


def _of_documents(body: bytes) -> list[Outcome]:
    return [_outcome(document) for document in json.loads(body)["documents"]]


def _of_lines(body: bytes) -> list[Outcome]:
    return [_outcome(json.loads(line)) for line in body.splitlines()]


def _of_pipeline(body: bytes) -> list[Outcome]:
    return [entities_of(body)]


def _of_pipelines(body: bytes) -> list[Outcome]:
    return [entities_of(json.dumps(each).encode()) for each in json.loads(body)]


def _of_presidio(body: bytes) -> list[Outcome]:
    return [
        [(each["start"], each["end"], each["entity_type"], each["score"]) for each in entities]
        for entities in json.loads(body)
    ]
