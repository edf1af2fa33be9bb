"""Rows of different lengths one after another in flat arrays, without padding.

`splits` `(rows + 1,)` are the borders of the rows: row `i` is `values[splits[i] : splits[i + 1]]`.
"""

from __future__ import annotations

from collections.abc import Sequence, Sized
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
Logits = npt.NDArray[np.floating[Any]]


def lengths_of(rows: Sequence[Sized]) -> IntArray:
    """The length of each row, `(rows,)`."""
    return np.array([len(row) for row in rows], dtype=np.int64)


def pairs_of(rows: Sequence[Sequence[tuple[int, int]]]) -> IntArray:
    """All pairs of all rows, `(pairs, 2)`."""
    numbers = chain.from_iterable(chain.from_iterable(rows))
    return np.fromiter(numbers, dtype=np.int64).reshape(-1, 2)


def splits_of(lengths: IntArray) -> IntArray:
    """The start of each row and the end of the last one, `(rows + 1,)`."""
    splits = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=splits[1:])
    return splits


def starts_of(lengths: IntArray) -> IntArray:
    """The start of each row, `(rows,)`."""
    return np.asarray(np.cumsum(lengths) - lengths)


def ranges(starts: IntArray, lengths: IntArray) -> IntArray:
    """`starts[0]`, `starts[0] + 1` … for `lengths[0]` numbers, then those of the next range."""
    shifts = np.repeat(starts - starts_of(lengths), lengths)
    return np.asarray(np.arange(len(shifts)) + shifts)


def rows_and_columns(lengths: IntArray) -> tuple[IntArray, IntArray]:
    """The row of each value, and its place in that row, both `(values,)`."""
    rows = np.repeat(np.arange(len(lengths)), lengths)
    return rows, ranges(np.zeros_like(lengths), lengths)


def longest_first(lengths: IntArray) -> tuple[IntArray, IntArray]:
    """Rows in the order for a loop over columns that needs no padding.

    Returns:
        An order of the rows, the longest first, `(rows,)`, and for each column the number of rows
        that reach it, `(columns,)`: these are the first ones in that order.
    """
    order = np.argsort(-lengths, kind="stable")
    columns = np.arange(lengths.max(initial=0))
    return order, np.searchsorted(-lengths[order], -columns, side="left")


def products(matrices: FloatArray, lengths: IntArray) -> FloatArray:
    """The product of each row of square matrices, `(rows, size, size)`; an empty row gives 1.

    Neighbours are multiplied in pairs, then the products are, and so on: a row of n matrices takes
    log2(n) steps.
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
