"""An endpoint: what it takes, what it gives, and its way from a request to an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    Field,
    SkipValidation,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError, from_json, to_json
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from nerine.core.strict_json import kind_of
from nerine.serving.http.problems import Cause, Problem
from nerine.serving.http.service import Service

JSON = "application/json"
BINARY = "application/octet-stream"

T = TypeVar("T")

_UNKNOWN = "extra_forbidden"
_FOUND = {_UNKNOWN: "there is no such field", "missing": "the field is missing"}
_LONG_ANSWER = 50_000
_MOST_FIELDS = 100


@dataclass(frozen=True, slots=True)
class Call:
    """A request that has been read.

    Attributes:
        request: The request.
        service: What tags.
        body: The content of the body, as the endpoint's `body` describes it; None without one.
        query: The query parameters, as the endpoint's `query` describes them.
    """

    request: Request
    service: Service
    body: Any = None
    query: Any = None

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
        query: Describes its query parameters; None ignores them.
        line: The types of a line and of its answer, if it takes NDJSON too.
        line_query: Describes the query parameters of that form.
        has_binary_form: Whether its body and its answer may have binary parts.
        example: An example of its body.
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
    query: type[BaseModel] | None = None
    line: tuple[Any, Any] | None = None
    line_query: type[BaseModel] | None = None
    has_binary_form: bool = False
    example: Any = None
    is_shown: bool = True

    def route(self, service: Service) -> Route:
        """Its route for Starlette."""

        async def respond(request: Request) -> Response:
            request.state.endpoint = self
            return await self._respond(request, service)

        return Route(self.path, respond, methods=[self.method], name=self.path)

    async def _respond(self, request: Request, service: Service) -> Response:
        body = query = None
        if self.query is not None:
            query = validate(self.query, dict(request.query_params), "query")
        if self.body is not None and not self.reads_itself:
            body = parse(self.body, await read_body(request, service.limits.body))
        found = await self.handler(Call(request, service, body, query))
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
        content = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        found = f"the body is not valid JSON: {error}"
        raise Problem("not-json", found, expected="JSON in UTF-8") from None
    return validate(kind, content)


def validate(kind: Any, content: Any, place: str = "") -> Any:
    """The content of JSON as a type; raises `Problem` with the place of what is wrong.

    Args:
        kind: The type.
        content: The content.
        place: Its place in the request.
    """
    try:
        return _adapter(kind).validate_python(content)
    except ValidationError as error:
        raise problem_of(error, place) from None


def problem_of(error: ValidationError, prefix: str = "") -> Problem:
    """The problem of content that doesn't have its type; `prefix` is the place of the content."""
    first, *others = error.errors(include_url=False)
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
    place = f"{prefix}{place}".lstrip(".")[:200] or "body"
    if first["type"] in _FOUND:
        unknown = [str(each["loc"][-1])[:60] for each in others if each["type"] == _UNKNOWN]
        hint = f"there is no field {unknown[0]!r}" if unknown else None
        return Problem("invalid", _FOUND[first["type"]], place=place, hint=hint)
    value = first["input"]
    found = repr(value[:60]) if isinstance(value, str) else f"this is {kind_of(value)}"
    is_object = first["type"] in ("model_type", "dict_type")
    expected = "an object" if is_object else first["msg"].removeprefix("Input should be ")
    return Problem("invalid", found, expected=expected, place=place)


class Strict(BaseModel, extra="forbid", defer_build=True):
    """An object whose fields are all known, so that a misspelt one isn't ignored."""

    @model_validator(mode="before")
    @classmethod
    def _has_few_fields(cls, content: Any) -> Any:
        # each unknown field is an error of its own, which are all made
        if isinstance(content, dict) and len(content) > _MOST_FIELDS:
            raise PydanticCustomError("too_many_fields", "an object with fewer fields")
        return content


Strings = Annotated[list[str], Field(fail_fast=True)]
"""A list of strings; reading ends at the first element that is not a string."""

Unread = list[SkipValidation[T]]
"""A list whose elements are described, and read one by one: a wrong one doesn't spoil the list."""


class Refused(Strict):
    """Why an element of a request could not be tagged; it stands in the place of its answer."""

    error: str
    cause: Cause
    expected: str | None = None
    place: str | None = None
    hint: str | None = None


class Refusal(Refused):
    """Why a request was refused."""

    request_id: str


class ModelQuery(Strict):
    """The choice of one of several models, for contracts that have no field for it."""

    model: str | None = Field(None, description="Name of the model; by default the first one")


async def unless_short(size: int, shape: Callable[[], T]) -> T:
    """The result of shaping an answer: in a thread if its texts have many characters."""
    return await asyncio.to_thread(shape) if size > _LONG_ANSWER else shape()
