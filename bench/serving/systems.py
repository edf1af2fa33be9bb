"""The systems under load: Nerine's server with each backend, and the peers."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from bench.serving.environments import ROOT, peers_python
from bench.serving.servers import PORT, System

BACKENDS = ("pytorch", "onnx-fp32", "onnx-int8")
PLAIN, BATCHING, LITSERVE = "FastAPI and pipeline", "FastAPI with batches", "LitServe"
SIZES = ((4, 0.005), (8, 0.005), (8, 0.02), (16, 0.01), (32, 0.01), (32, 0.05))
"""Sizes of a batch and the seconds in which it fills; peers with batches run at the best one."""

_SCRIPTS = Path(__file__).with_name("peers")


def nerine_system(
    checkpoint: str, backend: str, *, python: Path | None = None, options: Sequence[str] = ()
) -> System:
    """`nerine serve` with one backend.

    Args:
        checkpoint: A folder with the models of `nerine optimize`.
        backend: The backend.
        python: The Python of an environment with Nerine installed; by default this checkout runs
            in the environment of the benchmark.
        options: Further options of `nerine serve`.
    """
    command = ["-m", "nerine", "serve", checkpoint, "--host", "127.0.0.1", "--port", PORT]
    return System(
        f"Nerine, {backend}",
        [str(python or sys.executable), *command, "--backend", backend, *options],
        ready="/readyz",
        environment={"PYTHONPATH": "" if python else str(ROOT / "src")},
    )


def plain_peer(checkpoint: str, threads: int | None = None) -> System:
    """FastAPI around the pipeline, a text a request; `threads` are torch's, if not its default."""
    return _peer(PLAIN, "fastapi_pipeline.py", threads, checkpoint)


def batching_peer(checkpoint: str, threads: int | None, size: int, seconds: float) -> System:
    """FastAPI around the pipeline, with a queue that makes batches."""
    return _peer(BATCHING, "fastapi_batching.py", threads, checkpoint, str(size), str(seconds))


def litserve_peer(checkpoint: str, threads: int | None, size: int, seconds: float) -> System:
    """LitServe around the pipeline."""
    return _peer(LITSERVE, "litserve_batching.py", threads, checkpoint, str(size), str(seconds))


def _peer(name: str, script: str, threads: int | None, checkpoint: str, *arguments: str) -> System:
    command = [str(peers_python()), "-I", str(_SCRIPTS / script), checkpoint, PORT, *arguments]
    environment = {"PYTHONPATH": ""} | ({"OMP_NUM_THREADS": str(threads)} if threads else {})
    return System(name, command, path="/predict", environment=environment)
