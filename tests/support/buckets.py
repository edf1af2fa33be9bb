"""Files at URLs for tests: a web server that answers requests for ranges."""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


class Web:
    """What a server of ranges serves, and what it was asked for.

    Attributes:
        url: Its address.
        folder: The folder whose files it serves.
        ranges: Whether it answers requests for ranges; if not, it always sends whole files.
        status: The status of all answers; None for the right one.
        sent: The numbers of bytes that it sent, an answer each.
    """

    def __init__(self, folder: Path) -> None:
        self.url = ""
        self.folder = folder
        self.ranges = True
        self.status: int | None = None
        self.sent: list[int] = []


@contextlib.contextmanager
def web_server(folder: Path) -> Iterator[Web]:
    """A server of the files in a folder."""
    web = Web(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def _answer(self, *, with_body: bool) -> None:
            path = web.folder / urlsplit(self.path).path.lstrip("/")
            if web.status or not path.is_file():
                self.send_response(web.status or 404)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            content = path.read_bytes()
            etag = hashlib.sha256(content).hexdigest()[:16]
            asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            is_range = asked is not None and web.ranges
            if asked is not None and is_range:
                first, last = int(asked[1]), int(asked[2])
                part = content[first : last + 1]
                self.send_response(206)
                end = first + len(part) - 1
                self.send_header("Content-Range", f"bytes {first}-{end}/{len(content)}")
            else:
                part = content
                self.send_response(200)
            if web.ranges:
                self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(len(part)))
            self.send_header("ETag", f'"{etag}"')
            self.end_headers()
            if with_body:
                web.sent.append(len(part))
                with contextlib.suppress(ConnectionError):
                    self.wfile.write(part)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        web.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield web
        finally:
            server.shutdown()
            thread.join()
