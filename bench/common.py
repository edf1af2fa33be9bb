"""What the benchmarks of models share: corpus, encoder, machine, timings and the training loop."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

import torch

from bench.timing import print_rates, processor, rates
from nerine.data.corpus import Corpus, load_corpus
from nerine.training.settings import DEFAULT_ENCODER

WNUT = Path(__file__).parents[2] / "shared" / "wnut17"
ENCODER = DEFAULT_ENCODER

__all__ = ["ENCODER", "WNUT", "machine", "print_rates", "rates", "wnut"]


def wnut() -> Corpus:
    """WNUT 17; ends the benchmark with a reason if it is missing."""
    if not WNUT.is_dir():
        sys.exit(f"skipped: the benchmarks read WNUT 17 from {WNUT}, which is not there")
    return load_corpus(WNUT)


def machine() -> str:
    """One line with the machine and the versions."""
    packages = ("torch", "transformers", "tokenizers")
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    return (
        f"{processor()}, {os.cpu_count()} processors, {torch.get_num_threads()} threads, "
        f"Python {platform.python_version()}, {versions}"
    )
