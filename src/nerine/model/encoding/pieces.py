"""Words from a tokenizer's own pieces, for a model whose words are not known.

Each piece that holds a character is a word of the encoding, and has logits of its own. Which of
them belong together is decided with the logits (`nerine.model.heads.joining`). Until then each has
a *joint* with the one before it:

=======  =======================================================================================
APART    After white space, next to a character of a script without spaces, and next to
         punctuation that is not between letters or digits: a word begins.
LOOSE    Elsewhere where letters, digits, punctuation or two pre-tokens of the tokenizer meet, and
         in Hangul, whose words end in particles: a word begins if the model says so.
TIGHT    Between the letters of one pre-token: no word begins.
BREAK    A line break that is a piece of its own: it is a word if it divides two entities.
=======  =======================================================================================

The range of a piece is widened to grapheme clusters and loses white space at its ends. Pieces that
share a cluster, such as the bytes of an emoji, are one word.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import regex

from nerine.core.characters import BLANK, UNSPACED
from nerine.model.encoding.windows import Encoding
from nerine.model.ragged import BoolArray, IntArray, lengths_of, pairs_of, splits_of

APART, LOOSE, TIGHT, BREAK = range(4)

_SPACE, _UNSPACED, _HANGUL, _LETTER, _DIGIT, _OTHER = range(1, 7)
_KINDS = regex.compile(
    rf"([{BLANK}])|([{UNSPACED}])|(\p{{Hangul}})|([\p{{L}}\p{{M}}\xad\u200c\u200d])|(\p{{N}})|(.)",
    regex.V1 | regex.DOTALL,
)
_LINE_BREAK = regex.compile(r"[\n\v\f\r\x85\u2028\u2029]")
_CLUSTER = regex.compile(r"\X")
_JOINING = regex.compile(
    r"[\p{M}\u200d\p{GCB=Extend}\p{GCB=SpacingMark}\p{GCB=Prepend}\p{GCB=RI}"
    r"\p{GCB=L}\p{GCB=V}\p{GCB=T}]",
    regex.V1,
)


def piece_encoding(texts: Sequence[str], pieces: Sequence[Any], *, whole: bool) -> Encoding:
    """The encoding of texts with pieces as words.

    `pieces` are the encodings of the texts by the library tokenizers. Without `whole`, all joints
    that are not APART are LOOSE.
    """
    counts = lengths_of([piece.ids for piece in pieces])
    begins = splits_of(np.array([len(text) + 1 for text in texts], dtype=np.int64))[:-1]
    offsets = pairs_of([piece.offsets for piece in pieces])
    shifts = np.repeat(begins, counts)
    characters = _Characters(texts, begins)
    starts, ends = characters.solid(offsets[:, 0] + shifts, offsets[:, 1] + shifts)
    holding = np.flatnonzero((offsets[:, 0] < offsets[:, 1]) & (starts < ends))
    reached = np.maximum.accumulate(ends[holding])
    firsts = np.flatnonzero(starts[holding] >= np.append(0, reached)[: len(holding)])
    words = holding[firsts]
    ends = reached[np.append(firsts, len(holding))[1:] - 1]
    bounds = characters.widened(starts[words], ends)
    pretokens = np.fromiter(
        (-1 if each is None else each for piece in pieces for each in piece.word_ids),
        dtype=np.int64,
    )[words]
    joints = characters.joints(bounds)
    if whole:
        apart = np.append(True, pretokens[1:] != pretokens[:-1])[: len(words)]
        joints[(joints == TIGHT) & apart] = LOOSE
    else:
        joints = np.minimum(joints, LOOSE)
    breaks, ranges = characters.line_breaks(offsets + shifts[:, None])
    if len(breaks):
        order = np.argsort(np.concatenate((words, breaks)))
        bounds = np.concatenate((bounds, ranges))[order]
        joints = np.concatenate((joints, np.full(len(breaks), BREAK)))[order]
        words = np.concatenate((words, breaks))[order]
    owners = np.repeat(np.arange(len(texts)), counts)[words]
    subword_splits = splits_of(counts)
    return Encoding(
        word_bounds=bounds - begins[owners, None],
        word_starts=words - subword_splits[owners],
        word_splits=splits_of(np.bincount(owners, minlength=len(texts))),
        input_ids=np.fromiter(chain.from_iterable(piece.ids for piece in pieces), dtype=np.int64),
        offsets=offsets,
        subword_splits=subword_splits,
        joints=joints,
    )


class _Characters:
    """The characters of texts, one text after another with a line break after each.

    Args:
        texts: The texts, without surrogates.
        begins: The place of each text's first character.
    """

    def __init__(self, texts: Sequence[str], begins: IntArray) -> None:
        whole = "".join(f"{text}\n" for text in texts)
        self._line_breaks = np.array([match.start() for match in _LINE_BREAK.finditer(whole)])
        codes, places = np.unique(
            np.frombuffer(whole.encode("utf-32-le"), dtype=np.uint32), return_inverse=True
        )
        matches = (_KINDS.match(chr(code)) for code in codes)
        kinds = np.array([match.lastindex if match else _OTHER for match in matches], np.int64)
        self._kinds = kinds[places] if len(whole) else np.zeros(0, np.int64)
        self._size = len(whole)
        self._floor, self._ceiling = self._clusters(texts, begins)
        # a mark on a symbol, such as the variation selector of an emoji, is not a letter
        bases = self._kinds[self._floor[:-1]]
        self._kinds = np.where((self._kinds == _LETTER) & (bases == _OTHER), _OTHER, self._kinds)

    def solid(self, starts: IntArray, ends: IntArray) -> tuple[IntArray, IntArray]:
        """Ranges widened to whole grapheme clusters, then without white space at their ends."""
        solid = self._kinds != _SPACE
        starts = self._after(solid)[self._floor[starts]]
        ends = self._before(solid)[self._ceiling[ends]]
        return starts, np.maximum(starts, ends)

    def line_breaks(self, ranges: IntArray) -> tuple[IntArray, IntArray]:
        """The ranges of white space that hold a line break: their indices, and whole clusters."""
        bounds = np.stack((self._floor[ranges[:, 0]], self._ceiling[ranges[:, 1]]), axis=1)
        held = np.diff(np.searchsorted(self._line_breaks, bounds), axis=1)[:, 0] > 0
        blank = self._after(self._kinds != _SPACE)[bounds[:, 0]] >= bounds[:, 1]
        chosen = np.flatnonzero(held & blank & (ranges[:, 0] < ranges[:, 1]))
        reached = np.append(0, np.maximum.accumulate(bounds[chosen, 1]))[: len(chosen)]
        chosen = chosen[bounds[chosen, 0] >= reached]
        return chosen, bounds[chosen]

    def widened(self, starts: IntArray, ends: IntArray) -> IntArray:
        """Ranges with the letters next to them that are in no range, `(ranges, 2)`.

        A tokenizer may drop letters that it doesn't know, or begin its first range too late.
        """
        if not len(starts):
            return np.zeros((0, 2), dtype=np.int64)
        other = np.isin(self._kinds, (_SPACE, _OTHER))
        begins, limits = self._before(other), self._after(other)
        starts = np.maximum(np.minimum(starts, begins[starts]), np.append(0, ends[:-1]))
        ends = np.minimum(np.maximum(ends, limits[ends - 1]), np.append(starts[1:], self._size))
        return np.stack((starts, ends), axis=1)

    def joints(self, bounds: IntArray) -> IntArray:
        """The joint of each range with the one before it; TIGHT between letters."""
        if not len(bounds):
            return np.zeros(0, dtype=np.int64)
        space, known = self._kinds == _SPACE, self._kinds != _OTHER
        word = known & ~space
        # where the last and the next letter or digit are, and the last and next white space
        enclosed = (self._before(word) > self._before(space))[:-1] & (
            self._after(word) < self._after(space)
        )[:-1]
        before, after = bounds[:-1, 1] - 1, bounds[1:, 0]
        kinds = self._kinds[[before, after]]
        blanks = np.append(0, np.cumsum(space))
        apart = (blanks[after] > blanks[before + 1]) | (kinds == _UNSPACED).any(axis=0)
        apart |= ((kinds == _OTHER) & ~enclosed[[before, after]]).any(axis=0)
        joints = np.where((kinds == _LETTER).all(axis=0), TIGHT, LOOSE)
        joints[apart] = APART
        return np.append(APART, joints)

    def _after(self, chosen: BoolArray) -> IntArray:
        """For each place the next chosen one, itself included; the size if there is none."""
        places = np.where(chosen, np.arange(self._size), self._size)
        return np.append(np.minimum.accumulate(places[::-1])[::-1], self._size)

    def _before(self, chosen: BoolArray) -> IntArray:
        """For each place the end of the last chosen one before it; 0 if there is none."""
        places = np.where(chosen, np.arange(1, self._size + 1), 0)
        return np.append(0, np.maximum.accumulate(places))

    def _clusters(self, texts: Sequence[str], begins: IntArray) -> tuple[IntArray, IntArray]:
        """The borders of grapheme clusters at or before each place, and at or after it."""
        floor = np.arange(self._size + 1)
        ceiling = floor.copy()
        for text, begin in zip(texts, begins.tolist(), strict=True):
            if text.isascii() or not _JOINING.search(text):
                continue
            for match in _CLUSTER.finditer(text):
                start, end = begin + match.start(), begin + match.end()
                if end - start > 1:
                    floor[start + 1 : end], ceiling[start + 1 : end] = start, end
        return floor, ceiling
