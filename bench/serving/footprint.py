"""Cold start until a server is ready, and its resident memory at rest and after many requests."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from bench.serving.load import Job, measure
from bench.serving.servers import Server, System

CLIENTS = 32
_EARLY = 1000


def print_starts(systems: Sequence[System], rounds: int) -> None:
    """A table of the seconds until each system is ready; a first start fills the disk's cache."""
    print("\nCold start until ready, in seconds\n\n| | first | median of the next | highest |")
    print("|---|---|---|---|")
    for system in systems:
        seconds = []
        for _ in range(rounds + 1):
            with Server(system) as server:
                seconds.append(server.wait())
        first, *rest = seconds
        print(
            f"| {system.name} | {first:.2f} | {statistics.median(rest):.2f} | {max(rest):.2f} |",
            flush=True,
        )


def print_memory(sizes: Sequence[tuple[System, int]], texts: Sequence[str]) -> None:
    """A table of the resident memory of each system, which answers a number of requests."""
    print(f"\nResident memory in MB, {CLIENTS} clients\n")
    print(f"| | at rest | after {_EARLY:,} requests | after all | growth | requests | failed |")
    print("|---|---|---|---|---|---|---|")
    for system, requests in sizes:
        with Server(system) as server:
            server.wait()
            memory, failed = [server.resident()], 0
            for number in (min(_EARLY, requests), requests - _EARLY):
                if number > 0:
                    job = Job(server.port, system.path, texts, warmup=0, requests=number)
                    failed += measure(job).failed
                memory.append(server.resident())
        rest, early, end = (each / 1e6 for each in memory)
        print(
            f"| {system.name} | {rest:.1f} | {early:.1f} | {end:.1f} | {end - rest:+.1f} "
            f"| {requests:,} | {failed} |",
            flush=True,
        )
