"""A real HTTP server on loopback that records requests and applies faults."""

from __future__ import annotations

import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from hub import faults
from hub.downloads import ranged
from hub.faults import Fault, Faults
from hub.messages import Reply, Request, error_reply

_CHUNK = 65536


@dataclass
class Record:
    """One recorded request: its host, its content, and the bytes of the bodies."""

    host: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""
    status: int | None = None
    sent: int = 0
    cut: bool = False

    @property
    def received(self) -> int:
        """Bytes of the request's body that arrived."""
        return len(self.body)


@dataclass
class Journal:
    """Shared by several servers: requests in order, pending faults, errors of the hub itself."""

    requests: list[Record] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    crashes: list[str] = field(default_factory=list)
    elsewhere: str = ""
    stopping: threading.Event = field(default_factory=threading.Event)


class CutError(Exception):
    """Ends the connection."""


class Server(ThreadingHTTPServer):
    """One host on a port of its own. Its threads end with it."""

    daemon_threads = False
    request_queue_size = 64

    def __init__(self, host: str, journal: Journal, right: Callable[[Request], Reply]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.host, self.journal, self.right = host, journal, right
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.005,), name=host)

    @property
    def url(self) -> str:
        """Its address without a slash at the end."""
        return f"http://127.0.0.1:{self.server_port}"

    def start(self) -> None:
        """Serves in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ends connections that clients keep open, then all threads. Later calls do nothing."""
        if not self._thread.is_alive():
            return
        self.journal.stopping.set()
        self.shutdown()
        self._thread.join()
        for connection in list(self._open):
            end(connection)
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Records the connection, so that it can be ended."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Drops a connection that has ended."""
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignores closed connections; records other errors as bugs of the hub."""
        if not isinstance(sys.exception(), ConnectionError):
            self.journal.crashes.append(traceback.format_exc())


def end(connection: socket.socket) -> None:
    """Ends a connection in both directions, if it has not ended already."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body are sent separately, without delay
    wbufsize = 0

    def do_GET(self) -> None:
        journal, host = self.server.journal, self.server.host
        headers = {name.lower(): value for name, value in self.headers.items()}
        record = Record(host, self.command, self.path, headers)
        journal.requests.append(record)
        fault = faults.NONE
        if host != "elsewhere":  # the third host ignores faults
            fault = journal.faults.take(self.command, self.path)
        journal.stopping.wait(fault.wait)
        try:
            self._read(fault.cut_upload, record)
            self._send(self._answer(fault, record), fault.cut_download, record)
        except CutError:
            record.cut = self.close_connection = True
            end(self.connection)

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

    def _answer(self, fault: Fault, record: Record) -> Reply:
        request = Request(record.method, record.path, record.headers, record.body)
        try:
            reply = faults.answer(fault, request, self.server.journal.elsewhere, self.server.right)
        except Exception:
            self.server.journal.crashes.append(traceback.format_exc())
            reply = error_reply(500, "The hub for tests has failed")
        return ranged(reply, record.headers.get("range"))

    def _read(self, limit: int | None, record: Record) -> None:
        body = bytearray()
        try:
            for piece in self._pieces(limit):
                body += piece
        finally:
            record.body = bytes(body)

    def _pieces(self, limit: int | None) -> Iterator[bytes]:
        """The request's body as it comes in; the connection ends after `limit` bytes."""
        left = limit
        if left == 0:
            raise CutError
        for size in self._sizes():
            wanted = size if left is None else min(size, left)
            piece = self.rfile.read(wanted)
            yield piece
            if len(piece) < wanted:
                raise CutError  # the client has closed the connection
            left = None if left is None else left - len(piece)
            if left == 0:
                raise CutError

    def _sizes(self) -> Iterator[int]:
        """Numbers of bytes to read: by Content-Length, or chunk by chunk."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            length = int(self.headers.get("Content-Length") or 0)
            yield from [_CHUNK] * (length // _CHUNK)
            if length % _CHUNK:
                yield length % _CHUNK
            return
        while size := int(self.rfile.readline().partition(b";")[0] or b"0", 16):
            yield size
            self.rfile.readline()
        self.rfile.readline()

    def _send(self, reply: Reply, limit: int | None, record: Record) -> None:
        record.status = reply.status
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        body = b"" if self.command == "HEAD" else reply.body[:limit]
        for start in range(0, len(body), _CHUNK):
            chunk = body[start : start + _CHUNK]
            record.sent += len(chunk)  # before the client has it, and may look at the record
            self.wfile.write(chunk)
        if limit is not None and self.command != "HEAD":
            raise CutError

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Logs nothing; the journal records requests."""
