"""The runs of a search: trials with other settings, and the finalists with other seeds.

OUT/trials.jsonl             all trials, written after each run
OUT/runs/trial-7             the run in progress, resumed if the search is
"""

from __future__ import annotations

import logging
import shutil
import statistics
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import optuna
from optuna.trial import TrialState

from nerine.core.errors import DivergenceError
from nerine.core.filenames import INFO_FILE, RUN_FILE
from nerine.core.files import json_line, write_text
from nerine.evaluation.epochs import EpochRecord, best_record, read_epochs
from nerine.training.callbacks import Listener
from nerine.training.settings import TrainingSettings
from nerine.training.train import train
from nerine.training.tuning.budget import Budget
from nerine.training.tuning.deciding import finalists_of
from nerine.training.tuning.space import Space
from nerine.training.tuning.study import POINTS, Trial, add_run, ended_trials, next_trial

logger = logging.getLogger("nerine.tune")

RUNS_FOLDER = "runs"
TRIALS_FILE = "trials.jsonl"


class TuningListener(Listener, Protocol):
    """A training listener that also learns of the runs of a search."""

    def run(self, name: str) -> None:
        """Called when a run begins or resumes.

        Args:
            name: The run in words, with the part of the budget that is spent.
        """

    def ended(self, result: str) -> None:
        """Called when a run has ended.

        Args:
            result: The run and its result in words.
        """


class _Pruned(Exception):  # noqa: N818  it ends a run as planned
    """Ends a run that is worse than the others were."""


class _Watch:
    """A `Listener` that stores the curve of a trial, and ends the run if it is to be pruned."""

    def __init__(self, trial: optuna.Trial, inner: Listener | None) -> None:
        self._trial, self._inner = trial, inner
        self._reported = {*trial.study.get_trials(deepcopy=False)[trial.number].intermediate_values}
        self._steps = 1
        self._began = time.monotonic() - trial.user_attrs.get("seconds", 0.0)

    def started(self, step: int, steps: int) -> None:
        self._steps = steps
        if self._inner:
            self._inner.started(step, steps)

    def stepped(self, step: int) -> None:
        if self._inner:
            self._inner.stepped(step)

    def evaluated(self, record: EpochRecord, *, best: bool) -> None:
        """Stores F1 at its part of the run; raises `_Pruned` if that is below the median."""
        if self._inner:
            self._inner.evaluated(record, best=best)
        point = round(POINTS * record.step / self._steps)
        if point not in self._reported:  # a run that was killed validates again
            self._reported.add(point)
            self._trial.report(record.f1, point)
        self.save_time()
        if record.step < self._steps and self._trial.should_prune():
            raise _Pruned

    def save_time(self) -> None:
        """Stores the seconds that the trial has taken."""
        self._trial.set_user_attr("seconds", time.monotonic() - self._began)


