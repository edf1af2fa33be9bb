"""Throughput of closed loops: the systems take turns, and all but one are paused."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack

from bench.serving.answers import Found
from bench.serving.load import Job, Measurement, measure
from bench.serving.servers import Server, System

CLIENTS = 32


def best_size(
    make: Callable[[int, float], System],
    sizes: Sequence[tuple[int, float]],
    texts: Sequence[str],
    seconds: float,
) -> System:
    """The system at the size and the waiting time of a batch with the highest rate."""
    rates: dict[tuple[int, float], float] = {}
    systems = {size: make(*size) for size in sizes}
    for size, system in systems.items():
        with Server(system) as server:
            server.wait()
            job = Job(server.port, system.path, texts, clients=CLIENTS, seconds=seconds)
            rates[size] = measure(job).rate
    shown = ", ".join(f"{size} in {wait:g} s {rate:.0f}" for (size, wait), rate in rates.items())
    best = max(rates, key=rates.__getitem__)
    name = systems[best].name
    print(f"\n{name}, requests/s by texts of a batch and time to fill it: {shown}", flush=True)
    return systems[best]


def throughput(
    systems: Sequence[System],
    texts: Sequence[str],
    expected: Mapping[str, Sequence[Found]],
    rounds: int,
    seconds: float,
) -> dict[str, list[Measurement]]:
    """A measurement of each system in each round; a first round warms them up.

    Args:
        systems: The systems.
        texts: The texts.
        expected: The entities of each text, by the name of a system whose answers are compared.
        rounds: The number of rounds.
        seconds: The length of a measurement.
    """
    measured: dict[str, list[Measurement]] = {system.name: [] for system in systems}
    with ExitStack() as stack:
        servers = [stack.enter_context(Server(system)) for system in systems]
        for server in servers:
            server.wait()
            server.pause()
        for number in range(rounds + 1):
            for server in servers:
                name = server.system.name
                job = Job(
                    server.port,
                    server.system.path,
                    texts,
                    expected=expected.get(name),
                    clients=CLIENTS,
                    seconds=seconds if number else min(seconds, 3.0),
                )
                server.resume()
                found = measure(job)
                server.pause()
                if number:
                    measured[name].append(found)
    return measured


def print_throughput(measured: Mapping[str, Sequence[Measurement]], peers: Sequence[str]) -> None:
    """A table of rates, with the ratios to each peer by round, and what went wrong."""
    columns = [
        *("requests/s (median)", "lowest to highest"),
        *(f"times {peer}" for peer in peers),
        *("requests", "wrong", "refused", "failed or lost", "generator, share of a core"),
    ]
    print(f"\n{CLIENTS} clients, one WNUT sentence a request\n")
    print(f"| | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
    for name, found in measured.items():
        rates = [each.rate for each in found]
        ratios = [
            [mine.rate / theirs.rate for mine, theirs in zip(found, measured[peer], strict=True)]
            for peer in peers
        ]
        refused = sum(each.statuses.get("429", 0) for each in found)
        cells = [
            *(f"{statistics.median(rates):.1f}", f"{min(rates):.1f} to {max(rates):.1f}"),
            *(f"{statistics.median(each):.2f}" for each in ratios),
            *(f"{sum(each.sent for each in found)}", f"{sum(each.wrong for each in found)}"),
            *(f"{refused}", f"{sum(each.failed for each in found)}"),
            f"{max(each.core for each in found):.2f}",
        ]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
