"""Documents as words, subwords and windows of subwords, in flat arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nerine.core.document import Token
from nerine.model.ragged import IntArray


@dataclass(frozen=True, slots=True)
class Encoding:
    """The words and subwords of documents, in flat arrays; `encoding[i]` is that of one document.

    Document `i` has the words `word_splits[i]` to `word_splits[i + 1]`, and its subwords likewise.
    Offsets and word starts count from the beginning of their own document.

    Attributes:
        word_bounds: The code points of each word, `(words, 2)`.
        word_starts: The index of its first subword, -1 for a blind word, `(words,)`.
        word_splits: The borders of the documents' words, `(documents + 1,)`.
        input_ids: The ids of all subwords, without special tokens, `(subwords,)`.
        offsets: The code points of each subword, `(subwords, 2)`.
        subword_splits: The borders of the documents' subwords, `(documents + 1,)`.
        joints: How each word hangs together with the one before it, as in `pieces`, `(words,)`;
            None if the words are those that bear tags.
    """

    word_bounds: IntArray
    word_starts: IntArray
    word_splits: IntArray
    input_ids: IntArray
    offsets: IntArray
    subword_splits: IntArray
    joints: IntArray | None = None

    @property
    def lengths(self) -> IntArray:
        """The number of words of each document, `(documents,)`."""
        return np.diff(self.word_splits)

    @property
    def words(self) -> tuple[Token, ...]:
        """The words of all documents, in order."""
        return tuple(Token(*bounds) for bounds in self.word_bounds.tolist())

    def __len__(self) -> int:
        return len(self.word_splits) - 1

    def __iter__(self) -> Iterator[Encoding]:
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, index: int) -> Encoding:
        words = slice(*self.word_splits[[index, index + 1]])
        subwords = slice(*self.subword_splits[[index, index + 1]])
        return Encoding(
            word_bounds=self.word_bounds[words],
            word_starts=self.word_starts[words],
            word_splits=np.array([0, words.stop - words.start]),
            input_ids=self.input_ids[subwords],
            offsets=self.offsets[subwords],
            subword_splits=np.array([0, subwords.stop - subwords.start]),
            joints=None if self.joints is None else self.joints[words],
        )


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of one document's subwords that goes through the model in one piece.

    Attributes:
        document: The index of its document.
        first: The index of its first subword in the document.
        last: The index after its last one.
        input_ids: Those subwords between special tokens, `(length,)`.
        words: The indices of the words that it owns and that are not blind, `(owned,)`.
        positions: The place of each of those words' first subword in `input_ids`, `(owned,)`.
    """

    document: int
    first: int
    last: int
    input_ids: IntArray
    words: IntArray
    positions: IntArray


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows of documents, in order, in flat arrays; `windows[i]` is one of them.

    Attributes:
        encoding: The documents' encoding.
        documents: The document of each window, `(windows,)`.
        firsts: The index of its first subword in the document, `(windows,)`.
        lasts: The index after its last one, `(windows,)`.
        words: All words of the encoding that are not blind, `(seen,)`.
        positions: The place of each such word's first subword in the window that owns it,
            `(seen,)`.
        splits: Window `i` owns the words `words[splits[i] : splits[i + 1]]`, `(windows + 1,)`.
        before: The special tokens before each window, `(before,)`.
        after: The special tokens after it, `(after,)`.
    """

    encoding: Encoding
    documents: IntArray
    firsts: IntArray
    lasts: IntArray
    words: IntArray
    positions: IntArray
    splits: IntArray
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
        begin = self.encoding.subword_splits[document]
        owned = slice(*self.splits[[index, index + 1]])
        return Window(
            document=document,
            first=first,
            last=last,
            input_ids=np.concatenate(
                (self.before, self.encoding.input_ids[begin + first : begin + last], self.after)
            ),
            words=self.words[owned] - self.encoding.word_splits[document],
            positions=self.positions[owned],
        )

    def word_numbers(self, index: int) -> IntArray:
        """The word to which each position of a window belongs, `(length,)`, counted from 0.

        -1 stands for special tokens, and for what comes before the first word that begins here.
        """
        document, first, last = self.documents[index], self.firsts[index], self.lasts[index]
        words = slice(*self.encoding.word_splits[[document, document + 1]])
        starts = self.encoding.word_starts[words]
        starts = starts[starts >= 0]
        numbers = np.full(self.lengths[index], -1, dtype=np.int64)
        numbers[len(self.before) : len(self.before) + last - first] = (
            np.searchsorted(starts, np.arange(first, last), side="right")
            - np.searchsorted(starts, first, side="left")
            - 1
        )
        return numbers
