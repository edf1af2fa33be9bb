"""Comparison of systems on the same documents: differences in F1 and their significance.

Two tests of the hypothesis that a difference in F1 is chance:

- Approximate randomisation (Noreen, 1989; Yeh, 2000): if two systems are alike, exchanging their
  outputs for a document changes nothing. Outputs are exchanged at random, document by document;
  p is the share of exchanges with a difference as large as the observed one.
- Paired bootstrap: documents are drawn with replacement, the same for both systems. The
  differences, centred at 0, are those of chance; p is the share as large as the observed one
  (Berg-Kirkpatrick, Burkett & Klein, 2012, here two-sided).

Both p are two-sided and count the observation itself (Phipson & Smyth, 2010), so that they are
never 0. With a handful of documents only randomisation is valid: the bootstrap takes those few for
the population. If several differences are tested, p is adjusted by Holm's procedure (1979): over
all pairs of systems, and separately over all pairs and labels.

A system may have several runs, of several seeds. Its score is then their mean, and p and the
intervals speak of other documents and other seeds. With n seeds of the standard deviation s, the
mean over the seeds in each bootstrap sample of documents is moved by s/√n times a number from
Student's t distribution of n − 1 degrees of freedom. That is Student's interval (1908) of the mean
of a few values, and for two systems the one of Behrens and Fisher (Fisher, 1935). Drawing seeds
with replacement, as documents are (the pigeonhole bootstrap; Owen, 2007), is not enough, since
three values drawn again are too close together. s leaves out what the choice of documents causes,
as in an analysis of two crossed random effects (Cornfield & Tukey, 1956): their samples contain it
already. `bench/significance.py` measures the error rates. A system with a single run is taken as it
is.

Randomisation is left out with several seeds: exchanging the outputs of documents does not simulate
other seeds, and its p would be too small.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from nerine.core.arguments import check_fields, checked
from nerine.core.display import counted
from nerine.core.document import Document, labels_of
from nerine.core.errors import CorpusError
from nerine.core.shown import Grid, Shown
from nerine.evaluation.contamination import Contamination
from nerine.evaluation.significance.intervals import (
    LEVEL,
    SAMPLES,
    Interval,
    bca_interval,
    check_sampling,
    percentile_interval,
)
from nerine.evaluation.significance.samples import (
    FloatArray,
    bootstrap_f1,
    document_counts,
    f1,
    randomised_differences,
)

# Differences this close count as equal: sums of shares are not exact.
_CLOSE = 1e-12


@dataclass(frozen=True, slots=True)
class System:
    """Predictions of a system for the gold documents.

    Attributes:
        name: The name of the system, unique in a comparison.
        runs: The predicted documents of each seed, in the order of the gold documents.
        contamination: How many of their texts its checkpoint has seen; None without a checkpoint.
            Of several runs, it is that of the run that has seen most.

    Raises:
        ArgumentError: If a field has another type.
    """

    name: str
    runs: tuple[tuple[Document, ...], ...]
    contamination: Contamination | None = None

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, slots=True)
class SystemScore:
    """Strict F1 of a system.

    Attributes:
        name: The name of the system.
        f1: The mean F1 over seeds, from 0 to 1.
        values: The F1 of each seed.
        spread: The standard deviation of `values`; None with one seed.
        interval: The confidence interval of F1 for other documents, and for other seeds if there
            are several.
        contamination: As in `System`.
    """

    name: str
    f1: float
    values: tuple[float, ...]
    spread: float | None
    interval: Interval
    contamination: Contamination | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """Difference in F1 of two systems, and its significance.

    Attributes:
        first: The name of the first system.
        second: The name of the second system.
        label: The label; None for all labels.
        difference: F1 of `second` minus F1 of `first`, from -1 to 1.
        interval: The bootstrap interval of the difference.
        p_randomisation: The p-value of approximate randomisation; None if a system has several
            seeds.
        p_bootstrap: The p-value of the paired bootstrap.
        adjusted_randomisation: `p_randomisation`, adjusted for multiple tests.
        adjusted_bootstrap: `p_bootstrap`, adjusted for multiple tests.
    """

    first: str
    second: str
    label: str | None
    difference: float
    interval: Interval
    p_randomisation: float | None
    p_bootstrap: float
    adjusted_randomisation: float | None = None
    adjusted_bootstrap: float = 1.0


@dataclass(frozen=True, slots=True)
class Comparison(Shown):
    """Scores of systems, and the differences of all pairs of systems.

    `str`, and a notebook, show them as tables.

    Attributes:
        systems: The scores, in the order of the systems.
        differences: For each pair of systems the difference over all labels, then of each label.
        level: The confidence level of the intervals, between 0 and 1.
        samples: The number of bootstrap samples.
        seed: The seed of the samples.
        documents: The number of documents.
    """

    systems: tuple[SystemScore, ...]
    differences: tuple[Difference, ...]
    level: float
    samples: int
    seed: int
    documents: int

    def shown_parts(self) -> list[Grid | str]:
        """What was seen, and the results."""
        seen = [f"{each.name}: {each.contamination}" for each in self.systems if each.contamination]
        return [*seen, *self.results()]

    def results(self) -> list[Grid | str]:
        """Tables of the systems and of each pair's differences; how p was found."""
        level = f"{self.level:.0%} interval"
        systems = [
            (
                each.name,
                f"{each.f1:.4f}",
                f"{each.interval.low:.4f} to {each.interval.high:.4f}",
                f"{len(each.values)}",
                "" if each.spread is None else f"{each.spread:.4f}",
            )
            for each in self.systems
        ]
        columns = ("system", "F1", level, "seeds", "deviation")
        scores = Grid(f"Strict F1 over {counted(self.documents, 'document')}", columns, systems)
        pairs = itertools.groupby(self.differences, lambda each: (each.first, each.second))
        grids = [self._pair(f"{second} − {first}", [*found]) for (first, second), found in pairs]
        how = (
            f"p over {self.samples:,} samples, seed {self.seed}; adjusted by Holm's procedure over "
            "all pairs, and over all pairs and labels"
        )
        return [scores, *grids, how]

    def _pair(self, name: str, differences: Sequence[Difference]) -> Grid:
        rows = []
        for each in differences:
            p_values = (
                *(each.p_randomisation, each.p_bootstrap),
                *(each.adjusted_randomisation, each.adjusted_bootstrap),
            )
            interval = f"{each.interval.low:+.4f} to {each.interval.high:+.4f}"
            shown = ("" if value is None else f"{value:.4f}" for value in p_values)
            rows.append((each.label or "all labels", f"{each.difference:+.4f}", interval, *shown))
        names = ("difference", f"{self.level:.0%} interval", "p randomisation", "p bootstrap")
        adjusted = ("adjusted randomisation", "adjusted bootstrap")
        title = f"F1 of {name}, and how often chance gives as much"
        return Grid(title, ("label", *names, *adjusted), rows)

    def to_dict(self) -> dict[str, Any]:
        """The fields for JSON, first how many of the texts each system has seen."""
        seen = {
            each.name: each.contamination and each.contamination.to_dict() for each in self.systems
        }
        fields = asdict(self)
        for system in fields["systems"]:
            del system["contamination"]
        return {"contamination": seen, **fields}


