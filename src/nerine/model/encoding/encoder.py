"""Cuts documents into words, subwords and windows, for one tokenizer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np

from nerine.core.arguments import checked
from nerine.core.document import Context, Document
from nerine.core.errors import SettingsError
from nerine.core.words import Words, word_bounds
from nerine.model.encoding.pieces import piece_encoding
from nerine.model.encoding.windows import ContextSubwords, Encoding, Windows
from nerine.model.loading.tokenizer import Tokenizer
from nerine.model.ragged import BoolArray, IntArray, lengths_of, pairs_of, splits_of
from nerine.model.settings import ModelSettings


class Encoder:
    """Cuts documents into words, subwords and windows for one tokenizer.

    `tokenizer` is a `Tokenizer` or one of transformers. `max_length` is the most subwords of a
    window, special tokens included; `overlap` (called stride in transformers) how many of them two
    neighbouring windows share; `context` the most subwords of the sentences around a document that
    its window holds, on each side.
    """

    @checked
    def __init__(
        self, tokenizer: Any, *, words: Words, max_length: int, overlap: int, context: int = 0
    ) -> None:
        self.words = words
        self.max_length = max_length
        self.overlap = overlap
        self.context = context
        self._tokenizer = Tokenizer.of(tokenizer)
        self._before, self._after = self._tokenizer.before, self._tokenizer.after
        self._capacity = max_length - len(self._before) - len(self._after)
        if self._capacity < 1:
            raise SettingsError(
                f"windows of {max_length} subwords, of which {max_length - self._capacity} are "
                "special tokens",
                expected=f"{max_length - self._capacity + 1} or more",
                place="max_length",
            )
        if not 0 <= overlap < self._capacity:
            raise SettingsError(
                f"an overlap of {overlap} subwords between windows of {max_length}",
                expected=f"from 0 to {self._capacity - 1}",
                place="overlap",
            )

    @classmethod
    def of(cls, tokenizer: Any, settings: ModelSettings) -> Encoder:
        """The encoder of a model with this tokenizer and these settings."""
        return cls(
            tokenizer,
            words=settings.words,
            max_length=settings.max_length,
            overlap=settings.overlap,
            context=settings.context,
        )

    def changed(self, settings: ModelSettings) -> Encoder:
        """The encoder of the same tokenizer for other settings."""
        return self.of(self._tokenizer, settings)

    def encode(self, documents: Sequence[Document]) -> Encoding:
        """The words and subwords of documents. One call of the tokenizer's own parallel code.

        All documents are treated as one long text, in which each begins after the end of the last.
        """
        texts = [_without_surrogates(document.text) for document in documents]
        if self.context and any(document.context for document in documents):
            around, others = _texts_around(documents, texts)
            pieces = self._tokenizer.encode_batch([*texts, *others])
            ids = {text: each.ids for text, each in zip((*texts, *others), pieces, strict=True)}
            encoding = self._encoded(documents, texts, pieces[: len(texts)])
            return replace(encoding, context=_context_subwords(around, ids, self.context))
        return self._encoded(documents, texts, self._tokenizer.encode_batch(texts))

    def _encoded(
        self, documents: Sequence[Document], texts: Sequence[str], pieces: Sequence[Any]
    ) -> Encoding:
        """The encoding of documents from the tokenizer's pieces of their texts."""
        if self.words in ("tokenizer", "subwords"):
            return piece_encoding(texts, pieces, whole=self.words == "tokenizer")
        words = [word_bounds(document, self.words) for document in documents]
        word_counts, subword_counts = lengths_of(words), lengths_of([each.ids for each in pieces])
        begins = np.cumsum([0, *(len(text) + 1 for text in texts)])[:-1]
        bounds = pairs_of(words) + np.repeat(begins, word_counts)[:, None]
        offsets = pairs_of([piece.offsets for piece in pieces])
        places = offsets + np.repeat(begins, subword_counts)[:, None]
        starts = _word_starts(bounds, places)
        kept = np.flatnonzero((starts >= 0) | ~_begin_inside(bounds, places))
        # A word that is kept reaches to the end of those after it that are not. A document's first
        # word is always kept: no subword before it could hold its beginning.
        last = np.append(kept, len(bounds))[1:] - 1
        owners = np.repeat(np.arange(len(texts)), word_counts)[kept]
        subword_splits = splits_of(subword_counts)
        return Encoding(
            word_bounds=np.stack((bounds[kept, 0], bounds[last, 1]), axis=1) - begins[owners, None],
            word_starts=np.where(starts[kept] < 0, -1, starts[kept] - subword_splits[owners]),
            word_splits=splits_of(np.bincount(owners, minlength=len(texts))),
            input_ids=np.fromiter(
                chain.from_iterable(piece.ids for piece in pieces), dtype=np.int64
            ),
            offsets=offsets,
            subword_splits=subword_splits,
        )

    def windows(self, encoding: Encoding) -> Windows:
        """The windows that own at least one word that is not blind.

        The room that a document leaves in its window is filled with the subwords around it.
        """
        seen = np.flatnonzero(encoding.word_starts >= 0)
        starts = encoding.word_starts[seen]
        lengths = np.diff(encoding.subword_splits)
        documents = np.repeat(np.arange(len(encoding)), encoding.lengths)[seen]
        firsts, lasts = np.zeros_like(seen), lengths[documents]
        for document in np.flatnonzero(lengths > self._capacity):
            own = slice(*np.searchsorted(documents, (document, document + 1)))
            length = int(lengths[document])
            ranges = _window_ranges(starts[own], length, self._capacity, self.overlap)
            owners = _owners(starts[own], ranges, length)
            firsts[own], lasts[own] = np.array(ranges)[owners].T
        # Words and windows are both in order, so the words of one window are neighbours.
        changes = (np.diff(documents) > 0) | (np.diff(firsts) > 0)
        heads = np.flatnonzero(np.append(True, changes)[: len(seen)])
        windows = Windows(
            encoding=encoding,
            documents=documents[heads],
            firsts=firsts[heads],
            lasts=lasts[heads],
            words=seen,
            positions=starts - firsts + len(self._before),
            splits=np.append(heads, len(seen)),
            before=self._before,
            after=self._after,
        )
        if encoding.context is None:
            return windows
        return _with_context(windows, encoding.context, self._capacity - lengths[documents[heads]])


