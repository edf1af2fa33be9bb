"""One count over spans, from which all scores follow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add

from nerine.metrics.counts import Counts, PartialCounts
from nerine.metrics.partial import SCHEMAS, Range, Schema, partial_counts


@dataclass(slots=True)
class Tally:
    """Counts that grow document by document.

    `whole` holds the entities of documents in which gold and predicted agree, `_partial` those of
    the others: where they agree, every schema counts them as correct.
    """

    gold: Counter[str] = field(default_factory=Counter)
    predicted: Counter[str] = field(default_factory=Counter)
    correct: Counter[str] = field(default_factory=Counter)
    bounds: int = 0
    _agreed: int = 0
    _partial: list[Mapping[Schema, PartialCounts]] = field(default_factory=list)

    def add(self, gold: Sequence[Range], predicted: Sequence[Range]) -> None:
        """Counts one document's entities, ordered and without overlap on either side."""
        if gold == predicted:
            if gold:
                self._add_agreed([label for _, _, label in gold])
            return
        self.gold.update([label for _, _, label in gold])
        self.predicted.update([label for _, _, label in predicted])
        wanted = set(gold)
        self.correct.update([each[2] for each in predicted if each in wanted])
        places = {(start, end) for start, end, _ in gold}
        self.bounds += sum((start, end) in places for start, end, _ in predicted)
        self._partial.append(partial_counts(gold, predicted))

    def _add_agreed(self, labels: list[str]) -> None:
        for counter in (self.gold, self.predicted, self.correct):
            counter.update(labels)
        self.bounds += len(labels)
        self._agreed += len(labels)

    def by_label(self) -> dict[str, Counts]:
        """Strict counts of each label, gold or predicted, in alphabetical order."""
        return {
            label: Counts(self.correct[label], self.predicted[label], self.gold[label])
            for label in sorted(self.gold.keys() | self.predicted.keys())
        }

    def boundaries(self) -> Counts:
        """Counts of ranges alone: an entity is correct whatever its label."""
        return Counts(self.bounds, self.predicted.total(), self.gold.total())

    def partial(self) -> dict[Schema, PartialCounts]:
        """Counts by each of the schemas."""
        agreed = PartialCounts(correct=self._agreed)
        return {
            schema: reduce(add, (each[schema] for each in self._partial), agreed)
            for schema in SCHEMAS
        }
