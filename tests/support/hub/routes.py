"""Addresses and the functions that answer them."""

from __future__ import annotations

import re
from collections.abc import Callable

from hub import downloads, lfs, listing, writing
from hub.messages import RefusalError, Reply, Request, error_reply, json_reply
from hub.store import Store

Handler = Callable[[Store, Request], Reply]

# Lazy, so that the name in `/api/models/gpt2/refs` is `gpt2`: names may lack the owner.
_NAME = r"(?P<repository>[^/]+?(?:/[^/]+?)??)"
_API = rf"/api/(?P<kind>models|datasets)/{_NAME}"
_PAGE = rf"/(?P<kind>datasets/)?{_NAME}"
_REVISION = r"(?P<revision>[^/]+)"


def _agents(store: Store, request: Request) -> Reply:
    """``GET /api/agent-harnesses``: huggingface_hub asks for it once a day; none are known."""
    return json_reply({"standardEnvVars": [], "harnesses": {}})


_HUB: list[tuple[str, str, Handler]] = [
    ("GET", r"/api/whoami-v2", writing.whoami),
    ("GET", r"/api/agent-harnesses", _agents),
    ("POST", r"/api/repos/create", writing.create),
    ("DELETE", r"/api/repos/delete", writing.delete),
    ("POST", r"/api/validate-yaml", writing.validate_yaml),
    ("PUT", rf"{_API}/settings", writing.settings),
    ("GET", rf"{_API}/auth-check(?P<write>/write)?", writing.check),
    ("POST", rf"{_API}/preupload/{_REVISION}", writing.preupload),
    ("POST", rf"{_API}/commit/{_REVISION}", writing.commit),
    ("POST", rf"{_API}/branch/(?P<name>[^/]+)", writing.branch),
    ("DELETE", rf"{_API}/branch/(?P<name>[^/]+)", writing.branch),
    ("POST", rf"{_API}/tag/(?P<name>[^/]+)", writing.tag),
    ("DELETE", rf"{_API}/tag/(?P<name>[^/]+)", writing.tag),
    ("GET", rf"{_API}/refs", listing.refs),
    ("GET", rf"{_API}/commits/{_REVISION}", listing.commits),
    ("GET", rf"{_API}/tree/{_REVISION}(?:/(?P<path>.*))?", listing.tree),
    ("POST", rf"{_API}/paths-info/{_REVISION}", listing.paths_info),
    ("GET", rf"{_API}/revision/{_REVISION}", listing.info),
    ("GET", _API, listing.info),
    ("POST", rf"{_PAGE}\.git/info/lfs/objects/batch", lfs.batch),
    ("POST", rf"{_PAGE}\.git/info/lfs/objects/complete", lfs.complete),
    ("POST", rf"{_PAGE}\.git/info/lfs/objects/verify", lfs.verify),
    ("GET", rf"{_PAGE}/resolve/{_REVISION}/(?P<path>.+)", downloads.resolve),
    ("GET", r"/.*", downloads.strayed),
]
_STORAGE: list[tuple[str, str, Handler]] = [
    ("PUT", rf"/upload{_PAGE}/(?P<oid>[^/]+)", lfs.receive),
    ("GET", rf"/storage{_PAGE}/(?P<oid>[^/]+)", lfs.stored),
]


def hub(store: Store, request: Request) -> Reply:
    """The hub's answer."""
    return _answer(_HUB, store, request)


def storage(store: Store, request: Request) -> Reply:
    """The storage host's answer."""
    return _answer(_STORAGE, store, request)


def elsewhere(store: Store, request: Request) -> Reply:
    """The third host's answer, the same to every request."""
    return json_reply({"from": "elsewhere"})


def _answer(routes: list[tuple[str, str, Handler]], store: Store, request: Request) -> Reply:
    method = "GET" if request.method == "HEAD" else request.method
    for wanted, pattern, handler in routes:
        match = re.fullmatch(pattern, request.path)
        if match and method == wanted:
            named = Request(
                request.method, request.target, request.headers, request.body, match.groupdict()
            )
            return _handled(handler, store, named)
    return error_reply(404, "Sorry, we can't find the page you are looking for.")


def _handled(handler: Handler, store: Store, request: Request) -> Reply:
    try:
        with store.lock:
            return handler(store, request)
    except RefusalError as refusal:
        return refusal.reply
