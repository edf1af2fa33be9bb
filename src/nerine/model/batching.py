"""Texts → look-aheads; their windows → batches of like length under a token budget.

A batch costs what its longest window costs times its size, padding included. Windows of like
length side by side keep the padding small, and the budget keeps the cost of every batch alike,
however long the windows are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nerine.core.document import Document
from nerine.core.errors import DocumentError, TrainingError
from nerine.model.encoding import IntArray, Window, Windows

# One look-ahead of the stream: documents are encoded, sorted by length and batched together.
_LOOK_AHEAD_DOCUMENTS = 1024
_LOOK_AHEAD_CHARACTERS = 1_000_000
# Within a bucket of this many subwords, windows count as equally long when batches are shuffled.
_BUCKET = 4


@dataclass(frozen=True, slots=True)
class PaddedWindows:
    """Windows padded to one length.

    Attributes:
        indices: Which windows of the caller's these are, `(batch,)`.
        input_ids: `(batch, length)`, padded with the tokenizer's padding id.
        attention_mask: `(batch, length)`: 1 for a subword, 0 for padding.
    """

    indices: IntArray
    input_ids: IntArray
    attention_mask: IntArray


@dataclass(frozen=True, slots=True)
class Batch(PaddedWindows):
    """Padded windows for tagging, and the words that are wanted of them.

    Attributes:
        rows: Where the first subword of each word that these windows own stands, `(words,)`,
            counted through `input_ids`: the window's row in the batch times the length, plus its
            position.
        words: The number of each of them among all words of the encodings, `(words,)`.
    """

    rows: IntArray
    words: IntArray


def look_aheads(
    texts: Iterable[str | Document], *, first: int = _LOOK_AHEAD_DOCUMENTS
) -> Iterator[list[Document]]:
    """A stream of texts as documents, in lists of bounded size, the first of at most `first`."""
    if isinstance(texts, str | Document):
        raise DocumentError(
            f"one {type(texts).__name__} where many are expected",
            expected="an iterable of texts",
            hint="tagger(text) takes one, tagger.predict([text, …]) many",
        )
    ahead: list[Document] = []
    characters, most = 0, first
    for index, text in enumerate(texts):
        document = _as_document(text, index)
        ahead.append(document)
        characters += len(document.text)
        if len(ahead) >= most or characters >= _LOOK_AHEAD_CHARACTERS:
            yield ahead
            ahead, characters, most = [], 0, _LOOK_AHEAD_DOCUMENTS
    if ahead:
        yield ahead


def _as_document(text: str | Document, index: int) -> Document:
    if isinstance(text, Document):
        return text
    if isinstance(text, str):
        return Document(text)
    raise DocumentError(f"item {index} is a {type(text).__name__}", expected="a str or a Document")


def pad(windows: Sequence[Window], indices: Sequence[int] | IntArray, pad_id: int) -> PaddedWindows:
    """The windows at `indices`, for training."""
    chosen = [windows[index] for index in indices]
    length = max(len(window) for window in chosen)
    input_ids = np.full((len(chosen), length), pad_id, dtype=np.int64)
    attention_mask = np.zeros((len(chosen), length), dtype=np.int64)
    for row, window in enumerate(chosen):
        input_ids[row, : len(window)] = window.input_ids
        attention_mask[row, : len(window)] = 1
    return PaddedWindows(np.asarray(indices, dtype=np.int64), input_ids, attention_mask)


def batches(windows: Windows, *, token_budget: int, pad_id: int) -> list[Batch]:
    """All windows once, in batches of like length, the longest first.

    A batch holds at most `token_budget` subwords with its padding, and at least one window.
    """
    lengths = windows.lengths
    order = np.argsort(-lengths, kind="stable")
    cuts = _cuts(lengths[order], token_budget)
    return [
        _batch(windows, order[first:last], lengths[order[first:last]], pad_id)
        for first, last in cuts
    ]


def _batch(windows: Windows, indices: IntArray, lengths: IntArray, pad_id: int) -> Batch:
    # Nothing here may look at all windows: there are as many batches as a long text needs.
    shape = len(indices), int(lengths.max())
    input_ids = np.full(shape, pad_id, dtype=np.int64)
    before, after = len(windows.before), len(windows.after)
    input_ids[:, :before] = windows.before
    row, position = _places(lengths - before - after)
    first = windows.firsts[indices] + windows.encodings.subword_cuts[windows.documents[indices]]
    subwords = windows.encodings.input_ids[first[row] + position]
    input_ids[row, before + position] = subwords
    for place, special in enumerate(windows.after.tolist()):
        input_ids[np.arange(len(indices)), lengths - after + place] = special
    row, number = _places(windows.cuts[indices + 1] - windows.cuts[indices])
    words = windows.cuts[indices][row] + number
    return Batch(
        indices=indices,
        input_ids=input_ids,
        attention_mask=(np.arange(shape[1]) < lengths[:, None]).astype(np.int64),
        rows=row * shape[1] + windows.positions[words],
        words=windows.words[words],
    )


def _places(counts: IntArray) -> tuple[IntArray, IntArray]:
    """Row and column of each of the things of which row `i` holds `counts[i]`."""
    rows = np.repeat(np.arange(len(counts)), counts)
    return rows, np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)


class BudgetSampler:
    """For training: batches of like length in an order that is new in every epoch.

    A batch holds `batch_size` windows, or fewer if they would cost more than `token_budget`
    subwords. Filling short windows up to the budget instead makes steps of equal cost, but fewer
    of them on short texts, and worse models.

    Windows are shuffled among those of about the same length, and the batches among themselves.
    Where one batch ends and the next begins depends on the lengths alone, so every epoch has the
    same number of batches. The order depends on `seed` and the epoch alone, so that a resumed run
    sees what an undisturbed one would have seen. `multiple_of` processes share the batches of an
    epoch evenly: the largest are halved until they can.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        *,
        batch_size: int,
        token_budget: int,
        seed: int,
        multiple_of: int = 1,
    ) -> None:
        # Rounded up to whole buckets, so that a shuffle inside a bucket keeps to the budget.
        self._lengths = -(-np.asarray(lengths, dtype=np.int64) // _BUCKET) * _BUCKET
        self._cuts = _cuts(np.sort(self._lengths)[::-1], token_budget, batch_size)
        while len(self._cuts) % multiple_of:
            self._halve_largest(multiple_of)
        self._seed = seed
        self._epoch = 0

    def _halve_largest(self, processes: int) -> None:
        largest = max(self._cuts, key=lambda cut: cut[1] - cut[0])
        first, last = largest
        if last - first < 2:
            raise TrainingError(
                f"{len(self._lengths)} windows in {len(self._cuts)} batches cannot be shared "
                f"evenly among {processes} processes",
                expected=f"a multiple of {processes} batches",
                hint="use fewer processes or a larger --batch-size",
            )
        self._cuts.remove(largest)
        self._cuts += [(first, (first + last) // 2), ((first + last) // 2, last)]

    def set_epoch(self, epoch: int) -> None:
        """Chooses the order of the next iteration."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._cuts)

    def __iter__(self) -> Iterator[list[int]]:
        random = np.random.default_rng((self._seed, self._epoch))
        order = np.lexsort((random.random(len(self._lengths)), -self._lengths))
        for cut in random.permutation(len(self._cuts)):
            first, last = self._cuts[cut]
            yield order[first:last].tolist()


def _cuts(
    falling: npt.NDArray[np.int64], token_budget: int, most: int | None = None
) -> list[tuple[int, int]]:
    """Half-open ranges over lengths that never rise, each of a cost within the budget.

    A range holds at least one length, and at most `most`.
    """
    cuts = []
    first = 0
    while first < len(falling):
        size = max(1, min(most or len(falling), token_budget // int(falling[first])))
        cuts.append((first, min(first + size, len(falling))))
        first += size
    return cuts
