"""Entities as ranges of words, one by one or as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nerine.model.ragged import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class ScoredSpan:
    """An entity as a half-open range of words, and its probability."""

    start: int
    end: int
    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class Places:
    """Spans of words in many sentences, as arrays of one number a span.

    `sentences` number the sentences; `starts` and `ends` are half-open ranges of the words of
    each span's own sentence; `labels` index a decoder's `labels`.
    """

    sentences: IntArray
    starts: IntArray
    ends: IntArray
    labels: IntArray


@dataclass(frozen=True, slots=True)
class Spans(Places):
    """The entities of many sentences, by sentence and start, with their probabilities."""

    probabilities: FloatArray

    def by_sentence(self, count: int, labels: Sequence[str]) -> list[list[ScoredSpan]]:
        """The entities of each of `count` sentences; `labels` are the decoder's."""
        found: list[list[ScoredSpan]] = [[] for _ in range(count)]
        columns = self.sentences, self.starts, self.ends, self.labels, self.probabilities
        rows = zip(*(column.tolist() for column in columns), strict=True)
        for sentence, start, end, label, probability in rows:
            found[sentence].append(ScoredSpan(start, end, labels[label], probability))
        return found
