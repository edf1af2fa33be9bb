"""A lease that expires: at most one process of all machines drives or plans a run.

A lease is a folder on a file system that all machines see. Each holder has a file there, numbered
one higher than that of the holder before it:

    driver.lease/
        000007            the present holder: its host and process; renewed by touching it
        000006.free       a holder that has released the lease; removed by the next one

A file is created only if its name is free, which file systems do for one process alone. A lease
that was not renewed for a time has expired, and the process that creates the next number has it.
Numbers are never used again, so a holder that was paused finds a higher one, and stops.

The clocks of the machines are not compared: the age of a file is taken against that of a new one
in the same folder. A process that was killed on this machine is seen at once, without waiting.

A lease spares work that would be done twice. It does not protect outputs: a holder that was paused
is stopped at its next `Lease.check` only.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from nerine.core.errors import TaggingError
from nerine.core.files import write_errors

EXPIRES = 60.0
"""Seconds after which a lease that was not renewed has expired."""

_FREE = ".free"
_RENEWALS = 12
"""Renewals until a lease would expire."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that holds a lease.

    Attributes:
        host: The name of its machine; empty if it has not written it yet.
        pid: The number of its process there.
        seconds: The time since it renewed the lease.
        started: What tells it from a later process of that number; empty if unknown.
        machine: What tells its machine, and its container, from others; empty if unknown.
        token: A name of this lease alone.
    """

    host: str = ""
    pid: int = 0
    seconds: float = 0.0
    started: str = ""
    machine: str = ""
    token: str = ""

    def __str__(self) -> str:
        if not self.host:
            return "a process that has just begun"
        return f"process {self.pid} on {self.host}, last seen {self.seconds:.0f} s ago"

    @property
    def is_dead(self) -> bool:
        """Whether it is known to have ended; that of another machine is not."""
        here = self.machine and self.machine == _machine()
        return bool(here) and _started(self.pid) != self.started


class _Entry(NamedTuple):
    """A file in the folder of a lease. Entries are ordered by their numbers."""

    number: int
    is_free: bool
    path: Path


class Lease:
    """A lease that this process holds, and renews in a thread until it is released.

    A context manager, which releases it.

    Args:
        path: Its file.
        holder: This process, as written to the file.
        expires: Seconds until others may take it.
        place: What is leased, in messages.
    """

    def __init__(self, path: Path, holder: Holder, expires: float, place: str) -> None:
        self._path = path
        self._holder = holder
        self._expires = expires
        self._place = place
        self._lost: TaggingError | None = None
        self._renewed = time.monotonic()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._renew_often, daemon=True, name="nerine-lease")
        self._thread.start()

    def __enter__(self) -> Lease:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def check(self) -> None:
        """Raises `TaggingError` if another process has taken the lease."""
        if self._lost is None and time.monotonic() - self._renewed > self._expires / _RENEWALS:
            self.renew()
        if self._lost is not None:
            raise self._lost

    def renew(self) -> None:
        """Renews the lease, or notes that it is lost."""
        if self._lost is not None:
            return
        try:
            os.utime(self._path)
            is_held = self._is_held()
        except FileNotFoundError:
            is_held = False
        except OSError as error:  # it may pass
            if time.monotonic() - self._renewed < self._expires:
                return
            self._lost = self._loss(f"it could not be renewed: {error.strerror or error}")
            return
        if is_held:
            self._renewed = time.monotonic()
        else:
            self._lost = self._loss(f"it was taken by {self._successor()}")

    def _is_held(self) -> bool:
        latest = max(_entries(self._path.parent), default=None)
        return (
            latest is not None
            and latest.path == self._path
            and _holder_in(self._path).token == self._holder.token
        )

    def _successor(self) -> str:
        with contextlib.suppress(OSError):
            latest = max(_entries(self._path.parent), default=None)
            if latest is not None and not latest.is_free:
                return str(_read(latest, self._path.parent))
        return "another process, which has ended"

    def _loss(self, reason: str) -> TaggingError:
        return TaggingError(
            f"this process has lost the lease: {reason}",
            place=self._place,
            expected=f"to be able to renew it every {self._expires:.0f} seconds",
            hint="shards that are done stay done; --resume continues when no other process does",
        )

    def _renew_often(self) -> None:
        while not self._end.wait(self._expires / _RENEWALS):
            self.renew()

    def release(self) -> None:
        """Lets other processes take the lease; does nothing if it was lost."""
        self._end.set()
        self._thread.join()
        with contextlib.suppress(OSError):  # then it expires
            if self._is_held():
                self._path.rename(self._path.with_name(self._path.name + _FREE))


def take(folder: Path, place: str, expires: float = EXPIRES) -> Lease:
    """Takes a lease.

    Args:
        folder: The lease's folder, which is made if it is missing.
        place: What is leased, in messages.
        expires: Seconds after which one that was not renewed has expired. All processes have to
            agree on it.

    Raises:
        TaggingError: If another process holds it, or the folder cannot be written.
    """
    with write_errors(TaggingError, folder, "free some space or correct the error"):
        found = try_take(folder, place, expires)
    if isinstance(found, Lease):
        return found
    raise TaggingError(
        f"another process is at work here: {found}",
        place=place,
        expected="one at a time",
        hint=f"wait for it or stop it; if it is gone, try again after {expires:.0f} seconds",
    )


def try_take(folder: Path, place: str, expires: float = EXPIRES) -> Lease | Holder:
    """As `take`, but returns who holds it if another process does. Raises `OSError`."""
    folder.mkdir(parents=True, exist_ok=True)
    holder = Holder(
        socket.gethostname(), os.getpid(), 0.0, _started(os.getpid()), _machine(), uuid.uuid4().hex
    )
    while True:
        latest = max(_entries(folder), default=None)
        if latest is not None and not latest.is_free:
            with contextlib.suppress(FileNotFoundError):  # released in this moment
                other = _read(latest, folder)
                if other.seconds <= expires and not other.is_dead:
                    return other
        number = latest.number + 1 if latest else 1
        path = folder / f"{number:06}"
        if not _create(path, holder):
            continue
        others = [entry for entry in _entries(folder) if entry.path != path]
        if any(entry.number >= number for entry in others):  # this process was paused before
            path.unlink(missing_ok=True)
            continue
        for entry in others:
            entry.path.unlink(missing_ok=True)
        return Lease(path, holder, expires, place)


def _create(path: Path, holder: Holder) -> bool:
    """Creates the file of a holder; False if there is one."""
    values = {name: getattr(holder, name) for name in ("host", "pid", "started", "machine")}
    try:
        with path.open("x", encoding="utf-8") as stream:
            json.dump({**values, "token": holder.token}, stream)
    except FileExistsError:
        return False
    return True


def _entries(folder: Path) -> Iterator[_Entry]:
    for path in folder.iterdir():
        number = path.name.removesuffix(_FREE)
        if number.isdecimal():
            yield _Entry(int(number), path.name != number, path)


def _read(entry: _Entry, folder: Path) -> Holder:
    """The holder in a file, with the seconds since it was renewed."""
    now = _now(folder)
    holder = _holder_in(entry.path)
    seconds = max(0.0, (now - entry.path.stat().st_mtime_ns) / 1e9)
    return Holder(holder.host, holder.pid, seconds, holder.started, holder.machine, holder.token)


def _holder_in(path: Path) -> Holder:
    """The holder that is written in a file; an empty one if it is incomplete."""
    # opened, and not looked up, since NFS then asks its server
    with path.open(encoding="utf-8") as stream, contextlib.suppress(ValueError, TypeError):
        return Holder(**json.load(stream))
    return Holder()


def _now(folder: Path) -> int:
    """The time of the file system, in nanoseconds."""
    probe = folder / f"{uuid.uuid4().hex}.now"
    try:
        probe.touch(exist_ok=False)
        os.utime(probe)  # as leases are renewed
        return probe.stat().st_mtime_ns
    finally:
        probe.unlink(missing_ok=True)


def _machine() -> str:
    """What tells this machine since its start, and the container, from others, on Linux."""
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    return ""


def _started(pid: int) -> str:
    """When a process of this machine was started, in the kernel's ticks; empty if it has ended."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        if fields[0] not in "ZX":  # it has ended, and its parent has not asked yet
            return fields[19]
    return ""
