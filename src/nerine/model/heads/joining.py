"""Pieces with logits → the words that a model means, for a model whose words are not known.

Such a model was trained in one of two ways: on the first piece of each word, as in most recipes, or
on all pieces. Nothing in a checkpoint tells which. So each word's tag is predicted by both
hypotheses, and their predictions are averaged::

    p(tag) = (1 - λ) p_first(tag) + λ p_all(tag)        λ = 1/3

`p_first` is the distribution of the first piece. By `p_all`, all pieces of a word are inside the
same entity or outside of all, and the first piece has half of the weight::

    p_all(tag) ∝ p(tag | first)^(1/2) · (Π p(label | other))^(1/2n)         for n other pieces

In a scheme that marks the ends of entities too, the first piece tells whether an entity begins, and
the last one whether it ends: `B-person` and `E-person` on two pieces are `S-person` on the word.

At a LOOSE joint, the model divides the pieces if the likeliest labels of what stands before and
after it differ, each with the pieces that are joined to it TIGHT, or if an entity begins after an
inner piece of another one. What it divides may still be one entity in the best sequence of tags.

A line break that is a piece is a word where a model has no other way to divide two entities: it is
outside of them, and they have one label without a `B-`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from nerine.core.tags import parse_tag
from nerine.model.decoding.chain import margins_of
from nerine.model.encoding.pieces import APART, BREAK, LOOSE, TIGHT
from nerine.model.logits import LogitArray, WordLogits
from nerine.model.ragged import BoolArray, FloatArray, IntArray, splits_of

_TRAINED_ON_ALL = 1 / 3
"""The probability that a model was trained on all pieces."""

_LEAST = 1e-12


def joined(logits: WordLogits, tags: Sequence[str]) -> WordLogits:
    """The logits of words, from those of pieces with joints; others are returned unchanged.

    Args:
        logits: Logits of tags, `(pieces, tags)`.
        tags: The tags, in order.
    """
    encoding, values = logits.encoding, logits.values
    if encoding.joints is None:
        return logits
    pieces = _Pieces(values, tags)
    breaks = encoding.joints == BREAK
    if breaks.any():
        kept = ~breaks
        kept[breaks] = pieces.dividing(breaks)
        some = dataclasses.replace(
            encoding,
            word_bounds=encoding.word_bounds[kept],
            word_starts=encoding.word_starts[kept],
            word_splits=splits_of(kept.astype(np.int64))[encoding.word_splits],
            joints=np.where(breaks, APART, encoding.joints)[kept],
        )
        return joined(WordLogits(some, values[kept]), tags)
    is_divided = pieces.divided(encoding.joints != TIGHT)
    firsts = np.flatnonzero((encoding.joints == APART) | ((encoding.joints == LOOSE) & is_divided))
    lasts = np.append(firsts, len(values))[1:] - 1
    words = values[firsts]
    several = firsts < lasts
    averaged = pieces.averaged(firsts, lasts)[several]
    words[several] = np.log(np.maximum(averaged, _LEAST))
    bounds = encoding.word_bounds
    united = dataclasses.replace(
        encoding,
        word_bounds=np.stack((bounds[firsts, 0], bounds[lasts, 1]), axis=1),
        word_starts=encoding.word_starts[firsts],
        word_splits=np.searchsorted(firsts, encoding.word_splits),
        joints=None,
    )
    return WordLogits(united, words)


class _Pieces:
    """The probabilities of pieces' tags and of their labels, `O` among them.

    Args:
        logits: `(pieces, tags)`.
        tags: The tags, in order.
    """

    def __init__(self, logits: LogitArray, tags: Sequence[str]) -> None:
        parsed = [parse_tag(tag) for tag in tags]
        names = [tag.label for tag in parsed]
        self._begin = np.array([tag.kind in "BS" for tag in parsed])
        self._end = np.array([tag.kind in "ES" for tag in parsed])
        self._inner = np.array([tag.kind in "IE" for tag in parsed])
        self._alike = np.array([[left == right for right in names] for left in names])
        self._probs = np.exp(margins_of(logits))
        self._probs /= self._probs.sum(axis=1, keepdims=True)
        # of each tag the probability of its label, (pieces, tags)
        self._labels = self._probs @ self._alike

    def dividing(self, breaks: BoolArray) -> BoolArray:
        """Whether each line break is outside of entities, before a piece of one without a `B-`."""
        places, others = np.flatnonzero(breaks), np.flatnonzero(~breaks)
        following = np.searchsorted(others, places)
        best = self._probs.argmax(axis=1)
        after = best[np.append(others, places[-1])[following]]
        needs = self._inner & ~(self._alike @ self._begin)
        divides: BoolArray = needs[after] & ~self._inner[best[places]]
        return divides

    def divided(self, may_begin: BoolArray) -> BoolArray:
        """Whether the model divides each piece from the one before it, `(pieces,)`.

        Pieces where no word `may_begin` have the label of those before them.
        """
        best = self._probs.argmax(axis=1)
        before, after = best[:-1], best[1:]
        begins = self._begin[after] & self._inner[before] & self._alike[before, after]
        firsts = np.flatnonzero(may_begin)
        lasts = np.append(firsts, len(best))[1:] - 1
        labels = (self.averaged(firsts, lasts) @ self._alike).argmax(axis=1)
        label = np.repeat(labels, lasts - firsts + 1)
        differ = ~self._alike[label[:-1], label[1:]]
        return np.append(True, differ | begins)[: len(best)]

    def averaged(self, firsts: IntArray, lasts: IntArray) -> FloatArray:
        """The probabilities of words' tags, `(words, tags)`, by the pieces that they hold."""
        if not len(firsts):
            return self._probs
        first, last = self._probs[firsts], self._probs[lasts]
        labels = np.log(np.maximum(self._labels, _LEAST))
        others = np.add.reduceat(labels, firsts, axis=0) - labels[firsts]
        others /= np.maximum(lasts - firsts, 1)[:, None]
        begin = first @ (self._alike & (self._begin[:, None] == self._begin))
        end = last @ (self._alike & (self._end[:, None] == self._end)) / self._labels[lasts]
        weights = np.sqrt(begin * np.exp(others)) * end
        by_all = weights / np.maximum(weights.sum(axis=1, keepdims=True), _LEAST)
        averages = (1 - _TRAINED_ON_ALL) * first + _TRAINED_ON_ALL * by_all
        return np.where((firsts < lasts)[:, None], averages, first)
