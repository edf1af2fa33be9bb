"""Latency: of open loops at shares of the capacity, and of one text at a time on an idle server."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence

from bench.serving.answers import Found
from bench.serving.load import Job, Measurement, measure
from bench.serving.servers import Server, System
from nerine.model.tagger import Tagger

SHARES = (0.5, 0.8, 0.95, 2.0)


def loads(
    system: System,
    texts: Sequence[str],
    expected: Sequence[Found] | None,
    capacity: float,
    seconds: float,
) -> dict[float, Measurement]:
    """Measurements of open loops at each share of the capacity, in requests a second."""
    with Server(system) as server:
        server.wait()
        job = Job(server.port, system.path, texts, seconds=min(seconds, 3.0))
        measure(job)  # a warm-up
        return {
            share: measure(
                Job(
                    server.port,
                    system.path,
                    texts,
                    expected=expected,
                    rate=share * capacity,
                    seconds=seconds,
                    warmup=min(seconds / 4, 5.0),
                )
            )
            for share in SHARES
        }


def print_loads(name: str, measured: dict[float, Measurement]) -> None:
    """A table of the loads of one system."""
    print(f"\n{name}: latency from the moment a request was due, in ms\n")
    print(
        "| load | requests | answered/s | p50 | p95 | p99 | refused | p99 of those | wrong "
        "| failed or lost | sent late, p99 | generator, share of a core |"
    )
    print("|---|" + "---|" * 11)
    for share, found in measured.items():
        latencies = " | ".join(f"{each:.1f}" for each in found.latencies)
        print(
            f"| {share:.0%} | {found.sent} | {found.rate:.1f} | {latencies} "
            f"| {found.share(429):.1%} | {found.refused:.1f} | {found.wrong} | {found.failed} "
            f"| {found.late:.1f} | {found.core:.2f} |"
        )
    times = measured[2.0].latencies[2] / measured[0.8].latencies[2]
    print(f"\np99 of what is accepted at 200 %: {times:.2f} times that at 80 %", flush=True)


def print_idle(
    system: System, tagger: Tagger, texts: Sequence[str], rounds: int, number: int
) -> None:
    """The median milliseconds of one text at a time: the server and the tagger take turns.

    Args:
        system: The server.
        tagger: The same model in this process.
        texts: The texts.
        rounds: The number of rounds, after one that warms up.
        number: The number of texts a round.
    """
    ratios, ours, theirs = [], [], []
    with Server(system) as server:
        server.wait()
        for count in range(rounds + 1):
            some = [texts[(count * number + index) % len(texts)] for index in range(number)]
            job = Job(server.port, system.path, some, clients=1, warmup=0, requests=number)
            served, called = measure(job).latencies[0], _median_call(tagger, some)
            if count:
                ours.append(served)
                theirs.append(called)
                ratios.append(served / called)
    print(
        f"| {system.name} | {statistics.median(theirs):.2f} | {statistics.median(ours):.2f} "
        f"| {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) |",
        flush=True,
    )


def _median_call(tagger: Tagger, texts: Sequence[str]) -> float:
    """The median milliseconds of `tagger(text)`."""
    milliseconds = []
    for text in texts:
        began = time.perf_counter()
        tagger(text)
        milliseconds.append(1000 * (time.perf_counter() - began))
    return statistics.median(milliseconds)


def print_idle_head() -> None:
    """The head of the table of `print_idle`."""
    print("\nOne text at a time on an idle server, median in ms\n")
    print("| | `tagger(text)` in the process | the server | ratio by round |")
    print("|---|---|---|---|")
    sys.stdout.flush()