def _texts_around(
    documents: Sequence[Document], texts: Sequence[str]
) -> tuple[list[tuple[list[str], list[str]]], list[str]]:
    """The texts before and after each document, and those that are not among `texts`, each once."""
    contexts = [document.context or Context() for document in documents]
    around = [
        ([*map(_without_surrogates, each.before)], [*map(_without_surrogates, each.after)])
        for each in contexts
    ]
    every = chain.from_iterable(chain.from_iterable(around))
    known = {*texts}
    return around, [text for text in dict.fromkeys(every) if text not in known]


def _context_subwords(
    around: Sequence[tuple[Sequence[str], Sequence[str]]],
    ids: Mapping[str, Sequence[int]],
    most: int,
) -> ContextSubwords:
    """The `most` subwords nearest to each document on both sides."""
    rows: list[list[int]] = []
    for before, after in around:
        left: list[int] = []
        for text in reversed(before):
            left = [*ids[text][-(most - len(left)) :], *left]
            if len(left) == most:
                break
        right: list[int] = []
        for text in after:
            right += ids[text][: most - len(right)]
            if len(right) == most:
                break
        rows += [left, right]
    splits = splits_of(lengths_of(rows))
    flat = np.fromiter(chain.from_iterable(rows), dtype=np.int64)
    return ContextSubwords(flat, splits[::2], splits[1::2])


def _with_context(windows: Windows, context: ContextSubwords, room: IntArray) -> Windows:
    """Windows with as much context on each side as there is, and has room.

    `room` is what the document of each window leaves of a window, `(windows,)`; a document that
    has several windows leaves none. Where both sides do not fit, each has half of the room, or what
    the other side leaves.
    """
    room = np.maximum(room, 0)
    starts, middles = context.starts, context.middles
    before = (middles - starts[:-1])[windows.documents]
    after = (starts[1:] - middles)[windows.documents]
    rights = np.minimum(after, np.maximum(room // 2, room - before))
    lefts = np.minimum(before, room - rights)
    shifts = np.repeat(lefts, np.diff(windows.splits))
    return replace(windows, positions=windows.positions + shifts, lefts=lefts, rights=rights)


def _word_starts(words: IntArray, offsets: IntArray) -> IntArray:
    """The first subword of each word, of those that belong to it; -1 where none does."""
    starts = np.full(len(words), -1, dtype=np.int64)
    begins, ends = offsets[:, 0], offsets[:, 1]
    touched = np.searchsorted(words[:, 1], begins, side="right")
    touches = touched < len(words)
    touches[touches] = words[touched[touches], 0] < ends[touches]
    # Written from the last subword to the first, so that the first one stays.
    subwords = np.flatnonzero(touches & (begins < ends))[::-1]
    starts[touched[subwords]] = subwords
    return starts


def _begin_inside(words: IntArray, offsets: IntArray) -> BoolArray:
    """Whether each word begins inside the last subword that begins at it or before it."""
    if not len(offsets):
        return np.zeros(len(words), dtype=np.bool_)
    last = np.searchsorted(offsets[:, 0], words[:, 0], side="right") - 1
    inside: BoolArray = (last >= 0) & (offsets[last, 1] > words[:, 0])
    return inside


def _window_ranges(
    starts: IntArray, length: int, capacity: int, overlap: int
) -> list[tuple[int, int]]:
    """Half-open ranges of subwords that cover `[0, length)`, each of at most `capacity`.

    Neighbours share at least `overlap` subwords. A range ends before a word that it could not
    hold whole, unless that word alone is longer than what a step may leave out.
    """
    ranges = []
    begin = 0
    while begin + capacity < length:
        end = begin + capacity
        word = int(np.searchsorted(starts, end, side="right")) - 1
        if word >= 0 and starts[word] - overlap > begin:
            end = int(starts[word])
        ranges.append((begin, end))
        begin = end - overlap
    ranges.append((begin, length))
    return ranges


def _owners(starts: IntArray, ranges: list[tuple[int, int]], length: int) -> IntArray:
    """For each word's first subword the index of the range that sees most context around it.

    Context is the distance to the nearer end of the range; the ends of the document do not
    count, since there is nothing beyond them to be seen.
    """
    best = np.full(len(starts), -1, dtype=np.int64)
    most = np.full(len(starts), -1, dtype=np.int64)
    for index, (begin, end) in enumerate(ranges):
        first, last = np.searchsorted(starts, (begin, end))
        inside = starts[first:last]
        left = np.full_like(inside, length) if begin == 0 else inside - begin
        right = np.full_like(inside, length) if end == length else end - 1 - inside
        context = np.minimum(left, right)
        better = context > most[first:last]
        best[first:last][better] = index
        most[first:last][better] = context[better]
    return best


def _without_surrogates(text: str) -> str:
    """The text with U+FFFD for each lone surrogate, which is not valid Unicode."""
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text)
    return text
