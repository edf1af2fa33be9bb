"""Serves an app: its signals, and an end in which nothing that was accepted is lost.

SIGTERM and SIGINT end the server: it says that it isn't ready, answers what it has accepted, and
ends. A second one ends it at once. SIGHUP loads the models again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import uvicorn

from nerine.core.arguments import checked
from nerine.core.display import visible
from nerine.core.errors import NerineError
from nerine.core.settings import check
from nerine.serving.http.app import AppOptions, make_app
from nerine.serving.http.limits import Limits
from nerine.serving.http.logs import Form, logger, logging_as
from nerine.serving.http.models import Models, served_models
from nerine.serving.http.service import ServedModel, Service
from nerine.serving.http.sockets import BACKLOG, address_of, bound, bound_to_file, listen

_KEEP_ALIVE = 75
"""Seconds after which an unused connection is closed: more than proxies keep theirs."""
_LINGER = 0.3
"""Seconds in which connections that were accepted at the end may still send a request."""

Ready = Callable[[str], None]
"""Called with the address when requests are taken."""


@checked
def serve(
    models: Models,
    options: AppOptions | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    uds: str | Path | None = None,
    grace: float = 0.0,
    log: Form | None = "words",
    ready: Ready | None = None,
) -> None:
    """Serves models over HTTP, until SIGTERM or Ctrl-C.

    Then it answers what it has accepted and returns. A second signal ends the program at once.
    SIGHUP loads the models again, without a gap. In a thread that is not the main one there are no
    signals, and the server runs as long as the program.

    Args:
        models: A tagger, a folder or a hub id, several of them, or a mapping of names to them. The
            first one is used where a request names none.
        options: Limits, keys, and origins of pages elsewhere.
        host: The address to listen on; `0.0.0.0` for all of the machine's.
        port: The port; 0 finds a free one.
        uds: The path of a Unix socket, in place of host and port.
        grace: Seconds after SIGTERM in which it says that it isn't ready but still serves, so that
            a load balancer sends requests elsewhere.
        log: The form of the log on standard error: `"words"`, `"json"`, or `"none"` for only what
            went wrong; None leaves Python's logging as it is. The logger is `nerine.serve`.
        ready: Called with the server's address when it takes requests; by default it is printed.

    Raises:
        ArgumentError: If an argument has another type.
        SettingsError: If the address cannot be had, a model is not one, or two have the same name.
        NerineError: If a model cannot be loaded, or fails on an ordinary text.
    """
    check("grace", grace, float, least=0)
    options = options or AppOptions()
    place = bound(host, port) if uds is None else bound_to_file(Path(uds))
    logs = contextlib.nullcontext() if log is None else logging_as(log)
    with place, logs:
        service = service_of(served_models(models), options)
        run(service, options, place, grace=grace, ready=ready or _print_address)


def _print_address(address: str) -> None:
    print(f"serving at {address}", flush=True)


class _OneOfSeveral(Service):
    """The service of one of several processes."""

    def __init__(self, models: Sequence[ServedModel], limits: Limits | None = None) -> None:
        super().__init__(models, limits)
        self._first = os.getppid()

    def reload(self, name: str | None = None) -> tuple[ServedModel, ...]:
        """Loads models again here, and then in all processes by way of the first one."""
        loaded = super().reload(name)
        if os.getppid() == self._first:
            os.kill(self._first, signal.SIGHUP)
        return loaded


def service_of(
    models: tuple[ServedModel, ...], options: AppOptions, parent: int | None = None
) -> Service:
    """The service of models, in one process or, with the pipe of a first one, in one of several."""
    kind = Service if parent is None else _OneOfSeveral
    return kind(models, options.limits)


def run(
    service: Service,
    options: AppOptions,
    place: socket.socket,
    *,
    ready: Ready,
    grace: float = 0.0,
    parent: int | None = None,
) -> None:
    """Runs a server on a socket until it is told to end.

    Args:
        service: What tags.
        options: The options of the app.
        place: The socket, which need not listen yet.
        ready: Called with the address when requests are taken.
        grace: Seconds in which it still serves after it was told to end.
        parent: In one of several processes, a pipe that the first process holds open: the server
            ends when that one has died. Then a second signal changes nothing.

    Raises:
        SettingsError: If another program listens on the socket's address.
    """
    address = address_of(place)
    listen(place)
    server = _Server(service, options, grace, lambda: ready(address), parent)
    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(server.serve(sockets=[place]))
    if address.startswith("unix:") and parent is None:
        Path(address.removeprefix("unix:")).unlink(missing_ok=True)
    logger.info("stopped")


class _Server(uvicorn.Server):
    """uvicorn's server, with signals of its own."""

    def __init__(
        self,
        service: Service,
        options: AppOptions,
        grace: float,
        ready: Callable[[], None],
        parent: int | None,
    ) -> None:
        config = uvicorn.Config(
            make_app(service, options),
            interface="asgi3",
            lifespan="on",
            ws="none",
            log_config=None,
            log_level=logging.WARNING,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_keep_alive=_KEEP_ALIVE,
            timeout_graceful_shutdown=service.limits.seconds + 1,
        )
        super().__init__(config)
        self._service = service
        self._grace = grace
        self._ready = ready
        self._parent = parent
        self._is_stopping = False
        self._reloading: set[asyncio.Task[None]] = set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Inside the block, signals end the server or load the models again."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        calls = {signal.SIGTERM: self._stop, signal.SIGINT: self._stop}
        if hasattr(signal, "SIGHUP"):
            calls[signal.SIGHUP] = self._begin_reload
        before = {number: signal.getsignal(number) for number in calls}
        for number, call in calls.items():
            loop.add_signal_handler(number, call)
        if self._parent is not None:
            loop.add_reader(self._parent, self._stop)
        try:
            yield
        finally:
            for number, handler in before.items():
                loop.remove_signal_handler(number)
                signal.signal(number, handler)
            if self._parent is not None:
                loop.remove_reader(self._parent)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Takes requests from now on."""
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Takes no more connections, answers those that it has, and ends."""
        last = [connection for place in sockets or [] for connection in _waiting(place)]
        for server in self.servers:
            server.close()
        for connection in last:
            await asyncio.get_running_loop().connect_accepted_socket(self._protocol, connection)
        # a connection that has just been accepted sends its request now
        await asyncio.sleep(_LINGER)
        await super().shutdown(sockets)

    def _protocol(self) -> asyncio.Protocol:
        return self.config.http_protocol_class(  # type: ignore[call-arg] # uvicorn's own protocols
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )

    def _stop(self) -> None:
        if self._parent is not None:
            asyncio.get_running_loop().remove_reader(self._parent)
        if self._is_stopping:
            if self._parent is None:
                logger.warning("ended at once by a second signal")
                os._exit(1)
            return
        self._is_stopping = True
        self._service.is_ready = False
        # each answer asks its client to close the connection, so that none is closed under it
        self.config.encoded_headers.append((b"connection", b"close"))
        self.server_state.default_headers = list(self.config.encoded_headers)
        logger.info("stopping: what was accepted is answered")
        asyncio.get_running_loop().call_later(self._grace, self._end)

    def _end(self) -> None:
        self.should_exit = True

    def _begin_reload(self) -> None:
        task = asyncio.ensure_future(self._reload())
        self._reloading.add(task)
        task.add_done_callback(self._reloading.discard)

    async def _reload(self) -> None:
        try:
            # not that of a subclass, which passes it on to other processes
            models = await asyncio.to_thread(Service.reload, self._service)
        except NerineError as error:
            logger.error("reload failed, the models stay as they were: %s", one_line(error))
        except Exception:
            logger.exception("reload failed, the models stay as they were")
        else:
            logger.info("reloaded %s", named(models))


def _waiting(place: socket.socket) -> list[socket.socket]:
    """Accepts the connections that wait, which would be reset when the socket is closed."""
    place.setblocking(False)
    found = []
    with contextlib.suppress(OSError):  # of none, or where another process was quicker
        while True:
            found.append(place.accept()[0])
    for connection in found:
        connection.setblocking(False)
    return found


def one_line(error: Exception) -> str:
    """The message of an error in one line, safe for a log."""
    return visible("; ".join(line.strip() for line in str(error).splitlines()))


def named(models: tuple[ServedModel, ...]) -> str:
    """The names and versions of models."""
    return visible(", ".join(f"{model.name} ({model.version})" for model in models))


@contextlib.contextmanager
def starting() -> Iterator[None]:
    """Inside the block SIGTERM ends the program, even process 1, and SIGHUP does nothing.

    A server that runs in the block has its own handlers.
    """
    before = {signal.SIGTERM: signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))}
    if hasattr(signal, "SIGHUP"):
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
