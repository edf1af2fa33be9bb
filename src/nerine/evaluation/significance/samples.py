"""Strict counts of each document as arrays, and scores over resampled documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nerine.core.document import Document, labels_of
from nerine.evaluation.metrics.scoring import ranges_of, side_by_side

FloatArray = npt.NDArray[np.float64]
CORRECT, PREDICTED, GOLD = 0, 1, 2

# So many numbers of one block of samples are held at a time.
_BLOCK = 4_000_000


@dataclass(frozen=True, slots=True)
class DocumentCounts:
    """`values`: documents × labels × (correct, predicted, gold), as numbers of entities."""

    labels: tuple[str, ...]
    values: FloatArray

    @property
    def overall(self) -> FloatArray:
        """The counts over all labels: documents × 3."""
        total: FloatArray = self.values.sum(axis=1)
        return total


def document_counts(
    gold: Sequence[Document], predicted: Sequence[Document], labels: Sequence[str] | None = None
) -> DocumentCounts:
    """The strict counts of each document. `labels` are by default those that occur."""
    names = tuple(labels) if labels is not None else labels_of([*gold, *predicted])
    place = {label: index for index, label in enumerate(names)}
    values = np.zeros((len(gold), len(names), 3))
    for row, (reference, output) in enumerate(side_by_side(gold, predicted)):
        wanted, found = set(ranges_of(reference)), set(ranges_of(output))
        for column, ranges in ((GOLD, wanted), (PREDICTED, found), (CORRECT, wanted & found)):
            for label, number in Counter(label for _, _, label in ranges).items():
                values[row, place[label], column] = number
    return DocumentCounts(names, values)


def f1(counts: FloatArray) -> FloatArray:
    """F1 along the last axis (correct, predicted, gold); 0 where nothing is to be counted."""
    return _ratio(2 * counts[..., CORRECT], counts[..., PREDICTED] + counts[..., GOLD])


def precision(counts: FloatArray) -> FloatArray:
    """Precision along the last axis; 0 where nothing was predicted."""
    return _ratio(counts[..., CORRECT], counts[..., PREDICTED])


def recall(counts: FloatArray) -> FloatArray:
    """Recall along the last axis; 0 where nothing is gold."""
    return _ratio(counts[..., CORRECT], counts[..., GOLD])


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def resampling_weights(
    documents: int, samples: int, generator: np.random.Generator
) -> Iterator[FloatArray]:
    """How often each document is drawn in each sample `(block of samples, documents)`.

    Each sample draws as many documents as there are, with replacement.
    """
    block = max(1, min(samples, _BLOCK // max(1, documents)))
    for first in range(0, samples, block):
        size = min(block, samples - first)
        drawn = generator.integers(documents, size=(size, documents))
        drawn += np.arange(size)[:, None] * documents
        counts = np.bincount(drawn.ravel(), minlength=size * documents)
        yield counts.reshape(size, documents).astype(np.float64)


def resampled(values: FloatArray, samples: int, generator: np.random.Generator) -> FloatArray:
    """Sums over resampled documents: `(documents, …)` → `(samples, …)`."""
    flat = values.reshape(len(values), -1)
    sums = [weights @ flat for weights in resampling_weights(len(values), samples, generator)]
    return np.concatenate(sums).reshape(samples, *values.shape[1:])
