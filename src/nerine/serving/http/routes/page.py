"""The page in the browser: its files, and the headers that keep it to them."""

from __future__ import annotations

from hashlib import sha256
from importlib.resources import files
from pathlib import PurePath

from starlette.responses import RedirectResponse, Response

from nerine.serving.http.endpoints import Call, Endpoint

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",  # markup made from a string is an error
    "trusted-types": "'none'",
}
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in _POLICY.items()),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-cache",
}
"""The headers of the page and of each of its files."""


def endpoints() -> tuple[Endpoint, ...]:
    """The page at `/ui`, and its files at `/ui/NAME`; they need no key."""
    folder = files("nerine.serving") / "http" / "page"
    contents = {each.name: each.read_bytes() for each in folder.iterdir() if each.is_file()}
    index = contents.pop("index.html")
    return (
        _endpoint("/ui", "index.html", index),
        Endpoint("/ui/", _leave_folder, "The page", method="GET", is_open=True, is_shown=False),
        *(_endpoint(f"/ui/{name}", name, contents[name]) for name in sorted(contents)),
    )


async def _leave_folder(_: Call) -> Response:
    return RedirectResponse("../ui", 308)


def _endpoint(path: str, name: str, content: bytes) -> Endpoint:
    """An endpoint that answers with a file, or with 304 where the browser has it already."""
    tag = f'"{sha256(content).hexdigest()[:32]}"'
    headers = {**HEADERS, "ETag": tag, "Content-Type": _TYPES[PurePath(name).suffix]}

    async def show(call: Call) -> Response:
        if tag in call.request.headers.get("If-None-Match", ""):
            return Response(status_code=304, headers=headers)
        return Response(content, headers=headers)

    summary = "The page in the browser" if path == "/ui" else "A file of the page"
    kind = headers["Content-Type"]
    return Endpoint(
        path, show, summary, method="GET", media_type=kind, is_open=True, is_shown=False
    )
