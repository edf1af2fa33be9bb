"""Forward–backward (Rabiner, 1989) over many sentences at once, in logarithms.

All weights are logarithms, so none underflows. Only the weights of one row are compared with each
other, so each row may be shifted by a constant of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nerine.model.ragged import (
    BoolArray,
    FloatArray,
    IntArray,
    Logits,
    longest_first,
    ranges,
    starts_of,
)

NEVER = -1e300
"""The logarithm of an impossible event: finite, because inf - inf is not a number."""

LOWEST = -1e100
"""No score counts as less than this against the best one; sums of it stay above `NEVER`."""

# Below this share of the best, a sum of exponentials may have lost terms to underflow.
_FAINT = 1e-280
# Longer sentences are cut into chunks of this many words, which are processed together.
_CHUNK_WORDS = 512
# Every so many words, sums from different tags are compared; equal is a difference in nats below
# this.
_COMPARED = 16
_ALIKE = 1e-13


def margins_of(logits: Logits) -> FloatArray:
    """Logits minus their word's best logit: `(words, tags)`, 0 or less."""
    values = logits.astype(np.float64)
    with np.errstate(over="ignore"):
        values -= values.max(axis=1, keepdims=True)
    return np.maximum(values, LOWEST, out=values)


class Tables:
    """Scores of pairs of tags as logarithms, `(directions, tags, tags)`, and as factors.

    A table leads from the tag of a row to the tag of a column. A forbidden pair has the score
    `NEVER` and the factor 0.
    """

    def __init__(self, *scores: FloatArray) -> None:
        self.scores = np.stack(scores)
        self.factors = np.exp(self.scores)


def pass_on(weights: FloatArray, tables: Tables) -> tuple[FloatArray, FloatArray]:
    """One step of forward–backward: for each tag the summed weights of the tags that lead to it.

    `weights` are `(directions, rows, tags)`, `tables` one for each direction, or one for all. The
    sums are shifted by each row's highest weight, which is returned too.
    """
    top = weights.max(axis=2, keepdims=True)
    scaled = weights - top
    sums = np.exp(scaled) @ tables.factors
    faint = sums < _FAINT
    return (_summed_apart(scaled, tables, sums, faint) if faint.any() else np.log(sums)), top


def _summed_apart(
    scaled: FloatArray, tables: Tables, sums: FloatArray, faint: BoolArray
) -> FloatArray:
    """The logarithms of `sums`; faint ones are summed again, each relative to its own maximum."""
    result = np.log(np.where(faint, 1.0, sums))
    leads = (tables.scores > NEVER / 2).astype(np.float64)
    possible = (scaled > NEVER / 2).astype(np.float64) @ leads > 0
    result[faint & ~possible] = NEVER
    direction, row, tag = np.nonzero(faint & possible)
    scores = np.broadcast_to(tables.scores, (len(scaled), *tables.scores.shape[1:]))
    result[direction, row, tag] = _log_sum(scaled[direction, row] + scores[direction, :, tag])
    return result


def _log_sum(weights: FloatArray) -> FloatArray:
    """log Σ exp(weights) over the last axis."""
    top = weights.max(axis=-1, keepdims=True)
    return np.asarray(np.log(np.exp(weights - top).sum(axis=-1)) + top[..., 0])


def _led(weights: FloatArray) -> FloatArray:
    """The summed weights that lead to each tag, `(tags, ways)`, shifted."""
    return _log_sum(weights - weights.max())


@dataclass(frozen=True, slots=True)
class Messages:
    """Forward and backward log-messages at the n + 1 word boundaries of each sentence.

    Both arrays are `(words + sentences, tags)`. `alpha` is indexed by the tag before the boundary
    and sums all sequences up to it; `beta` is indexed by the tag after the boundary and sums all
    sequences that may follow. Before and after a sentence stands the tag `edge`.

    So the pair of neighbours (i, j) has a probability proportional to
    exp(alpha[i] + beta[j] + scores[i, j]).
    """

    alpha: FloatArray
    beta: FloatArray


@dataclass(frozen=True, slots=True)
class Chunks:
    """Ranges of words that are processed together; those of one sentence are neighbours."""

    starts: IntArray
    lengths: IntArray
    sentences: IntArray


