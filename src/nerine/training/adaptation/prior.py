"""The frequencies of subwords, with which the output bias of a new head begins."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from nerine.training.adaptation.texts import Division, Texts

_BLOCK = 1 << 20


def begin_with_frequencies(model: Any, texts: Texts, division: Division) -> None:
    """Sets the output bias to the log of each subword's share in the windows to train on.

    So the head need not learn in its first steps which subwords are frequent (prior initialization:
    Lin et al., 2017, 4.1). A head without such a bias is left unchanged.
    """
    output = model.get_output_embeddings()
    bias = getattr(output, "bias", None)
    if bias is None:
        return
    counts = np.ones(len(bias))
    for first in range(0, len(division.train), _BLOCK):
        windows = division.train[first : first + _BLOCK]
        for begin, end in _runs(texts, windows):
            counts += np.bincount(texts.ids[begin:end], minlength=len(counts))
    with torch.no_grad():
        bias.copy_(torch.from_numpy(np.log(counts / counts.sum())))


def _runs(texts: Texts, windows: Any) -> list[tuple[int, int]]:
    """The ranges of positions of windows, those of neighbours joined."""
    breaks = np.flatnonzero(np.diff(windows) > 1)
    firsts = windows[np.append(0, breaks + 1)]
    lasts = windows[np.append(breaks, len(windows) - 1)]
    return list(zip(texts.splits[firsts].tolist(), texts.splits[lasts + 1].tolist(), strict=True))
