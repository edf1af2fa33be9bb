"""An endpoint: what it takes, what it gives, and its way from a request to an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import to_json
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from nerine.serving.http.problems import Problem
from nerine.serving.http.service import Service

JSON = "application/json"

T = TypeVar("T")

_LONG_ANSWER = 50_000


@dataclass(frozen=True, slots=True)
class Call:
    """A request that has been read.

    Attributes:
        request: The request.
        service: What tags.
        body: The content of the body, as the endpoint's `body` describes it; None without one.
    """

    request: Request
    service: Service
    body: Any = None

    async def unless_gone(self, work: Awaitable[T]) -> T:
        """The result of work, which is cancelled if the client goes away."""
        working = asyncio.ensure_future(work)
        leaving = asyncio.ensure_future(self.request.receive())
        try:
            await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                raise ClientDisconnect
            return working.result()
        finally:
            leaving.cancel()
            working.cancel()


Handler = Callable[[Call], Awaitable[Any]]
"""Answers a call with plain values for JSON, or a response of its own."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint.

    Attributes:
        path: Its path.
        handler: Answers its calls.
        summary: What it does, in a line.
        method: Its method.
        body: The type of its body; None if it takes none.
        reads_itself: Whether the handler reads the body, which may come in other forms too.
        answer: The type of its answer, for the OpenAPI document.
        media_type: The type of an answer that is not JSON.
        status: The status of its answers.
        is_open: Whether it needs no key.
        query: Its query parameters, with what they mean.
        is_shown: Whether it is in the OpenAPI document.
    """

    path: str
    handler: Handler
    summary: str
    method: str = "POST"
    body: Any = None
    reads_itself: bool = False
    answer: Any = None
    media_type: str = JSON
    status: int = 200
    is_open: bool = False
    query: Mapping[str, str] = field(default_factory=dict)
    is_shown: bool = True

    def route(self, service: Service) -> Route:
        """Its route for Starlette."""

        async def respond(request: Request) -> Response:
            request.state.endpoint = self
            return await self._respond(request, service)

        return Route(self.path, respond, methods=[self.method], name=self.path)

    async def _respond(self, request: Request, service: Service) -> Response:
        body = None
        if self.body is not None and not self.reads_itself:
            body = parse(self.body, await read_body(request, service.limits.body))
        found = await self.handler(Call(request, service, body))
        if isinstance(found, Response):
            return found
        return Response(to_json(found), self.status, media_type=JSON)


async def read_body(request: Request, limit: int) -> bytes:
    """The body of a request; raises `Problem` if it has more bytes than the limit."""
    stated = request.headers.get("content-length", "")
    if stated.isdecimal() and int(stated) > limit:
        raise _too_large(f"a body of {int(stated):,} bytes", limit)
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > limit:
            raise _too_large("a body with more bytes", limit)
    return bytes(body)


def _too_large(found: str, limit: int) -> Problem:
    # the rest of the body is not read, so that the connection can't be used again
    return Problem(
        "body-too-large",
        found,
        expected=f"at most {limit:,}",
        hint="send fewer texts in a request, or NDJSON to /tag",
        headers={"Connection": "close"},
    )


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def parse(kind: Any, body: bytes) -> Any:
    """The content of a body in JSON; raises `Problem` with the place of what is wrong."""
    try:
        return _adapter(kind).validate_json(body)
    except ValidationError as error:
        raise problem_of(error) from None


def problem_of(error: ValidationError, prefix: str = "") -> Problem:
    """The problem of content that doesn't have its type; `prefix` is the place of the content."""
    first = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        reason = first.get("ctx", {}).get("error", first["msg"])
        return Problem(
            "not-json", f"the body is not valid JSON: {reason}", expected="JSON in UTF-8"
        )
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
    return Problem("invalid", first["msg"], place=f"{prefix}{place}".lstrip(".") or "body")


class Strict(BaseModel, extra="forbid"):
    """A body whose fields are all known, so that a misspelt one isn't ignored."""


async def unless_short(size: int, shape: Callable[[], T]) -> T:
    """The result of shaping an answer: in a thread if its texts have many characters."""
    return await asyncio.to_thread(shape) if size > _LONG_ANSWER else shape()
