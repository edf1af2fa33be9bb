"""What one sentence's logits say of any span of its words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nerine.core.tags import Span
from nerine.model.decoding.chain import Sides
from nerine.model.decoding.entities import EntityChain
from nerine.model.decoding.spans import ScoredSpan
from nerine.model.ragged import FloatArray, IntArray, products


@dataclass(frozen=True)
class Posterior:
    """What a sentence's logits say of any span of its words.

    Given the logits, the tags are a Markov chain whose steps differ from word to word; `sides`
    tell them at the sentence's words + 1 gaps.
    """

    chain: EntityChain
    sides: Sides

    def spans(self, least: float) -> list[ScoredSpan]:
        """Every span with a probability of `least` or more, above 0, by its place.

        They may overlap, and need not be on the best path. All beginnings grow by a word at a
        time; one is given up when the entities that go on from it weigh less than `least`.
        """
        labels, ahead = self.chain.labels, self.sides.ahead
        of_label = (self.chain.label_of[:, None] == np.arange(len(labels))).astype(np.float64)
        _, growing = self._words
        starts = np.arange(len(growing))
        ends = starts + 1
        found = []
        while len(starts):
            weight = (growing @ of_label).max(axis=1, initial=0.0)
            kept = (weight >= least) & (weight > 0)
            growing, starts, ends = growing[kept], starts[kept], ends[kept]
            values = (growing * self.chain.stops(ahead[ends])) @ of_label
            for row, label in zip(*np.nonzero((values >= least) & (values > 0)), strict=True):
                span = int(starts[row]), int(ends[row]), labels[label]
                found.append(ScoredSpan(*span, min(1.0, float(values[row, label]))))
            growing = np.einsum("si,sij->sj", growing, self._goes_on(ends))
            ends = ends + 1
        return sorted(found, key=lambda span: (span.start, span.end, span.label))

    def probability(self, span: Span) -> float:
        """The probability that this entity, with these ends, is there."""
        of_label = self.chain.label_names == span.label
        begins = self._words[1][span.start] * of_label
        inner = np.arange(span.start + 1, span.end)
        (through,) = products(self._goes_on(inner), np.array([len(inner)]))
        (stops,) = self.chain.stops(self.sides.ahead[[span.end]])
        return float(min(1.0, begins @ through @ stops))

    def nothing(self, start: int, end: int) -> float:
        """The probability that no entity touches the words from `start` up to `end`."""
        outside = self.chain.outside
        tags, _ = self._words
        ahead = self.sides.ahead[start + 1 : end]
        stays = self.chain.steps(ahead, np.full((len(ahead), 1), outside))
        return float(min(1.0, tags[start, outside] * stays.prod()))

    @cached_property
    def _words(self) -> tuple[FloatArray, FloatArray]:
        """The probability of each tag at each word, and that an entity begins there with it.

        Both are `(words, tags)`.
        """
        return self.chain.after(self.sides.behind[:-1], self.sides.ahead[:-1])

    def _goes_on(self, gaps: IntArray) -> FloatArray:
        """`(gaps, tags, tags)`"""
        tags = np.arange(len(self.chain.allowed))
        return self.chain.goes_on(self.sides.ahead[gaps], np.tile(tags, (len(gaps), 1)))
