"""Training examples from documents, and batches of tensors from examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from nerine.core.document import Document
from nerine.core.errors import TrainingError
from nerine.model.batching import Batch, make_batch
from nerine.model.encoding import Encoder, Windows
from nerine.model.heads import Head
from nerine.model.heads.tags import IGNORED
from nerine.model.ragged import BoolArray, IntArray

UNKNOWN = -1
"""The target of a word whose label is unknown."""
NO_EXAMPLE = -1
"""The index of an example without a target, for a process that has no other in a batch."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Windows of documents, with a target for each word.

    Where windows have context, each has a second example without it, so that the model also learns
    to do without: the examples of the windows come first, in order, then those without context.

    Attributes:
        windows: The windows.
        targets: The head's target of each word, `UNKNOWN` for one of an unlabelled document,
            `(words,)`.
        words: For each example, the number of the word at each position, or -1.
        entities: The number of entities in the documents.
        adapted: How many of them were not on word boundaries, and were widened or left out.
        blind: The number of words of entities that have no subword to label.
    """

    windows: Windows
    targets: IntArray
    words: tuple[IntArray, ...]
    entities: int
    adapted: int
    blind: int

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: int) -> int:
        """The example's index, for Trainer; `Collator` looks up the rest."""
        return index if index == NO_EXAMPLE else range(len(self.words))[index]

    def notes(self) -> list[str]:
        """Notes for the user on entities that cannot be learned exactly."""
        notes = []
        if self.adapted:
            notes.append(
                f"{self.adapted} of {self.entities} training entities do not fall on word "
                "boundaries: they were widened to whole words, or left out if they then overlapped "
                "another"
            )
        if self.blind:
            notes.append(f"{self.blind} words of training entities have no subword to label")
        return notes


def make_examples(
    documents: Sequence[Document], encoder: Encoder, head: Head, unlabelled: Sequence[Document] = ()
) -> Examples:
    """Examples from labelled documents, then from unlabelled ones.

    Each word's target is in exactly one window. Raises `TrainingError` if the labelled or the
    unlabelled documents have no words, or lack the tokens that the encoder takes as words.
    """
    if encoder.words == "tokens":
        for index, document in enumerate(documents):
            if document.tokens is None:
                raise TrainingError(
                    f"document {document.id or index} of the training split has no tokens",
                    expected='tokens in every document, for words="tokens"',
                    hint='train with words="rule", which needs no tokens',
                )
    encoding = encoder.encode([*documents, *unlabelled])
    targets = np.full(len(encoding.word_starts), UNKNOWN, dtype=np.int64)
    adapted = blind = 0
    for index, document in enumerate(documents):
        words = encoding[index]
        own, changed = head.targets(document, words.words)
        targets[slice(*encoding.word_splits[[index, index + 1]])] = own
        adapted += changed
        blind += int(np.sum((words.word_starts < 0) & (own != head.no_entity)))
    windows = encoder.windows(encoding)
    labelled = int(np.sum(windows.documents < len(documents)))
    if (targets == IGNORED).any():
        raise TrainingError(
            "the training split has labels that the corpus does not name",
            expected="Corpus.labels with every label of the training split",
        )
    if not labelled:
        raise TrainingError("the training split has no text that the tokenizer can read")
    if unlabelled and labelled == len(windows):
        raise TrainingError(
            f"the {len(unlabelled)} unlabelled texts have no words", expected="texts to learn from"
        )
    every = windows.with_and_without_context()
    numbers = tuple(every.word_numbers(index) for index in range(len(every)))
    entities = sum(len(document.entities) for document in documents)
    return Examples(windows, targets, numbers, entities, adapted, blind)


def context_notes(
    documents: Sequence[Document], context: int, needed_in: str | None = None
) -> list[str]:
    """A note on the training documents that have others around them, for so much context.

    Raises `TrainingError` if none has, and the corpus `needed_in` should have some.
    """
    if not context:
        return []
    sentences = sum(document.context is not None for document in documents)
    if not sentences and needed_in is not None:
        raise TrainingError(
            "no training document is a sentence of a longer one, so there is no context",
            place=needed_in,
            expected="-DOCSTART- or # newdoc lines in column files, or a field document",
            hint="nerine train without --context (context=0) sees each document alone",
        )
    found = f"{sentences:,} of {len(documents):,} training documents"
    return [f"context: {found} are sentences of longer ones"]


