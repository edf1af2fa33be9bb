"""Whole-word masking: the words that an encoder has to predict, and what it sees in their place.

All subwords of a chosen word are predicted (whole-word masking of BERT; Devlin et al., 2019). Eight
in ten of them are replaced by the mask token, one in ten by a random subword, and one in ten stays.
Words are chosen anew in each pass (dynamic masking; Liu et al., 2019). What is chosen depends on
the key alone, which names the seed, the pass and the window: a resumed run masks the same words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from nerine.model.heads.tags import IGNORED
from nerine.model.ragged import IntArray
from nerine.training.adaptation.texts import Texts

_MASKED, _REPLACED = 0.8, 0.9
"""Below the first, a predicted subword is masked, and below the second, replaced."""

Key = tuple[int, int]
"""A pass and the index of a window."""
HELD_OUT = -1
"""The pass of windows that are held out, whose masks are the same in every run."""


@dataclass(frozen=True, slots=True)
class Masking:
    """Chooses and hides words.

    Attributes:
        share: The share of the words of a window that are predicted; one at least.
        mask_id: The mask token.
        ordinary_ids: The subwords to draw from, `(ordinary,)`.
        seed: The seed of the run.
    """

    share: float
    mask_id: int
    ordinary_ids: IntArray
    seed: int

    @classmethod
    def of(cls, tokenizer: Any, share: float, seed: int) -> Masking:
        """The masking for a tokenizer of transformers, with all but its special tokens to draw."""
        ordinary = {*tokenizer.get_vocab().values()} - {*tokenizer.all_special_ids}
        return cls(share, tokenizer.mask_token_id, np.array(sorted(ordinary)), seed)

    def masked(
        self, ids: IntArray, words: IntArray, key: Sequence[int]
    ) -> tuple[IntArray, IntArray]:
        """The subwords of a window with some words hidden, and those to predict, `(length,)`.

        The latter are `IGNORED` elsewhere. `words` numbers the words from 0; -1 is never chosen.
        """
        random = np.random.default_rng(key)
        number = int(words.max(initial=-1)) + 1
        # so that the expected number is the share of the words, also of a few ones
        chosen = min(max(int(self.share * number + random.random()), 1), number)
        is_chosen = np.zeros(number + 1, dtype=np.bool_)  # the last one stands for -1
        is_chosen[random.permutation(number)[:chosen]] = True
        predicted = is_chosen[words]
        draw = random.random(len(ids))
        others = random.choice(self.ordinary_ids, len(ids))
        shown = np.where(predicted & (draw < _REPLACED), others, ids)
        shown[predicted & (draw < _MASKED)] = self.mask_id
        return shown, np.where(predicted, ids, IGNORED)


@dataclass(frozen=True, slots=True)
class MaskingCollator:
    """Makes the tensors of a batch, `(batch, length)`, from windows of texts with masked words.

    `labels` has the subwords to predict, and -100 elsewhere. A batch is padded to `least_length`
    at least. With `has_mask` there is an `attention_mask`.
    """

    texts: Texts
    masking: Masking
    pad_id: int
    least_length: int = 1
    has_mask: bool = True

    def __call__(self, keys: Sequence[Key]) -> dict[str, torch.Tensor]:
        """The tensors of some windows in some pass."""
        rows = [self._row(*key) for key in keys]
        shape = len(rows), max(self.least_length, *(len(ids) for ids, _ in rows))
        input_ids = np.full(shape, self.pad_id, dtype=np.int64)
        labels = np.full(shape, IGNORED, dtype=np.int64)
        mask = np.zeros(shape, dtype=np.int64)
        for row, (ids, predicted) in enumerate(rows):
            input_ids[row, : len(ids)] = ids
            labels[row, : len(ids)] = predicted
            mask[row, : len(ids)] = 1
        found = {"input_ids": input_ids, "labels": labels}
        if self.has_mask:
            found["attention_mask"] = mask
        return {name: torch.from_numpy(values) for name, values in found.items()}

    def _row(self, epoch: int, index: int) -> tuple[IntArray, IntArray]:
        key = (self.masking.seed, epoch, index)
        if epoch == HELD_OUT:
            key = (0, int(self.texts.hashes[index]), int(self.texts.parts[index]))
        return self.masking.masked(*self.texts.window(index), key)