@checked
def compare(
    gold: Sequence[Document],
    systems: Sequence[System],
    *,
    level: float = LEVEL,
    samples: int = SAMPLES,
    seed: int = 0,
) -> Comparison:
    """Compares systems on the same documents, and tests whether their differences are chance.

    Args:
        gold: The gold documents.
        systems: The systems; each run has the texts of `gold`, in the same order.
        level: The confidence level of the intervals, between 0 and 1.
        samples: The number of bootstrap samples.
        seed: The seed of the samples.

    Returns:
        The score of each system and the difference of each pair, over all labels and for each.

    Raises:
        ArgumentError: If an argument has another type.
        CorpusError: If predicted documents are not those of `gold`, or two systems have one name.
        SettingsError: If the level, the number of samples or the seed is out of range.
    """
    check_sampling(level, samples, seed)
    labels = labels_of([*gold, *(each for s in systems for run in s.runs for each in run)])
    counts = _system_counts(gold, systems, labels)
    sampled = {}
    scores = []
    seen = {system.name: system.contamination for system in systems}
    for index, (name, each) in enumerate(counts.items()):
        sampled[name] = bootstrap_f1(each, samples, seed, index)
        overall = sampled[name][:, 0]
        values = f1(each[:, :, 0].sum(axis=0))
        if len(values) == 1:
            spread, interval = None, bca_interval(f1, each[:, 0, 0], overall, level)
        else:
            spread = float(values.std(ddof=1))
            interval = percentile_interval(np.clip(overall, 0, 1), level)
        by_seed = tuple(map(float, values))
        mean = float(values.mean())
        scores.append(SystemScore(name, mean, by_seed, spread, interval, seen[name]))
    differences: list[Difference] = []
    for first, second in itertools.combinations(counts, 2):
        exchanged = randomised_differences(counts[first], counts[second], samples, seed)
        resampled = sampled[second] - sampled[first]
        # the mean over seeds
        means = [f1(counts[name].sum(axis=0)).mean(axis=0) for name in (first, second)]
        for column, label in enumerate((None, *labels)):
            observed = float(means[1][column] - means[0][column])
            differences.append(
                Difference(
                    first,
                    second,
                    label,
                    difference=observed,
                    interval=percentile_interval(np.clip(resampled[:, column], -1, 1), level),
                    p_randomisation=(
                        None if exchanged is None else _p_value(exchanged[:, column], observed)
                    ),
                    p_bootstrap=_p_value(resampled[:, column] - observed, observed),
                )
            )
    tested = tuple(_adjusted(differences))
    return Comparison(tuple(scores), tested, level, samples, seed, len(gold))


