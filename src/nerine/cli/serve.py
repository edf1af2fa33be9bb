"""`nerine serve`: a server for other programs."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nerine.cli.completion import CHECKPOINT
from nerine.cli.flags import FILE, Decorator, default_option, gathered
from nerine.cli.help import Command, options_in
from nerine.cli.model_options import ModelOptions, tagging_options
from nerine.cli.terminal import say, working
from nerine.core.display import visible
from nerine.core.errors import SettingsError

if TYPE_CHECKING:
    from nerine.serving.http.app import AppOptions

_LOCAL = ("127.0.0.1", "::1", "localhost")
_COUNT = click.IntRange(min=1)


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """The options of a server that are not about its models."""

    host: str
    port: int
    uds: Path | None
    workers: int
    grace: float
    log: Any
    keys: tuple[str, ...]
    cors: tuple[str, ...]
    language: tuple[str, ...]
    limits: Mapping[str, int | None]

    @classmethod
    def of(cls, values: dict[str, Any]) -> ServerOptions:
        """The options by the values of their flags."""
        limits = {
            name: values.pop(flag)
            for name, flag in (
                ("body", "max_body"),
                ("texts", "max_texts"),
                ("characters", "max_characters"),
                ("queue", "queue"),
                ("seconds", "timeout"),
            )
        }
        keys = (*values.pop("key"), *_keys_in(values.pop("key_file")))
        return cls(**values, keys=keys, limits=limits)

    def of_app(self) -> AppOptions:
        """The options of the app."""
        from nerine.serving.http.app import AppOptions
        from nerine.serving.http.limits import Limits

        return AppOptions(Limits(**self.limits), self.keys, self.cors, self.language)  # type: ignore[arg-type] # of the flags

    def bind(self) -> socket.socket:
        """The socket of the address; raises `SettingsError` if it cannot be had."""
        from nerine.serving.http.sockets import bound, bound_to_file

        return bound(self.host, self.port) if self.uds is None else bound_to_file(self.uds)


def _keys_in(path: Path | None) -> list[str]:
    """The keys in a file, one a line."""
    if path is None:
        return []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"cannot be read: {error}", place=str(path)) from None
    keys = [line.strip() for line in lines if line.strip()]
    if not keys:
        raise SettingsError("this file has no key", place=str(path), expected="a key a line")
    return keys


_access, _limit = options_in("Who may use it"), options_in("Limits")


def _most(flag: str, default: int, text: str, metavar: str = "N") -> Decorator:
    return _limit(flag, default=default, show_default=True, type=_COUNT, metavar=metavar, help=text)


_SERVER: list[Decorator] = [
    default_option(
        "--host", "127.0.0.1", "Address to listen on; 0.0.0.0 for all of the machine's."
    ),
    default_option(
        "--port", 8000, "Port; 0 finds a free one.", type=click.IntRange(0, 65535), metavar="N"
    ),
    click.option(
        "--uds", type=FILE, metavar="PATH", help="Unix socket, in place of host and port."
    ),
    _access(
        "--key",
        multiple=True,
        metavar="KEY",
        envvar="NERINE_KEY",
        help="Key that requests must have; may be repeated. Other users of the machine see it in "
        "the list of processes: rather use NERINE_KEY or --key-file.  [default: none is needed]",
    ),
    _access("--key-file", type=FILE, metavar="FILE", help="File with a key in each line."),
    _access(
        "--cors",
        multiple=True,
        metavar="ORIGIN",
        help="Origin of a page elsewhere that may use the server, such as https://example.org; "
        "may be repeated.  [default: none]",
    ),
    click.option(
        "--language",
        multiple=True,
        default=("en",),
        metavar="CODE",
        show_default="en",
        help="Language of the models, which Presidio's clients ask for; may be repeated.",
    ),
    _most("--max-body", 8 * 1024 * 1024, "Most bytes of a request."),
    _most("--max-texts", 256, "Most texts of a request."),
    _most("--max-characters", 2_000_000, "Most characters of a text."),
    _limit(
        "--queue",
        type=_COUNT,
        metavar="N",
        help="Refuse requests while about so many subwords wait.  [default: what the models run in "
        "0.12 seconds, found at the start]",
    ),
    _most("--timeout", 60, "Most seconds that a request may take.", metavar="SECONDS"),
    default_option(
        "--grace",
        0.0,
        "Seconds after SIGTERM in which the server says that it is not ready, but still serves.",
        type=click.FloatRange(min=0),
        metavar="SECONDS",
    ),
    default_option(
        "--log",
        "words",
        "Form of the log on standard error; none: only what went wrong.",
        type=click.Choice(("words", "json", "none")),
    ),
    default_option(
        "--workers", 1, "Number of processes, each with its models.", type=_COUNT, metavar="N"
    ),
]
server_options = gathered(_SERVER, "server", ServerOptions.of)


@click.command(
    cls=Command,
    short_help="Serve models over HTTP.",
    context_settings={"auto_envvar_prefix": "NERINE_SERVE"},
    epilog="""\b
