"""The socket that a server listens on."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from nerine.core.errors import SettingsError

BACKLOG = 2048
"""The most connections that wait to be accepted."""

_REASONS = {
    errno.EADDRINUSE: ("is in use", "stop the other program, or choose another port; 0 finds one"),
    errno.EACCES: ("is not open to this user", "choose a port from 1024"),
    errno.EADDRNOTAVAIL: ("is not an address of this machine", "127.0.0.1, or 0.0.0.0 for all"),
}


def bound(host: str, port: int) -> socket.socket:
    """A socket with an address, which does not listen yet.

    Args:
        host: The name or address of one of the machine's interfaces.
        port: The port; 0 finds a free one.

    Raises:
        SettingsError: If the address cannot be had.
    """
    place = f"{host}:{port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:  # a name that is not known, or too long
        raise SettingsError(
            f"this address is not known: {error}", place=place, expected="such as 127.0.0.1"
        ) from None
    found = socket.socket(family, kind, protocol)
    with _told(found, place):
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
    return found


def bound_to_file(path: Path) -> socket.socket:
    """A Unix socket at a path, where no other server is.

    A file that a dead server left there is replaced.

    Args:
        path: The path.

    Raises:
        SettingsError: If there is something else, another server, or no folder.
    """
    found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with _told(found, str(path)):
        if path.exists():
            if not stat.S_ISSOCK(path.stat().st_mode):
                raise SettingsError("this file is not a socket", place=str(path))
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
                if other.connect_ex(str(path)) == 0:
                    raise OSError(errno.EADDRINUSE, "in use")
            path.unlink()
        found.bind(str(path))
        path.chmod(0o666)  # as open as a port of the machine itself
    return found


def listen(found: socket.socket) -> None:
    """Lets a socket take connections; raises `SettingsError` if another one has its address."""
    with _told(found, address_of(found)):
        found.listen(BACKLOG)


def address_of(found: socket.socket) -> str:
    """The address as users write it: `http://127.0.0.1:8000`, or `unix:PATH`."""
    name = found.getsockname()
    if isinstance(name, str | bytes):
        return f"unix:{os.fsdecode(name)}"
    host = f"[{name[0]}]" if ":" in name[0] else name[0]
    return f"http://{host}:{name[1]}"


@contextlib.contextmanager
def _told(found: socket.socket, place: str) -> Iterator[None]:
    """Closes a socket if the block fails, and tells why in words."""
    try:
        yield
    except OSError as error:
        found.close()
        reason, hint = _REASONS.get(error.errno or 0, (error.strerror or str(error), None))
        raise SettingsError(f"this address {reason}", place=place, hint=hint) from None
    except SettingsError:
        found.close()
        raise
