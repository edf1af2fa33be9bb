"""Partial scores: the four schemas of SemEval-2013, over MUC's five counts.

=========  ==============================================================
schema     a predicted entity that overlaps a gold one is correct if
=========  ==============================================================
`strict`   start, end and label are the same; else incorrect
`exact`    start and end are the same, whatever the label; else incorrect
`partial`  start and end are the same, whatever the label; else partial
`type`     the label is the same, whatever start and end; else incorrect
=========  ==============================================================

Sources: Chinchor & Sundheim, 1993 (MUC-5); Segura-Bedmar et al., 2013 (SemEval-2013, task 9).

Which predicted entity is set beside which gold one: in the order of the text, each predicted one
takes the first free one that it overlaps. As entities of one side do not overlap, this pairs as
many as can be paired, and those of equal ranges with each other. The `type` schema takes
the gold entity of its label whose ends are nearest instead, where it overlaps one of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, get_args

from nerine.evaluation.metrics.counts import PartialCounts

Range = tuple[int, int, str]
"""Start, end and label of an entity."""

Schema = Literal["strict", "exact", "partial", "type"]
SCHEMAS: tuple[Schema, ...] = get_args(Schema)


def partial_counts(
    gold: Sequence[Range], predicted: Sequence[Range]
) -> Mapping[Schema, PartialCounts]:
    """The counts of one document's entities, ordered and without overlap on either side."""
    if not gold or not predicted:
        alone = PartialCounts(missing=len(gold), spurious=len(predicted))
        return dict.fromkeys(SCHEMAS, alone)
    by_place = list(_pairs(gold, predicted, prefer_label=False))
    by_label = list(_pairs(gold, predicted, prefer_label=True))
    return {
        schema: _counted(schema, by_label if schema == "type" else by_place, gold, predicted)
        for schema in SCHEMAS
    }


def _counted(
    schema: Schema,
    pairs: Sequence[tuple[Range, Range]],
    gold: Sequence[Range],
    predicted: Sequence[Range],
) -> PartialCounts:
    correct = sum(_is_correct(schema, wanted, found) for wanted, found in pairs)
    others = len(pairs) - correct
    return PartialCounts(
        correct=correct,
        incorrect=0 if schema == "partial" else others,
        partial=others if schema == "partial" else 0,
        missing=len(gold) - len(pairs),
        spurious=len(predicted) - len(pairs),
    )


def _is_correct(schema: Schema, gold: Range, predicted: Range) -> bool:
    if schema == "strict":
        return gold == predicted
    if schema == "type":
        return gold[2] == predicted[2]
    return gold[:2] == predicted[:2]


def _pairs(
    gold: Sequence[Range], predicted: Sequence[Range], *, prefer_label: bool
) -> Iterator[tuple[Range, Range]]:
    """Gold and predicted entities side by side; those without a partner are left out."""
    taken: set[int] = set()
    first = 0
    for found in predicted:
        while first < len(gold) and gold[first][1] <= found[0]:
            first += 1
        last = first
        while last < len(gold) and gold[last][0] < found[1]:
            last += 1
        free = [index for index in range(first, last) if index not in taken]
        if free:
            chosen = _partner(found, gold, free, prefer_label=prefer_label)
            taken.add(chosen)
            yield gold[chosen], found


def _partner(
    found: Range, gold: Sequence[Range], free: Sequence[int], *, prefer_label: bool
) -> int:
    def distance(index: int) -> int:
        return abs(gold[index][0] - found[0]) + abs(gold[index][1] - found[1])

    same = [index for index in free if gold[index][2] == found[2]]
    return min(same, key=distance) if prefer_label and same else free[0]
