"""What a model says of every word of some documents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nerine.model.encoding import Encoding, Encodings, IntArray

LogitArray = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class WordLogits:
    """What the model says of each word of a document.

    Attributes:
        encoding: The document's words and subwords.
        logits: `(words, tags)`.
    """

    encoding: Encoding
    logits: LogitArray


@dataclass(frozen=True, slots=True)
class Reading:
    """What the model says of every word of some documents.

    Also a sequence of `WordLogits`, one for each document.

    Attributes:
        encodings: The words and subwords of the documents.
        logits: Those of all words, behind each other, `(words, tags)`.
    """

    encodings: Encodings
    logits: LogitArray

    @property
    def lengths(self) -> IntArray:
        """How many words each document has, `(documents,)`."""
        return np.diff(self.encodings.word_cuts)

    def __len__(self) -> int:
        return len(self.encodings)

    def __iter__(self) -> Iterator[WordLogits]:
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, index: int) -> WordLogits:
        first, last = self.encodings.word_cuts[[index, index + 1]]
        return WordLogits(self.encodings[index], self.logits[first:last])
