"""Texts → look-aheads; their windows → batches of like length under a token budget.

The cost of a batch is its number of windows times the length of the longest, padding included.
Windows of like length need little padding, and the budget makes all batches cost about the same,
however long the windows are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, get_args

import numpy as np

from nerine.core.document import Document
from nerine.core.errors import DocumentError
from nerine.core.streams import Pause
from nerine.model.encoding.windows import Windows
from nerine.model.ragged import IntArray, rows_and_columns

# One look-ahead of the stream: documents are encoded, sorted by length and batched together.
_LOOK_AHEAD_DOCUMENTS = 1024
_LOOK_AHEAD_CHARACTERS = 1_000_000
# Within a bucket of this many subwords, windows count as equally long when batches are shuffled.
_BUCKET = 4


Sharing = Literal["padded", "equal lengths", "alone"]
"""The windows that may share a batch: any with padding, those of one length, or none."""


@dataclass(frozen=True, slots=True)
class Batching:
    """How windows are batched without a change in what a model finds.

    Attributes:
        sharing: The windows that may share a batch.
        least_length: The length to which shorter batches are padded, since the model fails on them.
        is_measured: Whether the model was seen to need this; otherwise it is what is safe.
    """

    sharing: Sharing = "padded"
    least_length: int = 1
    is_measured: bool = True

    def notes(self) -> tuple[str, ...]:
        """What a user should know of it."""
        notes = []
        if not self.is_measured:
            notes.append(
                "batches have texts of one length: it is not known whether padding changes what "
                "this model finds; nerine optimize finds out"
            )
        elif self.sharing == "equal lengths":
            notes.append("batches have texts of one length: padding changes what this model finds")
        if self.sharing == "alone":
            notes.append("texts run one by one: this model finds other entities next to others")
        if self.least_length > 1:
            notes.append(
                f"shorter texts are padded to {self.least_length} subwords, the least that this "
                "model can run on"
            )
        return tuple(notes)

    @classmethod
    def from_dict(cls, values: Any) -> Batching:
        """The batching from the dictionary of its fields; raises `TypeError` or `ValueError`."""
        found = cls(**values)
        types = type(found.least_length), type(found.is_measured)
        if found.sharing not in get_args(Sharing) or types != (int, bool):
            raise ValueError(f"{values} is not a valid batching")
        return found


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows padded to one length, and the words whose logits are taken from them.

    Attributes:
        indices: The windows, by their number, `(batch,)`.
        input_ids: `(batch, length)`, padded with the tokenizer's padding id.
        attention_mask: `(batch, length)`: 1 for a subword, 0 for padding.
        rows: The place of the first subword of each word that these windows own, `(words,)`, as an
            index into the flattened `input_ids`.
        words: The index of each of these words in the encoding, `(words,)`.
    """

    indices: IntArray
    input_ids: IntArray
    attention_mask: IntArray
    rows: IntArray
    words: IntArray


def document_of(text: str | Document, name: str = "the text") -> Document:
    """A text as a document; raises `DocumentError`, with its name, if it is neither."""
    if isinstance(text, Document):
        return text
    if isinstance(text, str):
        return Document(text)
    raise DocumentError(f"{name} is a {type(text).__name__}", expected="a str or a Document")


def look_aheads(
    texts: Iterable[str | Document | Pause], *, first: int = _LOOK_AHEAD_DOCUMENTS
) -> Iterator[list[Document]]:
    """A stream of texts as lists of documents of bounded size, the first of at most `first`.

    A pause ends a list, and an empty list follows: nothing else is to be waited for.
    """
    if isinstance(texts, str | Document) or not isinstance(texts, Iterable):
        raise DocumentError(
            f"a single {type(texts).__name__}",
            expected="an iterable of texts",
            hint="tagger(text) takes one, tagger.predict([text, …]) many",
        )
    ahead: list[Document] = []
    characters, most = 0, first
    for index, text in enumerate(texts):
        if isinstance(text, Pause):
            if ahead:
                yield ahead
                ahead, characters = [], 0
            yield []
            continue
        document = document_of(text, f"item {index}")
        ahead.append(document)
        characters += len(document.text)
        if len(ahead) >= most or characters >= _LOOK_AHEAD_CHARACTERS:
            yield ahead
            ahead, characters, most = [], 0, _LOOK_AHEAD_DOCUMENTS
    if ahead:
        yield ahead


