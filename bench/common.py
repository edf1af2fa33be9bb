"""What the benchmarks of models share: corpus, encoder, machine, timings and the training loop."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import torch
from transformers import TrainerCallback

from bench.timing import print_rates, processor, rates
from nerine.data.corpus import Corpus, load_corpus
from nerine.model.encoding import Encoder
from nerine.model.heads import TagHead
from nerine.model.loading.checkpoint import Checkpoint
from nerine.training.dataset import Examples, make_examples
from nerine.training.initialization import initialize_bias, new_checkpoint
from nerine.training.loop import NerTrainer
from nerine.training.losses import GoldLoss
from nerine.training.plan import plan_training
from nerine.training.settings import DEFAULT_ENCODER, TrainingSettings
from nerine.training.states import States

WNUT = Path(__file__).parents[2] / "shared" / "wnut17"
ENCODER = DEFAULT_ENCODER

__all__ = ["ENCODER", "WNUT", "machine", "make_trainer", "print_rates", "rates", "start", "wnut"]


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


def start(corpus: Corpus, settings: TrainingSettings) -> tuple[Checkpoint, Examples]:
    """The initial checkpoint of a training run, and its examples."""
    checkpoint = new_checkpoint(corpus, settings)
    used = checkpoint.settings
    encoder = Encoder(
        checkpoint.tokenizer, words=used.words, max_length=used.max_length, overlap=used.overlap
    )
    return checkpoint, make_examples(corpus.train, encoder, TagHead(used))


def make_trainer(
    corpus: Corpus,
    settings: TrainingSettings,
    folder: Path,
    callbacks: Sequence[TrainerCallback] = (),
) -> NerTrainer:
    """The loop of `nerine.train`, alone, with its states in `folder`."""
    settings = plan_training(corpus, settings).settings
    checkpoint, examples = start(corpus, settings)
    if settings.tag_prior:
        initialize_bias(checkpoint.model, examples)
    return NerTrainer(
        checkpoint,
        settings,
        examples=examples,
        loss=GoldLoss(
            TagHead(checkpoint.settings), settings.masking, checkpoint.tokenizer.mask_token_id
        ),
        validation=corpus.validation,
        states=States(folder),
        callbacks=callbacks,
    )
