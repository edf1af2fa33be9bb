"""A chain of tags with the pairs of tags that begin, continue and end an entity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nerine.core.tags import OUTSIDE, TagScheme, parse_tag
from nerine.model.decoding.chain import LOWEST, NEVER, Chain, Tables, margins_of, pass_on
from nerine.model.ragged import BoolArray, FloatArray, IntArray, Logits
from nerine.model.settings import TransitionScores


class EntityChain(Chain):
    """The chain of a model's tags.

    `begins` and `continues` are the tables of `Transitions` as arrays, `labels` the labels of the
    tags in order. `label_of` `(tags,)` maps tags to the numbers of their labels, `tags_of`
    `(labels, most tags of one)` back; `label_names` `(tags,)` are empty for `O`. `is_learned` says
    whether pairs of tags have learned scores.

    The tag `O` is `outside`. It stands before and after a sentence, too, unless scores were
    learned: then the chain has one more tag for that, the last one, which allows what `O` does.

    The methods take rows of `Messages`, one for each boundary between words.
    """

    def __init__(
        self,
        tags: Sequence[str],
        scheme: TagScheme,
        *,
        constrained: bool,
        learned: TransitionScores | None = None,
    ) -> None:
        table = scheme.transitions(tags, constrained=constrained)
        self.outside = edge = tags.index(OUTSIDE)
        self.is_learned = learned is not None
        of_tags = [parse_tag(tag).label for tag in tags]
        rows = list(range(len(tags)))
        scores = np.zeros((len(tags), len(tags)))
        if learned is not None:
            edge = len(tags)
            of_tags.append("")
            rows.append(self.outside)
            scores = _table_of(learned)
        square = np.ix_(rows, rows)
        allowed = np.array(table.allowed, dtype=np.bool_)[square]
        super().__init__(np.where(allowed, scores, NEVER), edge)
        begins = np.array(table.begins, dtype=np.bool_)[square] & allowed
        self.begins = begins
        self.continues = np.array(table.continues, dtype=np.bool_)[square]
        self._beginning = _Shares(self.scores, begins)
        self._ending = _Shares(self.scores.T, (allowed & ~self.continues).T)
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

    def margins(self, logits: Logits) -> FloatArray:
        """The logits `(words, tags)` minus their word's best one; no word has a learned edge."""
        values = margins_of(logits)
        return (
            np.pad(values, ((0, 0), (0, 1)), constant_values=NEVER) if self.is_learned else values
        )

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
        totals, top = pass_on(beta[None], self.backward)
        before = np.take_along_axis(totals[0], own, axis=1)[:, :, None]
        after = np.take_along_axis(beta - top[0], own, axis=1)[:, None, :]
        if self.is_learned:
            after = after + self.scores[own[:, :, None], own[:, None, :]]
        # A tag that nothing can follow has no total, and rounding may add some.
        return np.asarray(np.exp(np.minimum(after - before, 0.0)))

    def inside(self, beta: FloatArray, own: IntArray) -> FloatArray:
        """The steps that continue an entity, `(boundaries, some, some)`; all others are 0."""
        return self.steps(beta, own) * self.continues[own[:, :, None], own[:, None, :]]


class _Shares:
    """The share of the weight that leads to each tag by the pairs `part`, of all with `scores`."""

    def __init__(self, scores: FloatArray, part: BoolArray) -> None:
        self._some = part.any(axis=0)
        # A tag without a part would have the sum zero, which has no logarithm.
        self._tables = Tables(scores, np.where(part, scores, np.where(self._some, NEVER, 0.0)))

    def __call__(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The whole as a logarithm, and the share, from the weights of the pairs' other tags."""
        (whole, part), _ = pass_on(np.stack([weights, weights]), self._tables)
        return whole, np.exp(np.minimum(part - whole, 0.0)) * self._some


def _table_of(learned: TransitionScores) -> FloatArray:
    """Learned scores with the edge of a sentence as one more tag, `(tags + 1, tags + 1)`.

    They are 0 or less: a constant for all pairs changes no probability.
    """
    between = np.array(learned.between, dtype=np.float64)
    scores = np.full((len(between) + 1, len(between) + 1), -np.inf)
    scores[:-1, :-1], scores[-1, :-1], scores[:-1, -1] = between, learned.start, learned.end
    return np.asarray(np.maximum(scores - scores.max(), LOWEST))
