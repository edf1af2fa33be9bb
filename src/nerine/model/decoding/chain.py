"""Forward–backward (Rabiner, 1989) over many sentences at once, in logarithms.

Weights are logarithms throughout, so that none is too small to be told from another. Those of one
word or one row are compared with each other only: each row may be shifted by a number of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nerine.model.ragged import (
    BoolArray,
    FloatArray,
    IntArray,
    Logits,
    ranges,
    side_by_side,
    starts_of,
)

NEVER = -1e300
"""The logarithm of what is impossible: finite, since inf - inf is no number."""

# No logit counts as less than this against its word's best one; sums of it stay above NEVER.
_LOWEST = -1e100
# Below this share of the best, a sum of exponentials may have lost terms to underflow.
_FAINT = 1e-280
# Longer sentences are cut into chunks of so many words, which run side by side.
_CHUNK_WORDS = 512
# After so many words, again and again, it is seen whether walks differ by less than so many nats.
_COMPARED = 16
_ALIKE = 1e-13


def margins_of(logits: Logits) -> FloatArray:
    """How much less than its word's best logit each one is: `(words, tags)`, 0 or less."""
    values = logits.astype(np.float64)
    with np.errstate(over="ignore"):
        values -= values.max(axis=1, keepdims=True)
    return np.maximum(values, _LOWEST, out=values)


def pass_on(weights: FloatArray, tables: FloatArray) -> tuple[FloatArray, FloatArray]:
    """For each tag, the sum of the weights of all tags that `tables` lead to it from.

    `weights` are `(directions, rows, tags)`, `tables` `(directions, tags, tags)` of zeros and
    ones, or one table for all directions. The sums are shifted by each row's highest weight,
    which is given too.
    """
    top = weights.max(axis=2, keepdims=True)
    scaled = weights - top
    sums = np.exp(scaled) @ tables
    faint = sums < _FAINT
    return (_summed_apart(scaled, tables, sums, faint) if faint.any() else np.log(sums)), top


def _summed_apart(
    scaled: FloatArray, tables: FloatArray, sums: FloatArray, faint: BoolArray
) -> FloatArray:
    """The logarithms of `sums`; those that are too faint are worked out by themselves."""
    result = np.log(np.where(faint, 1.0, sums))
    possible = (scaled > NEVER / 2).astype(np.float64) @ tables > 0
    result[faint & ~possible] = NEVER
    direction, row, tag = np.nonzero(faint & possible)
    leads = np.broadcast_to(tables, (len(scaled), *tables.shape[1:]))[direction, :, tag] > 0
    result[direction, row, tag] = _log_sum(np.where(leads, scaled[direction, row], NEVER))
    return result


def _log_sum(weights: FloatArray) -> FloatArray:
    """log Σ exp(weights) over the last axis."""
    top = weights.max(axis=-1, keepdims=True)
    return np.asarray(np.log(np.exp(weights - top).sum(axis=-1)) + top[..., 0])


def _led(weights: FloatArray) -> FloatArray:
    """The sums over all ways that lead to each tag, `(tags, ways)`, shifted."""
    return _log_sum(weights - weights.max())


@dataclass(frozen=True, slots=True)
class Sides:
    """All that sentences' logits say, seen from the gaps before, between and after their words.

    Both arrays are `(words + sentences, tags)`: a sentence of n words has n + 1 rows, one for the
    gap before each word and one for its end. `behind` holds, for the tag before the gap, the
    weight of all that leads up to it with that tag; `ahead`, for the tag after the gap, the
    weight of all that may follow with that tag. The places before and after a sentence have the
    tag `O`.

    A pair of neighbours (i, j) thus has a probability in proportion to
    exp(behind[i] + ahead[j]) · allowed[i, j].
    """

    behind: FloatArray
    ahead: FloatArray


@dataclass(frozen=True, slots=True)
class _Chunks:
    """Ranges of words that are walked along side by side; a sentence's follow each other."""

    starts: IntArray
    lengths: IntArray
    sentences: IntArray


