"""Training: samples per second of Nerine's loop against `Trainer` with random batches of 16.

All train one epoch on the same sentences of WNUT 17 from the same weights, with the same optimizer
and the same number of sentences in a batch, without scoring or saving. The loading of the encoder
is not timed. Nerine's recipe `four-epochs` freezes the word embeddings, masks words and keeps an
EMA of the weights; the row before it trains the same parameters as Trainer, without these. All use
the corpus's own tokens.

    python -m bench.training [--sentences 640] [--rounds 3]
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import (
    DataCollatorForTokenClassification,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from bench.common import ENCODER, machine, make_trainer, print_rates, rates, start, wnut
from nerine.data.corpus import Corpus
from nerine.model.loading.pretrained import quiet
from nerine.training.dataset import Collator, Examples
from nerine.training.recipes import RECIPES
from nerine.training.settings import TrainingSettings

PEER = "Trainer, random batches of 16"


def main() -> None:
    """Prints one table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sentences", type=int, default=640)
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    whole = wnut()
    corpus = Corpus(
        {"train": whole.train[: chosen.sentences], "validation": whole.validation[:1]},
        whole.labels,
        whole.source,
    )
    default = dataclasses.replace(RECIPES["four-epochs"], encoder=ENCODER, epochs=1, words="tokens")
    plain = dataclasses.replace(default, freeze_embeddings=False, masking=0.0, averaging=0.0)
    sides = {
        PEER: lambda: _trainer(corpus, plain),
        "Nerine, all weights": lambda: _nerine(corpus, plain),
        "Nerine, four-epochs": lambda: _nerine(corpus, default),
    }
    with quiet():
        measured = rates(sides, chosen.sentences, chosen.rounds)
    print(machine())
    print_rates(
        f"Training on {chosen.sentences} WNUT sentences with {ENCODER}",
        "samples/s",
        measured,
        PEER,
    )


def _nerine(corpus: Corpus, settings: TrainingSettings) -> Callable[[], object]:
    folder = Path(tempfile.gettempdir())  # named, but nothing is written
    return make_trainer(corpus, settings, folder, [_NoPause()]).train


def _trainer(corpus: Corpus, settings: TrainingSettings) -> Callable[[], object]:
    checkpoint, examples = start(corpus, settings)
    trainer = Trainer(
        model=checkpoint.model,
        args=TrainingArguments(
            output_dir=tempfile.gettempdir(),
            per_device_train_batch_size=16,
            num_train_epochs=1,
            learning_rate=2e-4,
            weight_decay=0.01,
            report_to="none",
            save_strategy="no",
            disable_tqdm=True,
            use_cpu=True,
            dataloader_pin_memory=False,
        ),
        train_dataset=_Plain(examples),
        data_collator=DataCollatorForTokenClassification(checkpoint.tokenizer),
    )
    trainer.remove_callback(PrinterCallback)
    return trainer.train


class _Plain(torch.utils.data.Dataset[dict[str, list[int]]]):
    """Examples as the notebook's tokenised data set has them."""

    def __init__(self, examples: Examples) -> None:
        collate = Collator(examples, pad_id=0)
        batches = (collate([index]) for index in range(len(examples)))
        columns = ("input_ids", "attention_mask", "labels")
        self._rows = [{name: batch[name][0].tolist() for name in columns} for batch in batches]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> dict[str, list[int]]:
        return self._rows[index]


class _NoPause(TrainerCallback):
    """Keeps Trainer from scoring and saving at the end of the epoch."""

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        control.should_evaluate = control.should_save = False


if __name__ == "__main__":
    main()
