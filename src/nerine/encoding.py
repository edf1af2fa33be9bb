"""Documents → windows of subwords, with the place of every word.

The tokenizer sees a text once and whole. A subword belongs to the first word that it touches,
and a word is represented by the first subword that belongs to it; so leading spaces, byte-level
BPE, WordPiece and SentencePiece need no special case. Where one subword holds several words whole,
as a piece for 北京 holds both its characters, they are one word: nothing could tell them apart. A
word to which no subword belongs otherwise is *blind*: it bears no label and sends no logits, but it
keeps its place in the sequence that is decoded.

A text longer than the model takes becomes overlapping windows. Each word is *owned* by the one
window that sees most context around it: there it bears its label in training, and from there its
logits come in scoring and use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nerine.document import Document, Token
from nerine.errors import EncodingError, SettingsError
from nerine.segmentation import Words, words_of

IGNORED = -100
"""The label id of a position that the loss passes over."""

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Encoding:
    """A document as the model's tokenizer sees it, before it is cut into windows.

    - `words`: the units that bear tags, as ranges of code points.
    - `input_ids` (subwords): ids without special tokens.
    - `offsets` (subwords × 2): the code points that each subword covers.
    - `word_starts` (words): the index of each word's first subword, -1 for a blind word.
    """

    words: tuple[Token, ...]
    input_ids: IntArray
    offsets: IntArray
    word_starts: IntArray


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of one document's subwords that goes through the model in one piece.

    - `first` and `last`: the half-open range of the encoding's subwords that it holds.
    - `input_ids` (length): those subwords, with special tokens around them.
    - `words` (owned): indices of the words that this window owns and that are not blind.
    - `positions` (owned): the place of each of those words' first subword in `input_ids`.
    """

    document: int
    first: int
    last: int
    input_ids: IntArray
    words: IntArray
    positions: IntArray

    def __len__(self) -> int:
        return len(self.input_ids)


class Encoder:
    """Cuts documents into words, subwords and windows for one tokenizer.

    `max_length` is the most subwords of a window, special tokens included; `overlap` (called
    stride in transformers) how many of them two neighbouring windows share.
    """

    def __init__(self, tokenizer: Any, *, words: Words, max_length: int, overlap: int) -> None:
        self.words = words
        self.max_length = max_length
        self.overlap = overlap
        self._backend = _own_backend(tokenizer)
        self._before, self._after = _special_ids(self._backend)
        self._capacity = max_length - len(self._before) - len(self._after)
        if not 0 <= overlap < self._capacity:
            raise SettingsError(
                f"an overlap of {overlap} subwords between windows of {max_length}",
                expected=f"from 0 to {self._capacity - 1}",
                place="overlap",
            )

    def encode(self, documents: Sequence[Document]) -> list[Encoding]:
        """Documents → encodings, in order. One call of the tokenizer's own parallel code."""
        texts = [_without_surrogates(document.text) for document in documents]
        pieces = self._backend.encode_batch(texts, add_special_tokens=False)
        return [
            _encoding(words_of(document, self.words), piece.ids, piece.offsets)
            for document, piece in zip(documents, pieces, strict=True)
        ]

    def windows(self, encoding: Encoding, document: int = 0) -> list[Window]:
        """The windows of an encoding that own at least one word that is not blind."""
        seen = np.flatnonzero(encoding.word_starts >= 0)
        starts = encoding.word_starts[seen]
        ranges = _window_ranges(starts, len(encoding.input_ids), self._capacity, self.overlap)
        owners = _owners(starts, ranges, len(encoding.input_ids))
        windows = []
        # Words and ranges are both in order, so the words of one range stand side by side.
        for index, first, count in zip(
            *np.unique(owners, return_index=True, return_counts=True), strict=True
        ):
            begin, end = ranges[index]
            owned = slice(first, first + count)
            windows.append(
                Window(
                    document=document,
                    first=begin,
                    last=end,
                    input_ids=np.concatenate(
                        (self._before, encoding.input_ids[begin:end], self._after)
                    ),
                    words=seen[owned],
                    positions=starts[owned] - begin + len(self._before),
                )
            )
        return windows

    def word_numbers(self, encoding: Encoding, window: Window) -> IntArray:
        """The word to which each position of `window` belongs, (length), counted from 0.

        -1 stands for special tokens, and for what comes before the first word that begins here.
        """
        starts = encoding.word_starts[encoding.word_starts >= 0]
        subwords = np.arange(window.first, window.last)
        numbers = np.full(len(window), -1, dtype=np.int64)
        before = len(self._before)
        numbers[before : before + len(subwords)] = (
            np.searchsorted(starts, subwords, side="right")
            - np.searchsorted(starts, window.first, side="left")
            - 1
        )
        return numbers