@dataclass(frozen=True, slots=True)
class Collator:
    """Makes the tensors of a batch, `(batch, length)`, from indices of examples.

    `labels` has the target of each word at its first subword, in the window that owns the word, and
    -100 elsewhere and for `NO_EXAMPLE`; `words` has the number of the word at each position, for
    masking; `numbers` has the number of the word among all words of the examples where `labels` has
    a target, and -1 elsewhere; `documents` `(batch,)` has each window's document. A batch is padded
    to `least_length` at least.

    With `sequences`, the words that a window owns are a sequence, with the blind words between them
    and up to the next window's. `sequences` `(batch, words)` has the place of each word's first
    subword in the flattened `input_ids`, -1 for a blind word and for padding, `lengths` `(batch,)`
    the number of words, and `borders` `(batch, 2)` 1 where the document begins and ends, else 0.
    """

    examples: Examples
    pad_id: int
    least_length: int = 1
    sequences: bool = False
    windows: Windows = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "windows", self.examples.windows.with_and_without_context())

    def __call__(self, indices: Sequence[int]) -> dict[str, torch.Tensor]:
        """The tensors of the examples with these indices."""
        windows = self.windows
        chosen = np.asarray(indices, dtype=np.int64)
        without = chosen == NO_EXAMPLE
        chosen[without] = 0  # any will do
        batch = make_batch(windows, chosen, self.pad_id, self.least_length)
        labels = np.full(batch.input_ids.shape, IGNORED, dtype=np.int64)
        labels.reshape(-1)[batch.rows] = self.examples.targets[batch.words]
        labels[without] = IGNORED
        numbers = np.full(batch.input_ids.shape, -1, dtype=np.int64)
        numbers.reshape(-1)[batch.rows] = batch.words
        words = np.full(batch.input_ids.shape, -1, dtype=np.int64)
        for row, index in zip(words, chosen.tolist(), strict=True):
            own = self.examples.words[index]
            row[: len(own)] = own
        tensors = {
            "input_ids": torch.from_numpy(batch.input_ids),
            "attention_mask": torch.from_numpy(batch.attention_mask),
            "labels": torch.from_numpy(labels),
            "words": torch.from_numpy(words),
            "numbers": torch.from_numpy(numbers),
            "documents": torch.from_numpy(windows.documents[batch.indices]),
        }
        return tensors | (
            _sequences(self.examples.windows, batch, without) if self.sequences else {}
        )


def _sequences(windows: Windows, batch: Batch, without: BoolArray) -> dict[str, torch.Tensor]:
    """The tensors of the words that the windows of a batch own; those `without` a target own none.

    Each document's words are shared among its windows: each begins at its first word with a
    subword, but the first one at the document's beginning.
    """
    splits, documents = windows.encoding.word_splits, windows.documents
    chosen = batch.indices % len(windows)  # windows without context come after those with it
    own = documents[chosen]
    before, after = np.append(-1, documents)[chosen], np.append(documents, -1)[chosen + 1]
    begins = np.where(own == before, windows.words[windows.splits[chosen]], splits[own])
    following = windows.words[np.minimum(windows.splits[chosen + 1], len(windows.words) - 1)]
    ends = np.where(own == after, following, splits[own + 1])
    lengths = np.where(without, 0, ends - begins)
    places = np.full((len(chosen), max(int((ends - begins).max()), 1)), -1, dtype=np.int64)
    rows = batch.rows // batch.input_ids.shape[1]
    places[rows, batch.words - begins[rows]] = batch.rows
    places[without] = -1
    return {
        "sequences": torch.from_numpy(places),
        "lengths": torch.from_numpy(lengths),
        "borders": torch.from_numpy(np.stack((own != before, own != after), axis=1).astype(int)),
    }
