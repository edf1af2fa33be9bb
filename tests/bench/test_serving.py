"""The load generator against servers whose answers are known."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

pytest.importorskip("httptools", reason="needs the extra serve")

from bench.serving.answers import Found, entities_of, is_same
from bench.serving.load import Job, Measurement, put_load

TEXTS = ["Mira left .", "In Lisbon", "Nobody"]
FOUND: list[Found] = [[(0, 4, "person", 0.9)], [(3, 9, "location", 0.8)], []]

Answering = Callable[[str], Awaitable[bytes | None]]
"""The bytes of an answer to a text; None cuts the connection."""


def answer(content: Any, status: int = 200) -> bytes:
    body = json.dumps(content).encode()
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


def entities(text: str) -> list[dict[str, Any]]:
    return [
        {"start": start, "end": end, "entity_group": label, "score": score, "word": "x"}
        for start, end, label, score in FOUND[TEXTS.index(text)]
    ]


def measured(answering: Answering, **job: Any) -> Measurement:
    """A load on a server that answers so."""

    handling: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int(head.partition(b"Content-Length: ")[2].split()[0])
            text = json.loads(await reader.readexactly(length))["inputs"]
            content = await answering(text)
            if content is None:
                break
            writer.write(content)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handling.add(asyncio.current_task())
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await serve(reader, writer)
        with contextlib.suppress(ConnectionError):
            writer.close()
            await writer.wait_closed()

    async def run() -> Measurement:
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            found = await put_load(Job(port, "/", TEXTS, expected=FOUND, **job))
        await asyncio.gather(*filter(None, handling))
        return found

    return asyncio.run(run())


async def right(text: str) -> bytes:
    return answer(entities(text))


def test_a_closed_loop_sends_each_request_after_an_answer() -> None:
    together, most = 0, 0

    async def count(text: str) -> bytes:
        nonlocal together, most
        together += 1
        most = max(most, together)
        await asyncio.sleep(0)
        together -= 1
        return await right(text)

    found = measured(count, clients=3, requests=50, warmup=0)
    assert most <= 3
    assert found.sent == 50
    assert found.statuses == {"200": 50}
    assert (found.lost, found.wrong, found.failed) == (0, 0, 0)
    assert found.rate > 0


def test_an_open_loop_sends_what_is_due_while_earlier_requests_have_no_answer() -> None:
    received = 0
    enough = asyncio.Event()

    async def stall(text: str) -> bytes:
        nonlocal received
        received += 1
        if received == 20:
            enough.set()
        await enough.wait()
        return await right(text)

    found = measured(stall, rate=1000.0, seconds=0.1, warmup=0)
    assert found.sent == received >= 20
    assert found.statuses == {"200": found.sent}
    p50, p95, p99 = found.latencies
    assert 0 < p50 <= p95 <= p99


def test_the_same_seed_sends_the_same_number_of_requests() -> None:
    first, second = (measured(right, rate=500.0, seconds=0.1, warmup=0) for _ in range(2))
    assert first.sent == second.sent


@pytest.mark.parametrize("rate", [None, 300.0])
def test_refused_lost_and_wrong_answers_are_counted_apart(rate: float | None) -> None:
    async def odd(text: str) -> bytes | None:
        contents = {
            TEXTS[0]: answer({"error": "too many"}, 429),
            TEXTS[1]: None,
            TEXTS[2]: answer([{**entities(TEXTS[0])[0]}]),
        }
        return contents[text]

    ends = {"requests": 30} if rate is None else {"seconds": 0.1}
    found = measured(odd, rate=rate, warmup=0, clients=1, **ends)
    assert found.statuses["429"] + found.statuses["200"] + found.lost == found.sent
    assert found.failed == found.lost
    assert min(found.statuses["429"], found.lost) > 0
    assert found.wrong == found.statuses["200"]
    assert found.refused > 0
    assert found.share(429) == found.statuses["429"] / found.sent


def test_requests_of_the_warm_up_do_not_count() -> None:
    received = 0

    async def count(text: str) -> bytes:
        nonlocal received
        received += 1
        return await right(text)

    found = measured(count, rate=500.0, seconds=0.1, warmup=0.1)
    assert 0 < found.sent < received


def test_answers_are_the_same_up_to_the_last_digits_of_their_scores() -> None:
    found = entities_of(json.dumps(entities(TEXTS[0])).encode())
    assert is_same(found, FOUND[0])
    start, end, label, score = found[0]
    assert is_same([(start, end, label, score + 5e-5)], FOUND[0])
    for other in ((start, end, label, score - 0.01), (start + 1, end, label, score)):
        assert not is_same([other], FOUND[0])
    assert not is_same([], FOUND[0])
    with pytest.raises(ValueError, match="expected a list of entities"):
        entities_of(b'{"error": "too many"}')
