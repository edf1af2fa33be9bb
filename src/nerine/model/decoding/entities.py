"""A chain of tags that knows which pairs of tags begin an entity, and which go on with one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nerine.core.tags import OUTSIDE, TagScheme, parse_tag
from nerine.model.decoding.chain import Chain, pass_on
from nerine.model.ragged import BoolArray, FloatArray, IntArray


class EntityChain(Chain):
    """The chain of a model's tags.

    `begins` and `continues` are the tables of `Transitions` as arrays, `labels` the
    labels of the tags in order. `label_of` (tags) leads from tags to the numbers of their labels,
    `tags_of` `(labels, most tags of one)` back, and `label_names` (tags) are empty for `O`.

    The methods take rows of `nerine.model.decoding.chain.Sides`, one for each gap between words.
    """

    def __init__(self, tags: Sequence[str], scheme: TagScheme, *, constrained: bool) -> None:
        table = scheme.transitions(tags, constrained=constrained)
        allowed = np.array(table.allowed, dtype=np.bool_)
        super().__init__(allowed, tags.index(OUTSIDE))
        begins = np.array(table.begins, dtype=np.bool_) & allowed
        self.begins = begins
        self.continues = np.array(table.continues, dtype=np.bool_)
        self._beginning = _Shares(allowed, begins)
        self._stopping = _Shares(allowed.T, (allowed & ~self.continues).T)
        of_tags = [parse_tag(tag).label for tag in tags]
        self.labels = tuple(dict.fromkeys(label for label in of_tags if label))
        self.label_names = np.array(of_tags)
        numbers = {label: number for number, label in enumerate(self.labels)}
        self.label_of = np.array([numbers.get(label, -1) for label in of_tags])
        self.tags_of = self._tags_of()

    def _tags_of(self) -> IntArray:
        """Rows are filled up with `O`: no entity begins or goes on with it, so it adds nothing."""
        tags_of = [np.flatnonzero(self.label_of == label) for label in range(len(self.labels))]
        most = max(map(len, tags_of), default=0)
        filled = np.full((len(tags_of), most), self.outside, dtype=np.int64)
        for row, tags in zip(filled, tags_of, strict=True):
            row[: len(tags)] = tags
        return filled

    def after(self, behind: FloatArray, ahead: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The probability of each tag after gaps, and that an entity begins there with it.

        All arrays are `(gaps, tags)`.
        """
        totals, shares = self._beginning(behind)
        weights = totals + ahead
        tags = np.exp(weights - weights.max(axis=1, keepdims=True))
        tags /= tags.sum(axis=1, keepdims=True)
        return tags, tags * shares

    def stops(self, ahead: FloatArray) -> FloatArray:
        """The probability that an entity ends at gaps, given the tag before, `(gaps, tags)`."""
        return self._stopping(ahead)[1]

    def steps(self, ahead: FloatArray, own: IntArray) -> FloatArray:
        """The probability of each tag after gaps, given the tag before them.

        `own` are some tags for each gap, `(gaps, some)`. The result is `(gaps, some, some)`: from
        each of these tags to each of them, for pairs that the scheme allows.
        """
        totals, top = pass_on(ahead[None], self.tables[1:])
        before = np.take_along_axis(totals[0], own, axis=1)
        after = np.take_along_axis(ahead - top[0], own, axis=1)
        # A tag that nothing can follow has no total, and rounding may add some.
        return np.asarray(np.exp(np.minimum(after[:, None, :] - before[:, :, None], 0.0)))

    def goes_on(self, ahead: FloatArray, own: IntArray) -> FloatArray:
        """The steps with which an entity goes on, `(gaps, some, some)`; all others are 0."""
        return self.steps(ahead, own) * self.continues[own[:, :, None], own[:, None, :]]


class _Shares:
    """For each tag, how much `part` of the pairs that lead to it weighs of `whole`."""

    def __init__(self, whole: BoolArray, part: BoolArray) -> None:
        self._some = part.any(axis=0)
        # Where there is no part, the sum of it would be zero, which has no logarithm.
        self._tables = np.stack([whole, part | ~self._some]).astype(np.float64)

    def __call__(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The whole, as a logarithm, and the share, by the weights of the pairs' other tags."""
        (whole, part), _ = pass_on(np.stack([weights, weights]), self._tables)
        return whole, np.exp(np.minimum(part - whole, 0.0)) * self._some
