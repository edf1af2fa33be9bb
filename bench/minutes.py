"""Minutes until the course notebook's test F1, 0.4156, is passed, under two recipes.

    python -m bench.minutes [--seed 0]

The notebook reached it with DistilBERT after two epochs. Here both recipes start from the small
encoder. The test split is tagged after every epoch; the run ends when F1 passes the mark. The clock
is stopped meanwhile, and the scores choose nothing.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import time
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from bench.common import ENCODER, machine, make_trainer, wnut
from nerine.data.corpus import Corpus
from nerine.evaluation.evaluate import evaluate
from nerine.model.loading.pretrained import quiet
from nerine.model.tagger import Tagger
from nerine.training.recipes import RECIPES

MARK = 0.4156


def main() -> None:
    """Prints a row for each epoch."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seed", type=int, default=0)
    seed = options.parse_args().seed
    corpus = wnut()
    print(machine())
    print(f"\nMinutes until test F1 passes {MARK}, {ENCODER}, seed {seed}\n")
    print("| recipe | epoch | minutes | test F1 | passed |\n|---|---|---|---|---|", flush=True)
    for name, settings in RECIPES.items():
        with tempfile.TemporaryDirectory() as folder, quiet():
            chosen = dataclasses.replace(settings, seed=seed)
            trainer = make_trainer(corpus, chosen, Path(folder))
            tagger = Tagger.from_checkpoint(trainer.checkpoint())
            trainer.add_callback(_Watch(name, corpus, tagger))
            trainer.train()


class _Watch(TrainerCallback):
    def __init__(self, name: str, corpus: Corpus, tagger: Tagger) -> None:
        self._name, self._tagger, self._corpus = name, tagger, corpus
        self._began = 0.0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self._began = time.monotonic()

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        paused = time.monotonic()
        minutes = (paused - self._began) / 60
        f1 = evaluate(self._tagger, self._corpus.test).overall.f1
        passed = "yes" if f1 > MARK else "no"
        row = f"| {self._name} | {state.epoch:g} | {minutes:.1f} | {f1:.4f} | {passed} |"
        print(row, flush=True)
        self._began += time.monotonic() - paused
        control.should_training_stop = f1 > MARK


if __name__ == "__main__":
    main()
