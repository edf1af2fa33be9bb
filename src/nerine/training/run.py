"""A run from its folder to its checkpoint, whatever it learns from."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from safetensors.torch import load_file
from transformers import TrainerCallback

from nerine.core.document import Document, labels_of
from nerine.core.errors import TrainingError
from nerine.core.filenames import INFO_FILE, RUN_FILE, WEIGHTS_FILE
from nerine.core.files import write_text
from nerine.data.corpus import Corpus
from nerine.evaluation.epochs import EpochRecord
from nerine.model.loading.checkpoint import Checkpoint, save_checkpoint
from nerine.model.loading.pretrained import quiet
from nerine.model.tagger import Tagger
from nerine.training.callbacks import (
    Informer,
    Interruption,
    Listener,
    Patience,
    PeriodicSave,
)
from nerine.training.dataset import Examples
from nerine.training.ema import WeightAverage
from nerine.training.epochs import write_epochs
from nerine.training.loop import TokenTrainer
from nerine.training.losses import Objective
from nerine.training.settings import RunSettings
from nerine.training.states import States


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """What a call of `train` or `distill` (Hinton, Vinyals & Dean, 2015) did.

    Attributes:
        folder: The folder of the run, with the checkpoint.
        epochs: A record for each epoch, those of earlier calls included when it resumed; `best` is
            the one whose weights are kept.
        notes: What a user should know about the data.
        interrupted: The signal that ended the run early; None where none did.
    """

    folder: Path
    epochs: tuple[EpochRecord, ...]
    notes: tuple[str, ...] = ()
    interrupted: str | None = None

    @property
    def best(self) -> EpochRecord:
        """The first epoch with the highest validation F1."""
        return max(self.epochs, key=lambda record: record.f1)

    def tagger(self, *, device: str | None = None) -> Tagger:
        """The tagger of the kept weights.

        Args:
            device: Torch's name for where the model runs; by default a GPU where there is one.

        Raises:
            CheckpointError: Where the run has kept no checkpoint yet, or it was damaged.
            SettingsError: For a device that there is not.
            EncodingError: For a tokenizer that cannot be used.
            SchemeError: For a tag scheme that there is not.
            HubError: For an encoder that cannot be reached.
            MissingExtraError: For a backend that is not installed.
        """
        return Tagger.load(self.folder, device=device)


@dataclass(frozen=True, slots=True)
class Start:
    """What a run begins with: a model, what it goes through, and what it learns from that.

    `notes` say what a user should know of them.
    """

    checkpoint: Checkpoint
    examples: Examples
    objective: Objective
    notes: tuple[str, ...] = ()


def carry_out(
    corpus: Corpus,
    settings: RunSettings,
    start: Callable[[Corpus], Start],
    *,
    output: str | Path,
    about: Mapping[str, Any],
    resume: bool,
    listener: Listener | None,
) -> TrainingRun:
    """A run in the folder `output`: begun or resumed, and published once it has ended.

    `start` makes ready what is trained, from the corpus with its validation split. `about` says
    under which conditions the run stands; a run is resumed under the same ones only.
    """
    states = States(Path(output))
    notes: list[str] = []
    processes = PartialState(cpu=not torch.accelerator.is_available())
    with Interruption() as interruption, quiet():
        step = None
        if processes.is_main_process:
            step = _open_run(states, about, notes, resume=resume)
        processes.wait_for_everyone()
        if not processes.is_main_process and resume:
            step, _ = states.newest_whole()
        corpus = _with_validation(corpus, settings, notes)
        _check_labels(corpus)
        begun = _with_given(start(corpus), about)
        notes += [*begun.examples.notes(), *begun.notes]
        callbacks = _callbacks(settings, interruption, listener)
        trainer = trainer_of(begun, settings, corpus.validation, states, callbacks)
        trainer.train(resume_from_checkpoint=str(states.path(step)) if step else None)
        processes = PartialState()  # Trainer has made its own
        if not interruption.received and processes.is_main_process:
            _publish(states, trainer)
        processes.wait_for_everyone()
    return TrainingRun(states.run, trainer.records(), tuple(notes), interruption.received)


def trainer_of(
    start: Start,
    settings: RunSettings,
    validation: Sequence[Document],
    states: States,
    callbacks: Sequence[TrainerCallback],
) -> TokenTrainer:
    """The loop of a run, which scores and keeps a running mean of the weights (Polyak & Juditsky,
    1992).
    """
    average = WeightAverage(start.checkpoint.model, settings.averaging)
    return TokenTrainer(
        Tagger.from_checkpoint(dataclasses.replace(start.checkpoint, model=average.model)),
        start.checkpoint,
        settings,
        examples=start.examples,
        objective=start.objective,
        validation=validation,
        states=states,
        average=average,
        callbacks=[*callbacks],
    )


def _open_run(
    states: States, about: Mapping[str, Any], notes: list[str], *, resume: bool
) -> int | None:
    """Checks the run's folder, marks it, and returns the step to go on from."""
    folder = states.run
    marker = folder / RUN_FILE
    if not resume:
        if folder.exists() and any(folder.iterdir()):
            raise TrainingError(
                "the folder is not empty",
                place=str(folder),
                expected="a new or empty folder for a new run",
                hint="choose another one, or go on with the run in it with --resume",
            )
        folder.mkdir(parents=True, exist_ok=True)
        write_text(marker, json.dumps(about, indent=2, ensure_ascii=False) + "\n")
        return None
    if not marker.is_file():
        raise TrainingError(
            "there is no run to resume", place=str(folder), expected=f"a folder with {RUN_FILE}"
        )
    if (folder / INFO_FILE).is_file():
        raise TrainingError(
            "this run has ended", place=str(folder), hint="use it, or start one in another folder"
        )
    check_conditions(folder, about)
    step, broken = states.newest_whole()
    notes += [f"state {states.path(each)} is not whole and was passed over" for each in broken]
    notes.append(f"resumed after step {step}" if step else "no whole state: began again")
    return step


