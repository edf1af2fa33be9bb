"""`nerine serve` against servers around `pipeline("ner")`: throughput, latency, start and memory.

    python -m bench.serving CHECKPOINT [--parts …] [--backends …] [--rounds 5] [--seconds 20]

CHECKPOINT is a folder with the models of `nerine optimize`. The texts are WNUT 17's test sentences,
one a request. All servers use the same cores, those of this process (`taskset` chooses them), with
their own numbers of threads; the load generator uses these cores too. The peers run in an
environment of their own, which is made on first use (`bench.serving.environments`).

The parts are: `throughput` at 32 clients, in turns; `latency` of an open loop at shares of that
capacity; `idle`, one text at a time against `tagger(text)`; `start`, cold start without torch
until ready; `memory` at rest and after 100,000 requests. `--quick` runs all of them in a tiny
setting, to see that they work: its figures say nothing.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from bench.common import machine, wnut
from bench.serving.answers import Found, expected_of
from bench.serving.environments import light_python
from bench.serving.footprint import print_memory, print_starts
from bench.serving.latency import loads, print_idle, print_idle_head, print_loads
from bench.serving.load import Measurement
from bench.serving.servers import System
from bench.serving.systems import (
    BACKENDS,
    SIZES,
    batching_peer,
    litserve_peer,
    nerine_system,
    plain_peer,
)
from bench.serving.throughput import best_size, print_throughput, throughput
from nerine.model.loading.pretrained import quiet
from nerine.model.tagger import Tagger

PARTS = ("throughput", "latency", "idle", "start", "memory")
PEERS = ("plain", "batching", "litserve")


def main() -> None:
    """Prints the tables."""
    chosen = _options()
    texts = [document.text for document in wnut().test]
    random.Random(0).shuffle(texts)
    print(machine(), flush=True)
    served = {name: nerine_system(chosen.checkpoint, name) for name in chosen.backends}
    faults = 0
    if "throughput" in chosen.parts or "latency" in chosen.parts:
        faults = _loads(chosen, served, texts)
    if "idle" in chosen.parts:
        print_idle_head()
        for name, system in served.items():
            with quiet():
                tagger = Tagger.load(chosen.checkpoint, backend=name)
            print_idle(system, tagger, texts, chosen.rounds, chosen.texts)
    if "start" in chosen.parts or "memory" in chosen.parts:
        _footprint(chosen, texts)
    if faults:
        sys.exit(f"{faults} requests to Nerine were answered wrong, failed or got lost")


def _options() -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("checkpoint", help="a folder with the models of nerine optimize")
    options.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    options.add_argument("--backends", nargs="*", choices=BACKENDS, default=BACKENDS)
    options.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=float, default=20.0, help="length of a measurement")
    options.add_argument("--texts", type=int, default=300, help="texts a round on an idle server")
    options.add_argument("--requests", type=int, default=100_000, help="those of `memory`")
    options.add_argument("--peer-requests", type=int, default=100_000, help="the peer's")
    options.add_argument("--peer-threads", type=int, help="torch's; by default its own number")
    options.add_argument("--light-python", type=Path, help="a Python with Nerine, without torch")
    options.add_argument(
        "--capacity",
        nargs="+",
        type=_capacity,
        metavar="BACKEND=RATE",
        help="requests/s of each backend, if only the latency is measured",
    )
    options.add_argument("--quick", action="store_true", help="a tiny setting")
    chosen = options.parse_args()
    if chosen.quick:
        chosen.rounds, chosen.seconds, chosen.texts = 1, 5.0, 20
        chosen.requests = chosen.peer_requests = 200
    return chosen


def _capacity(given: str) -> tuple[str, float]:
    backend, _, rate = given.partition("=")
    return backend, float(rate)


def _expected(checkpoint: str, backend: str, texts: Sequence[str]) -> list[Found]:
    with quiet():
        tagger = Tagger.load(checkpoint, backend=backend)
    return [expected_of(document) for document in tagger.predict(texts)]


def _loads(chosen: argparse.Namespace, served: dict[str, System], texts: Sequence[str]) -> int:
    """Prints throughput and latency; the number of Nerine's answers that were wrong or lacking."""
    expected = {served[name].name: _expected(chosen.checkpoint, name, texts) for name in served}
    capacities = dict(chosen.capacity or ())
    measured: list[Measurement] = []
    if "throughput" in chosen.parts or not capacities:
        found = _throughput(chosen, list(served.values()), texts, expected)
        for name, system in served.items():
            capacities[name] = statistics.median(each.rate for each in found[system.name])
            measured += found[system.name]
    if "latency" in chosen.parts:
        for name, system in served.items():
            answers = expected[system.name]
            shares = loads(system, texts, answers, capacities[name], chosen.seconds)
            print_loads(system.name, shares)
            measured += shares.values()
    return sum(each.wrong + each.failed for each in measured)


def _throughput(
    chosen: argparse.Namespace,
    served: Sequence[System],
    texts: Sequence[str],
    expected: dict[str, list[Found]],
) -> dict[str, list[Measurement]]:
    """Prints the tables; the measurements of each system."""
    makers = {"batching": batching_peer, "litserve": litserve_peer}
    peers = [plain_peer(chosen.checkpoint, chosen.peer_threads)] if "plain" in chosen.peers else []
    sizes = SIZES[:1] if chosen.quick else SIZES
    for name in chosen.peers:
        if name in makers:
            make = partial(makers[name], chosen.checkpoint, chosen.peer_threads)
            peers.append(best_size(make, sizes, texts, min(chosen.seconds, 5.0)))
    measured = throughput([*peers, *served], texts, expected, chosen.rounds, chosen.seconds)
    print_throughput(measured, [peer.name for peer in peers])
    return measured


def _footprint(chosen: argparse.Namespace, texts: Sequence[str]) -> None:
    python = chosen.light_python or light_python()
    light = nerine_system(chosen.checkpoint, "onnx-int8", python=python)
    peer = plain_peer(chosen.checkpoint, chosen.peer_threads)
    if "start" in chosen.parts:
        print_starts([light, peer], chosen.rounds)
    if "memory" in chosen.parts:
        print_memory([(light, chosen.requests), (peer, chosen.peer_requests)], texts)


if __name__ == "__main__":
    main()
