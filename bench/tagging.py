"""Tagging: sentences a second of `Tagger` against `pipeline("ner")`, from text to entities.

Both tag the sentences of WNUT 17's test split with the same weights. The pipeline runs with its
default batch size, 1, and with each of some others, of which the best one counts.

    python -m bench.tagging [CHECKPOINT] [--sentences 400] [--rounds 3]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import pipeline

from bench.common import ENCODER, machine, print_rates, rates, wnut
from nerine.checkpoint import save_checkpoint
from nerine.corpus import Corpus
from nerine.pretrained import quiet
from nerine.settings import TrainingSettings
from nerine.tagger import Tagger
from nerine.training import new_checkpoint

BATCH_SIZES = (1, 4, 8, 16, 32, 64)


def main() -> None:
    """Prints one table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("checkpoint", nargs="?", help="by default the encoder with a new head")
    options.add_argument("--sentences", type=int, default=400)
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    corpus = wnut()
    texts = [document.text for document in corpus.test[: chosen.sentences]]
    with tempfile.TemporaryDirectory() as folder, quiet():
        checkpoint = chosen.checkpoint or _untrained(corpus, Path(folder) / "checkpoint")
        best = _best_batch_size(checkpoint, texts[:160])
        sides: dict[str, Callable[[], None]] = {
            "pipeline, default (batch size 1)": _pipeline(checkpoint, texts, 1),
            f"pipeline, best batch size ({best})": _pipeline(checkpoint, texts, best),
            "Nerine, PyTorch": _nerine(checkpoint, texts),
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


def _untrained(corpus: Corpus, folder: Path) -> str:
    """A checkpoint whose head has learned nothing, which costs what any other costs."""
    save_checkpoint(folder, new_checkpoint(corpus, TrainingSettings(encoder=ENCODER)))
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
    sides = {str(size): _pipeline(checkpoint, texts, size) for size in BATCH_SIZES}
    measured = rates(sides, len(texts), rounds=1)
    return int(max(measured, key=lambda size: statistics.median(measured[size])))


if __name__ == "__main__":
    main()