class Chain:
    """The random field (Lafferty, McCallum & Pereira, 2001), for one table of
    allowed pairs of tags.

    `penalty` is the table as logarithms, and `tables` are what leads forward from tag to tag, and
    what leads backward. `nothing` are the weights before and after a sentence, where `O` stands.
    """

    def __init__(self, allowed: BoolArray, outside: int) -> None:
        self.allowed = allowed
        self.outside = outside
        self.penalty = np.where(allowed, 0.0, NEVER)
        self.nothing = np.where(np.arange(len(allowed)) == outside, 0.0, NEVER)
        self._first = self.penalty[outside]
        self._last = self.penalty[:, outside]
        forward = allowed.astype(np.float64)
        self.tables = np.stack([forward, forward.T])
        _, self._leading, self._alike = np.unique(
            allowed, axis=0, return_index=True, return_inverse=True
        )

    def sides(self, margins: FloatArray, lengths: IntArray) -> Sides:
        """The weights at the gaps of sentences of `lengths` words, by `margins`, `(words, tags)`.

        Forward and backward run in the same steps, each from its own end of each chunk.
        """
        chunks = _chunks(lengths)
        passed = self._passed_in(margins, chunks)
        sides = self._ends(lengths)
        order, counts = side_by_side(chunks.lengths)
        starts, shifts = chunks.starts[order], chunks.sentences[order]
        ends = starts + chunks.lengths[order] - 1
        passed = passed[:, order]
        for step, count in enumerate(counts.tolist()):
            words = np.stack([starts[:count] + step, ends[:count] - step])
            weights = passed[:, :count] + margins[words]
            sides.behind[words[0] + shifts[:count] + 1] = weights[0]
            sides.ahead[words[1] + shifts[:count]] = weights[1]
            passed, _ = pass_on(weights, self.tables)
        return sides

    def _ends(self, lengths: IntArray) -> Sides:
        """Rows for all gaps, of which those before and after each sentence are filled in."""
        size = int(lengths.sum()) + len(lengths), len(self.allowed)
        sides = Sides(np.empty(size), np.empty(size))
        starts = starts_of(lengths + 1)
        sides.behind[starts] = self.nothing
        sides.ahead[starts + lengths] = self.nothing
        return sides

    def _passed_in(self, margins: FloatArray, chunks: _Chunks) -> FloatArray:
        """What each chunk gets from what stands before and after it: `(2, chunks, tags)`."""
        passed = np.empty((2, len(chunks.starts), len(self.allowed)))
        passed[0], passed[1] = self._first, self._last
        follows = chunks.sentences[1:] == chunks.sentences[:-1]
        if follows.any():
            self._between_chunks(margins, chunks, follows, passed)
        return passed

    def _between_chunks(
        self, margins: FloatArray, chunks: _Chunks, follows: BoolArray, passed: FloatArray
    ) -> None:
        """Fills in what chunks of the same sentence pass on to each other.

        `follows` says of each chunk but the first whether the one before it is of its sentence.
        """
        goes_on = np.append(follows, False)
        cut = np.flatnonzero(goes_on | np.insert(follows, 0, False))
        through = self._through(margins, chunks, cut)
        for ways, number in zip(through, cut.tolist(), strict=True):
            if goes_on[number]:
                passed[0, number + 1] = _led(ways.T + passed[0, number])
        ahead = self.nothing
        for ways, number in zip(through[::-1], cut[::-1].tolist(), strict=True):
            if not goes_on[number]:
                ahead = self.nothing
            passed[1, number] = pass_on(ahead[None, None], self.tables[1:])[0]
            ahead = _led(ways + ahead)

    def _through(self, margins: FloatArray, chunks: _Chunks, cut: IntArray) -> FloatArray:
        """The weight of all ways through each chunk of `cut`, `(chunks, tags, tags)`.

        From a tag at the chunk's first word, to a tag at the word after its last. Tags that lead
        to the same tags differ in their own weight only, so one of them is walked on from.

        Walks from different tags soon have the same proportions, and from there on one stands for
        all: no step takes such walks apart again (Birkhoff, 1957).
        """
        chunk_starts = chunks.starts[cut]
        order, counts = side_by_side(chunks.lengths[cut] - 1)
        words = chunk_starts[order] + 1
        passed = np.repeat(self.penalty[self._leading][:, None], len(cut), axis=1)
        through, scale = np.array(passed), np.zeros((*passed.shape[:2], 1))
        for step, count in enumerate(counts.tolist()):
            weights = passed[:, :count] + margins[words[:count] + step]
            passed, top = pass_on(weights, self.tables[:1])
            scale = scale[:, :count] + top
            through[:, order[:count]] = passed + scale
            if step % _COMPARED == 0 and np.abs(passed - passed[:1]).max() < _ALIKE:
                passed = passed[:1]
        ways = through[self._alike.reshape(-1)] + margins[chunk_starts].T[:, :, None]
        return np.asarray(ways.transpose(1, 0, 2))


def _chunks(lengths: IntArray) -> _Chunks:
    """Sentences, the long ones cut. Those without words have none."""
    counts = -(-lengths // _CHUNK_WORDS)
    sentences = np.repeat(np.arange(len(lengths)), counts)
    offsets = ranges(np.zeros_like(counts), counts) * _CHUNK_WORDS
    return _Chunks(
        starts=starts_of(lengths)[sentences] + offsets,
        lengths=np.minimum(lengths[sentences] - offsets, _CHUNK_WORDS),
        sentences=sentences,
    )
