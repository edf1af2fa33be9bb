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
This aligns as many as possible, and entities of equal ranges with each other. The `type` schema
takes the gold entity with the same label and the nearest ends instead, if the predicted entity
overlaps one. Where entities of one side overlap, equal ranges are aligned first, and an entity that
finds no free one has others move to theirs, so that as many as possible are aligned there too.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
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
    """Counts of one document's entities, in text order; those of one side may overlap."""
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
    candidates = overlapping(gold, predicted)
    pairs: dict[int, int] = {}  # index of a predicted entity → that of its gold entity
    taken: dict[int, int] = {}  # the same from gold to predicted
    fixed: set[int] = set()  # gold entities in pairs that stay

    def pair(one: int, other: int) -> None:
        taken[one], pairs[other] = other, one

    if not prefer_label:
        for index, (entity, indices) in enumerate(zip(predicted, candidates, strict=True)):
            equal = (i for i in indices if i not in taken and gold[i][:2] == entity[:2])
            if (same := next(equal, None)) is not None:
                pair(same, index)
                fixed.add(same)
    for index, (entity, indices) in enumerate(zip(predicted, candidates, strict=True)):
        free = [] if index in pairs else [i for i in indices if i not in taken]
        same_label = [i for i in free if gold[i][2] == entity[2]]
        if prefer_label and same_label:
            nearest = min(same_label, key=lambda i: _distance(gold[i], entity))
            pair(nearest, index)
            fixed.add(nearest)
        elif free:
            pair(free[0], index)
        elif index not in pairs:
            for one, other in _augmenting_path(index, candidates, taken, pairs, fixed):
                pair(one, other)
    return [(gold[pairs[index]], predicted[index]) for index in sorted(pairs)]


def _distance(one: Range, other: Range) -> int:
    return abs(one[0] - other[0]) + abs(one[1] - other[1])


def _augmenting_path(
    index: int,
    candidates: Sequence[Sequence[int]],
    taken: Mapping[int, int],
    pairs: Mapping[int, int],
    fixed: Collection[int],
) -> Iterator[tuple[int, int]]:
    """New pairs by which a predicted entity is aligned too (Berge, 1957); none if it cannot be."""
    reached: dict[int, int] = {}  # gold entity → the predicted one from which it was reached
    queue = deque([index])
    while queue:
        other = queue.popleft()
        for one in candidates[other]:
            if one in reached or one in fixed:
                continue
            reached[one] = other
            if one in taken:
                queue.append(taken[one])
                continue
            path = [(one, other)]
            while other != index:
                one = pairs[other]
                other = reached[one]
                path.append((one, other))
            yield from path
            return


def overlapping(gold: Sequence[Range], predicted: Sequence[Range]) -> list[list[int]]:
    """Indices of the gold entities that each predicted entity overlaps; both in text order."""
    starts = [start for start, _, _ in gold]
    furthest = list(itertools.accumulate((end for _, end, _ in gold), max))
    found = []
    for start, end, _ in predicted:
        near = range(bisect_right(furthest, start), bisect_left(starts, end))
        found.append([index for index in near if gold[index][1] > start])
    return found
