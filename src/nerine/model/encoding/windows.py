"""Documents as subwords and windows of subwords, in arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nerine.core.document import Token

IGNORED = -100
"""The label id of a position that the loss passes over."""

IntArray = npt.NDArray[np.int64]
"""Whole numbers of 64 bits."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """A document as the model's tokenizer sees it, before it is cut into windows.

    Attributes:
        words: The units that bear tags, as ranges of code points.
        input_ids: The ids of its subwords, without special tokens, `(subwords,)`.
        offsets: The code points that each subword covers, `(subwords, 2)`.
        word_starts: The index of each word's first subword, -1 for a blind word, `(words,)`.
    """

    words: tuple[Token, ...]
    input_ids: IntArray
    offsets: IntArray
    word_starts: IntArray


@dataclass(frozen=True, slots=True)
class Encodings:
    """The encodings of many documents, behind each other in a few arrays.

    The words of document `i` are those from `word_cuts[i]` up to `word_cuts[i + 1]`, and its
    subwords likewise. Offsets and word starts count in their own document, as in `Encoding`.

    Attributes:
        word_bounds: The code points of each word, `(words, 2)`.
        word_starts: The index of its first subword, `(words,)`.
        word_cuts: Where the documents' words begin, and where the last of them end, `(documents +
            1,)`.
        input_ids: The ids of all subwords, `(subwords,)`.
        offsets: The code points of each subword, `(subwords, 2)`.
        subword_cuts: Where the documents' subwords begin, as `word_cuts`, `(documents + 1,)`.
    """

    word_bounds: IntArray
    word_starts: IntArray
    word_cuts: IntArray
    input_ids: IntArray
    offsets: IntArray
    subword_cuts: IntArray

    def __len__(self) -> int:
        return len(self.word_cuts) - 1

    def __iter__(self) -> Iterator[Encoding]:
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, index: int) -> Encoding:
        words = slice(self.word_cuts[index], self.word_cuts[index + 1])
        subwords = slice(self.subword_cuts[index], self.subword_cuts[index + 1])
        return Encoding(
            words=tuple(Token(*bounds) for bounds in self.word_bounds[words].tolist()),
            input_ids=self.input_ids[subwords],
            offsets=self.offsets[subwords],
            word_starts=self.word_starts[words],
        )


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of one document's subwords that goes through the model in one piece.

    Attributes:
        document: The index of its document.
        first: The index of the first of the document's subwords that it holds.
        last: The index behind the last one.
        input_ids: Those subwords, with special tokens around them, `(length,)`.
        words: The indices of the words that this window owns and that are not blind, `(owned,)`.
        positions: The place of each of those words' first subword in `input_ids`, `(owned,)`.
    """

    document: int
    first: int
    last: int
    input_ids: IntArray
    words: IntArray
    positions: IntArray

    def __len__(self) -> int:
        return len(self.input_ids)


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows of many documents, in order, as a few arrays.

    Attributes:
        encodings: The documents' encodings.
        documents: Whose subwords each window holds, `(windows,)`.
        firsts: The index of its first subword in the document, `(windows,)`.
        lasts: The index behind its last one, `(windows,)`.
        words: Every word of all documents that is not blind, counted through, `(seen,)`.
        positions: The place of its first subword in the window that owns it, `(seen,)`.
        cuts: Window `i` owns the words from `cuts[i]` up to `cuts[i + 1]`, `(windows + 1,)`.
        before: The special tokens before each window, `(before,)`.
        after: Those behind it, `(after,)`.
    """

    encodings: Encodings
    documents: IntArray
    firsts: IntArray
    lasts: IntArray
    words: IntArray
    positions: IntArray
    cuts: IntArray
    before: IntArray
    after: IntArray

    @property
    def lengths(self) -> IntArray:
        """The subwords of each window, special tokens included."""
        return self.lasts - self.firsts + len(self.before) + len(self.after)

    def __len__(self) -> int:
        return len(self.documents)

    def __iter__(self) -> Iterator[Window]:
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, index: int) -> Window:
        document, first, last = (
            int(each[index]) for each in (self.documents, self.firsts, self.lasts)
        )
        begin = self.encodings.subword_cuts[document]
        owned = slice(self.cuts[index], self.cuts[index + 1])
        return Window(
            document=document,
            first=first,
            last=last,
            input_ids=np.concatenate(
                (self.before, self.encodings.input_ids[begin + first : begin + last], self.after)
            ),
            words=self.words[owned] - self.encodings.word_cuts[document],
            positions=self.positions[owned],
        )


def window_labels(window: Window, word_labels: Sequence[int] | IntArray) -> IntArray:
    """The label id of each position of `window`: that of the word it owns there, or -100."""
    labels = np.full(len(window), IGNORED, dtype=np.int64)
    labels[window.positions] = np.asarray(word_labels, dtype=np.int64)[window.words]
    return labels
