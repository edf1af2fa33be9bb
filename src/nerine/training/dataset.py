"""Training examples from documents, and batches of tensors from examples."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from nerine.core.document import Document
from nerine.core.errors import TrainingError
from nerine.core.words import word_spans
from nerine.model.batching import pad
from nerine.model.encoding import IGNORED, Encoder, IntArray, Window, window_labels
from nerine.model.settings import ModelSettings

UNKNOWN = -1
"""The label id of a word whose label is unknown."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Windows with a label for each position.

    Attributes:
        windows: The windows.
        labels: For each window, the label id of each position: `UNKNOWN` for a word whose label is
            unknown, `IGNORED` for a position at which no word of the window's own begins.
        words: For each window, the number of the word at each position, or -1.
        entities: The number of entities in the documents.
        adapted: How many of them were not on word boundaries, and were widened or left out.
        blind: The number of words of entities that have no subword to label.
    """

    windows: tuple[Window, ...]
    labels: tuple[IntArray, ...]
    words: tuple[IntArray, ...]
    entities: int = 0
    adapted: int = 0
    blind: int = 0

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: int) -> int:
        """The example's index, for Trainer; `Collator` looks up the rest."""
        return range(len(self))[index]

    def __add__(self, other: Examples) -> Examples:
        fields = [field.name for field in dataclasses.fields(Examples)]
        return Examples(*(getattr(self, name) + getattr(other, name) for name in fields))

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


def word_labels(
    document: Document, words: Sequence[Any], settings: ModelSettings
) -> tuple[IntArray, int]:
    """The label id of each word, and the number of entities that were not on word boundaries."""
    spans, adapted = word_spans(document, words)
    ids = {tag: index for index, tag in enumerate(settings.tags)}
    tags = settings.scheme.encode(spans, len(words))
    return np.array([ids[tag] for tag in tags], dtype=np.int64), adapted


def make_examples(
    documents: Sequence[Document], encoder: Encoder, settings: ModelSettings
) -> Examples:
    """Examples from labelled documents. Each word's label is in exactly one window.

    Raises `TrainingError` if the documents have no words, or lack the tokens that
    `words="tokens"` needs.
    """
    if settings.words == "tokens":
        for index, document in enumerate(documents):
            if document.tokens is None:
                raise TrainingError(
                    f"document {document.id or index} of the training split has no tokens",
                    expected='tokens in every document, for words="tokens"',
                    hint='train with words="rule", which needs no tokens',
                )
    windows: list[Window] = []
    labels: list[IntArray] = []
    numbers: list[IntArray] = []
    adapted = blind = 0
    for index, (document, encoding) in enumerate(
        zip(documents, encoder.encode(documents), strict=True)
    ):
        ids, changed = word_labels(document, encoding.words, settings)
        adapted += changed
        blind += int(np.sum((encoding.word_starts < 0) & (ids != settings.tags.index("O"))))
        for window in encoder.windows(encoding, index):
            windows.append(window)
            labels.append(window_labels(window, ids))
            numbers.append(encoder.word_numbers(encoding, window))
    if not windows:
        raise TrainingError("the training split has no text that the tokenizer can read")
    entities = sum(len(document.entities) for document in documents)
    return Examples(tuple(windows), tuple(labels), tuple(numbers), entities, adapted, blind)


def make_unlabelled_examples(
    documents: Sequence[Document], encoder: Encoder, first: int = 0
) -> Examples:
    """Examples from documents without labels, which are numbered from `first`."""
    windows = [
        (window, encoder.word_numbers(encoding, window))
        for index, encoding in enumerate(encoder.encode(documents), start=first)
        for window in encoder.windows(encoding, index)
    ]
    return Examples(
        tuple(window for window, _ in windows),
        tuple(
            window_labels(window, np.full(window.words.max() + 1, UNKNOWN)) for window, _ in windows
        ),
        tuple(numbers for _, numbers in windows),
    )


@dataclass(frozen=True, slots=True)
class Collator:
    """Makes the tensors of a batch, `(batch, length)`, from indices of examples.

    `words` has the number of the word at each position, for masking; `documents` `(batch,)` has
    each window's document, for error messages.
    """

    examples: Examples
    pad_id: int

    def __call__(self, indices: Sequence[int]) -> dict[str, torch.Tensor]:
        """The tensors of the examples with these indices."""
        batch = pad(self.examples.windows, indices, self.pad_id)
        documents = [self.examples.windows[index].document for index in indices]
        return {
            "input_ids": torch.from_numpy(batch.input_ids),
            "attention_mask": torch.from_numpy(batch.attention_mask),
            "labels": _padded([self.examples.labels[index] for index in indices], IGNORED),
            "words": _padded([self.examples.words[index] for index in indices], -1),
            "documents": torch.tensor(documents),
        }


def _padded(rows: Sequence[IntArray], padding: int) -> torch.Tensor:
    padded = np.full((len(rows), max(map(len, rows))), padding, dtype=np.int64)
    for row, values in zip(padded, rows, strict=True):
        row[: len(values)] = values
    return torch.from_numpy(padded)
