"""Corpus → checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from nerine.data.corpus import Corpus
from nerine.model.loading.pretrained import encoder_width
from nerine.model.settings import ModelSettings
from nerine.model.tagger import Tagger
from nerine.training.callbacks import Listener
from nerine.training.dataset import make_examples
from nerine.training.loop import TokenTrainer
from nerine.training.losses import GoldLabels
from nerine.training.run import Start, TrainingRun, carry_out, check_conditions, trainer_of
from nerine.training.settings import TrainingSettings
from nerine.training.start import new_checkpoint, rate_for_width, start_from_prior
from nerine.training.states import States

_RATES = 2e-4, 5e-5
"""Peak learning rates for a small encoder and for a base-sized one."""


def train(
    corpus: Corpus,
    *,
    output: str | Path,
    settings: TrainingSettings | None = None,
    resume: bool = False,
    listener: Listener | None = None,
    **changes: Any,
) -> TrainingRun:
    """Fine-tunes an encoder on `corpus.train` and keeps the epoch that is best on validation.

    The test split is not looked at. Without a validation split, documents are held out for one.

    Args:
        corpus: The corpus.
        output: The folder of the run; the checkpoint is written there.
        settings: How it learns; by default `TrainingSettings()`.
        resume: Whether to go on from the last whole state in `output`, under the settings of that
            run.
        listener: Whoever shows the progress.
        changes: Fields of `settings` by name, which they replace, as in `epochs=3`.

    Returns:
        What the run did, and where it is.

    Raises:
        TrainingError: Where the run cannot start, go on, or diverges.
        SettingsError: For a setting that does not exist, or a value that it cannot have.
        CorpusError: For a corpus without a training split.
        CheckpointError: For an encoder that is not there or cannot be used.
        EncodingError: For a tokenizer that gives no character offsets.
        SchemeError: For a tag scheme that there is not.
        HubError: For an encoder that cannot be reached.
        MissingExtraError: For an encoder of a package that is not installed.
    """
    chosen = with_learning_rate((settings or TrainingSettings()).changed(changes))
    return carry_out(
        corpus,
        chosen,
        lambda split: _start(split, chosen),
        output=output,
        about=_about_run(corpus, chosen),
        resume=resume,
        listener=listener,
    )


def make_trainer(
    corpus: Corpus,
    settings: TrainingSettings,
    states: States,
    callbacks: Sequence[TrainerCallback] = (),
) -> TokenTrainer:
    """The loop that `train` runs, alone."""
    settings = with_learning_rate(settings)
    return trainer_of(_start(corpus, settings), settings, corpus.validation, states, callbacks)


def _start(corpus: Corpus, settings: TrainingSettings) -> Start:
    checkpoint = new_checkpoint(corpus, settings)
    inference = Tagger.from_checkpoint(checkpoint).inference
    examples = make_examples(corpus.train, inference.encoder, inference.head)
    if settings.tag_prior:
        start_from_prior(checkpoint.model, examples)
    objective = GoldLabels(settings.masking, checkpoint.tokenizer.mask_token_id)
    return Start(checkpoint, examples, objective, _notes_on_windows(settings, checkpoint.settings))


def _notes_on_windows(asked: TrainingSettings, used: ModelSettings) -> tuple[str, ...]:
    """What was stated of windows and cannot be; that a default gives way need not be said."""
    default = TrainingSettings()
    notes = []
    if used.max_length < asked.max_length != default.max_length:
        notes.append(
            f"windows are of {used.max_length} subwords and not of {asked.max_length}: "
            "the encoder takes no more"
        )
    if used.overlap < asked.overlap != default.overlap:
        notes.append(
            f"neighbouring windows share {used.overlap} subwords and not {asked.overlap}: "
            f"a quarter of {used.max_length} at most"
        )
    return tuple(notes)


def with_learning_rate(settings: TrainingSettings) -> TrainingSettings:
    """Settings with a learning rate, by the encoder's width where none is given."""
    if settings.learning_rate is not None:
        return settings
    width = encoder_width(settings.encoder, revision=settings.revision)
    return settings.changed({"learning_rate": rate_for_width(width, *_RATES)})


def _about_run(corpus: Corpus, settings: TrainingSettings) -> dict[str, Any]:
    return {"corpus": corpus.hash, "settings": with_learning_rate(settings).to_dict()}


def check_same_run(folder: Path, corpus: Corpus, settings: TrainingSettings) -> None:
    """Raises `TrainingError` unless the run in `folder` began with this corpus and settings."""
    check_conditions(folder, _about_run(corpus, settings))
