"""Entities of many sentences, taken apart again."""

from __future__ import annotations

from nerine.model.decoding import Decoder, ScoredSpan, ScoredSpans


def by_sentence(found: ScoredSpans, count: int, decoder: Decoder) -> list[list[ScoredSpan]]:
    """The entities of each of `count` sentences."""
    sentences: list[list[ScoredSpan]] = [[] for _ in range(count)]
    columns = found.sentences, found.starts, found.ends, found.labels, found.probabilities
    for row in zip(*(column.tolist() for column in columns), strict=True):
        sentence, start, end, label, probability = row
        sentences[sentence].append(ScoredSpan(start, end, decoder.labels[label], probability))
    return sentences
