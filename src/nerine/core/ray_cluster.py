"""A cluster of Ray: where it is, and a connection to it. Needs the extra `ray`."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

from nerine.core.arguments import check_fields
from nerine.core.errors import NerineError, first_line
from nerine.core.extras import import_extra
from nerine.core.settings import check

_REACHED = 10.0  # seconds until a cluster answers


@dataclass(frozen=True, slots=True)
class RayCluster:
    """A cluster of Ray, and how many workers there do the work.

    All of its machines have Nerine in the same version, and see the same files under the same
    names.

    Attributes:
        address: The address of a cluster, `"auto"` for the one that runs here, `"local"` for a new
            one on this machine; None for the one of RAY_ADDRESS or that runs here, else a new one.
            Without effect if this program has called `ray.init`.
        workers: The number of workers; None for as many as the cluster has CPUs for.
        threads: The number of threads of a worker, which asks Ray for as many CPUs.

    Raises:
        ArgumentError: If a field has another type.
        SettingsError: If a number is below 1.
    """

    address: str | None = None
    workers: int | None = None
    threads: int = 1

    def __post_init__(self) -> None:
        check_fields(self)
        if self.workers is not None:
            check("workers", self.workers, int, least=1)
        check("threads", self.threads, int, least=1)

    @contextlib.contextmanager
    def connected(self, error: type[NerineError], purpose: str) -> Iterator[ModuleType]:
        """The module `ray` with a connection to the cluster, which ends with the context.

        A connection that the program has made before stays.

        Args:
            error: The class of the error if there is no such cluster.
            purpose: What needs Ray, for the message if it is not installed.

        Raises:
            MissingExtraError: If Ray is not installed.
            NerineError: An `error`.
        """
        ray = import_extra("ray", "ray", purpose)
        if ray.is_initialized():
            yield ray
            return
        try:
            self._reach()
            with _own_signals():
                ray.init(address=self.address, log_to_driver=False, logging_level="ERROR")
        except (OSError, RuntimeError, ValueError) as failure:
            raise error(
                f"there is no cluster of Ray here: {first_line(failure)}",
                place=self.address,
                expected='the address of a running cluster, "auto" or "local"',
                hint="ray status shows whether one is running",
            ) from failure
        try:
            yield ray
        finally:
            ray.shutdown()

    def number_of_workers(self, ray: ModuleType) -> int:
        """The number of workers: as stated, or as many as the connected cluster has CPUs for."""
        cpus = int(ray.cluster_resources().get("CPU", 1))
        return self.workers or max(1, cpus // self.threads)

    def _reach(self) -> None:
        """Raises `OSError` if nothing answers at the address, for which Ray would wait."""
        host, _, port = (self.address or "").removeprefix("ray://").rpartition(":")
        if host and port.isdecimal():
            socket.create_connection((host.strip("[]"), int(port)), _REACHED).close()


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """Keeps what this program does on SIGTERM, which Ray replaces."""
    handler = signal.getsignal(signal.SIGTERM)
    yield
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)


def enter(folder: str) -> None:
    """Makes the driver's folder that of this process, from which names of files are read."""
    with contextlib.suppress(OSError):  # names that begin at the root need none
        os.chdir(folder)
