"""The page in the browser: its files, and the headers that keep it to them."""

from __future__ import annotations

from hashlib import sha256
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

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


def page_routes() -> list[Route]:
    """Routes of the page: `/ui`, and its files at `/ui/NAME`. They need no key."""
    folder = files("nerine.serving.http") / "page"
    contents = {
        each.name: each.read_bytes()
        for each in folder.iterdir()
        if f".{each.name.rpartition('.')[2]}" in _TYPES
    }
    index = contents.pop("index.html")
    return [
        _route("/ui", "index.html", index),
        *(_route(f"/ui/{name}", name, content) for name, content in sorted(contents.items())),
    ]


def _route(path: str, name: str, content: bytes) -> Route:
    """A route that answers with a file, or with 304 where the browser has it already."""
    tag = f'"{sha256(content).hexdigest()[:32]}"'
    headers = {**HEADERS, "ETag": tag, "Content-Type": _TYPES[f".{name.rpartition('.')[2]}"]}

    async def answer(request: Request) -> Response:
        if tag in request.headers.get("If-None-Match", ""):
            return Response(status_code=304, headers=headers)
        return Response(content, headers=headers)

    return Route(path, answer, methods=["GET"], name=f"page {name}")
