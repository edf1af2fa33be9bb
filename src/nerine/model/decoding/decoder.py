"""Logits of words → the best tags, entities and their probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from nerine.core.arguments import checked
from nerine.core.tags import OUTSIDE, TagScheme, parse_tag
from nerine.model.decoding.chain import Messages
from nerine.model.decoding.entities import EntityChain
from nerine.model.decoding.posterior import Posterior
from nerine.model.decoding.spans import ScoredSpans, Spans
from nerine.model.decoding.viterbi import best_sequences, tags_before
from nerine.model.ragged import FloatArray, IntArray, Logits, products, ranges, splits_of, starts_of
from nerine.model.settings import TransitionScores

# Logits of a blind word, against 0 for `O`. It does not become an entity, and does not split one
# that has words on both its sides; and nothing begins with it.
_BLIND_INSIDE = -5.0
_BLIND_BEGINNING = -10.0
# Probabilities are computed for sentences of about this many words at a time.
_GROUP_WORDS = 50_000


class Decoder:
    """Viterbi and forward–backward (Rabiner, 1989) for one model's tags.

    `logits` are one array of all words of all sentences, `(words, tags)`, of finite numbers;
    `lengths` are the sentences' numbers of words, and may be 0.

    `constrained=False` allows every pair of tags: each word then takes its own best tag, as
    arg-max does, and entities are read leniently. `learned` are the scores of a CRF for pairs of
    tags; they are added to the logits of a sequence.
    """

    @checked
    def __init__(
        self,
        tags: Sequence[str],
        scheme: TagScheme,
        *,
        constrained: bool = True,
        learned: TransitionScores | None = None,
    ) -> None:
        self.tags = tuple(tags)
        self._chain = EntityChain(self.tags, scheme, constrained=constrained, learned=learned)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that tags have, in order."""
        return self._chain.labels

    @property
    def blind_logits(self) -> FloatArray:
        """The logits of a word without a subword, `(tags,)`."""
        kinds = [parse_tag(tag).kind for tag in self.tags]
        values = {OUTSIDE: 0.0, "B": _BLIND_BEGINNING, "S": _BLIND_BEGINNING}
        return np.array([values.get(kind, _BLIND_INSIDE) for kind in kinds])

    def decode(self, logits: Logits, lengths: Sequence[int] | IntArray) -> ScoredSpans:
        """The entities of the best allowed tags, with their probabilities."""
        spans = self.spans(self.best_tags(logits, lengths), lengths)
        probabilities = self.probabilities(logits, lengths, spans)
        return ScoredSpans(spans.sentences, spans.starts, spans.ends, spans.labels, probabilities)

    def best_tags(self, logits: Logits, lengths: Sequence[int] | IntArray) -> IntArray:
        """The most probable allowed tags, as one index a word, `(words,)`."""
        return best_sequences(logits, _as_lengths(lengths, len(logits)), self._chain)

    def spans(self, tags: Sequence[int] | IntArray, lengths: Sequence[int] | IntArray) -> Spans:
        """The entities of sequences of tags, given as one index a word."""
        tags, lengths = np.asarray(tags, dtype=np.int64), _as_lengths(lengths, len(tags))
        before = tags_before(tags, lengths, self._chain.edge)
        starts = np.flatnonzero(self._chain.begins[before, tags])
        breaks = np.append(np.flatnonzero(~self._chain.continues[before, tags]), len(tags))
        ends = breaks[np.searchsorted(breaks, starts, side="right")]
        splits = splits_of(lengths)
        sentences = np.searchsorted(splits[1:], starts, side="right")
        shifts = splits[sentences]
        return Spans(sentences, starts - shifts, ends - shifts, self._chain.label_of[tags[starts]])

    def probabilities(
        self, logits: Logits, lengths: Sequence[int] | IntArray, spans: Spans
    ) -> FloatArray:
        """The exact probability of each span as an entity with these ends and label, `(spans,)`.

        An entity begins, continues with each further word, and ends. Only tags of its own label
        matter.
        """
        lengths = _as_lengths(lengths, len(logits))
        values = np.zeros(len(spans.starts))
        holding, owner = np.unique(spans.sentences, return_inverse=True)
        number = np.cumsum(lengths[holding]) // _GROUP_WORDS
        borders = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(holding)]
        for first, last in pairwise(borders if len(holding) else []):
            members = holding[first:last]
            words = ranges(starts_of(lengths)[members], lengths[members])
            messages = self._chain.messages(self._chain.margins(logits[words]), lengths[members])
            some = np.flatnonzero((owner >= first) & (owner < last))
            boundaries = starts_of(lengths[members] + 1)[owner[some] - first]
            starts, ends = boundaries + spans.starts[some], boundaries + spans.ends[some]
            own = self._chain.tags_of[spans.labels[some]]
            _, begin = self._chain.begin(messages.alpha[starts], messages.beta[starts])
            inner = ends - starts - 1
            steps = self._chain.inside(
                messages.beta[ranges(starts + 1, inner)], np.repeat(own, inner, axis=0)
            )
            total = np.einsum(
                "si,sij,sj->s",
                np.take_along_axis(begin, own, axis=1),
                products(steps, inner),
                np.take_along_axis(self._chain.end(messages.beta[ends]), own, axis=1),
            )
            values[some] = np.minimum(total, 1.0)
        return values

    def shares(self, logits: Logits, lengths: Sequence[int] | IntArray, spans: Spans) -> FloatArray:
        """The share of the probability that the scheme allows at each span, `(spans,)`.

        At each word of the span, and at the one after it or the sentence's end, that is the
        probability of the tags that may follow the allowed sequences before. All other
        probabilities are conditional on allowed sequences and say nothing of it.
        """
        lengths = _as_lengths(lengths, len(logits))
        margins = self._chain.margins(logits)
        before = self._chain.messages(margins, lengths).alpha
        before = np.exp(before - before.max(axis=1, keepdims=True))
        reached = before / before.sum(axis=1, keepdims=True) @ self._chain.allowed
        own = np.exp(margins)
        own /= own.sum(axis=1, keepdims=True)
        boundaries = starts_of(lengths + 1)
        values = reached[:, self._chain.edge]  # at the end of a sentence
        values[ranges(boundaries, lengths)] = (own * reached[ranges(boundaries, lengths)]).sum(1)
        summed = np.append(0.0, np.log(np.clip(values, 1e-300, 1.0)).cumsum())
        first = boundaries[spans.sentences] + spans.starts
        last = boundaries[spans.sentences] + spans.ends
        return np.asarray(np.exp(summed[last + 1] - summed[first]))

    def marginals(self, logits: Logits, lengths: Sequence[int] | IntArray) -> FloatArray:
        """The probability of each tag at each word, summed over all allowed sequences.

        `(words, tags)`; those of a word sum to 1.
        """
        lengths = _as_lengths(lengths, len(logits))
        messages = self._chain.messages(self._chain.margins(logits), lengths)
        before = ranges(starts_of(lengths + 1), lengths)
        tags, _ = self._chain.begin(messages.alpha[before], messages.beta[before])
        return tags[:, : len(self.tags)]

    def posteriors(self, logits: Logits, lengths: Sequence[int] | IntArray) -> list[Posterior]:
        """The posterior of each sentence, for the probability of any span."""
        lengths = _as_lengths(lengths, len(logits))
        messages = self._chain.messages(self._chain.margins(logits), lengths)
        boundaries = pairwise(splits_of(lengths + 1).tolist())
        return [
            Posterior(self._chain, Messages(messages.alpha[first:last], messages.beta[first:last]))
            for first, last in boundaries
        ]


def _as_lengths(lengths: Sequence[int] | IntArray, words: int) -> IntArray:
    result = np.asarray(lengths, dtype=np.int64)
    if result.sum() != words:
        raise ValueError(f"sentences of {result.sum()} words in all, but {words} words")
    return result
