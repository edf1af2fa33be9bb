"""A chain of tags with the pairs of tags that begin, continue and end an entity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nerine.core.tags import OUTSIDE, TagScheme, parse_tag
from nerine.model.decoding.chain import Chain, pass_on
from nerine.model.ragged import BoolArray, FloatArray, IntArray


class EntityChain(Chain):
    """The chain of a model's tags.

    `begins` and `continues` are the tables of `Transitions` as arrays, `labels` the labels of the
    tags in order. `label_of` `(tags,)` maps tags to the numbers of their labels, `tags_of`
    `(labels, most tags of one)` back; `label_names` `(tags,)` are empty for `O`.

    The methods take rows of `Messages`, one for each boundary between words.
    """

    def __init__(self, tags: Sequence[str], scheme: TagScheme, *, constrained: bool) -> None:
        table = scheme.transitions(tags, constrained=constrained)
        allowed = np.array(table.allowed, dtype=np.bool_)
        super().__init__(allowed, tags.index(OUTSIDE))
        begins = np.array(table.begins, dtype=np.bool_) & allowed
        self.begins = begins
        self.continues = np.array(table.continues, dtype=np.bool_)
        self._beginning = _Shares(allowed, begins)
        self._ending = _Shares(allowed.T, (allowed & ~self.continues).T)
        of_tags = [parse_tag(tag).label for tag in tags]
        self.labels = tuple(dict.fromkeys(label for label in of_tags if label))
        self.label_names = np.array(of_tags)
        numbers = {label: number for number, label in enumerate(self.labels)}
        self.label_of = np.array([numbers.get(label, -1) for label in of_tags])
        tags_of = [np.flatnonzero(self.label_of == label) for label in range(len(self.labels))]
        # Rows are filled up with `O`: no entity begins or continues with it, so it adds nothing.
        shape = len(tags_of), max(map(len, tags_of), default=0)
        self.tags_of = np.full(shape, self.outside, dtype=np.int64)
        for row, own in zip(self.tags_of, tags_of, strict=True):
            row[: len(own)] = own

    def begin(self, alpha: FloatArray, beta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The probability of each tag after boundaries, and that an entity begins there with it.

        All arrays are `(boundaries, tags)`.
        """
        totals, shares = self._beginning(alpha)
        weights = totals + beta
        tags = np.exp(weights - weights.max(axis=1, keepdims=True))
        tags /= tags.sum(axis=1, keepdims=True)
        return tags, tags * shares

    def end(self, beta: FloatArray) -> FloatArray:
        """The probability that an entity ends at boundaries, given the tag before them.

        Both arrays are `(boundaries, tags)`.
        """
        return self._ending(beta)[1]

    def steps(self, beta: FloatArray, own: IntArray) -> FloatArray:
        """The probability of each tag after boundaries, given the tag before them.

        `own` are some tags for each boundary, `(boundaries, some)`. The result is `(boundaries,
        some, some)`: from each of these tags to each of them, for pairs that the scheme allows.
        """
        totals, top = pass_on(beta[None], self.tables[1:])
        before = np.take_along_axis(totals[0], own, axis=1)
        after = np.take_along_axis(beta - top[0], own, axis=1)
        # A tag that nothing can follow has no total, and rounding may add some.
        return np.asarray(np.exp(np.minimum(after[:, None, :] - before[:, :, None], 0.0)))

    def inside(self, beta: FloatArray, own: IntArray) -> FloatArray:
        """The steps that continue an entity, `(boundaries, some, some)`; all others are 0."""
        return self.steps(beta, own) * self.continues[own[:, :, None], own[:, None, :]]


class _Shares:
    """The share of the weight that leads to each tag by the pairs `part` of the pairs `whole`."""

    def __init__(self, whole: BoolArray, part: BoolArray) -> None:
        self._some = part.any(axis=0)
        # A tag without a part would have the sum zero, which has no logarithm.
        self._tables = np.stack([whole, part | ~self._some]).astype(np.float64)

    def __call__(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The whole as a logarithm, and the share, from the weights of the pairs' other tags."""
        (whole, part), _ = pass_on(np.stack([weights, weights]), self._tables)
        return whole, np.exp(np.minimum(part - whole, 0.0)) * self._some
