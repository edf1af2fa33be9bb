"""Faults on demand: errors between a client and a hub, or answers of a hostile hub."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

from hub.messages import Reply, Request, error_reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault: its effect, its requests, and how often it occurs.

    A request matches if `method` is its method (``*``: any) and `path` is part of its path with
    query, percent signs decoded. The first `skip` matching requests pass, the next `times` are
    hit (None: all from then on). Any of these effects can be combined:

    - `status`: this error instead of an answer, with `retry_after` in seconds if given
    - `wait`: seconds before the request is read
    - `cut_upload`: the connection ends after so many bytes of the request's body; 0 is at once,
      even if there is none
    - `cut_download`: the connection ends after so many bytes of the reply's body; the request
      has had its effect
    - `truncate`: the body ends after so many bytes, and Content-Length says that this is all (to
      HEAD too, unless `method` is GET)
    - `alter`: one bit in the middle of the body is flipped
    - `values`: these keys of a JSON object instead of the right ones, such as another `sha`
    - `body`: this body instead of the right one
    - `redirect`: to the same path on the third host, which answers and records any request
    - `listing`: one more file of this name in a tree or among siblings; for one that is also
      there to be downloaded, add a repository with such a file
    - `etag`: this ETag instead of the right one, unchanged
    - `headers`: these as well, or instead, such as another X-Repo-Commit
    """

    method: str = "*"
    path: str = ""
    times: int | None = 1
    skip: int = 0
    status: int | None = None
    retry_after: int | None = None
    wait: float = 0.0
    cut_upload: int | None = None
    cut_download: int | None = None
    truncate: int | None = None
    alter: bool = False
    values: Mapping[str, object] | None = None
    body: bytes | None = None
    redirect: bool = False
    listing: str | None = None
    etag: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def hits(self, method: str, target: str) -> bool:
        """Whether the fault applies to a request."""
        return self.method in ("*", method) and self.path in unquote(target)


NONE = Fault()


class Faults:
    """The pending faults, in the order in which they were added."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """One more fault."""
        with self._lock:
            self._waiting.append(fault)

    def clear(self) -> None:
        """Removes all faults."""
        with self._lock:
            self._waiting.clear()

    def take(self, method: str, target: str) -> Fault:
        """The fault that hits a request, with its count reduced; `NONE` if none does."""
        with self._lock:
            for place, fault in enumerate(self._waiting):
                if not fault.hits(method, target) or fault.times == 0:
                    continue
                if fault.skip:
                    self._waiting[place] = replace(fault, skip=fault.skip - 1)
                    continue
                if fault.times is not None:
                    self._waiting[place] = replace(fault, times=fault.times - 1)
                return fault
        return NONE


def answer(
    fault: Fault, request: Request, elsewhere: str, right: Callable[[Request], Reply]
) -> Reply:
    """The reply to a request that a fault hits; `right` computes the reply without it."""
    if fault.status is not None:
        after = {} if fault.retry_after is None else {"Retry_After": str(fault.retry_after)}
        return error_reply(fault.status, **after)
    if not fault.redirect:
        return _changed(fault, right(request))
    # a redirected download keeps the file's headers; a redirected upload has no effect here
    known = right(request).headers if request.method in ("GET", "HEAD") else {}
    return _changed(fault, Reply(307, {**known, "Location": elsewhere + request.target}))


def _changed(fault: Fault, reply: Reply) -> Reply:
    body = reply.body if fault.body is None else fault.body
    if fault.values is not None and _is_json(reply):
        body = json.dumps(json.loads(body) | fault.values).encode()
    if fault.listing is not None and _is_json(reply):
        body = _with_entry(body, fault.listing)
    if fault.alter and body:
        middle = len(body) // 2
        body = body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]
    headers = {**reply.headers, **fault.headers}
    if fault.etag is not None:
        headers |= {name: fault.etag for name in ("ETag", "X-Linked-ETag") if name in headers}
    return Reply(reply.status, headers, body[: fault.truncate])


def _is_json(reply: Reply) -> bool:
    return reply.status == 200 and "json" in reply.headers.get("Content-Type", "")


def _with_entry(body: bytes, path: str) -> bytes:
    listing: Any = json.loads(body)
    if isinstance(listing, list):
        listing.append({"type": "file", "path": path, "oid": "0" * 40, "size": 1})
    elif "siblings" in listing:
        listing["siblings"].append({"rfilename": path})
    return json.dumps(listing).encode()
