"""A head with one tag a word, such as `B-person`. Its entities cannot overlap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nerine.core.document import Document, Entity, Token
from nerine.core.tags import OUTSIDE
from nerine.core.words import word_spans
from nerine.model.decoding import Decoder
from nerine.model.logits import LogitArray, WordLogits
from nerine.model.ragged import IntArray
from nerine.model.settings import ModelSettings

if TYPE_CHECKING:
    from torch import Tensor

_SLIVER = 0.1
"""A share of the probability that is too small to judge by."""

IGNORED = -100
"""The target of a position that the loss passes over."""


class TagHead:
    """One tag a word, decoded as the best sequence that the tag scheme allows.

    Args:
        settings: The tags, their scheme, and how they are decoded.

    Attributes:
        tags: The model's outputs, in order.
        decoder: Finds the best tags and the probabilities of entities.

    Raises:
        SchemeError: If a tag has an unknown form, or `O` is missing.
    """

    def __init__(self, settings: ModelSettings) -> None:
        self.tags = settings.tags
        self.decoder = Decoder(
            settings.tags,
            settings.scheme,
            constrained=settings.decoding == "viterbi",
            learned=settings.learned,
        )
        self._scheme = settings.scheme
        self._ids = {tag: index for index, tag in enumerate(settings.tags)}
        self._may_be_slivers = (
            settings.outputs is not None
            and settings.transitions is None
            and settings.decoding == "viterbi"
        )
        self._bias = settings.outside_bias
        self._outputs = np.array([self._ids[tag] for tag in settings.outputs or settings.tags])

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the tags, in order."""
        return self.decoder.labels

    @property
    def no_entity(self) -> int:
        """The target of a word outside all entities, the index of `O`."""
        return self._ids[OUTSIDE]

    @property
    def blind_logits(self) -> LogitArray:
        """The logits of a word without a subword, `(tags,)`."""
        return self.decoder.blind_logits.astype(np.float32)

    def of_tags(self, logits: LogitArray) -> LogitArray:
        """The logits of tags, `(words, tags)`, from those of outputs, `(words, outputs)`.

        The probability of a tag is the sum of those of its outputs. The logit of `O` has the bias
        of the settings added.
        """
        if not np.array_equal(self._outputs, np.arange(len(self.tags))):
            order = np.argsort(self._outputs, kind="stable")
            firsts = np.searchsorted(self._outputs[order], np.arange(len(self.tags)))
            logits = np.logaddexp.reduceat(logits[:, order], firsts, axis=1)
        if self._bias:
            logits = logits + np.float32(self._bias) * (np.arange(len(self.tags)) == self.no_entity)
        return logits

    def targets(self, document: Document, words: Sequence[Token]) -> tuple[IntArray, int]:
        """The index of each word's gold tag.

        Args:
            document: A document with its gold entities.
            words: Its words.

        Returns:
            Indices of tags, `(words,)`, -100 for those of a label that the model does not have;
            and how many entities do not fall on the boundaries of words: they were widened to whole
            words, or left out where another one was there.
        """
        spans, adapted = word_spans(document, words)
        tags = self._scheme.encode(spans, len(words))
        return np.array([self._ids.get(tag, IGNORED) for tag in tags], dtype=np.int64), adapted

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The cross-entropy -log p(tag), summed over positions.

        Args:
            logits: `(..., tags)`, or those of the outputs, `(..., outputs)`.
            targets: Indices of tags, `(...)`; -100 for a position that does not count.
        """
        from torch.nn import functional

        logits = self.tag_logits(logits.float())
        return functional.cross_entropy(
            logits.view(-1, logits.shape[-1]),
            targets.view(-1),
            ignore_index=IGNORED,
            reduction="sum",
        )

    def tag_logits(self, logits: Tensor) -> Tensor:
        """The same as `of_tags`, for tensors and without the bias, which is not trained.

        Logits of tags, `(..., tags)`, are returned as they are.
        """
        import torch

        if logits.shape[-1] == len(self.tags):
            return logits
        own = [np.flatnonzero(self._outputs == tag).tolist() for tag in range(len(self.tags))]
        return torch.stack([logits[..., each].logsumexp(dim=-1) for each in own], dim=-1)

    def decode(self, documents: Sequence[Document], logits: WordLogits) -> Iterator[Document]:
        """The documents with the entities of their best tags, in order.

        The score of an entity is its probability among the sequences that the scheme allows. A
        model that Nerine did not train may give these next to nothing: then the score counts the
        sequences that the scheme forbids too.

        Args:
            documents: The documents.
            logits: The logits of their words.
        """
        splits, bounds = logits.encoding.word_splits, logits.encoding.word_bounds
        lengths = logits.encoding.lengths
        spans = self.decoder.decode(logits.values, lengths)
        scores = spans.probabilities
        if self._may_be_slivers:
            shares = self.decoder.shares(logits.values, lengths, spans)
            scores = np.where(shares < _SLIVER, scores * shares, scores)
        entities = [
            Entity(start, end, self.labels[label], score)
            for start, end, label, score in zip(
                bounds[splits[spans.sentences] + spans.starts, 0].tolist(),
                bounds[splits[spans.sentences] + spans.ends - 1, 1].tolist(),
                spans.labels.tolist(),
                scores.tolist(),
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
