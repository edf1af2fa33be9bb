"""Entities as ranges of words, one by one or as arrays."""

from __future__ import annotations

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
class Spans:
    """Spans of words in many sentences, as arrays of one number a span.

    `sentences` number the sentences; `starts` and `ends` are half-open ranges of the words of
    each span's own sentence; `labels` index a decoder's `labels`.
    """

    sentences: IntArray
    starts: IntArray
    ends: IntArray
    labels: IntArray


@dataclass(frozen=True, slots=True)
class ScoredSpans(Spans):
    """The entities of many sentences, by sentence and start, with their probabilities."""

    probabilities: FloatArray