@dataclass(frozen=True, slots=True)
class Search:
    """A search in `folder`, which holds its study."""

    space: Space
    study: optuna.Study
    folder: Path
    budget: Budget
    finalists: int
    seeds: int
    listener: TuningListener | None

    def trials(self) -> list[Trial]:
        """The trials that ended."""
        return ended_trials(self.study, self.space)

    def spent(self) -> tuple[int, float]:
        """The number of runs that ended, and the seconds of all runs."""
        trials = self.trials()
        seconds = sum(each.seconds + each.other_seconds for each in trials)
        begun = sum(each.user_attrs.get("seconds", 0.0) for each in self._running())
        return len(trials) + sum(len(each.others) for each in trials), seconds + begun

    def run_trials(self) -> None:
        """Runs trials as long as the budget allows, with the finalists' runs set aside."""
        if not self.study.get_trials(deepcopy=False):
            self.study.enqueue_trial(self.space.first())
        while self._running() or self._allows_trial():
            self._run_trial(next_trial(self.study, self.space.default.seed))

    def run_finalists(self) -> None:
        """Trains the finalists with other seeds, as many of them as the budget allows."""
        most = self.finalists
        for seed in self._other_seeds():
            top = finalists_of(self.trials(), most)
            while len(top) > 1:
                missing = [each for each in top if seed not in each.others]
                if self._allows(len(missing), sum(each.seconds for each in missing)):
                    break
                top.pop()
            if len(top) < 2:
                return
            most = len(top)
            for trial in missing:
                self._run_finalist(trial, seed)

    def _running(self) -> list[optuna.trial.FrozenTrial]:
        """The trial that was running when the search was interrupted, if any."""
        return self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))

    def _other_seeds(self) -> range:
        """The seeds of the finalists, apart from that of the search."""
        first = self.space.default.seed
        return range(first + 1, first + self.seeds)

    def _allows(self, runs: int, seconds: float) -> bool:
        """Whether the budget allows so many runs and seconds more."""
        spent_runs, spent_seconds = self.spent()
        return self.budget.allows(spent_runs + runs, spent_seconds + seconds)

    def _allows_trial(self) -> bool:
        """Whether the budget allows another trial and then the finalists' runs.

        The latter get at most half of it. The first trial is always allowed.
        """
        trials = self.trials()
        if not trials:
            return True
        top = finalists_of(trials, self.finalists)
        top += [trials[0]] * (self.finalists - len(top))  # later finalists may take as long
        missing = [each for each in top for seed in self._other_seeds() if seed not in each.others]
        kept_runs, kept_seconds = self.budget.at_most_half(
            len(missing), sum(each.seconds for each in missing)
        )
        expected = statistics.mean(each.seconds for each in trials)
        return self._allows(1 + kept_runs, expected + kept_seconds)

    def _run_trial(self, trial: optuna.Trial) -> None:
        watch = _Watch(trial, self.listener)
        parameters = {each.name: each.suggest(trial) for each in self.space.ranges}
        if "settings" not in trial.user_attrs:
            trial.set_user_attr("settings", self.space.settings(parameters).to_dict())
        settings = self.space.default.changed(trial.user_attrs["settings"])
        name = f"trial {trial.number}"
        f1 = None
        try:
            best = self._train(name, settings, watch)
            trial.set_user_attr("loss", best.validation_loss)
            f1, result = best.f1, f"F1 {best.f1:.4f}"
        except _Pruned:
            result = "pruned"
        except DivergenceError as error:
            if trial.number == 0:
                raise
            trial.set_user_attr("failure", error.found)
            result = "failed: its loss was not finite"
        finally:
            watch.save_time()
        self.study.tell(trial, f1, TrialState.PRUNED if f1 is None else TrialState.COMPLETE)
        self._end(name, result)

    def _run_finalist(self, trial: Trial, seed: int) -> None:
        name = f"trial {trial.number} with seed {seed}"
        began = time.monotonic()
        try:
            f1 = self._train(name, replace(trial.settings, seed=seed), self.listener).f1
        except DivergenceError:
            f1 = 0.0
        add_run(self.study, trial.number, seed, f1, time.monotonic() - began)
        self._end(name, f"F1 {f1:.4f}")

    def _train(
        self, name: str, settings: TrainingSettings, listener: Listener | None
    ) -> EpochRecord:
        """The best validation of a run, which is resumed if it was interrupted."""
        logger.info("%s, %s", name, self.budget.spent(*self.spent()))
        if self.listener:
            self.listener.run(f"{name}, {self.budget.spent(*self.spent())}")
        folder = self._run_folder(name)
        records = read_epochs(folder) if (folder / INFO_FILE).is_file() else None
        if records is None:
            is_begun = (folder / RUN_FILE).is_file()
            if not is_begun:
                shutil.rmtree(folder, ignore_errors=True)
            run = train(
                self.space.corpus,
                output=folder,
                settings=settings,
                resume=is_begun,
                listener=listener,
            )
            if run.interrupted:
                raise KeyboardInterrupt(run.interrupted)
            records = run.epochs
        return best_record(records)

    def _run_folder(self, name: str) -> Path:
        return self.folder / RUNS_FOLDER / name.replace(" ", "-")

    def _end(self, name: str, result: str) -> None:
        """Writes the trials, removes the run's folder, and passes on the result."""
        lines = "".join(f"{json_line(each.to_dict())}\n" for each in self.trials())
        write_text(self.folder / TRIALS_FILE, lines)
        shutil.rmtree(self._run_folder(name), ignore_errors=True)
        logger.info("%s: %s", name, result)
        if self.listener:
            self.listener.ended(f"{name}: {result}")
