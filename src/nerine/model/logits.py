"""The logits of words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nerine.model.encoding import Encoding

LogitArray = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class WordLogits:
    """The logits of every word of documents; `logits[i]` are those of one document.

    Attributes:
        encoding: The words and subwords of the documents.
        values: `(words, outputs)`.
    """

    encoding: Encoding
    values: LogitArray

    def __len__(self) -> int:
        return len(self.encoding)

    def __iter__(self) -> Iterator[WordLogits]:
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, index: int) -> WordLogits:
        first, last = self.encoding.word_splits[[index, index + 1]]
        return WordLogits(self.encoding[index], self.values[first:last])