def check_conditions(folder: Path, about: Mapping[str, Any]) -> None:
    """Raises `TrainingError` unless the run in `folder` began under the conditions `about`.

    Of these, `settings` are named one by one where they differ; the others by their names alone.
    """
    marker = folder / RUN_FILE
    try:
        before = json.loads(marker.read_text(encoding="utf-8"))
        earlier = dict(before["settings"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"cannot be read: {error!r}", place=str(marker)) from error
    others = sorted({*before, *about} - {"settings"})
    changed = [
        f"the {name} is another one" for name in others if before.get(name) != about.get(name)
    ]
    changed += [
        f"{name} was {earlier.get(name)!r} and is {value!r}"
        for name, value in about["settings"].items()
        if earlier.get(name) != value
    ]
    if changed:
        raise TrainingError(
            f"a run cannot go on under other conditions: {'; '.join(changed)}",
            place=str(marker),
            expected=f"the {', '.join(others)} and the settings with which it began",
        )


def _check_labels(corpus: Corpus) -> None:
    if not corpus.labels:
        raise TrainingError(
            "the training split holds no entity", expected="labelled entities to learn from"
        )
    unknown = sorted(set(labels_of(corpus.validation)) - set(corpus.labels))
    if unknown:
        raise TrainingError(
            f"the validation split has the label {unknown[0]!r}",
            expected=f"one of the training split's: {', '.join(corpus.labels)}",
        )


def _with_validation(corpus: Corpus, settings: RunSettings, notes: list[str]) -> Corpus:
    if "validation" in corpus.splits:
        return corpus
    split = corpus.hold_out_validation(settings.validation_fraction, settings.seed)
    notes.append(
        f"there is no validation split: {len(split.validation)} of {len(corpus.train)} training "
        "documents were held out for one"
    )
    return split


def _with_given(begun: Start, about: Mapping[str, Any]) -> Start:
    """Also tells the hash of the corpus as it was given, before a validation split was held out."""
    known = begun.checkpoint.provenance
    corpus = {**known.get("corpus", {}), "given": about["corpus"]}
    checkpoint = dataclasses.replace(begun.checkpoint, provenance={**known, "corpus": corpus})
    return dataclasses.replace(begun, checkpoint=checkpoint)


def _callbacks(
    settings: RunSettings, interruption: Interruption, listener: Listener | None
) -> list[TrainerCallback]:
    callbacks: list[TrainerCallback] = []
    if settings.early_stopping:
        callbacks.append(Patience(settings.early_stopping))
    if settings.save_steps:
        callbacks.append(PeriodicSave(settings.save_steps))
    if listener:
        callbacks.append(Informer(listener))
    return [*callbacks, interruption]


def _publish(states: States, trainer: TokenTrainer) -> None:
    """Puts the best epoch's weights into the run's folder and clears the states away."""
    best = trainer.state.best_global_step
    if best is None or not states.is_whole(best):
        raise TrainingError(
            f"the state of the best epoch, {states.path(best or 0)}, is not whole",
            hint="the newest state is kept: load it, or train again",
        )
    best_checkpoint = trainer.checkpoint(best)
    weights = load_file(states.path(best) / WEIGHTS_FILE)
    best_checkpoint.model.load_state_dict(weights, strict=False)
    write_epochs(states.run, trainer.records())  # before the file that says that the run has ended
    save_checkpoint(states.run, best_checkpoint)
    write_text(states.run / "settings.toml", trainer.settings.to_toml())
    states.remove()
