"""What a run of a system on a corpus gives, and the two readings of predicted tags."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

from seqeval.metrics import f1_score
from seqeval.scheme import IOB2

from nerine.core.document import Document
from nerine.core.tags import Reading, Span, TagScheme
from nerine.data.corpus import Corpus
from nerine.data.formats.tagged_words import entities_from_spans, tags_from_entities
from nerine.evaluation.metrics import score

READINGS: dict[str, Reading] = {"strict": "strict", "default": "lenient"}
"""seqeval's modes, and the readings of tags that they correspond to."""

Tags = list[list[str]]
"""The tags of each document."""


class Sentence(TypedDict):
    """A document as other programs read it."""

    tokens: list[str]
    tags: list[str]
    spans: list[Span]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A trained model's scores on validation, and its predictions on test.

    Attributes:
        best_epoch: The epoch whose weights were kept.
        validation_f1: Strict F1 on the validation split, of these weights.
        predicted: The predicted test documents, by the mode of seqeval, and as `final` those of
            the final epoch from a peer that would keep it.
        minutes: Minutes of training, validation included.
        core_minutes: The same in processor time, which other programs on the machine change less.
        versions: The versions of the packages that trained it.
        validation_share: The share of the minutes that validation took; None if it is unknown.
    """

    best_epoch: float
    validation_f1: float
    predicted: Mapping[str, Sequence[Document]]
    minutes: float
    core_minutes: float
    versions: Mapping[str, str]
    validation_share: float | None = None


def sentences(documents: Sequence[Document]) -> list[Sentence]:
    """The tokens of documents and their tags in IOB2."""
    found: list[Sentence] = []
    for document in documents:
        tokens = document.tokens or ()
        tags = tags_from_entities(document.entities, tokens, TagScheme.IOB2)
        surfaces = [document.surface(token) for token in tokens]
        found.append({"tokens": surfaces, "tags": tags, "spans": TagScheme.IOB2.decode(tags)})
    return found


def splits(corpus: Corpus) -> dict[str, list[Sentence]]:
    """The sentences of each split."""
    return {name: sentences(documents) for name, documents in corpus.splits.items()}


def read_tags(gold: Sequence[Document], predicted: Tags) -> dict[str, list[Document]]:
    """The documents that predicted tags mean, in each mode of seqeval.

    Ends the program if seqeval would give another F1.
    """
    read = {mode: _documents(gold, predicted, reading) for mode, reading in READINGS.items()}
    tags = [sentence["tags"] for sentence in sentences(gold)]
    expected = {
        "strict": f1_score(tags, predicted, mode="strict", scheme=IOB2, zero_division=0),
        "default": f1_score(tags, predicted, zero_division=0),
    }
    for mode, documents in read.items():
        f1 = score(gold, documents).overall.f1
        if abs(f1 - expected[mode]) > 1e-9:
            sys.exit(f"F1 is {f1}, and {expected[mode]} by seqeval's mode {mode}")
    return read


def _documents(gold: Sequence[Document], predicted: Tags, reading: Reading) -> list[Document]:
    return read_spans(gold, [TagScheme.IOB2.decode(tags, reading) for tags in predicted])


class Clock:
    """Minutes since it was made, of the wall clock and of the processor."""

    def __init__(self) -> None:
        self._wall, self._core = time.monotonic(), time.process_time()

    def minutes(self) -> dict[str, float]:
        """The fields `minutes` and `core_minutes` of an outcome."""
        return {
            "minutes": (time.monotonic() - self._wall) / 60,
            "core_minutes": (time.process_time() - self._core) / 60,
        }


def read_spans(
    gold: Sequence[Document], predicted: Sequence[Iterable[tuple[int, int, str]]]
) -> list[Document]:
    """The documents that predicted ranges of tokens mean: start, end and label of each entity."""
    return [
        document.with_entities(
            entities_from_spans(document.tokens or (), [Span(*span) for span in sorted(spans)])
        )
        for document, spans in zip(gold, predicted, strict=True)
    ]
