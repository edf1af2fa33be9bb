"""Error analysis: each gold and each predicted entity has exactly one outcome.

Overlapping entities are aligned, those that share most characters first. Each outcome holds one
gold entity, one predicted entity, one of each, or one of either side with several of the other:

=======================  =======  =========  =================================
outcome                  gold     predicted
=======================  =======  =========  =================================
correct                  1        1          the same range and label
wrong type               1        1          the same range, another label
wrong boundary           1        1          another range, the same label
wrong type and boundary  1        1          another range and label
split                    1        several    one entity predicted in pieces
merged                   several  1          several entities predicted as one
missed                   1        0
spurious                 0        1
=======================  =======  =========  =================================

If several gold entities overlap several predicted ones in a chain, the weakest overlaps are cut.
An entity that this leaves without a counterpart counts as missed or spurious.

Where entities of one side overlap, those with the range and the label of one on the other side are
aligned with it first, then those with its range. Entities that overlap each other are not pieces of
one, so that no outcome holds both.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal, get_args

from nerine.core.document import Document, Entity
from nerine.evaluation.metrics.partial import Range, overlapping
from nerine.evaluation.metrics.scoring import document_pairs, ranges_of

Kind = Literal[
    "correct",
    "wrong type",
    "wrong boundary",
    "wrong type and boundary",
    "split",
    "merged",
    "missed",
    "spurious",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
NO_ENTITY = ""
"""Stands for the label of a missing counterpart in the confusion matrix."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of entities that are aligned with each other.

    Attributes:
        kind: One of `KINDS`.
        document: The index of their document.
        gold: The gold entities.
        predicted: The predicted entities.
    """

    kind: Kind
    document: int
    gold: tuple[Entity, ...]
    predicted: tuple[Entity, ...]


@dataclass(frozen=True)
class ErrorAnalysis:
    """The outcomes of one prediction over gold documents, and their counts.

    Attributes:
        outcomes: The outcomes of all entities, in the order of the texts.
        gold: The gold documents.
    """

    outcomes: tuple[Outcome, ...]
    gold: tuple[Document, ...]

    @cached_property
    def errors(self) -> tuple[Outcome, ...]:
        """The outcomes that are not correct, in the order of the texts."""
        return tuple(outcome for outcome in self.outcomes if outcome.kind != "correct")

    @cached_property
    def by_kind(self) -> Mapping[Kind, int]:
        """Number of outcomes of each kind."""
        counts = Counter(outcome.kind for outcome in self.outcomes)
        return {kind: counts[kind] for kind in KINDS}

    @cached_property
    def by_label(self) -> Mapping[str, Mapping[Kind, int]]:
        """Number of gold entities and spurious entities of each label, by kind of outcome.

        Each entity of an outcome counts, such as both of two that were merged.
        """
        counts: Counter[tuple[str, Kind]] = Counter()
        for outcome in self.outcomes:
            for entity in outcome.gold or outcome.predicted:
                counts[entity.label, outcome.kind] += 1
        labels = sorted({label for label, _ in counts})
        return {label: {kind: counts[label, kind] for kind in KINDS} for label in labels}

    @cached_property
    def confusion(self) -> Mapping[tuple[str, str], int]:
        """Confusion matrix: number of pairs of gold label (row) and predicted label (column).

        Counts pairs of gold and predicted entities of one outcome, whether or not their ranges
        agree; an entity without a counterpart is counted against `NO_ENTITY`.
        """
        counts = Counter(
            (gold, predicted)
            for outcome in self.outcomes
            for gold in [entity.label for entity in outcome.gold] or [NO_ENTITY]
            for predicted in [entity.label for entity in outcome.predicted] or [NO_ENTITY]
        )
        return dict(sorted(counts.items()))

    @cached_property
    def confusions(self) -> Sequence[tuple[str, str, int]]:
        """Gold label, predicted label and count of different labels, most frequent first."""
        wrong = [
            (gold, predicted, count)
            for (gold, predicted), count in self.confusion.items()
            if NO_ENTITY not in (gold, predicted) and gold != predicted
        ]
        return sorted(wrong, key=lambda each: (-each[2], each))

    @cached_property
    def missed_forms(self) -> Sequence[tuple[str, str, int]]:
        """Surface form, label and count of missed gold entities, most frequent first."""
        counts = Counter(
            (self.gold[outcome.document].surface(entity), entity.label)
            for outcome in self.outcomes
            if outcome.kind == "missed"
            for entity in outcome.gold
        )
        ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
        return [(surface, label, count) for (surface, label), count in ordered]

    def to_dict(self) -> dict[str, Any]:
        """Counts and errors for JSON; the confusion matrix as a list of rows."""
        return {
            "outcomes": dict(self.by_kind),
            "labels": {label: dict(kinds) for label, kinds in self.by_label.items()},
            "confusion": [
                {"gold": gold, "predicted": predicted, "count": count}
                for (gold, predicted), count in self.confusion.items()
            ],
            "missed_forms": [
                {"surface": surface, "label": label, "count": count}
                for surface, label, count in self.missed_forms
            ],
            "errors": [asdict(outcome) for outcome in self.errors],
        }


def analyse_errors(gold: Sequence[Document], predicted: Sequence[Document]) -> ErrorAnalysis:
    """The outcome of each entity of gold and predicted documents with the same texts."""
    outcomes = [
        Outcome(_kind(*entities), index, *entities)
        for index, (one, other) in enumerate(document_pairs(gold, predicted))
        for entities in _aligned(one, other)
    ]
    return ErrorAnalysis(tuple(outcomes), tuple(gold))


@dataclass(frozen=True, slots=True)
class DocumentDifference:
    """A document for which two systems predict different entities.

    Attributes:
        document: The index of the document.
        gain: Number of wrong and missing entities of the first system minus that of the second.
        first: The document with the entities of the first system.
        second: The document with the entities of the second system.
    """

    document: int
    gain: int
    first: Document
    second: Document

    def to_dict(self) -> dict[str, Any]:
        """The text and both systems' entities, for JSON."""
        return {
            "document": self.document,
            "gain": self.gain,
            "text": self.first.text,
            "first": [asdict(entity) for entity in self.first.entities],
            "second": [asdict(entity) for entity in self.second.entities],
        }