def window_labels(window: Window, word_labels: Sequence[int] | IntArray) -> IntArray:
    """The label id of each position of `window`: that of the word it owns there, or -100."""
    labels = np.full(len(window), IGNORED, dtype=np.int64)
    labels[window.positions] = np.asarray(word_labels, dtype=np.int64)[window.words]
    return labels


def _encoding(words: list[Token], ids: list[int], offsets: list[tuple[int, int]]) -> Encoding:
    places = np.array(offsets, dtype=np.int64).reshape(-1, 2)
    starts = _word_starts(words, places)
    kept = np.flatnonzero((starts >= 0) | ~_begin_inside(words, places))
    # Each word that is kept reaches to the end of those behind it that are not.
    last = np.append(kept, len(words))[1:] - 1
    return Encoding(
        words=tuple(
            Token(words[index].start, words[end].end)
            for index, end in zip(kept.tolist(), last.tolist(), strict=True)
        ),
        input_ids=np.array(ids, dtype=np.int64),
        offsets=places,
        word_starts=starts[kept],
    )


def _word_starts(words: Sequence[Token], offsets: IntArray) -> IntArray:
    """The first subword of each word, of those that belong to it; -1 where none does."""
    starts = np.full(len(words), -1, dtype=np.int64)
    if not words:
        return starts
    word_begins, word_ends = _bounds(words)
    begins, ends = offsets[:, 0], offsets[:, 1]
    touched = np.searchsorted(word_ends, begins, side="right")
    touches = touched < len(words)
    touches[touches] = word_begins[touched[touches]] < ends[touches]
    # Written from the last subword to the first, so that the first one stays.
    subwords = np.flatnonzero(touches & (begins < ends))[::-1]
    starts[touched[subwords]] = subwords
    return starts


def _begin_inside(words: Sequence[Token], offsets: IntArray) -> npt.NDArray[np.bool_]:
    """Whether each word begins inside the last subword that begins at it or before it."""
    if not words or not len(offsets):
        return np.zeros(len(words), dtype=np.bool_)
    word_begins, _ = _bounds(words)
    last = np.searchsorted(offsets[:, 0], word_begins, side="right") - 1
    inside: npt.NDArray[np.bool_] = (last >= 0) & (offsets[last, 1] > word_begins)
    return inside


def _bounds(words: Sequence[Token]) -> tuple[IntArray, IntArray]:
    begins = np.array([word.start for word in words], dtype=np.int64)
    ends = np.array([word.end for word in words], dtype=np.int64)
    return begins, ends


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


def _own_backend(tokenizer: Any) -> Any:
    """The tokenizer's Rust part as a copy of our own, which cuts nothing and pads nothing."""
    if not getattr(tokenizer, "is_fast", False):
        raise EncodingError(
            f"{type(tokenizer).__name__} is a slow tokenizer, which gives no character offsets",
            expected="a fast tokenizer (a folder with tokenizer.json)",
            hint="choose an encoder that has a fast tokenizer, or convert this one with "
            "transformers.convert_slow_tokenizer",
        )
    backend = type(tokenizer.backend_tokenizer).from_str(tokenizer.backend_tokenizer.to_str())
    backend.no_truncation()
    backend.no_padding()
    return backend


def _special_ids(backend: Any) -> tuple[IntArray, IntArray]:
    """The special tokens that the tokenizer puts before and after a text."""
    probe = backend.encode("a")
    mask = np.array(probe.special_tokens_mask)
    ids = np.array(probe.ids, dtype=np.int64)
    body = np.flatnonzero(mask == 0)
    if not len(body):
        raise EncodingError("the tokenizer turns the text 'a' into no subword at all")
    return ids[: body[0]], ids[body[-1] + 1 :]


def _without_surrogates(text: str) -> str:
    """Lone surrogates are no valid Unicode: the tokenizer sees U+FFFD, one for one."""
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text)
    return text
