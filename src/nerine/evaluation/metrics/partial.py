"""Partial scores: the four schemas of SemEval-2013, over MUC's five counts.

=========  ==========================================================================
schema     a predicted entity that overlaps a gold one is correct if
=========  ==========================================================================
`strict`   start, end and label are the same; else incorrect
`exact`    start and end are the same, whatever the label; else incorrect
`partial`  start and end are the same, whatever the label; else partial
`type`     the label is the same, whatever start and end; else incorrect
=========  ==========================================================================

Sources: Chinchor & Sundheim, 1993 (MUC-5); Segura-Bedmar et al., 2013 (SemEval-2013, task 9).

Alignment: in text order, each predicted entity takes the first free gold entity that it overlaps.
As entities of one side do not overlap, this aligns as many as possible, and entities of equal
ranges with each other. The `type` schema takes the gold entity with the same label and the nearest
ends instead, if the predicted entity overlaps one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Literal, get_args

from nerine.evaluation.metrics.counts import PartialCounts

Range = tuple[int, int, str]
"""Start, end and label of an entity."""

Schema = Literal["strict", "exact", "partial", "type"]
SCHEMAS: tuple[Schema, ...] = get_args(Schema)

_COMPARED: Mapping[Schema, itemgetter[object]] = {
    "strict": itemgetter(0, 1, 2),
    "exact": itemgetter(0, 1),
    "partial": itemgetter(0, 1),
    "type": itemgetter(2),
}


def partial_counts(
    gold: Sequence[Range], predicted: Sequence[Range]
) -> Mapping[Schema, PartialCounts]:
    """Counts of one document's entities, in text order and without overlap on either side."""
    if not gold or not predicted:
        unaligned = PartialCounts(missing=len(gold), spurious=len(predicted))
        return dict.fromkeys(SCHEMAS, unaligned)
    by_order = _aligned(gold, predicted, prefer_label=False)
    by_label = _aligned(gold, predicted, prefer_label=True)
    result = {}
    for schema, compared in _COMPARED.items():
        pairs = by_label if schema == "type" else by_order
        correct = sum(compared(one) == compared(other) for one, other in pairs)
        others = len(pairs) - correct
        result[schema] = PartialCounts(
            correct=correct,
            incorrect=0 if schema == "partial" else others,
            partial=others if schema == "partial" else 0,
            missing=len(gold) - len(pairs),
            spurious=len(predicted) - len(pairs),
        )
    return result


def _aligned(
    gold: Sequence[Range], predicted: Sequence[Range], *, prefer_label: bool
) -> list[tuple[Range, Range]]:
    """Pairs of overlapping gold and predicted entities, each in one pair at most."""
    pairs = []
    taken: set[int] = set()
    for entity, indices in zip(predicted, overlapping(gold, predicted), strict=True):
        free = [index for index in indices if index not in taken]
        if not free:
            continue
        chosen = free[0]
        if prefer_label:
            distances = {
                index: abs(gold[index][0] - entity[0]) + abs(gold[index][1] - entity[1])
                for index in free
                if gold[index][2] == entity[2]
            }
            chosen = min(distances, key=distances.__getitem__, default=chosen)
        taken.add(chosen)
        pairs.append((gold[chosen], entity))
    return pairs


def overlapping(gold: Sequence[Range], predicted: Sequence[Range]) -> Iterator[range]:
    """Indices of the gold entities that each predicted entity overlaps; both in text order."""
    first = 0
    for start, end, _ in predicted:
        while first < len(gold) and gold[first][1] <= start:
            first += 1
        last = first
        while last < len(gold) and gold[last][0] < end:
            last += 1
        yield range(first, last)
