"""Training: fine-tunes an encoder on a corpus."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nerine.data.corpus import Corpus
from nerine.model.encoding import Encoder
from nerine.model.heads import TagHead
from nerine.model.loading.pretrained import encoder_width
from nerine.model.settings import ModelSettings
from nerine.training.callbacks import Listener, make_callbacks
from nerine.training.dataset import make_examples
from nerine.training.initialization import initialize_bias, learning_rate_for, new_checkpoint
from nerine.training.loop import NerTrainer
from nerine.training.losses import GoldLoss
from nerine.training.run import TrainingRun, check_labels, open_run, with_validation
from nerine.training.settings import TrainingSettings

_SMALL_ENCODER_RATE, _BASE_ENCODER_RATE = 2e-4, 5e-5


def train(
    corpus: Corpus,
    *,
    output: str | Path,
    settings: TrainingSettings | None = None,
    resume: bool = False,
    listener: Listener | None = None,
    **changes: Any,
) -> TrainingRun:
    """Fine-tunes an encoder on `corpus.train` and keeps the epoch with the best validation F1.

    The test split is not read. If the corpus has no validation split, some training documents are
    held out as one.

    Args:
        corpus: The corpus.
        output: The run's folder, in which the checkpoint is written.
        settings: The training settings; by default `TrainingSettings()`.
        resume: Whether to resume from the last complete state in `output`. The settings must be
            those with which the run started.
        listener: Receives the progress.
        changes: Settings by name that replace those in `settings`, such as `epochs=3`.

    Returns:
        The run's folder, epochs and notes.

    Raises:
        TrainingError: If the run cannot start or resume, or the loss is not finite.
        SettingsError: If a setting is unknown or has an invalid value.
        CorpusError: If the corpus has no training split.
        CheckpointError: If the encoder is not found or cannot be used.
        EncodingError: If the tokenizer gives no character offsets.
        SchemeError: If the tag scheme is unknown.
        HubError: If the encoder cannot be reached.
        MissingExtraError: If the encoder's package is not installed.
    """
    settings = with_learning_rate((settings or TrainingSettings()).changed(changes))
    conditions = training_conditions(corpus, settings)
    with open_run(output, conditions, resume=resume) as run:
        corpus = with_validation(corpus, settings, run.notes)
        check_labels(corpus)
        checkpoint = new_checkpoint(corpus, settings, given=conditions["corpus"])
        encoder = Encoder.of(checkpoint.tokenizer, checkpoint.settings)
        head = TagHead(checkpoint.settings)
        examples = make_examples(corpus.train, encoder, head)
        run.notes += [*examples.notes(), *_window_notes(settings, checkpoint.settings)]
        if settings.tag_prior:
            initialize_bias(checkpoint.model, examples)
        trainer = NerTrainer(
            checkpoint,
            settings,
            examples=examples,
            loss=GoldLoss(head, settings.masking, checkpoint.tokenizer.mask_token_id),
            validation=corpus.validation,
            states=run.states,
            callbacks=make_callbacks(settings, run.interruption, listener),
        )
        trainer.train(resume_from_checkpoint=run.resume_from)
        return run.finish(trainer)


def training_conditions(corpus: Corpus, settings: TrainingSettings) -> dict[str, Any]:
    """The conditions of a run, which must be the same when it is resumed."""
    return {
        "corpus": corpus.hash,
        "source": corpus.source,
        "settings": with_learning_rate(settings).to_dict(),
    }


def with_learning_rate(settings: TrainingSettings) -> TrainingSettings:
    """The settings with a learning rate; the default depends on the encoder's width."""
    if settings.learning_rate is not None:
        return settings
    width = encoder_width(settings.encoder, revision=settings.revision)
    rate = learning_rate_for(width, small=_SMALL_ENCODER_RATE, base=_BASE_ENCODER_RATE)
    return settings.changed({"learning_rate": rate})


def _window_notes(asked: TrainingSettings, used: ModelSettings) -> list[str]:
    """Notes on a window length or overlap that the user set and the encoder does not allow."""
    default = TrainingSettings()
    notes = []
    if used.max_length < asked.max_length != default.max_length:
        notes.append(
            f"windows have {used.max_length} subwords instead of {asked.max_length}, the most that "
            "the encoder takes"
        )
    if used.overlap < asked.overlap != default.overlap:
        notes.append(
            f"neighbouring windows share {used.overlap} subwords instead of {asked.overlap}: at "
            f"most a quarter of {used.max_length}"
        )
    return notes