class Chain:
    """A linear-chain random field (Lafferty, McCallum & Pereira, 2001) with one table of scores.

    `scores` `(tags, tags)` are the logarithms of the weights of pairs of neighbours, 0 or less:
    `NEVER` for a forbidden pair, and 0 for an allowed one unless scores were learned. `forward`,
    `backward` and `both` are the tables for these directions.

    `edge` is the tag before and after a sentence. `nothing` are the weights there.
    """

    def __init__(self, scores: FloatArray, edge: int) -> None:
        self.scores = scores
        self.edge = edge
        self.allowed = scores > NEVER / 2
        self.nothing = np.where(np.arange(len(scores)) == edge, 0.0, NEVER)
        self.forward, self.backward = Tables(scores), Tables(scores.T)
        self.both = Tables(scores, scores.T)
        _, self._leading, self._alike = np.unique(
            scores, axis=0, return_index=True, return_inverse=True
        )

    def messages(self, margins: FloatArray, lengths: IntArray) -> Messages:
        """The messages of sentences of `lengths` words, by `margins`, `(words, tags)`.

        Forward and backward run in the same steps, each from its own end of each chunk.
        """
        size = int(lengths.sum()) + len(lengths), len(self.scores)
        alpha, beta = np.empty(size), np.empty(size)
        boundaries = starts_of(lengths + 1)
        alpha[boundaries] = self.nothing
        beta[boundaries + lengths] = self.nothing
        chunks = cut_sentences(lengths, _CHUNK_WORDS)
        order, counts = longest_first(chunks.lengths)
        starts, shifts = chunks.starts[order], chunks.sentences[order]
        ends = starts + chunks.lengths[order] - 1
        passed = self._passed_in(margins, chunks)[:, order]
        for step, count in enumerate(counts.tolist()):
            words = np.stack([starts[:count] + step, ends[:count] - step])
            weights = passed[:, :count] + margins[words]
            alpha[words[0] + shifts[:count] + 1] = weights[0]
            beta[words[1] + shifts[:count]] = weights[1]
            passed, _ = pass_on(weights, self.both)
        return Messages(alpha, beta)

    def _passed_in(self, margins: FloatArray, chunks: Chunks) -> FloatArray:
        """The messages into each chunk from before and after it, `(2, chunks, tags)`."""
        passed = np.empty((2, len(chunks.starts), len(self.scores)))
        passed[0], passed[1] = self.scores[self.edge], self.scores[:, self.edge]
        follows = chunks.sentences[1:] == chunks.sentences[:-1]  # a chunk of the same sentence
        if not follows.any():
            return passed
        has_next = np.append(follows, False)
        cut = np.flatnonzero(has_next | np.insert(follows, 0, False))
        through = self._through(margins, chunks, cut)
        for ways, number in zip(through, cut.tolist(), strict=True):
            if has_next[number]:
                passed[0, number + 1] = _led(ways.T + passed[0, number])
        beta = self.nothing
        for ways, number in zip(through[::-1], cut[::-1].tolist(), strict=True):
            if not has_next[number]:
                beta = self.nothing
            passed[1, number] = pass_on(beta[None, None], self.backward)[0]
            beta = _led(ways + beta)
        return passed

    def _through(self, margins: FloatArray, chunks: Chunks, cut: IntArray) -> FloatArray:
        """The summed weight of all sequences through each chunk of `cut`, `(chunks, tags, tags)`.

        From a tag at the chunk's first word to a tag at the word after its last. Tags that lead to
        all tags with the same scores differ in their own weight only, so one of them is enough to
        start from.

        Starting from different tags, the sums soon have the same proportions and keep them
        (Birkhoff, 1957); from there on one of them is computed for all.
        """
        chunk_starts = chunks.starts[cut]
        order, counts = longest_first(chunks.lengths[cut] - 1)
        words = chunk_starts[order] + 1
        passed = np.repeat(self.scores[self._leading][:, None], len(cut), axis=1)
        through, scale = np.array(passed), np.zeros((*passed.shape[:2], 1))
        for step, count in enumerate(counts.tolist()):
            weights = passed[:, :count] + margins[words[:count] + step]
            passed, top = pass_on(weights, self.forward)
            scale = scale[:, :count] + top
            through[:, order[:count]] = passed + scale
            if step % _COMPARED == 0 and np.abs(passed - passed[:1]).max() < _ALIKE:
                passed = passed[:1]
        ways = through[self._alike.reshape(-1)] + margins[chunk_starts].T[:, :, None]
        return np.asarray(ways.transpose(1, 0, 2))


def cut_sentences(lengths: IntArray, most: int) -> Chunks:
    """Chunks of at most `most` words of sentences of `lengths` words, in order."""
    counts = -(-lengths // most)
    sentences = np.repeat(np.arange(len(lengths)), counts)
    offsets = ranges(np.zeros_like(counts), counts) * most
    return Chunks(
        starts=starts_of(lengths)[sentences] + offsets,
        lengths=np.minimum(lengths[sentences] - offsets, most),
        sentences=sentences,
    )
