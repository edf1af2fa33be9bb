"""Corpus → checkpoint."""

from __future__ import annotations

import dataclasses
import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import PartialState
from safetensors.torch import load_file
from transformers import TrainerCallback, set_seed

from nerine.checkpoint import (
    INFO_FILE,
    RUN_FILE,
    WEIGHTS_FILE,
    Checkpoint,
    save_checkpoint,
    write_text,
)
from nerine.corpus import Corpus
from nerine.document import labels_of
from nerine.encoding import IGNORED
from nerine.errors import TrainingError
from nerine.pretrained import encoder_width, load_encoder, longest_input, quiet
from nerine.schemes import TagScheme
from nerine.settings import ModelSettings, TrainingSettings
from nerine.tagger import Tagger
from nerine.training.averaging import WeightAverage
from nerine.training.callbacks import (
    Informer,
    Interruption,
    Listener,
    Patience,
    PeriodicSave,
)
from nerine.training.data import Examples, make_examples
from nerine.training.epochs import EpochRecord, read_epochs, write_epochs
from nerine.training.loop import TokenTrainer
from nerine.training.states import States

__all__ = [
    "EpochRecord",
    "Listener",
    "TrainingRun",
    "check_same_run",
    "read_epochs",
    "train",
]

# Above this width an encoder counts as base-sized when the learning rate is left open.
_SMALL_WIDTH = 512
_RATE_SMALL, _RATE_BASE = 2e-4, 5e-5


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """What a call of `train` did.

    `epochs` holds a record for each epoch, those of earlier calls included when it resumed.
    `best` is the one whose weights are kept. `interrupted` names the signal that ended the run
    early; `notes` say what a user should know about the data.
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
        """The tagger of the kept weights."""
        return Tagger.load(self.folder, device=device)


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

    `changes` replace fields of `settings`, as in `train(corpus, output="runs/a", epochs=3)`. The
    test split is not looked at. Without a validation split, documents are held out for one.
    `resume` goes on from the last whole state in `output`, under the settings of that run.

    Raises `TrainingError` where the run cannot start, go on, or diverges.
    """
    folder = Path(output)
    chosen = with_learning_rate((settings or TrainingSettings()).changed(changes))
    states = States(folder)
    notes: list[str] = []
    processes = PartialState(cpu=not torch.accelerator.is_available())
    with Interruption() as interruption, quiet():
        step = None
        if processes.is_main_process:
            step = _open_run(states, corpus, chosen, notes, resume=resume)
        processes.wait_for_everyone()
        if not processes.is_main_process and resume:
            step, _ = states.newest_whole()
        corpus = _with_validation(corpus, chosen, notes)
        _check_labels(corpus)
        trainer = make_trainer(
            corpus, chosen, states, notes, _callbacks(chosen, interruption, listener)
        )
        trainer.train(resume_from_checkpoint=str(states.path(step)) if step else None)
        processes = PartialState()  # Trainer has made its own
        if not interruption.received and processes.is_main_process:
            _publish(folder, states, trainer)
        processes.wait_for_everyone()
    return TrainingRun(folder, trainer.records(), tuple(notes), interruption.received)


def make_trainer(
    corpus: Corpus,
    settings: TrainingSettings,
    states: States,
    notes: list[str],
    callbacks: Sequence[TrainerCallback],
) -> TokenTrainer:
    """The loop that `train` runs. What a user should know about the data is added to `notes`."""
    settings = with_learning_rate(settings)
    checkpoint = new_checkpoint(corpus, settings)
    encoder = Tagger.from_checkpoint(checkpoint).encoder
    examples = make_examples(corpus.train, encoder, checkpoint.settings)
    if settings.tag_prior:
        _start_from_prior(checkpoint.model, examples)
    average = WeightAverage(checkpoint.model, settings.averaging)
    tagger = Tagger.from_checkpoint(dataclasses.replace(checkpoint, model=average.model))
    notes += _notes_on(examples)
    return TokenTrainer(
        tagger,
        checkpoint,
        settings,
        examples=examples,
        validation=corpus.validation,
        states=states,
        average=average,
        callbacks=[*callbacks],
    )


def with_learning_rate(settings: TrainingSettings) -> TrainingSettings:
    """Settings with a learning rate, by the encoder's width where none is given."""
    if settings.learning_rate is not None:
        return settings
    small = encoder_width(settings.encoder, revision=settings.revision) <= _SMALL_WIDTH
    return dataclasses.replace(settings, learning_rate=_RATE_SMALL if small else _RATE_BASE)


