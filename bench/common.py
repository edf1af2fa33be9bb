"""What the benchmarks share: the corpus, the encoder, pairs of timings, a table."""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import torch

from nerine.corpus import Corpus, load_corpus
from nerine.settings import DEFAULT_ENCODER

WNUT = Path(__file__).parents[2] / "shared" / "wnut17"
ENCODER = DEFAULT_ENCODER


def wnut() -> Corpus:
    """WNUT 17, or the end of the benchmark with a reason."""
    if not WNUT.is_dir():
        sys.exit(f"skipped: the benchmarks read WNUT 17 from {WNUT}, which is not there")
    return load_corpus(WNUT)


def machine() -> str:
    """One line on what was measured with what."""
    packages = ("torch", "transformers", "tokenizers")
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    return (
        f"{_processor()}, {os.cpu_count()} processors, {torch.get_num_threads()} threads, "
        f"Python {platform.python_version()}, {versions}"
    )


def rates(
    sides: Mapping[str, Callable[[], Callable[[], object]]], items: int, rounds: int
) -> dict[str, list[float]]:
    """Items a second of each side, in turn, round by round; the first round is a warm-up.

    A side is a function that makes ready and returns the work, which alone is timed.
    """
    measured: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name, make_ready in sides.items():
            work = make_ready()
            began = time.perf_counter()
            work()
            if number:
                measured[name].append(items / (time.perf_counter() - began))
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


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown processor"
