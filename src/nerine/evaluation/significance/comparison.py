"""Whether one system is better than another on the same documents.

Two tests of the hypothesis that the difference in F1 is chance:

- Approximate randomisation (Noreen, 1989; Yeh, 2000): if the systems are alike, it does not
  matter which of them gave which output for a document. The outputs are exchanged at random,
  document by document, and p is the share of times in which the difference is as large.
- Paired bootstrap: documents are drawn with replacement, for both systems alike. The differences,
  moved so that their centre is none, are what chance gives; p is the share that is as large as
  the observed one (Berg-Kirkpatrick, Burkett & Klein, 2012, here for both directions).

Both p are two-sided and count the observation itself (Phipson & Smyth, 2010), so that they are
never 0. With a handful of documents only the first one holds: the bootstrap takes those few for
all that there are. Where several differences are tested, p is adjusted by Holm's procedure (1979):
over all pairs of systems, and apart from that over all pairs and labels.

A system may come with several runs, of several seeds. Its score is then their mean, and the
bootstrap draws seeds as well as documents. Randomisation is left out: exchanging the outputs of
documents tells nothing of what other seeds would have given, and its p would be too small.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from nerine.core.document import Document, labels_of
from nerine.core.errors import CorpusError
from nerine.evaluation.significance.intervals import (
    LEVEL,
    SAMPLES,
    Interval,
    check_sampling,
    interval_of,
)
from nerine.evaluation.significance.samples import (
    FloatArray,
    document_counts,
    f1,
    resampling_weights,
)

# Differences this close count as equal: sums of shares are not exact.
_CLOSE = 1e-12


@dataclass(frozen=True, slots=True)
class System:
    """A system's outputs for the gold documents.

    Attributes:
        name: What it is called; no two systems of a comparison are called alike.
        runs: For each of its seeds the documents with what was found, side by side with the gold
            ones.
    """

    name: str
    runs: tuple[tuple[Document, ...], ...]


@dataclass(frozen=True, slots=True)
class SystemScore:
    """A system's strict F1.

    Attributes:
        name: What the system is called.
        f1: The mean over seeds, from 0 to 1.
        values: The F1 of each seed.
        spread: Their standard deviation, in F1 from 0 to 1; None with one seed.
        interval: Where F1 lies, for other documents, and for other seeds where there are several.
    """

    name: str
    f1: float
    values: tuple[float, ...]
    spread: float | None
    interval: Interval


@dataclass(frozen=True, slots=True)
class Difference:
    """How much better the second of two systems is than the first.

    Attributes:
        first: The name of the one.
        second: The name of the other.
        label: The label that it is about; None for all of them.
        difference: F1 of `second` minus F1 of `first`, from -1 to 1.
        interval: Between two quantiles of the resampled differences.
        p_randomisation: The probability of a difference as large by chance, by approximate
            randomisation; None where a system has several seeds.
        p_bootstrap: The same probability, by the paired bootstrap.
        adjusted_randomisation: `p_randomisation`, allowing for all differences that were tested
            together, a probability again.
        adjusted_bootstrap: `p_bootstrap`, likewise a probability.
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
class Comparison:
    """Scores of systems, and the differences of all pairs of them.

    Attributes:
        systems: The scores, in the order in which the systems were given.
        differences: For each pair of systems that over all labels, then that of each label.
        level: The probability with which an interval is to hold the true value.
        samples: How many times the documents were resampled.
        seed: The seed of the resamples.
        documents: How many documents were compared.
    """

    systems: tuple[SystemScore, ...]
    differences: tuple[Difference, ...]
    level: float
    samples: int
    seed: int
    documents: int

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def compare(
    gold: Sequence[Document],
    systems: Sequence[System],
    *,
    level: float = LEVEL,
    samples: int = SAMPLES,
    seed: int = 0,
) -> Comparison:
    """Compares the outputs of systems for the same documents.

    The tests are approximate randomisation (Noreen, 1989) and the paired bootstrap
    (Berg-Kirkpatrick, Burkett & Klein, 2012), their p adjusted by Holm's procedure (Holm, 1979).

    Args:
        gold: The documents with the right entities.
        systems: The systems; each run stands side by side with `gold`.
        level: The probability with which an interval is to hold the true value, between 0 and 1.
        samples: How many times the documents are resampled.
        seed: The seed of the resamples.

    Returns:
        Each system's score and each pair's difference, over all labels and for each.

    Raises:
        CorpusError: Where outputs do not belong to `gold`, or two systems are called alike.
        SettingsError: For a level or a number of samples out of its range.
    """
    check_sampling(level, samples, seed)
    _check(gold, systems)
    labels = labels_of([*gold, *(each for s in systems for run in s.runs for each in run)])
    counts = {system.name: _counts(gold, system, labels) for system in systems}
    draws = [
        _resampled_f1(each, samples, np.random.default_rng(seed), np.random.default_rng([seed, i]))
        for i, each in enumerate(counts.values())
    ]
    scores = dict(zip(counts, draws, strict=True))
    differences: list[Difference] = []
    for first, second in itertools.combinations(counts, 2):
        chances = _exchanged(counts[first], counts[second], samples, np.random.default_rng(seed))
        shift = scores[second] - scores[first]
        observed = _f1(counts[second]) - _f1(counts[first])
        for index, label in enumerate((None, *labels)):
            differences.append(
                _difference(
                    (first, second, label),
                    float(observed[index]),
                    shift[:, index],
                    None if chances is None else chances[:, index],
                    level,
                )
            )
    return Comparison(
        tuple(_score(name, each, scores[name][:, 0], level) for name, each in counts.items()),
        tuple(_adjusted(differences)),
        level,
        samples,
        seed,
        len(gold),
    )


