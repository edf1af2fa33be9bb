"""Logits of words → documents with entities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from nerine.core.document import Document, Entity
from nerine.model.decoding import Decoder
from nerine.model.readings import Reading


def decoded(decoder: Decoder, documents: Sequence[Document], read: Reading) -> Iterator[Document]:
    """The documents with all entities that their words' logits stand for."""
    cuts, bounds = read.encodings.word_cuts, read.encodings.word_bounds
    spans = decoder.decode(read.logits, read.lengths)
    labels = decoder.labels
    entities = [
        Entity(start, end, labels[label], score)
        for start, end, label, score in zip(
            bounds[cuts[spans.sentences] + spans.starts, 0].tolist(),
            bounds[cuts[spans.sentences] + spans.ends - 1, 1].tolist(),
            spans.labels.tolist(),
            spans.probabilities.tolist(),
            strict=True,
        )
    ]
    ends = np.searchsorted(spans.sentences, np.arange(len(documents)), side="right").tolist()
    first = 0
    for document, last in zip(documents, ends, strict=True):
        if first == last and not document.entities:
            yield document
        else:
            yield document.with_entities(entities[first:last])
        first = last
