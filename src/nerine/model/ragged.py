"""Sequences of different lengths in flat arrays, without padding."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
Logits = npt.NDArray[np.floating[Any]]


def starts_of(lengths: IntArray) -> IntArray:
    """Where each sequence starts if they stand one after the other."""
    return np.asarray(np.cumsum(lengths) - lengths)


def ranges(starts: IntArray, lengths: IntArray) -> IntArray:
    """`starts[0]`, `starts[0] + 1` … for `lengths[0]` numbers, then those of the next range."""
    shifts = np.repeat(starts - starts_of(lengths), lengths)
    return np.asarray(np.arange(len(shifts)) + shifts)


def side_by_side(lengths: IntArray) -> tuple[IntArray, IntArray]:
    """How to walk along many sequences at once, without padding.

    Gives an order of the sequences, the longest first, and for each step how many of them are long
    enough to take it: these are the first ones in that order.
    """
    order = np.argsort(-lengths, kind="stable")
    steps = np.arange(lengths.max(initial=0))
    return order, np.searchsorted(-lengths[order], -steps, side="left")


def products(matrices: FloatArray, lengths: IntArray) -> FloatArray:
    """The product of each run of square matrices, `(runs, size, size)`; no matrices give 1.

    `lengths` are the runs'. Neighbours are multiplied in pairs, then the products are, and so on:
    a run of n matrices takes log2(n) steps.
    """
    left = lengths
    while left.max(initial=0) > 1:
        place = ranges(np.zeros_like(left), left)
        paired = place + 1 < np.repeat(left, left)
        even = np.flatnonzero(place % 2 == 0)
        following = even[paired[even]] + 1
        halved = matrices[even]
        halved[paired[even]] @= matrices[following]
        matrices, left = halved, (left + 1) // 2
    result = np.tile(np.eye(matrices.shape[-1]), (len(lengths), 1, 1))
    result[lengths > 0] = matrices
    return result