def document_differences(
    gold: Sequence[Document], first: Sequence[Document], second: Sequence[Document]
) -> list[DocumentDifference]:
    """The documents for which two systems differ, those with the largest gain or loss first.

    Raises `CorpusError` if the documents of a system are not those of `gold`.
    """
    differences = []
    pairs = zip(document_pairs(gold, first), document_pairs(gold, second), strict=True)
    for index, ((gold_document, one), (_, other)) in enumerate(pairs):
        one_ranges, other_ranges = ranges_of(one), ranges_of(other)
        if one_ranges != other_ranges:
            gold_ranges = set(ranges_of(gold_document))
            gain = len(gold_ranges ^ {*one_ranges}) - len(gold_ranges ^ {*other_ranges})
            differences.append(DocumentDifference(index, gain, one, other))
    return sorted(differences, key=lambda difference: -abs(difference.gain))


def _kind(gold: Sequence[Entity], predicted: Sequence[Entity]) -> Kind:
    if not predicted:
        return "missed"
    if not gold:
        return "spurious"
    if len(predicted) > 1:
        return "split"
    if len(gold) > 1:
        return "merged"
    same_range = (gold[0].start, gold[0].end) == (predicted[0].start, predicted[0].end)
    if gold[0].label == predicted[0].label:
        return "correct" if same_range else "wrong boundary"
    return "wrong type" if same_range else "wrong type and boundary"


_Group = tuple[list[int], list[int]]
"""Indices of gold and of predicted entities."""


def _aligned(
    gold: Document, predicted: Document
) -> list[tuple[tuple[Entity, ...], tuple[Entity, ...]]]:
    """Groups of overlapping entities in text order, one side with one member at most.

    Each entity is in one group. Entities of equal ranges make a group of their own. Other pairs
    are joined by the number of characters that they share, most first, unless several gold
    entities would meet several predicted ones, or entities that overlap each other one.
    """
    of_gold: dict[int, _Group] = {i: ([i], []) for i in range(len(gold.entities))}
    of_predicted: dict[int, _Group] = {j: ([], [j]) for j in range(len(predicted.entities))}
    equal = _equal_ranges(ranges_of(gold), ranges_of(predicted))
    for i, j in equal.items():
        of_gold[i] = of_predicted[j] = ([i], [j])
    paired = set(equal.values())
    overlaps = []
    for j, indices in enumerate(overlapping(ranges_of(gold), ranges_of(predicted))):
        entity = predicted.entities[j]
        for i in indices:
            if i not in equal and j not in paired:
                other = gold.entities[i]
                shared = min(entity.end, other.end) - max(entity.start, other.start)
                overlaps.append((-shared, i, j))
    for _, i, j in sorted(overlaps):
        left, right = of_gold[i], of_predicted[j]
        if len(left[0]) + len(right[0]) > 1 < len(left[1]) + len(right[1]):
            continue
        joined = (sorted(left[0] + right[0]), sorted(left[1] + right[1]))
        sides = [gold.entities[i] for i in joined[0]], [predicted.entities[j] for j in joined[1]]
        if all(map(_are_apart, sides)):
            of_gold.update(dict.fromkeys(joined[0], joined))
            of_predicted.update(dict.fromkeys(joined[1], joined))
    every = {id(group): group for group in [*of_gold.values(), *of_predicted.values()]}
    groups = [
        (tuple(gold.entities[i] for i in left), tuple(predicted.entities[j] for j in right))
        for left, right in every.values()
    ]
    return sorted(groups, key=lambda group: min(each.start for side in group for each in side))


def _equal_ranges(gold: Sequence[Range], predicted: Sequence[Range]) -> dict[int, int]:
    """Index of a gold entity → that of the predicted one with its range and, if any, its label."""
    pairs: dict[int, int] = {}
    for length in (3, 2):  # with the label, then without
        free: dict[object, list[int]] = {}
        for j in set(range(len(predicted))).difference(pairs.values()):
            free.setdefault(predicted[j][:length], []).append(j)
        for i, each in enumerate(gold):
            if i not in pairs and free.get(each[:length]):
                pairs[i] = free[each[:length]].pop(0)
    return pairs


def _are_apart(entities: Sequence[Entity]) -> bool:
    """Whether no two entities, in text order, share a character."""
    return all(one.end <= other.start for one, other in itertools.pairwise(entities))
