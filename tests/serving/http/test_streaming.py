"""Lines in, lines out: in order, as they come, in bounded number."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from nerine.serving.http.problems import Problem
from nerine.serving.http.streaming import LinesResponse

SECONDS = 60
LIMIT = 10


class Exchange:
    """A request that comes piece by piece, and its answer."""

    def __init__(self, pieces: Sequence[bytes] = ()) -> None:
        self.coming: asyncio.Queue[bytes | None] = asyncio.Queue()
        for piece in pieces:
            self.coming.put_nowait(piece)
        self.sent: asyncio.Queue[bytes] = asyncio.Queue()
        self.taking = asyncio.Event()
        self.taking.set()
        self.began: list[int] = []

    async def receive(self) -> dict[str, Any]:
        piece = await self.coming.get()
        if piece is None:
            return {"type": "http.request", "body": b"", "more_body": False}
        return {"type": "http.request", "body": piece, "more_body": True}

    async def send(self, message: Any) -> None:
        await self.taking.wait()
        if message["type"] == "http.response.body":
            self.sent.put_nowait(message["body"])

    async def answer(self, number: int, line: bytes | Problem) -> bytes:
        self.began.append(number)
        await asyncio.sleep(0.001 * (number % 3))
        return line.cause.encode() if isinstance(line, Problem) else b"%d %s" % (number, line)

    async def run(self) -> None:
        scope = {"type": "http", "method": "POST", "headers": []}
        response = LinesResponse(Request(scope, self.receive), self.answer, LIMIT)
        await response(scope, self.receive, self.send)

    def lines(self) -> list[bytes]:
        answers = b"".join(self.sent.get_nowait() for _ in range(self.sent.qsize()))
        return answers.splitlines()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text("ab ", max_size=12), max_size=100), st.integers(1, 30))
def test_each_line_is_answered_in_its_place(lines: list[str], size: int) -> None:
    content = "\n".join(lines).encode()
    pieces = [content[start : start + size] for start in range(0, len(content), size)]

    async def exchanged() -> list[bytes]:
        exchange = Exchange(pieces)
        exchange.coming.put_nowait(None)
        await exchange.run()
        return exchange.lines()

    expected = [
        b"body-too-large" if len(line) > LIMIT else b"%d %s" % (number, line.encode())
        for number, line in enumerate(lines, start=1)
        if line.strip() or len(line) > LIMIT
    ]
    assert asyncio.run(exchanged()) == expected


def test_a_line_is_answered_before_the_next_one_comes() -> None:
    async def run() -> None:
        exchange = Exchange()
        running = asyncio.ensure_future(exchange.run())
        for number in (1, 2, 3):
            exchange.coming.put_nowait(b"a\n")
            assert await asyncio.wait_for(exchange.sent.get(), SECONDS) == b"%d a\n" % number
        exchange.coming.put_nowait(None)
        await asyncio.wait_for(running, SECONDS)

    asyncio.run(run())


def test_nothing_is_read_while_the_client_takes_no_answers() -> None:
    async def run() -> None:
        exchange = Exchange([b"a\n"] * 500)
        exchange.coming.put_nowait(None)
        exchange.taking.clear()
        running = asyncio.ensure_future(exchange.run())
        await asyncio.sleep(0.2)
        assert len(exchange.began) < 100
        assert exchange.coming.qsize() > 400
        exchange.taking.set()
        await asyncio.wait_for(running, SECONDS)
        assert len(exchange.lines()) == 500

    asyncio.run(run())


def test_a_client_that_goes_away_frees_its_work() -> None:
    async def run() -> int:
        exchange = Exchange([b"a\n"] * 500)
        exchange.taking.clear()
        running = asyncio.ensure_future(exchange.run())
        await asyncio.sleep(0.1)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await asyncio.sleep(0.1)
        return len(asyncio.all_tasks()) - 1

    assert asyncio.run(run()) == 0
