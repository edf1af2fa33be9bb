"""Timings in turns, a table of them, and the processor's name, without other libraries.

Benchmarks of models take these from `bench.common`.
"""

from __future__ import annotations

import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


def rates(
    sides: Mapping[str, Callable[[], Callable[[], object]]],
    items: int,
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Items per second of each side, in turn, round by round; the first round is a warm-up.

    A side is a function that prepares and returns the work; `clock` times only the work.
    """
    measured: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name, make_ready in sides.items():
            work = make_ready()
            began = clock()
            work()
            if number:
                measured[name].append(items / (clock() - began))
    return measured


def print_rates(title: str, unit: str, measured: Mapping[str, Sequence[float]], peer: str) -> None:
    """The median rate of each side, and the median of its ratios against `peer` by round."""
    print(f"\n{title}\n")
    print(f"| | {unit} (median) | lowest to highest | times {peer} |")
    print("|---|---|---|---|")
    for name, values in measured.items():
        ratios = [mine / theirs for mine, theirs in zip(values, measured[peer], strict=True)]
        print(
            f"| {name} | {statistics.median(values):.1f} | {min(values):.1f} to {max(values):.1f} "
            f"| {statistics.median(ratios):.2f} |"
        )
    sys.stdout.flush()


def processor() -> str:
    """The name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown processor"
