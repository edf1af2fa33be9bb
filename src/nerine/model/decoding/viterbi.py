"""The best possible sequence of tags, searched for only where it is in question.

No sequence scores more than each word's best tag, and mostly this one is possible. Where a pair of
its tags is not, a region around that pair is searched for its own best sequence, whatever may
stand next to it (Viterbi, 1967). If the regions' sequences fit the tags around them, no sequence of
the whole scores more: every part of it has the best score that it can have. Where one does not fit,
the region grows, at last to the whole sentence.
"""

from __future__ import annotations

import numpy as np

from nerine.model.decoding.chain import Chain, margins_of
from nerine.model.ragged import BoolArray, IntArray, Logits, side_by_side, starts_of

# How much further regions reach each time.
_GROWTH = 4
# Regions are searched side by side while their pairs of tags are about so many.
_PAIRS = 2_000_000


def best_sequences(logits: Logits, lengths: IntArray, chain: Chain) -> IntArray:
    """The most probable possible tags of sentences' words, as indices.

    `logits` are `(words of all sentences, tags)`, `lengths` the sentences' numbers of words. Of
    equally good sequences, which one is taken depends on the sentence alone.
    """
    sentences = _Sentences(lengths, chain)
    tags = np.asarray(logits.argmax(axis=1))
    searched = np.zeros(len(tags), dtype=np.bool_)
    reach = 1
    gaps, where = sentences.broken(tags)
    while len(gaps) and reach < _GROWTH * lengths.max():
        grown = sentences.around(gaps, where, reach)
        searched |= grown
        starts, ends = sentences.regions(searched, grown)
        for some in _groups(ends - starts, _PAIRS // len(chain.allowed) ** 2):
            sentences.search(logits, tags, starts[some], ends[some])
        gaps, where = sentences.broken(tags)
        reach *= _GROWTH
    return tags


def tags_before(tags: IntArray, lengths: IntArray, outside: int) -> IntArray:
    """The tag before each word of sentences of `lengths` words: `O` before the first one."""
    before = np.empty_like(tags)
    before[1:] = tags[:-1]
    before[starts_of(lengths)[lengths > 0]] = outside
    return before


class _Sentences:
    """Where sentences start and end among all words, and what may stand in them."""

    def __init__(self, lengths: IntArray, chain: Chain) -> None:
        self._penalty, self._allowed = chain.penalty, chain.allowed
        self._outside = chain.outside
        self._starts = starts_of(lengths)
        self._ends = self._starts + lengths
        self._filled = np.flatnonzero(lengths)
        self._lengths = lengths

    def broken(self, tags: IntArray) -> tuple[IntArray, IntArray]:
        """The gaps between words whose tags may not stand next to each other, and their sentences.

        A gap is known by the word after it; the end of a sentence, by its length.
        """
        before = tags_before(tags, self._lengths, self._outside)
        inside = np.flatnonzero(~self._allowed[before, tags])
        ends = self._ends[self._filled]
        last = ~self._allowed[tags[ends - 1], self._outside]
        within = np.searchsorted(self._ends, inside, side="right")
        return np.append(inside, ends[last]), np.append(within, self._filled[last])

    def around(self, gaps: IntArray, sentences: IntArray, reach: int) -> BoolArray:
        """Which words are within `reach` of one of the gaps, in its sentence."""
        change = np.zeros(int(self._ends[-1]) + 1, dtype=np.int64)
        np.add.at(change, np.maximum(gaps - reach, self._starts[sentences]), 1)
        np.add.at(change, np.minimum(gaps + reach, self._ends[sentences]), -1)
        return np.asarray(change.cumsum()[:-1] > 0)

    def regions(self, searched: BoolArray, grown: BoolArray) -> tuple[IntArray, IntArray]:
        """The runs of searched words, each in one sentence, that hold a word of `grown`."""
        words = np.flatnonzero(searched)
        first = np.ones(len(words), dtype=np.bool_)
        first[1:] = words[1:] != words[:-1] + 1
        first |= np.isin(words, self._starts)
        runs = np.cumsum(first) - 1
        changed = np.unique(runs[grown[words]])
        starts = words[first]
        ends = np.append(words[np.flatnonzero(first)[1:] - 1], words[-1]) + 1
        return starts[changed], ends[changed]

    def search(self, logits: Logits, tags: IntArray, starts: IntArray, ends: IntArray) -> None:
        """Writes the best sequence of each region to `tags`, by Viterbi's algorithm.

        The regions, the longest first, run side by side. Only at the ends of its sentence does one
        regard what stands next to it, which is `O` there.
        """
        _, counts = side_by_side(ends - starts)
        opens = np.isin(starts, self._starts[self._filled])
        closes = np.isin(ends, self._ends[self._filled])
        score = opens[:, None] * self._penalty[self._outside]
        final = closes[:, None] * self._penalty[:, self._outside]
        from_tags = np.ascontiguousarray(self._penalty.T)
        last = np.empty(len(starts), dtype=np.int64)
        steps = []
        for step, count in enumerate(counts.tolist()):
            score = score[:count] + margins_of(logits[starts[:count] + step])
            done = counts[step + 1] if step + 1 < len(counts) else 0
            last[done:count] = (score[done:] + final[done:count]).argmax(axis=1)
            paths = score[:done, None, :] + from_tags
            steps.append(paths.argmax(axis=2))
            score = paths.max(axis=2)
        for step, came_from in zip(range(len(counts) - 1, -1, -1), reversed(steps), strict=True):
            going_on = len(came_from)
            last[:going_on] = came_from[np.arange(going_on), last[:going_on]]
            tags[starts[: counts[step]] + step] = last[: counts[step]]


def _groups(lengths: IntArray, most: int) -> list[IntArray]:
    """Indices of regions, the longest first, in groups of at most `most`."""
    order, _ = side_by_side(lengths)
    size = max(1, most)
    return [order[first : first + size] for first in range(0, len(order), size)]
