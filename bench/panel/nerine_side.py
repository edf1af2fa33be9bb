"""Nerine with its default recipe, whatever that is for a corpus."""

from __future__ import annotations

import tempfile
from importlib.metadata import version
from pathlib import Path

from bench.common import ENCODER
from bench.panel.outcome import Clock, Outcome
from nerine.data.corpus import Corpus
from nerine.training.settings import TrainingSettings
from nerine.training.train import train


def nerine(corpus: Corpus, seed: int) -> Outcome:
    """Trains with the default settings, and predicts with the checkpoint that is kept."""
    with tempfile.TemporaryDirectory() as folder:
        settings = TrainingSettings(encoder=ENCODER, seed=seed)
        clock = Clock()
        run = train(corpus, output=Path(folder) / "run", settings=settings)
        minutes = clock.minutes()
        predicted = run.tagger().predict(corpus.test)
    return Outcome(
        best_epoch=run.best.epoch,
        validation_f1=run.best.f1,
        predicted={"strict": predicted},
        validation_share=sum(each.validation_seconds or 0 for each in run.epochs)
        / (60 * minutes["minutes"]),
        versions={name: version(name) for name in ("nerine", "torch", "transformers")},
        **minutes,
    )
