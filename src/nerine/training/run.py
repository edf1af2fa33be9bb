"""The folder of a training run: opened or resumed, and the best checkpoint published in it."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nerine.core.display import counted, visible
from nerine.core.errors import TrainingError
from nerine.core.filenames import ADAPTATION_FILE, ADAPTER_FOLDER, INFO_FILE, RUN_FILE
from nerine.core.files import disk_errors, write_text
from nerine.core.logs import log_notes
from nerine.data.corpus import Corpus
from nerine.evaluation.epochs import EpochRecord, best_record
from nerine.evaluation.plots import plot_epochs
from nerine.evaluation.signs import Sign, learned_nothing, signs_of_failure
from nerine.model.backends.pytorch import use_threads
from nerine.model.loading.checkpoint import save_checkpoint
from nerine.model.loading.pretrained import quiet
from nerine.model.tagger import Tagger
from nerine.training.callbacks import Interruption
from nerine.training.epochs import write_epochs
from nerine.training.loop import NerTrainer
from nerine.training.parallel.group import in_first, processes, together
from nerine.training.states import States

logger = logging.getLogger("nerine.train")

SETTINGS_FILE = "settings.toml"


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """The result of `train` or `distill`.

    Attributes:
        folder: The run's folder, with the checkpoint.
        epochs: A record for each validation, including those before the run was resumed; `best`
            is the one whose weights were kept.
        notes: Notes for the user on the run and its data.
        interrupted: The name of the signal that ended the run early; None if it ended normally.
        signs: The signs of failure of a run that ended normally, the gravest first.
    """

    folder: Path
    epochs: tuple[EpochRecord, ...]
    notes: tuple[str, ...] = ()
    interrupted: str | None = None
    signs: tuple[Sign, ...] = ()

    @property
    def best(self) -> EpochRecord:
        """The validation with the highest F1, then the lowest loss, whose weights are kept."""
        return best_record(self.epochs)

    @property
    def learned_nothing(self) -> bool:
        """Whether the kept weights find next to no entity; `signs` has the numbers."""
        return learned_nothing(self.signs) is not None

    def plot(self, *, ax: Any = None) -> Any:
        """Draws the learning curve: losses and validation F1 by epoch.

        Args:
            ax: Matplotlib's axes to draw on; by default those of a new figure.

        Returns:
            The axes of the losses; F1 has axes of its own on the same place.

        Raises:
            MissingExtraError: If matplotlib is not installed.
        """
        return plot_epochs(self.epochs, ax)

    def tagger(self, *, device: str | None = None) -> Tagger:
        """The tagger with the weights of the best epoch.

        Args:
            device: Torch's name of the device to run on; by default a GPU if there is one.

        Raises:
            CheckpointError: If the run has no checkpoint yet, or it is damaged.
            SettingsError: If the device is unknown.
            EncodingError: If the tokenizer cannot be used.
            SchemeError: If the tag scheme is unknown.
            HubError: If the encoder cannot be reached.
            MissingExtraError: If the backend is not installed.
        """
        return Tagger.load(self.folder, device=device)


@dataclass(slots=True)
class OpenRun:
    """A training run in progress: its states, its signal handler and its notes.

    `resume_from` is the folder of the state to resume from, None for a new run.
    """

    states: States
    interruption: Interruption
    resume_from: str | None
    notes: list[str]

    def finish(self, trainer: NerTrainer, corpus: Corpus) -> TrainingRun:
        """Publishes the best epoch, unless the run was interrupted, and returns the result.

        The training split of `corpus` helps to find signs of failure. The checkpoint is written
        into the run's folder, and the training states are deleted.
        """
        return in_first(lambda: self._finish(trainer, corpus))

    def _finish(self, trainer: NerTrainer, corpus: Corpus) -> TrainingRun:
        interrupted = self.interruption.received
        signs = () if interrupted else self._publish(trainer, corpus)
        records, notes = trainer.records(), tuple(self.notes)
        end = f"interrupted by {interrupted}" if interrupted else "the run has ended"
        log_notes(logger, f"{end}: {self.states.run}", notes)
        return TrainingRun(self.states.run, records, notes, interrupted, signs)

    def _publish(self, trainer: NerTrainer, corpus: Corpus) -> tuple[Sign, ...]:
        """Writes the checkpoint of the best epoch, and returns its signs of failure."""
        best = trainer.state.best_global_step
        if best is None or not self.states.is_complete(best):
            raise TrainingError(
                "the state of the best epoch is damaged",
                place=str(self.states.path(best or 0)),
                expected="each file with the hash in its manifest, complete.json",
                hint="the newest state is kept: load it as a checkpoint, or train again",
            )
        trainer.load_average(self.states.path(best))
        checkpoint = trainer.checkpoint(best)
        signs = signs_of_failure(trainer.outcome(best, corpus.train))
        checkpoint = dataclasses.replace(checkpoint, signs=signs)
        if trainer.settings.fit_bias:
            checkpoint = trainer.with_fitted_bias(checkpoint, self.notes)
        trainer.write_adapter(self.states.run / ADAPTER_FOLDER, checkpoint)
        # nerine.json, which marks the end of the run, is written after epochs.json.
        write_epochs(self.states.run, trainer.records())
        save_checkpoint(self.states.run, checkpoint)
        write_text(self.states.run / SETTINGS_FILE, trainer.settings.to_toml())
        self.states.remove()
        return signs


@contextmanager
def open_run(
    output: str | Path, conditions: Mapping[str, Any], *, resume: bool
) -> Iterator[OpenRun]:
    """Creates the folder of a run, or opens the one to resume, and handles signals meanwhile.

    `conditions` are written to `run.json`: the hash of the corpus, the settings, and what else
    must be the same when the run is resumed.
    """
    states = States(Path(output))
    logger.info("%s in %s", "resuming the run" if resume else "a new run", visible(str(output)))
    notes = _prepare_threads()
    with together(), disk_errors(TrainingError), Interruption() as interruption, quiet():
        step, found = in_first(lambda: _open(states, conditions, resume=resume))
        resume_from = str(states.path(step)) if step else None
        yield OpenRun(states, interruption, resume_from, [*notes, *found])


def _open(
    states: States, conditions: Mapping[str, Any], *, resume: bool
) -> tuple[int | None, list[str]]:
    """The step to resume from, None to start, and notes on that."""
    open_folder(states.run, conditions, resume=resume)
    if not resume:
        return None, []
    step, damaged = states.newest_complete()
    notes = [f"state {states.path(each)} is damaged and was skipped" for each in damaged]
    if not step:
        return None, [*notes, "no usable state: started again"]
    notes.append(f"resumed after step {step}")
    path = states.path(step) / INFO_FILE  # which the states of an adapted encoder lack
    info = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    before, now = info.get("provenance", {}).get("processes", 1), processes().num_processes
    if before != now:
        notes.append(
            f"resumed in {counted(now, 'process', 'processes')} instead of {before}: dropout and "
            "masking draw other random numbers from here on"
        )
    return step, notes


_first_trained_in: int | None = None
"""The process in which the first model was trained."""


def _prepare_threads() -> list[str]:
    """Sets torch's threads for training, and returns notes on that.

    A model is trained in the main thread. If that thread was forked after a training, torch would
    wait there for ever for the threads of the first process.
    """
    global _first_trained_in
    _first_trained_in = _first_trained_in or os.getpid()
    if _first_trained_in == os.getpid():
        use_threads()
        return []
    use_threads(1)
    return ["trained with one thread, as this process was forked from one that has trained before"]


def open_folder(folder: Path, conditions: Mapping[str, Any], *, resume: bool) -> None:
    """Creates the folder of a run, or checks that the run in it can be resumed."""
    if resume:
        _check_resumable(folder, conditions)
        return
    if folder.exists() and any(folder.iterdir()):
        raise TrainingError(
            "the folder is not empty",
            place=str(folder),
            expected="a new or empty folder for a new run",
            hint="choose another folder, or resume the run in this one with --resume",
        )
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(conditions, indent=2, ensure_ascii=False)
    write_text(folder / RUN_FILE, f"{text}\n")


def _check_resumable(folder: Path, conditions: Mapping[str, Any]) -> None:
    has_ended = (folder / INFO_FILE).is_file() or (folder / ADAPTATION_FILE).is_file()
    if not has_ended and not (folder / RUN_FILE).is_file():
        raise TrainingError(
            "found no run to resume", place=str(folder), expected=f"a folder with {RUN_FILE}"
        )
    if has_ended:
        raise TrainingError(
            "this run has ended",
            place=str(folder),
            hint="use its checkpoint, or start a run in another folder",
        )
    check_conditions(folder, conditions)


def check_conditions(folder: Path, conditions: Mapping[str, Any]) -> None:
    """Raises `TrainingError` unless the run in `folder` was started under the same conditions.

    The message names each setting that differs with both values, other conditions by name only.
    """
    marker = folder / RUN_FILE
    try:
        before = json.loads(marker.read_text(encoding="utf-8"))
        earlier = dict(before["settings"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"cannot be read: {error!r}", place=str(marker)) from error
    # The corpus may lie in another folder now: its hash counts.
    others = sorted({*before, *conditions} - {"settings", "source"})
    changed = [
        f"the {name} is different" for name in others if before.get(name) != conditions.get(name)
    ]
    changed += [
        f"{name} was {earlier.get(name)!r} and is now {value!r}"
        for name, value in conditions["settings"].items()
        if earlier.get(name) != value
    ]
    if changed:
        raise TrainingError(
            f"a run cannot be resumed under other conditions: {'; '.join(changed)}",
            place=str(marker),
            expected=f"the {', '.join(others)} and settings with which it started",
        )
