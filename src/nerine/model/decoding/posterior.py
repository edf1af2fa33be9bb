"""The probability of any span of one sentence's words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nerine.core.tags import Span
from nerine.model.decoding.chain import Messages
from nerine.model.decoding.entities import EntityChain
from nerine.model.decoding.spans import ScoredSpan
from nerine.model.ragged import FloatArray, IntArray, products


@dataclass(frozen=True)
class Posterior:
    """The probabilities of spans of a sentence's words, given its logits.

    Given the logits, the tags are a Markov chain whose steps differ from word to word; `messages`
    define it at the sentence's words + 1 boundaries.
    """

    chain: EntityChain
    messages: Messages

    def spans(self, least: float) -> list[ScoredSpan]:
        """Every span with a probability of `least` or more, above 0, sorted by place.

        Spans may overlap, and need not be on the best path. All beginnings grow by a word at a
        time; one is dropped when the entities that continue from it weigh less than `least`.
        """
        labels, beta = self.chain.labels, self.messages.beta
        of_label = (self.chain.label_of[:, None] == np.arange(len(labels))).astype(np.float64)
        _, growing = self._words
        starts = np.arange(len(growing))
        ends = starts + 1
        found = []
        while len(starts):
            weight = (growing @ of_label).max(axis=1, initial=0.0)
            kept = (weight >= least) & (weight > 0)
            growing, starts, ends = growing[kept], starts[kept], ends[kept]
            values = (growing * self.chain.end(beta[ends])) @ of_label
            for row, label in zip(*np.nonzero((values >= least) & (values > 0)), strict=True):
                span = int(starts[row]), int(ends[row]), labels[label]
                found.append(ScoredSpan(*span, min(1.0, float(values[row, label]))))
            growing = np.einsum("si,sij->sj", growing, self._inside(ends))
            ends = ends + 1
        return sorted(found, key=lambda span: (span.start, span.end, span.label))

    def probability(self, span: Span) -> float:
        """The probability of exactly this entity, with these ends."""
        of_label = self.chain.label_names == span.label
        begins = self._words[1][span.start] * of_label
        inner = np.arange(span.start + 1, span.end)
        (through,) = products(self._inside(inner), np.array([len(inner)]))
        (ends,) = self.chain.end(self.messages.beta[[span.end]])
        return float(min(1.0, begins @ through @ ends))

    def nothing(self, start: int, end: int) -> float:
        """The probability that no entity touches the words from `start` up to `end`."""
        outside = self.chain.outside
        tags, _ = self._words
        beta = self.messages.beta[start + 1 : end]
        stays = self.chain.steps(beta, np.full((len(beta), 1), outside))
        return float(min(1.0, tags[start, outside] * stays.prod()))

    @cached_property
    def _words(self) -> tuple[FloatArray, FloatArray]:
        """The probability of each tag at each word, and that an entity begins there with it.

        Both are `(words, tags)`.
        """
        return self.chain.begin(self.messages.alpha[:-1], self.messages.beta[:-1])

    def _inside(self, boundaries: IntArray) -> FloatArray:
        """The steps that continue an entity, `(boundaries, tags, tags)`."""
        tags = np.arange(len(self.chain.allowed))
        return self.chain.inside(
            self.messages.beta[boundaries], np.tile(tags, (len(boundaries), 1))
        )
