"""Lines in, lines out: an answer that begins while the request is still read."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from nerine.serving.http.problems import Problem

NDJSON = "application/x-ndjson"

_AHEAD = 64
"""Lines that are read before the first of them is answered."""


class LinesResponse(Response):
    """Answers each line of a request with a line, in order.

    At most `_AHEAD` lines are held: then nothing is read from the socket until the client has taken
    an answer.

    Args:
        request: The request.
        answer: The answer to a line, without its line end, or to one that is too long.
        limit: The most bytes of a line.
    """

    media_type = NDJSON

    def __init__(
        self,
        request: Request,
        answer: Callable[[int, bytes | Problem], Awaitable[bytes]],
        limit: int,
    ) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._request = request
        self._answer = answer
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Sends the answers."""
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        async with contextlib.aclosing(self._answers()) as answers:
            async for line in answers:
                await send({"type": "http.response.body", "body": line + b"\n", "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _answers(self) -> AsyncGenerator[bytes]:
        waiting: asyncio.Queue[asyncio.Future[bytes] | None] = asyncio.Queue(_AHEAD)
        reading = asyncio.ensure_future(self._read(waiting))
        try:
            while (answer := await waiting.get()) is not None:
                yield await answer
            await reading
        finally:
            reading.cancel()
            while not waiting.empty():
                if (left := waiting.get_nowait()) is not None:
                    left.cancel()

    async def _read(self, waiting: asyncio.Queue[asyncio.Future[bytes] | None]) -> None:
        """Begins to answer each line as it comes."""
        try:
            number = 0
            async for line in self._lines():
                number += 1
                if isinstance(line, Problem) or line.strip():
                    await waiting.put(asyncio.ensure_future(self._answer(number, line)))
        finally:
            await waiting.put(None)

    async def _lines(self) -> AsyncIterator[bytes | Problem]:
        left = bytearray()
        size = 0
        with contextlib.suppress(ClientDisconnect):
            async for piece in self._request.stream():
                *whole, rest = piece.split(b"\n")
                for end in whole:
                    yield self._line(left, size + len(end), end)
                    left, size = bytearray(), 0
                size += len(rest)
                if size <= self._limit:
                    left += rest
            if size:
                yield self._line(left, size, b"")

    def _line(self, left: bytearray, size: int, end: bytes) -> bytes | Problem:
        if size <= self._limit:
            return bytes(left + end)
        return Problem(
            "body-too-large", f"a line of {size:,} bytes", expected=f"at most {self._limit:,}"
        )
