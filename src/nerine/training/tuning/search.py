"""The runs of a search: trials with other settings, and the finalists with other seeds.

OUT/trials.jsonl             all trials, written after each run
OUT/runs/trial-7             the run in progress, resumed if the search is
"""

from __future__ import annotations

import logging
import shutil
import statistics
import time
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Protocol

import optuna
from optuna.trial import TrialState

from nerine.core.errors import DivergenceError
from nerine.core.filenames import INFO_FILE, RUN_FILE
from nerine.core.files import json_line, write_text
from nerine.data.corpus import Corpus
from nerine.evaluation.epochs import EpochRecord, best_record, read_epochs
from nerine.training.callbacks import Listener
from nerine.training.parallel.messages import Ended
from nerine.training.parallel.teams import Stage, Task, Team, do_all
from nerine.training.settings import TrainingSettings
from nerine.training.train import train
from nerine.training.tuning.budget import Budget
from nerine.training.tuning.deciding import finalists_of
from nerine.training.tuning.space import Space
from nerine.training.tuning.study import (
    POINTS,
    Trial,
    add_run,
    begun_trial,
    begun_trials,
    ended_trials,
    new_trial,
)

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
        self._trial, self.inner = trial, inner
        self._reported = {*trial.study.get_trials(deepcopy=False)[trial.number].intermediate_values}
        self._steps = 1
        self._began = time.monotonic() - trial.user_attrs.get("seconds", 0.0)

    def started(self, step: int, steps: int) -> None:
        self._steps = steps
        if self.inner:
            self.inner.started(step, steps)

    def stepped(self, step: int) -> None:
        if self.inner:
            self.inner.stepped(step)

    def evaluated(self, record: EpochRecord, *, best: bool) -> None:
        """Stores F1 at its part of the run; raises `_Pruned` if that is below the median."""
        if self.inner:
            self.inner.evaluated(record, best=best)
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
    """A search in `folder`, which holds its study; its runs are done by a `team`."""

    space: Space
    study: optuna.Study
    folder: Path
    budget: Budget
    finalists: int
    seeds: int
    listener: TuningListener | None
    team: Team
    _stage: Stage = field(default_factory=Stage)

    def trials(self) -> list[Trial]:
        """The trials that ended."""
        return ended_trials(self.study, self.space)

    def spent(self) -> tuple[int, float]:
        """The number of runs that ended, and the seconds of all runs."""
        trials = self.trials()
        seconds = sum(each.seconds + each.other_seconds for each in trials)
        begun = sum(_seconds(each) for each in begun_trials(self.study))
        return len(trials) + sum(len(each.others) for each in trials), seconds + begun

    def run_trials(self) -> None:
        """Runs trials as long as the budget allows, with the finalists' runs set aside."""
        if not self.study.get_trials(deepcopy=False):
            self.study.enqueue_trial(self.space.first())
        running: dict[Task, tuple[optuna.Trial, _Watch]] = {}

        def next_task() -> Task | None:
            trial = self._next_trial({trial.number for trial, _ in running.values()})
            if trial is None:
                return None
            task, watch = self._begin_trial(trial)
            running[task] = trial, watch
            return task

        def done(task: Task, ended: Ended) -> None:
            self._end_trial(*running.pop(task), ended)

        try:
            do_all(self.team, next_task, done)
        finally:
            for _, watch in running.values():
                watch.save_time()

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
            self._run_with_seed(missing, seed)

    def _other_seeds(self) -> range:
        """The seeds of the finalists, apart from that of the search."""
        first = self.space.default.seed
        return range(first + 1, first + self.seeds)

    def _allows(self, runs: int, seconds: float) -> bool:
        """Whether the budget allows so many runs and seconds more."""
        spent_runs, spent_seconds = self.spent()
        return self.budget.allows(spent_runs + runs, spent_seconds + seconds)

    def _next_trial(self, running: Set[int]) -> optuna.Trial | None:
        """One that was running when the search was interrupted, or a new one if there may be.

        Args:
            running: The numbers of those that run now.
        """
        seed, places = self.space.default.seed, self.team.size
        for trial in begun_trials(self.study):
            if trial.number not in running:
                return begun_trial(self.study, trial, seed, places)
        return new_trial(self.study, seed, places) if self._allows_trial() else None

    def _allows_trial(self) -> bool:
        """Whether the budget allows another trial and then the finalists' runs.

        The latter get at most half of it. The first trial is always allowed.
        """
        trials, begun = self.trials(), begun_trials(self.study)
        if not trials and not begun:
            return True
        top = finalists_of(trials, self.finalists)
        top += trials[:1] * (self.finalists - len(top))  # later finalists may take as long
        missing = [each for each in top for seed in self._other_seeds() if seed not in each.others]
        unknown = 0 if trials else self.finalists * len(self._other_seeds())
        kept_runs, kept_seconds = self.budget.at_most_half(
            len(missing) + unknown, sum(each.seconds for each in missing)
        )
        expected = statistics.mean(each.seconds for each in trials) if trials else 0.0
        coming = sum(max(0.0, expected - _seconds(each)) for each in begun)
        return self._allows(len(begun) + 1 + kept_runs, coming + expected + kept_seconds)

    def _begin_trial(self, trial: optuna.Trial) -> tuple[Task, _Watch]:
        parameters = {each.name: each.suggest(trial) for each in self.space.ranges}
        if "settings" not in trial.user_attrs:
            trial.set_user_attr("settings", self.space.settings(parameters).to_dict())
        settings = self.space.default.changed(trial.user_attrs["settings"])
        name = _name(trial.number)
        watch = _Watch(trial, self._begin(name))
        return Task(self._work(name, settings), watch), watch

    def _end_trial(self, trial: optuna.Trial, watch: _Watch, ended: Ended) -> None:
        f1 = None
        try:
            best: EpochRecord = ended.get()
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
        self._end(_name(trial.number), result, watch.inner)

    def _run_with_seed(self, trials: Sequence[Trial], seed: int) -> None:
        """Trains the settings of trials with another seed."""
        left = iter(trials)
        running: dict[Task, tuple[Trial, float]] = {}

        def next_task() -> Task | None:
            trial = next(left, None)
            if trial is None:
                return None
            name = _name(trial.number, seed)
            work = self._work(name, replace(trial.settings, seed=seed))
            task = Task(work, self._begin(name))
            running[task] = trial, time.monotonic()
            return task

        def done(task: Task, ended: Ended) -> None:
            trial, began = running.pop(task)
            try:
                f1 = ended.get().f1
            except DivergenceError:
                f1 = 0.0
            add_run(self.study, trial.number, seed, f1, time.monotonic() - began)
            self._end(_name(trial.number, seed), f"F1 {f1:.4f}", task.listener)

        do_all(self.team, next_task, done)

    def _begin(self, name: str) -> Listener | None:
        """Says that a run begins, and returns its listener."""
        listener = self.listener
        said = f"{name}, {self.budget.spent(*self.spent())}"
        logger.info("%s", said)
        return self._stage.enter(listener, lambda: listener.run(said) if listener else None)

    def _work(self, name: str, settings: TrainingSettings) -> Callable[..., EpochRecord]:
        """What a run does, wherever it is."""
        folder = self._run_folder(name)
        if not (folder / RUN_FILE).is_file() and not (folder / INFO_FILE).is_file():
            shutil.rmtree(folder, ignore_errors=True)
        return partial(best_of_run, self.space.corpus, settings, folder)

    def _run_folder(self, name: str) -> Path:
        return self.folder / RUNS_FOLDER / name.replace(" ", "-")

    def _end(self, name: str, result: str, shown: Listener | None) -> None:
        """Writes the trials, removes the run's folder, and passes on the result."""
        lines = "".join(f"{json_line(each.to_dict())}\n" for each in self.trials())
        write_text(self.folder / TRIALS_FILE, lines)
        shutil.rmtree(self._run_folder(name), ignore_errors=True)
        logger.info("%s: %s", name, result)
        if self.listener:
            self.listener.ended(f"{name}: {result}")
        self._stage.leave(shown)


def best_of_run(
    corpus: Corpus, settings: TrainingSettings, folder: Path, listener: Listener | None = None
) -> EpochRecord:
    """The best validation of a run, which is resumed if it was interrupted.

    Raises `KeyboardInterrupt` if a signal ends it, with its state saved.
    """
    records = read_epochs(folder) if (folder / INFO_FILE).is_file() else None
    if records is not None:
        return best_record(records)
    resume = (folder / RUN_FILE).is_file()
    run = train(corpus, output=folder, settings=settings, resume=resume, listener=listener)
    if run.interrupted:
        raise KeyboardInterrupt(run.interrupted)
    return best_record(run.epochs)


def _name(number: int, seed: int | None = None) -> str:
    return f"trial {number}" if seed is None else f"trial {number} with seed {seed}"


def _seconds(trial: optuna.trial.FrozenTrial) -> float:
    """The seconds that a trial has taken, as far as they are stored."""
    return float(trial.user_attrs.get("seconds", 0.0))