def batches(
    windows: Windows,
    *,
    token_budget: int,
    pad_id: int,
    batching: Batching | None = None,
    overhead: int | None = None,
) -> list[Batch]:
    """All windows once, in batches of like length, the longest first.

    A batch holds at most `token_budget` subwords with its padding, and at least one window.
    `batching` is by default that of most models. A batch takes the time of `overhead` subwords
    besides its own: then those are made that take the least time. By default as few as possible are
    made.
    """
    batching = batching or Batching()
    lengths = windows.lengths
    order = np.argsort(-lengths, kind="stable")
    falling = np.maximum(lengths[order], batching.least_length)
    ends = [0, len(falling)]
    if batching.sharing == "equal lengths":
        ends[1:1] = (np.flatnonzero(np.diff(falling)) + 1).tolist()
    if batching.sharing == "padded" and overhead is not None:
        cuts = _cheapest_cuts(falling, token_budget, overhead)
    else:
        most = 1 if batching.sharing == "alone" else None
        cuts = [
            (start + first, start + last)
            for start, end in pairwise(ends)
            for first, last in _cuts(falling[start:end], token_budget, most)
        ]
    return [
        make_batch(windows, order[first:last], pad_id, batching.least_length)
        for first, last in cuts
    ]


def make_batch(windows: Windows, indices: IntArray, pad_id: int, least_length: int = 1) -> Batch:
    """The windows at `indices` as one batch, padded to `least_length` at least."""
    # Nothing here may look at all windows: there are as many batches as a long text needs.
    first, last = windows.firsts[indices], windows.lasts[indices]
    before, after = len(windows.before), len(windows.after)
    own = last - first
    lefts, rights = _context_lengths(windows, indices)
    inner = lefts + own + rights
    lengths = inner + before + after
    shape = len(indices), max(int(lengths.max()), least_length)
    input_ids = np.full(shape, pad_id, dtype=np.int64)
    input_ids[:, :before] = windows.before
    row, column = rows_and_columns(own)
    begin = windows.encoding.subword_splits[windows.documents[indices]] + first
    places = before + lefts[row] + column
    input_ids[row, places] = windows.encoding.input_ids[begin[row] + column]
    if windows.encoding.context is not None:
        context = windows.encoding.context
        row, column = rows_and_columns(lefts + rights)
        begin = context.middles[windows.documents[indices]] - lefts
        places = before + column + np.where(column < lefts[row], 0, own[row])
        input_ids[row, places] = context.input_ids[begin[row] + column]
    for place, special in enumerate(windows.after.tolist()):
        input_ids[np.arange(len(indices)), before + inner + place] = special
    owned = windows.splits[indices]
    row, column = rows_and_columns(windows.splits[indices + 1] - owned)
    words = owned[row] + column
    return Batch(
        indices=indices,
        input_ids=input_ids,
        attention_mask=(np.arange(shape[1]) < lengths[:, None]).astype(np.int64),
        rows=row * shape[1] + windows.positions[words],
        words=windows.words[words],
    )


def _context_lengths(windows: Windows, indices: IntArray) -> tuple[IntArray, IntArray]:
    """The subwords of context before and after the document's in the windows at `indices`."""
    if windows.lefts is None or windows.rights is None:
        none = np.zeros_like(indices)
        return none, none
    return windows.lefts[indices], windows.rights[indices]


class BudgetSampler:
    """Training batches of windows of like length, in a new order in every epoch.

    A batch holds `batch_size` windows, or fewer if they would cost more than `token_budget`
    subwords. Filling batches of short windows up to the budget would make steps of equal cost, but
    fewer of them on short texts, and worse models.

    Windows are shuffled among those of about the same length, then the batches are shuffled. The
    borders between batches depend on the lengths alone, so every epoch has the same number of
    batches. The order depends on `seed` and the epoch alone, so a resumed run sees what an
    uninterrupted one would have seen.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        *,
        batch_size: int,
        token_budget: int,
        seed: int,
    ) -> None:
        # Rounded up to whole buckets, so that a shuffle inside a bucket keeps to the budget.
        self._lengths = -(-np.asarray(lengths, dtype=np.int64) // _BUCKET) * _BUCKET
        self._cuts = _cuts(np.sort(self._lengths)[::-1], token_budget, batch_size)
        self._seed = seed
        self._epoch = 0

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


def _cuts(falling: IntArray, token_budget: int, most: int | None = None) -> list[tuple[int, int]]:
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


def _cheapest_cuts(falling: IntArray, token_budget: int, overhead: int) -> list[tuple[int, int]]:
    """Ranges as those of `_cuts` whose cost, with an overhead for each, is the least in sum.

    By dynamic programming over the end of the last range.
    """
    size = len(falling)
    costs = np.zeros(size + 1, dtype=np.int64)
    begins = np.zeros(size + 1, dtype=np.int64)
    for end in range(1, size + 1):
        # the longest range that can end here begins with a length of at least the last one
        begin = max(0, end - max(1, token_budget // int(falling[end - 1])))
        own = falling[begin:end] * np.arange(end - begin, 0, -1)
        sums = costs[begin:end] + own + overhead
        sums[:-1][own[:-1] > token_budget] = np.iinfo(np.int64).max
        best = int(sums.argmin())
        costs[end], begins[end] = sums[best], begin + best
    cuts = []
    while size:
        cuts.append((int(begins[size]), size))
        size = cuts[-1][0]
    return cuts[::-1]