def _check(gold: Sequence[Document], systems: Sequence[System]) -> None:
    if not gold:
        raise CorpusError("there are no gold documents", expected="at least one")
    names = [system.name for system in systems]
    for system in systems:
        if names.count(system.name) > 1:
            raise CorpusError(f"two systems are called {system.name!r}", expected="unlike names")
        if not system.runs:
            raise CorpusError(f"system {system.name!r} has no output", expected="one run or more")


def _counts(gold: Sequence[Document], system: System, labels: Sequence[str]) -> FloatArray:
    """Documents × seeds × (all labels, then each) × (correct, predicted, gold)."""
    runs = []
    for run in system.runs:
        try:
            counts = document_counts(gold, run, labels)
        except CorpusError as error:
            raise error.at(f"system {system.name!r}") from None
        runs.append(np.concatenate([counts.overall[:, None], counts.values], axis=1))
    return np.stack(runs, axis=1)


def _f1(counts: FloatArray) -> FloatArray:
    """The mean over seeds: all labels, then each."""
    mean: FloatArray = f1(counts.sum(axis=0)).mean(axis=0)
    return mean


def _resampled_f1(
    counts: FloatArray,
    samples: int,
    of_documents: np.random.Generator,
    of_seeds: np.random.Generator,
) -> FloatArray:
    """F1 over resampled documents and seeds: samples × (all labels, then each).

    Generators of one seed draw the same documents for each system.
    """
    documents, seeds = counts.shape[:2]
    flat = counts.reshape(documents, -1)
    found = []
    for weights in resampling_weights(documents, samples, of_documents):
        scores = f1((weights @ flat).reshape(len(weights), *counts.shape[1:]))
        drawn = of_seeds.integers(seeds, size=(len(weights), seeds))
        found.append(np.take_along_axis(scores, drawn[:, :, None], axis=1).mean(axis=1))
    return np.concatenate(found)


def _exchanged(
    first: FloatArray, second: FloatArray, samples: int, generator: np.random.Generator
) -> FloatArray | None:
    """Differences in F1 with outputs exchanged at random: samples × (all labels, then each)."""
    if first.shape[1] > 1 or second.shape[1] > 1:
        return None
    documents = len(first)
    moved = (second - first).reshape(documents, -1)
    totals = first.sum(axis=0), second.sum(axis=0)
    found = []
    block = max(1, min(samples, 4_000_000 // documents))
    for begin in range(0, samples, block):
        size = min(block, samples - begin)
        swaps = generator.integers(2, size=(size, documents)).astype(np.float64)
        change = (swaps @ moved).reshape(size, *first.shape[1:])
        after = f1(totals[1] - change) - f1(totals[0] + change)
        found.append(after.mean(axis=1))
    return np.concatenate(found)


def _difference(
    names: tuple[str, str, str | None],
    observed: float,
    resampled: FloatArray,
    exchanged: FloatArray | None,
    level: float,
) -> Difference:
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2])
    return Difference(
        *names,
        difference=observed,
        interval=Interval(float(low), float(high)),
        p_randomisation=None if exchanged is None else _share(exchanged, observed),
        p_bootstrap=_share(resampled - observed, observed),
    )


def _share(chances: FloatArray, observed: float) -> float:
    """The share of chance's differences that are as large as the observed one, itself included."""
    as_large = np.count_nonzero(np.abs(chances) >= abs(observed) - _CLOSE)
    return float((as_large + 1) / (len(chances) + 1))


def _adjusted(differences: Sequence[Difference]) -> list[Difference]:
    """With adjusted p: over all labels one family, for single labels another."""
    result = list(differences)
    for family in (
        [index for index, each in enumerate(result) if each.label is None],
        [index for index, each in enumerate(result) if each.label is not None],
    ):
        for index, p in zip(family, _holm([result[i].p_bootstrap for i in family]), strict=True):
            result[index] = replace(result[index], adjusted_bootstrap=p)
        tested = [i for i in family if result[i].p_randomisation is not None]
        values = [result[i].p_randomisation or 0.0 for i in tested]
        for index, p in zip(tested, _holm(values), strict=True):
            result[index] = replace(result[index], adjusted_randomisation=p)
    return result


def _holm(values: Sequence[float]) -> list[float]:
    """Holm's adjusted p: the smallest times their number, the next times one less, and so on."""
    adjusted = [0.0] * len(values)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(values)), key=lambda index: values[index])):
        highest = max(highest, min(1.0, values[index] * (len(values) - rank)))
        adjusted[index] = highest
    return adjusted


def _score(name: str, counts: FloatArray, resampled: FloatArray, level: float) -> SystemScore:
    values = f1(counts[:, :, 0].sum(axis=0))
    if len(values) == 1:
        interval = interval_of(f1, counts[:, 0, 0], resampled, level)
    else:
        low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2])
        interval = Interval(float(low), float(high))
    spread = float(values.std(ddof=1)) if len(values) > 1 else None
    return SystemScore(
        name, float(values.mean()), tuple(float(value) for value in values), spread, interval
    )
