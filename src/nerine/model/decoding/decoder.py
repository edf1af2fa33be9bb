"""The decoder of one model's tags."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from nerine.core.tags import OUTSIDE, TagScheme, parse_tag
from nerine.model.decoding.chain import Sides, margins_of
from nerine.model.decoding.entities import EntityChain
from nerine.model.decoding.posterior import Posterior
from nerine.model.decoding.spans import Places, Spans
from nerine.model.decoding.viterbi import best_sequences, tags_before
from nerine.model.ragged import FloatArray, IntArray, Logits, products, ranges, starts_of

# What a blind word says, in nats against `O`: it is rather no part of an entity, but it does not
# break one whose words stand on both its sides, and nothing begins with it.
_BLIND_INSIDE = -5.0
_BLIND_BEGINNING = -10.0
# Probabilities are worked out for sentences of about so many words at a time.
_GROUP_WORDS = 50_000


class Decoder:
    """Viterbi and forward–backward (Rabiner, 1989) for one model's tags.

    Logits are one array of all words of all sentences, `(words, tags)`, of finite numbers;
    `lengths` are the sentences' numbers of words, and may be 0.

    `constrained=False` allows every pair of tags: each word then takes its own best tag, as the
    arg-max does, and entities are read leniently.
    """

    def __init__(self, tags: Sequence[str], scheme: TagScheme, *, constrained: bool = True) -> None:
        self.tags = tuple(tags)
        self._chain = EntityChain(self.tags, scheme, constrained=constrained)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that tags have, in order."""
        return self._chain.labels

    @property
    def blind_logits(self) -> FloatArray:
        """The logits of a word that the model does not see, (tags)."""
        kinds = [parse_tag(tag).kind for tag in self.tags]
        values = {OUTSIDE: 0.0, "B": _BLIND_BEGINNING, "S": _BLIND_BEGINNING}
        return np.array([values.get(kind, _BLIND_INSIDE) for kind in kinds])

    def decode(self, logits: Logits, lengths: Sequence[int] | IntArray) -> Spans:
        """The entities of the best possible tags, with their probabilities."""
        places = self.spans(self.best_tags(logits, lengths), lengths)
        probabilities = self.probabilities(logits, lengths, places)
        return Spans(places.sentences, places.starts, places.ends, places.labels, probabilities)

    def best_tags(self, logits: Logits, lengths: Sequence[int] | IntArray) -> IntArray:
        """The most probable possible tags, as one index a word."""
        return best_sequences(logits, _as_lengths(lengths, len(logits)), self._chain)

    def spans(self, tags: Sequence[int] | IntArray, lengths: Sequence[int] | IntArray) -> Places:
        """The entities of sequences of tags, given as one index a word."""
        tags, lengths = np.asarray(tags, dtype=np.int64), _as_lengths(lengths, len(tags))
        before = tags_before(tags, lengths, self._chain.outside)
        starts = np.flatnonzero(self._chain.begins[before, tags])
        breaks = np.append(np.flatnonzero(~self._chain.continues[before, tags]), len(tags))
        ends = breaks[np.searchsorted(breaks, starts, side="right")]
        of_words = starts_of(lengths)
        sentences = np.searchsorted(of_words + lengths, starts, side="right")
        shifts = of_words[sentences]
        return Places(sentences, starts - shifts, ends - shifts, self._chain.label_of[tags[starts]])

    def probabilities(
        self, logits: Logits, lengths: Sequence[int] | IntArray, places: Places
    ) -> FloatArray:
        """The exact probability of each span: that this entity, with these ends, is there."""
        lengths = _as_lengths(lengths, len(logits))
        values = np.zeros(len(places.starts))
        holding, owner = np.unique(places.sentences, return_inverse=True)
        of_words = starts_of(lengths)
        for first, last in _groups(lengths[holding]):
            members = holding[first:last]
            words = ranges(of_words[members], lengths[members])
            sides = self._chain.sides(margins_of(logits[words]), lengths[members])
            spans = np.flatnonzero((owner >= first) & (owner < last))
            gaps = starts_of(lengths[members] + 1)[owner[spans] - first]
            values[spans] = self._probabilities(
                sides, gaps + places.starts[spans], gaps + places.ends[spans], places.labels[spans]
            )
        return values

    def posteriors(self, logits: Logits, lengths: Sequence[int] | IntArray) -> list[Posterior]:
        """What each sentence's logits say of any span."""
        lengths = _as_lengths(lengths, len(logits))
        sides = self._chain.sides(margins_of(logits), lengths)
        gaps = starts_of(lengths + 1)
        return [
            Posterior(self._chain, Sides(sides.behind[first:last], sides.ahead[first:last]))
            for first, last in zip(gaps.tolist(), (gaps + lengths + 1).tolist(), strict=True)
        ]

    def _probabilities(
        self, sides: Sides, starts: IntArray, ends: IntArray, labels: IntArray
    ) -> FloatArray:
        """The probabilities of spans from the gap before their first word to that after the last.

        An entity begins, goes on with each further word, and ends. Only tags of its own label
        come into this.
        """
        own = self._chain.tags_of[labels]
        _, begins = self._chain.after(sides.behind[starts], sides.ahead[starts])
        stops = self._chain.stops(sides.ahead[ends])
        inner = ends - starts - 1
        steps = self._chain.goes_on(
            sides.ahead[ranges(starts + 1, inner)], np.repeat(own, inner, axis=0)
        )
        through = products(steps, inner)
        first = np.take_along_axis(begins, own, axis=1)
        last = np.take_along_axis(stops, own, axis=1)
        return np.asarray(np.minimum(np.einsum("si,sij,sj->s", first, through, last), 1.0))


def _groups(lengths: IntArray) -> Iterator[tuple[int, int]]:
    """Ranges of sentences that have about `_GROUP_WORDS` words together."""
    number = np.cumsum(lengths) // _GROUP_WORDS
    borders = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(lengths)]
    return ((first, last) for first, last in pairwise(borders) if first < last)


def _as_lengths(lengths: Sequence[int] | IntArray, words: int) -> IntArray:
    result = np.asarray(lengths, dtype=np.int64)
    if result.sum() != words:
        raise ValueError(f"sentences of {result.sum()} words in all, but {words} words")
    return result
