"""The finalists of a search, and the decision between them and the default settings."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from nerine.training.tuning.study import Trial


@dataclass(frozen=True, slots=True)
class Decision:
    """The settings that a search ends with.

    A trial became a finalist because of its F1 with the search's seed, which is therefore too high
    on average. So the mean over the other seeds decides. The winner is the best finalist, if its
    mean is above that of the default settings by more than `margin`.

    Attributes:
        finalists: The default settings, then the best other trials, best first.
        seeds: The seeds that decide, with which the compared finalists were trained.
    """

    finalists: tuple[Trial, ...]
    seeds: tuple[int, ...]

    @property
    def default(self) -> Trial:
        """The trial with the default settings."""
        return self.finalists[0]

    @property
    def compared(self) -> tuple[Trial, ...]:
        """The finalists that were trained with all of these seeds."""
        if not self.seeds:
            return ()
        return tuple(each for each in self.finalists if {*self.seeds} <= {*each.others})

    def mean(self, trial: Trial) -> float:
        """The mean F1 of a compared finalist over these seeds."""
        return statistics.mean(trial.others[seed] for seed in self.seeds)

    def own_deviation(self, trial: Trial) -> float:
        """The standard deviation of a compared finalist's F1 over all its seeds."""
        return statistics.stdev(_values(trial, self.seeds))

    @property
    def deviation(self) -> float:
        """The standard deviation of a run with another seed, pooled over the compared finalists."""
        values = [_values(trial, self.seeds) for trial in self.compared]
        squares = sum(statistics.variance(each) * (len(each) - 1) for each in values)
        return math.sqrt(squares / sum(len(each) - 1 for each in values))

    @property
    def margin(self) -> float:
        """The standard deviation of the difference of two means over these seeds."""
        return self.deviation * math.sqrt(2 / len(self.seeds))

    @property
    def best(self) -> Trial | None:
        """The finalist with the highest mean, apart from the default; None if none is compared."""
        return max(self.compared[1:], key=self.mean, default=None)

    @property
    def winner(self) -> Trial:
        """The best finalist, or the default settings if it does not beat them."""
        best = self.best
        is_better = best and self.mean(best) - self.mean(self.default) > self.margin
        return best if best and is_better else self.default

    def statement(self) -> str:
        """The decision in a sentence or two."""
        best = self.best
        if best is None:
            return (
                "The recipe is the default: no other settings were trained with a second seed. A "
                "larger budget allows it."
            )
        gain = self.mean(best) - self.mean(self.default)
        compared = f"{gain:+.4f} over the default, in the mean of {self.seeds_in_words}"
        if self.winner is best:
            return (
                f"The recipe is that of trial {best.number}: {compared}. By chance, ±"
                f"{self.margin:.4f} would be usual."
            )
        reason = "nothing beats it by more than chance" if gain > 0 else "no finalist beats it"
        return (
            f"The recipe is the default: {reason}. The best other, trial {best.number}, has "
            f"{compared}, where ±{self.margin:.4f} is usual by chance."
        )

    @property
    def seeds_in_words(self) -> str:
        """`seed 1`, or `seeds 1, 2`."""
        return f"seed{'s' if len(self.seeds) > 1 else ''} {', '.join(map(str, self.seeds))}"


def _values(trial: Trial, seeds: Sequence[int]) -> list[float]:
    """F1 with the search's seed, then with these seeds."""
    return [trial.f1 or 0.0, *(trial.others[seed] for seed in seeds)]


def finalists_of(trials: Sequence[Trial], number: int) -> list[Trial]:
    """The default settings, then the best other trials, so that there are `number` at the most.

    The trial with the default settings is left out if it has not ended. Among trials with equal F1
    the lower validation loss decides.
    """
    default = [each for each in trials if each.number == 0]
    completed = [each for each in trials if each.number and each.ending == "completed"]
    completed.sort(key=lambda each: (-(each.f1 or 0.0), each.loss or 0.0))
    return [*default, *completed[: number - 1]]


def decide(trials: Sequence[Trial], number: int) -> Decision:
    """The decision after the runs of the finalists, with those of an earlier call among them."""
    top = finalists_of(trials, number)
    known = {each.number for each in top}
    top += [each for each in trials if each.others and each.number not in known]
    shared: list[set[int]] = [{*top[0].others} & {*each.others} for each in top[1:]]
    seeds = max(shared, key=lambda each: len(each), default=set())
    return Decision(tuple(top), tuple(sorted(seeds)))