Examples:
  nerine serve runs/wnut
  nerine serve runs/wnut runs/b=beta --port 9000
  NERINE_KEY=secret nerine serve runs/wnut --host 0.0.0.0 --log json

SIGTERM ends the server when it has answered what it has accepted, a second signal at once; SIGHUP
loads the models again. Each option can be given as an environment variable: --max-body is
NERINE_SERVE_MAX_BODY, and the checkpoints are NERINE_SERVE_CHECKPOINTS, with spaces between them.
""",
)
@click.argument(
    "checkpoints",
    type=CHECKPOINT,
    metavar="CHECKPOINT[=NAME]...",
    nargs=-1,
    required=True,
    envvar="NERINE_SERVE_CHECKPOINTS",
)
@server_options
@tagging_options
def serve(checkpoints: tuple[str, ...], server: ServerOptions, model: ModelOptions) -> None:
    """Serve each CHECKPOINT, a folder or hub id, over HTTP.

    A request names a model by NAME, by default the last part of the path; the first one is used
    where it names none.
    """
    from nerine.serving.http.logs import logging_as

    named = checkpoints_by_name(checkpoints)
    model.check_one(checkpoints)
    with server.bind() as place, logging_as(server.log):
        if server.workers > 1:
            _serve_with_workers(named, server, model, place)
        else:
            _serve(named, server, model, place, partial(_announce, server, list(named)))


def checkpoints_by_name(given: tuple[str, ...]) -> dict[str, str]:
    """The checkpoints by the names under which they are served; raises `SettingsError`."""
    from nerine.model.loading.sources import short_name

    named: dict[str, str] = {}
    for each in given:
        checkpoint, equals, name = each.rpartition("=")
        if not equals or Path(each).expanduser().is_dir():
            checkpoint, name = each, short_name(each)
        if not name or not checkpoint:
            raise SettingsError(
                f"{each!r} does not name a checkpoint",
                expected="a folder or a hub id, or CHECKPOINT=NAME",
            )
        if name in named:
            raise SettingsError(
                f"two models have the name {name}",
                place=each,
                hint=f"state another name: {checkpoint}=NAME",
            )
        named[name] = checkpoint
    return named


def _announce(server: ServerOptions, names: list[str], address: str) -> None:
    """Prints the address on standard output, in the form of the log."""
    message = f"serving {visible(', '.join(names))} at {address}"
    if server.log == "json":
        line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "level": "info"}
        message = json.dumps({**line, "message": message, "address": address}, ensure_ascii=False)
    click.echo(message)
    if not server.keys and server.uds is None and server.host not in _LOCAL:
        say("note: no key is needed, and other machines may reach this address")


def _serve(
    named: Mapping[str, str],
    server: ServerOptions,
    model: ModelOptions,
    place: socket.socket,
    announce: Callable[[str], None],
    parent: int | None = None,
) -> None:
    """Loads the models and serves them in this process."""
    from nerine.serving.http import running
    from nerine.serving.http.models import served_models

    options = server.of_app()
    with running.starting():
        with working(f"loading {', '.join(named.values())}"):
            models = served_models(named, lambda checkpoint: model.tagger(model.find(checkpoint)))
        service = running.service_of(models, options, parent)
        running.run(service, options, place, ready=announce, grace=server.grace, parent=parent)


def _serve_with_workers(
    named: Mapping[str, str],
    server: ServerOptions,
    model: ModelOptions,
    place: socket.socket,
) -> None:
    """Serves the models in several processes."""
    from nerine.serving.http.sockets import address_of, listen
    from nerine.serving.http.workers import supervise

    first = os.getpid()
    listen(place)
    supervise(
        server.workers,
        place,
        lambda pipe: _serve(
            named, server, model, place, lambda _: os.kill(first, signal.SIGUSR1), pipe
        ),
        lambda: _announce(server, list(named), address_of(place)),
    )
    if server.uds is not None:
        server.uds.unlink(missing_ok=True)
