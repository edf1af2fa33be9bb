"""Documents as words, subwords and windows of subwords, in flat arrays."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nerine.core.document import Token
from nerine.model.ragged import IntArray

_NONE = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class ContextSubwords:
    """The subwords of the sentences around documents, in flat arrays.

    Document `i` has those from `starts[i]` to `starts[i + 1]`: the ones before it up to
    `middles[i]`, and from there on the ones after it.

    Attributes:
        input_ids: The ids of all of them, without special tokens, `(subwords,)`.
        starts: The borders of the documents' subwords, `(documents + 1,)`.
        middles: The place of each document among its own, `(documents,)`.
    """

    input_ids: IntArray
    starts: IntArray
    middles: IntArray

    def __getitem__(self, index: int) -> ContextSubwords:
        """Those of one document."""
        start, end = self.starts[[index, index + 1]]
        return ContextSubwords(
            self.input_ids[start:end], np.array([0, end - start]), self.middles[[index]] - start
        )


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
        context: The subwords of the sentences around the documents; None if none has any.
    """

    word_bounds: IntArray
    word_starts: IntArray
    word_splits: IntArray
    input_ids: IntArray
    offsets: IntArray
    subword_splits: IntArray
    joints: IntArray | None = None
    context: ContextSubwords | None = None

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
            context=None if self.context is None else self.context[index],
        )


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of one document's subwords that goes through the model in one piece.

    Attributes:
        document: The index of its document.
        first: The index of its first subword in the document.
        last: The index after its last one.
        input_ids: Those subwords between special tokens, and those of the context next to them,
            `(length,)`.
        words: The indices of the words that it owns and that are not blind, `(owned,)`.
        positions: The place of each of those words' first subword in `input_ids`, `(owned,)`.
        context: The ids of the subwords of the sentences before and after the document.
    """

    document: int
    first: int
    last: int
    input_ids: IntArray
    words: IntArray
    positions: IntArray
    context: tuple[IntArray, IntArray]


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
        lefts: The number of subwords of context before the document's in each window,
            `(windows,)`; None if no document has any.
        rights: The number of those after them, likewise.
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
    lefts: IntArray | None = None
    rights: IntArray | None = None

    @property
    def lengths(self) -> IntArray:
        """The subwords of each window, special tokens and context included."""
        lengths = self.lasts - self.firsts + len(self.before) + len(self.after)
        if self.lefts is None or self.rights is None:
            return lengths
        return lengths + self.lefts + self.rights

    def without_context(self) -> Windows:
        """The same windows without their context."""
        if self.lefts is None:
            return self
        shifts = np.repeat(self.lefts, np.diff(self.splits))
        positions = self.positions - shifts
        return dataclasses.replace(self, positions=positions, lefts=None, rights=None)

    def with_and_without_context(self) -> Windows:
        """The windows, and after them the same ones without their context."""
        if self.lefts is None or self.rights is None:
            return self
        none = np.zeros_like(self.lefts)
        return dataclasses.replace(
            self,
            documents=np.tile(self.documents, 2),
            firsts=np.tile(self.firsts, 2),
            lasts=np.tile(self.lasts, 2),
            words=np.tile(self.words, 2),
            positions=np.concatenate((self.positions, self.without_context().positions)),
            splits=np.concatenate((self.splits, self.splits[1:] + len(self.words))),
            lefts=np.concatenate((self.lefts, none)),
            rights=np.concatenate((self.rights, none)),
        )

    def context(self, index: int) -> tuple[IntArray, IntArray]:
        """The ids of the subwords of context before and after those of a window's document."""
        around = self.encoding.context
        if around is None or self.lefts is None or self.rights is None:
            return _NONE, _NONE
        middle = around.middles[self.documents[index]]
        left, right = middle - self.lefts[index], middle + self.rights[index]
        return around.input_ids[left:middle], around.input_ids[middle:right]

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
        own = self.encoding.input_ids[begin + first : begin + last]
        left, right = context = self.context(index)
        return Window(
            document=document,
            first=first,
            last=last,
            input_ids=np.concatenate((self.before, left, own, right, self.after)),
            words=self.words[owned] - self.encoding.word_splits[document],
            positions=self.positions[owned],
            context=context,
        )

    def word_numbers(self, index: int) -> IntArray:
        """The word to which each position of a window belongs, `(length,)`, counted from 0.

        -1 stands for special tokens, for context, and for what comes before the first word that
        begins here.
        """
        document, first, last = self.documents[index], self.firsts[index], self.lasts[index]
        words = slice(*self.encoding.word_splits[[document, document + 1]])
        starts = self.encoding.word_starts[words]
        starts = starts[starts >= 0]
        left, right = map(len, self.context(index))
        begin = len(self.before) + left
        length = begin + last - first + right + len(self.after)
        numbers = np.full(length, -1, dtype=np.int64)
        numbers[begin : begin + last - first] = (
            np.searchsorted(starts, np.arange(first, last), side="right")
            - np.searchsorted(starts, first, side="left")
            - 1
        )
        return numbers
