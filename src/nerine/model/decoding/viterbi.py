"""The best sequence of tags that the scheme allows (Viterbi, 1967).

The best tag of each word makes the best sequence of all. Mostly the scheme allows it, and nothing
needs to be searched; only sentences where it holds a forbidden pair of tags are.
"""

from __future__ import annotations

import numpy as np

from nerine.model.decoding.chain import Chain, margins_of
from nerine.model.ragged import (
    FloatArray,
    IntArray,
    Logits,
    longest_first,
    ranges,
    splits_of,
    starts_of,
)

# Sentences are searched together while their pairs of tags are about this many a word.
_PAIRS = 2_000_000


def best_sequences(logits: Logits, lengths: IntArray, chain: Chain) -> IntArray:
    """The most probable allowed tags of sentences' words, as indices, `(words,)`.

    `logits` are `(words, tags)` of all sentences, `lengths` the sentences' numbers of words. Ties
    are broken in the same way whatever other sentences there are.
    """
    tags = np.asarray(logits.argmax(axis=1))
    broken = _forbidden(tags, lengths, chain)
    size = max(1, _PAIRS // len(chain.allowed) ** 2)
    order = broken[longest_first(lengths[broken])[0]]
    for first in range(0, len(order), size):
        sentences = order[first : first + size]
        words = ranges(starts_of(lengths)[sentences], lengths[sentences])
        tags[words] = _search(margins_of(logits[words]), lengths[sentences], chain)
    return tags


def tags_before(tags: IntArray, lengths: IntArray, outside: int) -> IntArray:
    """The tag before each word of sentences of `lengths` words: `O` before the first one."""
    before = np.empty_like(tags)
    before[1:] = tags[:-1]
    before[starts_of(lengths)[lengths > 0]] = outside
    return before


def _forbidden(tags: IntArray, lengths: IntArray, chain: Chain) -> IntArray:
    """The sentences that hold a pair of tags that the scheme forbids."""
    ends = splits_of(lengths)[1:]
    words = np.flatnonzero(~chain.allowed[tags_before(tags, lengths, chain.outside), tags])
    filled = np.flatnonzero(lengths)
    open_ended = filled[~chain.allowed[tags[ends[filled] - 1], chain.outside]]
    return np.union1d(np.searchsorted(ends, words, side="right"), open_ended)


def _search(margins: FloatArray, lengths: IntArray, chain: Chain) -> IntArray:
    """The best sequence of each sentence, the longest first, by `margins` `(words, tags)`."""
    _, counts = longest_first(lengths)
    starts = starts_of(lengths)
    to_tags = np.ascontiguousarray(chain.penalty.T)
    scores = np.tile(chain.penalty[chain.outside], (len(lengths), 1))
    last = np.empty(len(lengths), dtype=np.int64)
    back = []
    for step, count in enumerate(counts.tolist()):
        scores = scores[:count] + margins[starts[:count] + step]
        going = counts[step + 1] if step + 1 < len(counts) else 0
        last[going:count] = (scores[going:] + chain.penalty[:, chain.outside]).argmax(axis=1)
        paths = scores[:going, None, :] + to_tags
        back.append(paths.argmax(axis=2))
        scores = paths.max(axis=2)
    tags = np.empty(len(margins), dtype=np.int64)
    for step in range(len(counts) - 1, -1, -1):
        going = len(back[step])
        last[:going] = back[step][np.arange(going), last[:going]]
        tags[starts[: counts[step]] + step] = last[: counts[step]]
    return tags