def _open_run(
    states: States, corpus: Corpus, settings: TrainingSettings, notes: list[str], *, resume: bool
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
        about = _about_run(corpus, settings)
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
    check_same_run(folder, corpus, settings)
    step, broken = states.newest_whole()
    notes += [f"state {states.path(each)} is not whole and was passed over" for each in broken]
    notes.append(f"resumed after step {step}" if step else "no whole state: began again")
    return step


def _about_run(corpus: Corpus, settings: TrainingSettings) -> dict[str, Any]:
    return {"corpus": corpus.hash, "settings": with_learning_rate(settings).to_dict()}


def check_same_run(folder: Path, corpus: Corpus, settings: TrainingSettings) -> None:
    """Raises `TrainingError` unless the run in `folder` began with this corpus and settings."""
    marker, about = folder / RUN_FILE, _about_run(corpus, settings)
    try:
        before = json.loads(marker.read_text(encoding="utf-8"))
        earlier = before["settings"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"cannot be read: {error!r}", place=str(marker)) from error
    changed = [
        f"{name} was {earlier.get(name)!r} and is {value!r}"
        for name, value in about["settings"].items()
        if earlier.get(name) != value
    ]
    if before.get("corpus") != about["corpus"]:
        changed.insert(0, "the corpus is another one")
    if changed:
        raise TrainingError(
            f"a run cannot go on under other conditions: {'; '.join(changed)}",
            place=str(marker),
            expected="the corpus and the settings with which it began",
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


def _with_validation(corpus: Corpus, settings: TrainingSettings, notes: list[str]) -> Corpus:
    if "validation" in corpus.splits:
        return corpus
    split = corpus.hold_out_validation(settings.validation_fraction, settings.seed)
    notes.append(
        f"there is no validation split: {len(split.validation)} of {len(corpus.train)} training "
        "documents were held out for one"
    )
    return split


def new_checkpoint(corpus: Corpus, settings: TrainingSettings) -> Checkpoint:
    """The encoder with a new head for the corpus's labels."""
    set_seed(settings.seed)
    scheme = TagScheme.named(settings.scheme)
    tags = scheme.tags(corpus.labels)
    loaded = load_encoder(settings.encoder, tags, revision=settings.revision)
    _adapt(loaded.model, settings)
    limit = longest_input(loaded.model, loaded.tokenizer)
    max_length = min(settings.max_length, limit)
    return Checkpoint(
        loaded.model,
        loaded.tokenizer,
        ModelSettings(
            tags=tags,
            scheme=scheme,
            words=settings.words,
            decoding=settings.decoding,
            max_length=max_length,
            overlap=min(settings.overlap, max_length // 4),
        ),
        provenance=_provenance(corpus, settings),
    )


def _adapt(model: Any, settings: TrainingSettings) -> None:
    if settings.dropout is not None:
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = settings.dropout
    if settings.freeze_embeddings:
        model.get_input_embeddings().weight.requires_grad_(requires_grad=False)


def _start_from_prior(model: Any, examples: Examples) -> None:
    """Gives the head's last layer the logarithms of the tags' shares in training as its bias.

    The first steps then need not learn that most words are no names (Lin et al., 2017, 4.1, for
    rare objects in pictures). A head without such a bias stays as it is.
    """
    labels = np.concatenate(examples.labels)
    counts = np.bincount(labels[labels != IGNORED], minlength=model.config.num_labels) + 1
    layers = [
        layer
        for name, layer in model.named_modules()
        if isinstance(layer, torch.nn.Linear)
        and layer.out_features == len(counts)
        and layer.bias is not None
        and not name.startswith(f"{model.base_model_prefix}.")
    ]
    for layer in layers[-1:]:
        with torch.no_grad():
            layer.bias.copy_(torch.from_numpy(np.log(counts / counts.sum())))


def _provenance(corpus: Corpus, settings: TrainingSettings) -> dict[str, Any]:
    packages = ("nerine", "torch", "transformers", "tokenizers")
    return {
        "corpus": {
            "source": corpus.source,
            "hash": corpus.hash,
            "documents": {name: len(split) for name, split in corpus.splits.items()},
        },
        "settings": settings.to_dict(),
        "seed": settings.seed,
        "began": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in packages},
        },
    }


def _notes_on(examples: Examples) -> list[str]:
    notes = []
    if examples.adapted:
        notes.append(
            f"{examples.adapted} of {examples.entities} training entities do not fall on word "
            "boundaries: they were widened to whole words, or left out where another was there"
        )
    if examples.blind:
        notes.append(
            f"{examples.blind} words of training entities have no subword to bear their tag"
        )
    return notes


def _callbacks(
    settings: TrainingSettings, interruption: Interruption, listener: Listener | None
) -> list[TrainerCallback]:
    callbacks: list[TrainerCallback] = []
    if settings.early_stopping:
        callbacks.append(Patience(settings.early_stopping))
    if settings.save_steps:
        callbacks.append(PeriodicSave(settings.save_steps))
    if listener:
        callbacks.append(Informer(listener))
    return [*callbacks, interruption]


def _publish(folder: Path, states: States, trainer: TokenTrainer) -> None:
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
    write_epochs(folder, trainer.records())  # before the file that says that the run has ended
    save_checkpoint(folder, best_checkpoint)
    write_text(folder / "settings.toml", trainer.settings.to_toml())
    states.remove()