def _system_counts(
    gold: Sequence[Document], systems: Sequence[System], labels: Sequence[str]
) -> dict[str, FloatArray]:
    """Strict counts of each system: (documents, seeds, all labels and each label, 3)."""
    if not gold:
        raise CorpusError("no gold documents", expected="at least one")
    counts: dict[str, FloatArray] = {}
    for system in systems:
        if system.name in counts:
            raise CorpusError(
                f"two systems have the name {system.name!r}", expected="a different name for each"
            )
        if not system.runs:
            raise CorpusError(f"system {system.name!r} has no runs", expected="at least one")
        try:
            runs = [document_counts(gold, run, labels) for run in system.runs]
        except CorpusError as error:
            raise error.at(f"system {system.name!r}") from None
        counts[system.name] = np.stack(runs, axis=1)
    return counts


def _p_value(chance: FloatArray, observed: float) -> float:
    """The share of differences by chance that are as large as the observed one, itself included."""
    as_large = np.count_nonzero(np.abs(chance) >= abs(observed) - _CLOSE)
    return float((as_large + 1) / (len(chance) + 1))


def _adjusted(differences: Sequence[Difference]) -> list[Difference]:
    """Differences with adjusted p; those over all labels and those of labels are two families."""
    result = list(differences)
    for overall in (True, False):
        family = [i for i, each in enumerate(result) if (each.label is None) is overall]
        for i, p in zip(family, holm([result[i].p_bootstrap for i in family]), strict=True):
            result[i] = replace(result[i], adjusted_bootstrap=p)
        tested = {i: value for i in family if (value := result[i].p_randomisation) is not None}
        for i, adjusted in zip(tested, holm([*tested.values()]), strict=True):
            result[i] = replace(result[i], adjusted_randomisation=adjusted)
    return result


def holm(values: Sequence[float]) -> list[float]:
    """Holm's adjusted p: the smallest p times their number, the next times one less, and so on."""
    adjusted = [0.0] * len(values)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(values)), key=lambda index: values[index])):
        highest = max(highest, min(1.0, values[index] * (len(values) - rank)))
        adjusted[index] = highest
    return adjusted
