"""Tagging: sentences a second of `Tagger` against `pipeline("ner")`, from text to entities.

Both tag the sentences of WNUT 17's test split with the same weights. The pipeline runs with its
default batch size, 1, and with each of some others, of which the best one counts.

    python -m bench.tagging [CHECKPOINT] [--sentences 1287] [--rounds 3]

Without a checkpoint, the encoder is fine-tuned on the bundled sample for two epochs first: a head
that has learned nothing finds entities everywhere, and its tagging would cost other work.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from transformers import pipeline

from bench.common import ENCODER, machine, print_rates, rates, wnut
from nerine.corpus import SAMPLE, load_corpus
from nerine.pretrained import quiet
from nerine.tagger import Tagger
from nerine.training import train

BATCH_SIZES = (1, 4, 8, 16, 32, 64)


def main() -> None:
    """Prints one table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("checkpoint", nargs="?", help="by default made on the bundled sample")
    options.add_argument("--sentences", type=int, default=1287)
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    texts = [document.text for document in wnut().test[: chosen.sentences]]
    with tempfile.TemporaryDirectory() as folder, quiet():
        checkpoint = chosen.checkpoint or _trained(Path(folder) / "checkpoint")
        best = _best_batch_size(checkpoint, texts[:320])
        sides: dict[str, Callable[[], Callable[[], object]]] = {
            "pipeline, default (batch size 1)": lambda: _pipeline(checkpoint, texts, 1),
            f"pipeline, best batch size ({best})": lambda: _pipeline(checkpoint, texts, best),
            "Nerine, PyTorch": lambda: _nerine(checkpoint, texts),
        }
        measured = rates(sides, len(texts), chosen.rounds)
    print(machine())
    for peer in list(sides)[:2]:
        print_rates(
            f"Tagging {len(texts)} WNUT sentences, {ENCODER}, from text to entities",
            "sentences/s",
            measured,
            peer,
        )


def _trained(folder: Path) -> str:
    train(load_corpus(SAMPLE), output=folder, encoder=ENCODER, epochs=2)
    return str(folder)


def _pipeline(checkpoint: str, texts: list[str], batch_size: int) -> Callable[[], None]:
    tag: Any = pipeline(  # type: ignore[call-overload] # its overloads know no folders
        "ner", model=checkpoint, aggregation_strategy="simple", device="cpu"
    )

    def work() -> None:
        for _ in tag(texts, batch_size=batch_size):
            pass

    return work


def _nerine(checkpoint: str, texts: list[str]) -> Callable[[], None]:
    tagger = Tagger.load(checkpoint, device="cpu")

    def work() -> None:
        tagger.predict(texts)

    return work


def _best_batch_size(checkpoint: str, texts: list[str]) -> int:
    sides = {str(size): partial(_pipeline, checkpoint, texts, size) for size in BATCH_SIZES}
    measured = rates(sides, len(texts), rounds=1)
    return int(max(measured, key=lambda size: statistics.median(measured[size])))


if __name__ == "__main__":
    main()
