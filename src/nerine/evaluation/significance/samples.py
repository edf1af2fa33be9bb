"""Strict counts of each document as arrays; bootstrap samples and random exchanges of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from nerine.core.document import Document
from nerine.evaluation.metrics.scoring import document_pairs, ranges_of

FloatArray = npt.NDArray[np.float64]
CORRECT, PREDICTED, GOLD = 0, 1, 2

_BLOCK_SIZE = 4_000_000  # number of sampled documents that are held in memory at a time


def document_counts(
    gold: Sequence[Document], predicted: Sequence[Document], labels: Sequence[str]
) -> FloatArray:
    """Strict counts of each document: (documents, all labels and each label, 3).

    The last axis is the number of correct, predicted and gold entities. `labels` holds all labels
    of both sides.
    """
    columns = {label: index for index, label in enumerate(labels, start=1)}
    counts = np.zeros((len(gold), 1 + len(labels), 3))
    for row, pair in enumerate(document_pairs(gold, predicted)):
        gold_ranges, predicted_ranges = (set(ranges_of(document)) for document in pair)
        correct_ranges = gold_ranges & predicted_ranges
        for kind, ranges in enumerate((correct_ranges, predicted_ranges, gold_ranges)):
            for _, _, label in ranges:
                counts[row, columns[label], kind] += 1
    counts[:, 0] = counts[:, 1:].sum(axis=1)
    return counts


def f1(counts: FloatArray) -> FloatArray:
    """F1 along the last axis (correct, predicted, gold); 0 if nothing is gold or predicted."""
    return _ratio(2 * counts[..., CORRECT], counts[..., PREDICTED] + counts[..., GOLD])


def precision(counts: FloatArray) -> FloatArray:
    """Precision along the last axis (correct, predicted, gold); 0 if nothing is predicted."""
    return _ratio(counts[..., CORRECT], counts[..., PREDICTED])


def recall(counts: FloatArray) -> FloatArray:
    """Recall along the last axis (correct, predicted, gold); 0 if nothing is gold."""
    return _ratio(counts[..., CORRECT], counts[..., GOLD])


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _blocks(documents: int, samples: int) -> list[int]:
    """Numbers of samples that fit into memory at a time."""
    block = max(1, min(samples, _BLOCK_SIZE // max(1, documents)))
    return [min(block, samples - first) for first in range(0, samples, block)]


def bootstrap_weights(
    documents: int, samples: int, generator: np.random.Generator
) -> Iterator[FloatArray]:
    """How often each document is drawn in each sample: blocks of (samples, documents).

    Each sample draws as many documents as there are, with replacement.
    """
    for size in _blocks(documents, samples):
        drawn = generator.integers(documents, size=(size, documents))
        drawn += np.arange(size)[:, None] * documents
        counts = np.bincount(drawn.ravel(), minlength=size * documents)
        yield counts.reshape(size, documents).astype(np.float64)


def bootstrap_sums(counts: FloatArray, samples: int, generator: np.random.Generator) -> FloatArray:
    """Sums of `counts` (documents, …) over bootstrap samples of documents: (samples, …)."""
    flat = counts.reshape(len(counts), -1)
    sums = [weights @ flat for weights in bootstrap_weights(len(counts), samples, generator)]
    return np.concatenate(sums).reshape(samples, *counts.shape[1:])


def bootstrap_f1(counts: FloatArray, samples: int, seed: int, index: int) -> FloatArray:
    """Mean F1 of a system over its seeds, in bootstrap samples of documents and for other seeds.

    Takes counts (documents, seeds, labels, 3), and gives (samples, labels). The documents drawn
    depend on `seed` alone, the variation by the system's seeds on its `index` too. With few seeds,
    values may lie outside 0 to 1.
    """
    scores = bootstrap_scores(counts, samples, seed)
    return for_other_seeds(f1(counts.sum(axis=0)), scores, seed, index)


def bootstrap_scores(counts: FloatArray, samples: int, seed: int) -> FloatArray:
    """F1 of each seed in bootstrap samples of documents, which depend on `seed` alone.

    Takes counts (documents, seeds, labels, 3), and gives (samples, seeds, labels).
    """
    flat = counts.reshape(len(counts), -1)
    weights = bootstrap_weights(len(counts), samples, np.random.default_rng(seed))
    blocks = [f1((each @ flat).reshape(len(each), *counts.shape[1:])) for each in weights]
    return np.concatenate(blocks)


def for_other_seeds(values: FloatArray, scores: FloatArray, seed: int, index: int) -> FloatArray:
    """Means over seeds in bootstrap samples, varied as those of other seeds would.

    Takes what each seed scores (seeds, labels) and scores in the samples (samples, seeds, labels),
    and gives (samples, labels). With few seeds they vary much (Student's t).
    """
    means: FloatArray = scores.mean(axis=1)
    seeds = len(values)
    if seeds == 1:
        return means
    variance = seed_variance(values, scores)
    chance = np.random.default_rng([seed, index]).standard_t(seeds - 1, size=(len(scores), 1))
    moved: FloatArray = means + chance * np.sqrt(variance / seeds)
    return moved


def seed_variance(values: FloatArray, scores: FloatArray) -> FloatArray:
    """The variance of F1 between seeds, without the part that the finite documents cause.

    Takes the F1 of each seed (seeds, labels), or its difference to another system's, and those in
    bootstrap samples (samples, seeds, labels), and gives (labels,). Two seeds differ on these
    documents because one is better, and because each is lucky with other documents. The second
    part is in the bootstrap samples already: it is the variance of a seed's distance from the mean
    over these samples.
    """
    seeds = len(values)
    distances = scores - scores.mean(axis=1, keepdims=True)
    by_documents = distances.var(axis=0).mean(axis=0) * seeds / (seeds - 1)
    variance: FloatArray = np.maximum(values.var(axis=0, ddof=1) - by_documents, 0)
    return variance


def randomised_differences(
    first: FloatArray, second: FloatArray, samples: int, seed: int
) -> FloatArray | None:
    """Differences in F1 of two systems whose outputs are exchanged at random, by document.

    Takes counts (documents, seeds, labels, 3), and gives (samples, labels), or None if a system
    has several seeds.
    """
    if first.shape[1] > 1 or second.shape[1] > 1:
        return None
    generator = np.random.default_rng(seed)
    documents = len(first)
    moved = (second - first).reshape(documents, -1)
    totals = first.sum(axis=0), second.sum(axis=0)
    differences = []
    for size in _blocks(documents, samples):
        swaps = generator.integers(2, size=(size, documents)).astype(np.float64)
        change = (swaps @ moved).reshape(size, *first.shape[1:])
        difference = f1(totals[1] - change) - f1(totals[0] + change)
        differences.append(difference.mean(axis=1))
    return np.concatenate(differences)
