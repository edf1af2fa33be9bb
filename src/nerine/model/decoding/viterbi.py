"""The best sequence of tags that the scheme allows (Viterbi, 1967).

The best tag of each word makes the best sequence of all, and mostly the scheme allows it. Where it
holds a forbidden pair of tags, a chunk of words around the pair is searched, with any tags allowed
next to it. If the result fits its neighbours, no sequence scores more, because every part has the
highest score that it can have. If not, a longer chunk is searched, at last the whole sentence.

With learned scores of pairs, all sentences are searched as a whole.
"""

from __future__ import annotations

import numpy as np

from nerine.model.decoding.chain import cut_sentences
from nerine.model.decoding.entities import EntityChain
from nerine.model.ragged import (
    BoolArray,
    FloatArray,
    IntArray,
    Logits,
    longest_first,
    ranges,
    splits_of,
    starts_of,
)

# The words of the chunks that are searched before a whole sentence is.
_CHUNK_WORDS = 64, 1024
# Chunks are searched together while their pairs of tags are about this many a word.
_PAIRS = 2_000_000


def best_sequences(logits: Logits, lengths: IntArray, chain: EntityChain) -> IntArray:
    """The most probable allowed tags of sentences' words, as indices, `(words,)`.

    `logits` are `(words, tags)` of all sentences, `lengths` the sentences' numbers of words. Ties
    are broken in the same way whatever other sentences there are.
    """
    tags = np.asarray(logits.argmax(axis=1))
    splits = splits_of(lengths)
    together = max(1, _PAIRS // len(chain.allowed) ** 2)
    longest = max(*_CHUNK_WORDS, lengths.max(initial=0))
    for most in (longest,) if chain.is_learned else (*_CHUNK_WORDS, longest):
        chunks = cut_sentences(lengths, most)
        broken = np.arange(len(chunks.starts))
        if not chain.is_learned:
            forbidden = _forbidden(tags, lengths, chain)
            broken = np.unique(np.searchsorted(chunks.starts, forbidden, side="right") - 1)
        if not len(broken):
            break
        broken = broken[longest_first(chunks.lengths[broken])[0]]
        for first in range(0, len(broken), together):
            some = broken[first : first + together]
            starts, sizes = chunks.starts[some], chunks.lengths[some]
            opens = starts == splits[chunks.sentences[some]]
            closes = starts + sizes == splits[chunks.sentences[some] + 1]
            words = ranges(starts, sizes)
            tags[words] = _search(chain.margins(logits[words]), sizes, opens, closes, chain)
    return tags


def tags_before(tags: IntArray, lengths: IntArray, edge: int) -> IntArray:
    """The tag before each word of sentences of `lengths` words: `edge` before the first one."""
    before = np.empty_like(tags)
    before[1:] = tags[:-1]
    before[starts_of(lengths)[lengths > 0]] = edge
    return before


def _forbidden(tags: IntArray, lengths: IntArray, chain: EntityChain) -> IntArray:
    """The words of pairs that the scheme forbids, and last words that it forbids."""
    pairs = ~chain.allowed[tags_before(tags, lengths, chain.edge), tags]
    begins = starts_of(lengths)[lengths > 0]
    ends = splits_of(lengths)[1:][lengths > 0]
    second = np.flatnonzero(pairs)
    first = np.setdiff1d(second, begins) - 1
    last = ends[~chain.allowed[tags[ends - 1], chain.edge]] - 1
    return np.concatenate((first, second, last))


def _search(
    margins: FloatArray, lengths: IntArray, opens: BoolArray, closes: BoolArray, chain: EntityChain
) -> IntArray:
    """The best sequence of each chunk, the longest first, by `margins` `(words, tags)`.

    `opens` and `closes` tell the chunks at the beginning and the end of a sentence, which have the
    chain's `edge` next to them there; elsewhere any tag may be next to a chunk.
    """
    _, counts = longest_first(lengths)
    starts = starts_of(lengths)
    to_tags = np.ascontiguousarray(chain.scores.T)
    scores = opens[:, None] * chain.scores[chain.edge]
    final = closes[:, None] * chain.scores[:, chain.edge]
    last = np.empty(len(lengths), dtype=np.int64)
    back = []
    for step, count in enumerate(counts.tolist()):
        scores = scores[:count] + margins[starts[:count] + step]
        going = counts[step + 1] if step + 1 < len(counts) else 0
        last[going:count] = (scores[going:] + final[going:count]).argmax(axis=1)
        paths = scores[:going, None, :] + to_tags
        back.append(paths.argmax(axis=2))
        scores = paths.max(axis=2)
    tags = np.empty(len(margins), dtype=np.int64)
    for step in range(len(counts) - 1, -1, -1):
        going = len(back[step])
        last[:going] = back[step][np.arange(going), last[:going]]
        tags[starts[: counts[step]] + step] = last[: counts[step]]
    return tags
