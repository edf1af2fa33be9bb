"""Training: fine-tunes an encoder on a corpus."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Unpack

from nerine.core.arguments import checked
from nerine.data.corpus import Corpus
from nerine.data.corpus.given import CorpusLike, as_corpus
from nerine.model.encoding import Encoder
from nerine.model.heads import TagHead
from nerine.model.settings import ModelSettings
from nerine.training.callbacks import Listener, make_callbacks
from nerine.training.changes import TrainingChanges
from nerine.training.crf import pair_scores
from nerine.training.dataset import make_examples
from nerine.training.initialization import (
    initialize_bias,
    new_checkpoint,
    usable_precision,
)
from nerine.training.label_names import start_from_names
from nerine.training.loop import NerTrainer
from nerine.training.losses import GoldLoss, Loss
from nerine.training.parallel.group import in_first
from nerine.training.parallel.launch import check_processes, launch
from nerine.training.plan import Plan, plan_training
from nerine.training.r_drop import RDropLoss
from nerine.training.run import TrainingRun, open_run
from nerine.training.settings import TrainingSettings
from nerine.training.variants import make_variants

logger = logging.getLogger("nerine.train")


@checked
def train(
    corpus: CorpusLike,
    *,
    output: str | Path,
    settings: TrainingSettings | Plan | None = None,
    resume: bool = False,
    listener: Listener | None = None,
    processes: int = 1,
    **changes: Unpack[TrainingChanges],
) -> TrainingRun:
    """Fine-tunes an encoder on `corpus.train` and keeps the weights with the best validation F1.

    `plan_training` chooses what the settings leave open. The test split is not read. If the corpus
    has no validation split, some training documents are held out as one.

    Args:
        corpus: The corpus, or what `load_corpus` loads: a folder, a file, "sample", a hub id.
        output: The run's folder, in which the checkpoint is written.
        settings: The training settings, by default `TrainingSettings()`, or the plan of
            `plan_training` for this corpus.
        resume: Whether to resume from the last complete state in `output`. The settings must be
            those with which the run started.
        listener: Receives the progress; by default a notebook shows it.
        processes: The number of new processes that train together on this machine; with 1, the
            model is trained in this one. They share each batch, the device's threads and the
            validation, so the settings mean the same for any number.
        changes: Settings by name that replace those in `settings`, such as `epochs=3`.

    Returns:
        The run's folder, epochs and notes.

    Raises:
        ArgumentError: If an argument has another type.
        TrainingError: If the run cannot start or resume, or the loss is not finite.
        SettingsError: If a setting is unknown or has an invalid value.
        CorpusError: If the corpus has no training split.
        CheckpointError: If the encoder is not found or cannot be used.
        EncodingError: If the tokenizer gives no character offsets.
        SchemeError: If the tag scheme is unknown.
        HubError: If the encoder cannot be reached.
        MissingExtraError: If the encoder's package is not installed.
    """
    corpus = as_corpus(corpus)
    plan = resolve_plan(corpus, settings, changes)
    conditions = run_conditions(corpus, plan.settings)
    return train_plan(
        plan, output, conditions, resume=resume, listener=listener, processes=processes
    )


def resolve_plan(
    corpus: Corpus, settings: TrainingSettings | Plan | None, changes: Mapping[str, Any]
) -> Plan:
    """The plan that is given if it is one for this corpus and nothing is changed, or a new one."""
    if isinstance(settings, Plan) and not changes and settings.given == corpus.hash:
        return settings
    asked = settings.settings if isinstance(settings, Plan) else settings
    return plan_training(corpus, (asked or TrainingSettings()).changed(changes))


def train_plan(
    plan: Plan,
    output: str | Path,
    conditions: Mapping[str, Any],
    *,
    resume: bool = False,
    listener: Listener | None = None,
    processes: int = 1,
) -> TrainingRun:
    """Trains as a plan says. Raises the errors of `train`."""
    settings = plan.settings
    check_processes(processes, settings.batch_size)
    if processes > 1:
        task = functools.partial(train_plan, plan, output, conditions, resume=resume)
        return launch(task, processes, listener)
    for choice in plan.choices:
        logger.info("%s: %s (%s)", choice.name, choice.value, choice.reason)
    with open_run(output, conditions, resume=resume) as run:
        if not resume:
            in_first(lambda: plan.save(run.states.run))
        checkpoint = new_checkpoint(plan.corpus, settings, given=plan.given)
        encoder = Encoder.of(checkpoint.tokenizer, checkpoint.settings)
        head = TagHead(checkpoint.settings)
        examples = make_examples(plan.corpus.train, encoder, head)
        run.notes += [*plan.notes, *checkpoint.notes, *examples.notes()]
        if settings.variants:
            variants = make_variants(plan.corpus.train, settings)
            examples = make_examples([*plan.corpus.train, *variants], encoder, head)
            run.notes.append(f"the training texts and {len(variants):,} changed copies are learned")
        run.notes += _window_notes(settings, checkpoint.settings)
        settings = usable_precision(checkpoint.model, settings, run.notes)
        if settings.tag_prior:
            initialize_bias(checkpoint.model, examples)
        if settings.head_start == "names":
            start_from_names(checkpoint, examples, settings.descriptions())
        trainer = NerTrainer(
            checkpoint,
            settings,
            examples=examples,
            loss=_loss(head, settings, checkpoint.tokenizer.mask_token_id),
            validation=plan.corpus.validation,
            states=run.states,
            callbacks=make_callbacks(settings, run.interruption, listener),
            pairs=pair_scores(checkpoint.settings, settings),
        )
        trainer.train(resume_from_checkpoint=run.resume_from)
        return run.finish(trainer, plan.corpus)


def _loss(head: TagHead, settings: TrainingSettings, mask_id: int | None) -> Loss:
    loss = GoldLoss(head, settings.masking, mask_id, settings.crf_weight)
    return RDropLoss(loss, settings.r_drop) if settings.r_drop else loss


def run_conditions(corpus: Corpus, settings: TrainingSettings) -> dict[str, Any]:
    """The conditions of a run, which must be the same when it is resumed.

    `settings` are those of its plan.
    """
    return {"corpus": corpus.hash, "source": corpus.source, "settings": settings.to_dict()}


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
