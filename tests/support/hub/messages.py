"""Requests, replies and refusals, apart from sockets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, NoReturn
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True)
class Request:
    """One request. Names of headers are in lower case; `parts` come from the route's pattern."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""
    parts: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The path as sent, not decoded, because ``refs%2Fpr%2F1`` is one step."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, list[str]]:
        """The query, each name with all its values."""
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    def asks(self, name: str) -> bool:
        """Whether the query has a flag set."""
        return is_set(self.query.get(name))

    def part(self, name: str) -> str:
        """One part of the path, percent signs decoded; empty where it is absent."""
        return unquote(self.parts.get(name) or "")

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; anything else is refused with 400."""
        try:
            value = json.loads(self.body or b"{}")
        except ValueError:
            value = None
        if not isinstance(value, dict):
            refuse(400, "The body is not a JSON object")
        return value


def is_set(values: Sequence[str] | None) -> bool:
    """Whether a flag of a query or form is on."""
    return values is not None and str(values[-1]).lower() in {"1", "true"}


@dataclass(frozen=True)
class Reply:
    """One reply. A reply to HEAD has the body that GET would have; the server leaves it out."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class RefusalError(Exception):
    """An exception that carries an error reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


def json_reply(value: object, status: int = 200, **headers: str) -> Reply:
    """A reply with a JSON body; ``X_Error_Code`` stands for ``X-Error-Code``."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    content = {"Content-Type": "application/json; charset=utf-8"}
    return Reply(status, content | named, json.dumps(value).encode())


def error_reply(status: int, message: str = "", code: str | None = None, **headers: str) -> Reply:
    """An error in the hub's form: the message in a header and in the body, and perhaps a code."""
    said = message or HTTPStatus(status).phrase
    plain = " ".join(said.encode("ascii", "backslashreplace").decode().split())
    named = {"X_Error_Message": plain} | ({"X_Error_Code": code} if code else {}) | headers
    return json_reply({"error": said}, status, **named)


def refuse(status: int, message: str, code: str | None = None, **headers: str) -> NoReturn:
    """Ends the handling of a request with an error."""
    raise RefusalError(error_reply(status, message, code, **headers))
