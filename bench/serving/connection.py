"""A keep-alive connection of HTTP/1.1 that costs its process little: a protocol of asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self, cast

import httptools

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered.

    Attributes:
        status: The status code.
        body: The body, without chunks.
        headers: The headers; their names in small letters.
    """

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


Done = Callable[[Answer | None], None]
"""Gets the answer, or None if the connection ended before it."""


def request(
    path: str, body: bytes = b"", headers: Mapping[str, str] | None = None, method: str = "POST"
) -> bytes:
    """The bytes of a request with a body of JSON, or of another type if the headers have one."""
    given = {
        "Host": HOST,
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **(headers or {}),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body


class Connection(asyncio.Protocol):
    """A connection for one request at a time.

    Attributes:
        is_open: Whether a request can be sent.
    """

    def __init__(self) -> None:
        self.is_open = False
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._done: Done | None = None
        self._body: list[bytes] = []
        self._headers: dict[str, str] = {}

    @classmethod
    async def open(cls, port: int) -> Self:
        """Connects to a server on this machine.

        Raises:
            OSError: If nothing listens on the port.
        """
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(cls, HOST, port)
        return connection

    def send(self, content: bytes, done: Done) -> None:
        """Sends a request."""
        if self._transport is None or not self.is_open:
            done(None)
            return
        self._done = done
        self._transport.write(content)

    async def ask(self, content: bytes) -> Answer | None:
        """Sends a request and waits for its answer; None if the connection ended before it."""
        answer: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()

        def resolve(found: Answer | None) -> None:
            if not answer.done():
                answer.set_result(found)

        self.send(content, resolve)
        return await answer

    def close(self) -> None:
        """Closes it at once; what is under way is lost."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        self._finish(None)

    def on_message_begin(self) -> None:
        self._body, self._headers = [], {}

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if not self._parser.should_keep_alive():
            self.is_open = False
        self._finish(Answer(status, b"".join(self._body), self._headers))

    def _finish(self, answer: Answer | None) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(answer)


async def ask(port: int, content: bytes) -> Answer | None:
    """Sends a request on a connection of its own.

    Raises:
        OSError: If nothing listens on the port.
    """
    connection = await Connection.open(port)
    try:
        return await connection.ask(content)
    finally:
        connection.close()
