"""Heads: the meaning of a model's outputs, in training and in use.

A head knows what each word's outputs stand for: it makes training targets of gold entities,
computes the loss, and decodes logits to entities. `TagHead` is the only one so far: one tag a word.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from nerine.core.document import Document, Token
from nerine.model.heads.tags import TagHead
from nerine.model.logits import LogitArray, WordLogits
from nerine.model.ragged import IntArray

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Head", "TagHead"]


class Head(Protocol):
    """The meaning of a model's outputs."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that entities can have."""

    @property
    def no_entity(self) -> int:
        """The target of a word outside all entities."""

    @property
    def blind_logits(self) -> LogitArray:
        """The logits of a word without a subword, `(outputs,)`."""

    def targets(self, document: Document, words: Sequence[Token]) -> tuple[IntArray, int]:
        """Training targets from gold entities.

        Args:
            document: A document with its gold entities.
            words: Its words.

        Returns:
            The target of each word, `(words,)`, and how many entities do not fall on the
            boundaries of words and were widened or left out.
        """
        ...

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The sum of the losses of positions.

        Args:
            logits: The model's logits, `(..., outputs)`.
            targets: The targets of the same positions, `(...)`; -100 for a position that does not
                count.
        """
        ...

    def decode(self, documents: Sequence[Document], logits: WordLogits) -> Iterator[Document]:
        """The documents with their predicted entities, in order.

        Args:
            documents: The documents.
            logits: The logits of their words.
        """
        ...
