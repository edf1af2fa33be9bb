"""Documents → what the trainer eats."""

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
"""The label id of a word whose label nobody has given."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Windows with their labels, and what is to be said about them.

    `labels` are -100 where no word begins that the window owns, and -1 where one does of which no
    label is known. `words` holds for each window the number of the word to which each position
    belongs, or -1.
    `adapted` of the `entities` did not fall on word boundaries and were widened or left out;
    `blind` labelled words have no subword to bear their label.
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
        """Trainer's view: an example is its index, and `Collator` knows the rest."""
        return range(len(self))[index]


def word_labels(
    document: Document, words: Sequence[Any], settings: ModelSettings
) -> tuple[IntArray, int]:
    """The label id of each word, and how many entities had to be adapted."""
    spans, adapted = word_spans(document, words)
    ids = {tag: index for index, tag in enumerate(settings.tags)}
    tags = settings.scheme.encode(spans, len(words))
    return np.array([ids[tag] for tag in tags], dtype=np.int64), adapted


def make_unlabelled(documents: Sequence[Document], encoder: Encoder, first: int = 0) -> Examples:
    """Encodes documents whose labels nobody knows, and which are counted from `first`."""
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


def joined(first: Examples, second: Examples) -> Examples:
    """The examples of both, in order."""
    fields = dataclasses.fields(Examples)
    return Examples(*(getattr(first, each.name) + getattr(second, each.name) for each in fields))


def make_examples(
    documents: Sequence[Document], encoder: Encoder, settings: ModelSettings
) -> Examples:
    """Encodes labelled documents. Each label stands in exactly one window.

    Raises `TrainingError` where there is no word in them at all.
    """
    if settings.words == "tokens":
        _check_tokens(documents)
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
        raise TrainingError("the training split holds no text that the tokenizer can read")
    entities = sum(len(document.entities) for document in documents)
    return Examples(tuple(windows), tuple(labels), tuple(numbers), entities, adapted, blind)


@dataclass(frozen=True, slots=True)
class Collator:
    """Indices of examples → the tensors of a batch `(batch, length)`.

    `words` numbers the word of each position, for masking; `documents` (batch) goes along so that
    an error can name where it came from.
    """

    examples: Examples
    pad_id: int

    def __call__(self, indices: Sequence[int]) -> dict[str, torch.Tensor]:
        """The tensors of the examples at these indices."""
        batch = pad(self.examples.windows, indices, self.pad_id)
        documents = [self.examples.windows[index].document for index in indices]
        return {
            "input_ids": torch.from_numpy(batch.input_ids),
            "attention_mask": torch.from_numpy(batch.attention_mask),
            "labels": _stacked([self.examples.labels[index] for index in indices], IGNORED),
            "words": _stacked([self.examples.words[index] for index in indices], -1),
            "documents": torch.tensor(documents),
        }


def _stacked(rows: Sequence[IntArray], padding: int) -> torch.Tensor:
    """Rows of unlike length as one tensor."""
    stacked = np.full((len(rows), max(map(len, rows))), padding, dtype=np.int64)
    for row, values in zip(stacked, rows, strict=True):
        row[: len(values)] = values
    return torch.from_numpy(stacked)


def _check_tokens(documents: Sequence[Document]) -> None:
    for index, document in enumerate(documents):
        if document.tokens is None:
            raise TrainingError(
                f"document {document.id or index} of the training split has no tokens",
                expected='tokens in every document under words="tokens"',
                hint='train with words="rule", which needs none',
            )
