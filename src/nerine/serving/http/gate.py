"""What every request passes: its id, the key, the clock, and one place for what goes wrong."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import time
import uuid
from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nerine.serving.http.endpoints import JSON, Endpoint
from nerine.serving.http.logs import log_request, logger
from nerine.serving.http.metrics import Metrics
from nerine.serving.http.problems import Cause, Problem

_ID = re.compile(r"[\w.:/+=@-]{1,128}", re.ASCII)
_GONE = 499
"""The status in logs and metrics of a request whose client went away."""
_ELSEWHERE = "(none)"
_OF_STARLETTE: dict[int, Cause] = {404: "not-found", 405: "method-not-allowed"}


class Gate:
    """Wraps an app: identifies, admits, times and logs each request, and answers its errors.

    Args:
        app: The app.
        keys: The accepted keys; a request needs one of them. Without any, all are admitted.
        open_paths: Paths that need no key.
        metrics: Counts the requests.
    """

    def __init__(
        self, app: ASGIApp, keys: Sequence[str], open_paths: frozenset[str], metrics: Metrics
    ) -> None:
        self._app = app
        self._keys = [_digest(key.encode()) for key in keys]
        self._open_paths = open_paths
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        scope.setdefault("state", {})  # which the route adds its endpoint to
        headers = Headers(scope=scope)
        stated = headers.get("x-request-id", "")
        request_id = stated if _ID.fullmatch(stated) else uuid.uuid4().hex
        status = 0

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        try:
            self._admit(scope["path"].removeprefix(scope.get("root_path", "")), headers)
            await self._app({**scope, "app": self}, receive, send_marked)
        except ClientDisconnect:
            status = _GONE
        except Exception as error:
            problem = _problem_of(error)
            if problem.cause == "defect":
                logger.exception("%s failed", request_id)
            if status:  # the answer has begun, and can only be cut off
                raise
            await refusal(problem, request_id)(scope, receive, send_marked)
        finally:
            seconds = time.perf_counter() - begun
            endpoint = scope["state"].get("endpoint")
            path = endpoint.path if isinstance(endpoint, Endpoint) else _ELSEWHERE
            self._metrics.observe(path, status or _GONE, seconds)
            shown = path if path != _ELSEWHERE else json.dumps(scope["path"][:100])
            log_request(request_id, scope["method"], shown, status or _GONE, seconds)

    def _admit(self, path: str, headers: Headers) -> None:
        """Raises `Problem` if a key is needed and the request has none of them."""
        if not self._keys or path in self._open_paths:
            return
        presented = _key(headers)
        digest = _digest(presented)
        # every key is compared, by digests of one length, so that the time tells nothing of them
        if not sum(hmac.compare_digest(digest, key) for key in self._keys):
            raise Problem(
                "unauthorized",
                "the request has no valid key" if presented else "the request has no key",
                expected="the header Authorization: Bearer KEY, or X-Api-Key: KEY",
                headers={"WWW-Authenticate": 'Bearer realm="nerine"'},
            )


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()


def _key(headers: Headers) -> bytes:
    """The key of a request: a bearer token, the password of basic authentication, or its own."""
    kind, _, value = headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            return base64.b64decode(value.strip(), validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return b""
    own = value.strip() if kind.lower() == "bearer" else headers.get("x-api-key", "")
    return own.encode("latin-1")  # as headers are decoded


def _problem_of(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, HTTPException) and error.status_code in _OF_STARLETTE:
        cause = _OF_STARLETTE[error.status_code]
        found = (
            "there is nothing at this path" if cause == "not-found" else "another method is used"
        )
        return Problem(
            cause,
            found,
            expected=(error.headers or {}).get("Allow"),
            hint="GET /docs lists the paths",
            headers=dict(error.headers or {}),
        )
    return Problem("defect", "this is a defect of the server", hint="its log has the cause")


def refusal(problem: Problem, request_id: str) -> Response:
    """The answer of a request that is refused."""
    content = {**problem.to_dict(), "request_id": request_id}
    body = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")
    return Response(body, problem.status, problem.headers, media_type=JSON)
