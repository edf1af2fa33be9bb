"""The study of a search in one file, from which a killed search resumes, and its trials.

OUT/study.jsonl    Optuna's journal: conditions, trials, their curves and the runs of finalists
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import optuna
from optuna.pruners import MedianPruner
from optuna.samplers import TPESampler
from optuna.storages.journal import JournalFileBackend, JournalStorage
from optuna.trial import FrozenTrial, TrialState

from nerine.core.errors import TrainingError
from nerine.core.filenames import STUDY_FILE
from nerine.training.settings import TrainingSettings
from nerine.training.tuning.space import Space

POINTS = 10
"""Validations of runs of different lengths are compared at tenths of the run."""

_RANDOM_TRIALS = 6
"""Trials before the sampler uses their results: the default settings and random ones."""
_UNPRUNED_TRIALS, _UNPRUNED_POINTS = 4, 3
"""Trials that are not pruned, and the first tenth of a run after which it may be pruned."""

Ending = Literal["completed", "pruned", "failed"]


@dataclass(frozen=True, slots=True)
class Trial:
    """A run with some settings.

    Attributes:
        number: Its number, from 0: the default settings.
        ending: How it ended: `completed`, `pruned` after a validation below the median of the
            other trials, or `failed` as its loss was not finite.
        changes: The settings that differ from the default ones.
        settings: All settings.
        f1: The validation F1 of the weights that were kept, or of the last validation; None if
            there was none.
        seconds: The duration of the run.
        curve: Validation F1 at each tenth of the run.
        others: Validation F1 of the same settings with other seeds.
        other_seconds: The duration of these runs.
    """

    number: int
    ending: Ending
    changes: Mapping[str, Any]
    settings: TrainingSettings
    f1: float | None
    loss: float | None
    seconds: float
    curve: Mapping[int, float] = field(default_factory=dict)
    others: Mapping[int, float] = field(default_factory=dict)
    other_seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """The trial for JSON; of the settings those that differ from the default ones."""
        return {
            "trial": self.number,
            "ending": self.ending,
            "changes": dict(self.changes),
            "steps": self.settings.steps,
            "learning_rate": self.settings.learning_rate,
            "seed": self.settings.seed,
            "f1": self.f1,
            "loss": self.loss,
            "seconds": round(self.seconds, 1),
            "curve": {str(point): f1 for point, f1 in self.curve.items()},
            "other_seeds": {str(seed): f1 for seed, f1 in self.others.items()},
        }


@contextlib.contextmanager
def open_study(
    folder: Path, conditions: Mapping[str, Any], *, resume: bool
) -> Iterator[optuna.Study]:
    """The study in a new folder, or the one to resume, locked against other processes.

    Raises `TrainingError` if the folder is in use, the study cannot be read, or it began under
    other conditions.
    """
    path = folder / STUDY_FILE
    _check_folder(folder, resume=resume)
    folder.mkdir(parents=True, exist_ok=True)
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with _locked(path):
            study = _loaded(path)
            before = study.user_attrs.get("conditions")
            if before is None:
                study.set_user_attr("conditions", dict(conditions))
            else:
                _check_conditions(before, conditions, str(path))
            yield study
    finally:
        optuna.logging.set_verbosity(verbosity)


def _check_folder(folder: Path, *, resume: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise TrainingError("this is a file", place=str(folder), expected="the name of a folder")
    if resume and not (folder / STUDY_FILE).is_file():
        raise TrainingError(
            "found no search to resume", place=str(folder), expected=f"a folder with {STUDY_FILE}"
        )
    if not resume and folder.is_dir() and any(folder.iterdir()):
        raise TrainingError(
            "the folder is not empty",
            place=str(folder),
            expected="a new or empty folder for a new search",
            hint="choose another folder, or resume the search in this one with --resume",
        )


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("ab") as lock:
        if os.name == "posix":  # Windows has no such locks
            import fcntl

            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise TrainingError(
                    "another process is running this search", place=str(path)
                ) from None
        yield


def _loaded(path: Path) -> optuna.Study:
    """The study in the file; what a killed process had left of a line or a lock is removed."""
    content = path.read_bytes()
    if not content.endswith(b"\n"):
        with path.open("r+b") as stream:
            stream.truncate(content.rfind(b"\n") + 1)
    path.with_name(f"{path.name}.lock").unlink(missing_ok=True)
    try:
        return optuna.create_study(
            storage=JournalStorage(JournalFileBackend(str(path))),
            study_name="nerine",
            direction="maximize",
            load_if_exists=True,
            pruner=MedianPruner(n_startup_trials=_UNPRUNED_TRIALS, n_warmup_steps=_UNPRUNED_POINTS),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrainingError(
            f"cannot be read: {error!r}",
            place=str(path),
            expected="the journal of a search",
            hint="start another search in a new folder",
        ) from error


def _check_conditions(before: Mapping[str, Any], conditions: Mapping[str, Any], place: str) -> None:
    if before["corpus"] != conditions["corpus"]:
        changed = ["the corpus is different"]
    else:
        changed = [
            f"{name} was {before[kind].get(name)!r} and is now {conditions[kind].get(name)!r}"
            for kind in ("settings", "ranges")
            for name in dict.fromkeys((*before[kind], *conditions[kind]))
            if before[kind].get(name) != conditions[kind].get(name)
        ]
    if changed:
        raise TrainingError(
            f"a search cannot be resumed under other conditions: {'; '.join(changed)}",
            place=place,
            expected="the corpus, the settings and the tuned settings with which it started",
        )


def begun_trials(study: optuna.Study) -> list[FrozenTrial]:
    """The trials that have begun and not ended."""
    return study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))


def begun_trial(study: optuna.Study, trial: FrozenTrial, seed: int, places: int) -> optuna.Trial:
    """A trial of an earlier process, to be continued."""
    study.sampler = _sampler(seed, trial.number, places)
    return optuna.Trial(study, trial._trial_id)  # noqa: SLF001  it has no public name


def new_trial(study: optuna.Study, seed: int, places: int) -> optuna.Trial:
    """A new trial. With several `places`, those that run are taken for bad ones meanwhile."""
    states = [trial.state for trial in study.get_trials(deepcopy=False)]
    number = sum(state != TrialState.WAITING for state in states)
    study.sampler = _sampler(seed, number, places)
    return study.ask()


def _sampler(seed: int, number: int, places: int) -> TPESampler:
    """The sampler for a trial.

    Its seed depends on the trial's number, so that a search that was resumed proposes the same
    settings.
    """
    return TPESampler(
        seed=seed * 100_003 + number, n_startup_trials=_RANDOM_TRIALS, constant_liar=places > 1
    )


def ended_trials(study: optuna.Study, space: Space) -> list[Trial]:
    """The trials that ended, in order."""
    runs = study.user_attrs.get("runs", {})
    ended = []
    for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED)):
        settings = space.default.changed(trial.user_attrs["settings"])
        names = [each.name for each in space.ranges]
        others = runs.get(str(trial.number), {})
        completed: Ending = "completed" if trial.state == TrialState.COMPLETE else "pruned"
        ended.append(
            Trial(
                number=trial.number,
                ending="failed" if "failure" in trial.user_attrs else completed,
                changes={
                    name: getattr(settings, name)
                    for name in names
                    if getattr(settings, name) != getattr(space.default, name)
                },
                settings=settings,
                f1=trial.value,
                loss=trial.user_attrs.get("loss"),
                seconds=trial.user_attrs.get("seconds", 0.0),
                curve=trial.intermediate_values,
                others={int(seed): run["f1"] for seed, run in others.items()},
                other_seconds=sum(run["seconds"] for run in others.values()),
            )
        )
    return ended


def add_run(study: optuna.Study, number: int, seed: int, f1: float, seconds: float) -> None:
    """Stores the run of a trial's settings with another seed."""
    runs = dict(study.user_attrs.get("runs", {}))
    runs[str(number)] = {
        **runs.get(str(number), {}),
        str(seed): {"f1": f1, "seconds": seconds},
    }
    study.set_user_attr("runs", runs)
