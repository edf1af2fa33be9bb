"""One count over spans, from which all scores follow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add

from nerine.evaluation.metrics.counts import Counts, PartialCounts
from nerine.evaluation.metrics.partial import SCHEMAS, Range, Schema, partial_counts


@dataclass(slots=True)
class Tally:
    """Counts that grow document by document.

    The labels of gold, predicted and correct entities are gathered and counted once. Only
    entities that are not correct are set beside each other: a correct one is so by every schema,
    and overlaps no other.
    """

    _gold: list[str] = field(default_factory=list)
    _predicted: list[str] = field(default_factory=list)
    _correct: list[str] = field(default_factory=list)
    _relabelled: int = 0
    _missing: int = 0
    _spurious: int = 0
    _partial: list[Mapping[Schema, PartialCounts]] = field(default_factory=list)

    def add(self, gold: Sequence[Range], predicted: Sequence[Range]) -> None:
        """Counts one document's entities, ordered and without overlap on either side."""
        if not gold and not predicted:
            return
        self._gold += [label for _, _, label in gold]
        if gold == predicted:
            self._predicted += self._gold[-len(gold) :]
            self._correct += self._gold[-len(gold) :]
            return
        self._predicted += [label for _, _, label in predicted]
        correct = {*gold}.intersection(predicted)
        self._correct += [label for _, _, label in correct]
        self._add_wrong(
            [each for each in gold if each not in correct],
            [each for each in predicted if each not in correct],
        )

    def _add_wrong(self, gold: Sequence[Range], predicted: Sequence[Range]) -> None:
        if not gold or not predicted:
            self._missing += len(gold)
            self._spurious += len(predicted)
            return
        places = {(start, end) for start, end, _ in gold}
        self._relabelled += sum((start, end) in places for start, end, _ in predicted)
        self._partial.append(partial_counts(gold, predicted))

    def by_label(self) -> dict[str, Counts]:
        """Strict counts of each label, gold or predicted, in alphabetical order."""
        gold, predicted, correct = map(Counter, (self._gold, self._predicted, self._correct))
        return {
            label: Counts(correct[label], predicted[label], gold[label])
            for label in sorted(gold.keys() | predicted.keys())
        }

    def boundaries(self) -> Counts:
        """Counts of ranges alone: an entity is correct whatever its label."""
        correct = len(self._correct) + self._relabelled
        return Counts(correct, len(self._predicted), len(self._gold))

    def partial(self) -> dict[Schema, PartialCounts]:
        """Counts by each of the schemas."""
        sure = PartialCounts(len(self._correct), missing=self._missing, spurious=self._spurious)
        return {
            schema: reduce(add, (each[schema] for each in self._partial), sure)
            for schema in SCHEMAS
        }
