"""Why a score is what it is: each gold and each predicted entity has exactly one outcome.

Entities that overlap are set beside each other, those that share most characters first, so that
each outcome holds one gold entity, one predicted entity, or one of either side with several of
the other:

=======================  =======  =========  =============================
outcome                  gold     predicted
=======================  =======  =========  =============================
correct                  1        1          the same range and label
wrong type               1        1          the same range, another label
wrong boundary           1        1          another range, the same label
wrong type and boundary  1        1          another range and label
split                    1        several    one entity found in pieces
merged                   several  1          several entities found as one
missed                   1        0
spurious                 0        1
=======================  =======  =========  =============================

In a chain in which several gold entities overlap several predicted ones, the weakest overlaps are
cut, and an entity that is left alone by that counts as missed or spurious.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal, get_args

from nerine.core.document import Document, Entity
from nerine.evaluation.metrics.scoring import ranges_of, side_by_side

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
"""Stands for a label where there is no entity."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of entities that belong together.

    Attributes:
        kind: One of `KINDS`.
        document: The index of their document.
        gold: The gold entities.
        predicted: The predicted ones.
    """

    kind: Kind
    document: int
    gold: tuple[Entity, ...]
    predicted: tuple[Entity, ...]

    @property
    def gold_label(self) -> str:
        """The labels of the gold entities, each once; `NO_ENTITY` where there are none."""
        return _labels(self.gold)

    @property
    def predicted_label(self) -> str:
        """The labels of the predicted entities, each once; `NO_ENTITY` where there are none."""
        return _labels(self.predicted)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Analysis:
    """The outcomes of one prediction over documents, and what they add up to.

    Attributes:
        outcomes: What became of each entity, in the order of the texts.
        gold: The documents that the outcomes count.
    """

    outcomes: tuple[Outcome, ...]
    gold: tuple[Document, ...]

    @cached_property
    def errors(self) -> tuple[Outcome, ...]:
        """The outcomes that are not correct, in the order of the texts."""
        return tuple(outcome for outcome in self.outcomes if outcome.kind != "correct")

    @cached_property
    def by_kind(self) -> Mapping[Kind, int]:
        """How many outcomes there are of each kind."""
        counts = Counter(outcome.kind for outcome in self.outcomes)
        return {kind: counts[kind] for kind in KINDS}

    @cached_property
    def by_label(self) -> Mapping[str, Mapping[Kind, int]]:
        """For each label the kinds of outcome of its gold entities, and its spurious ones.

        Counts entities: of two that were merged, each counts.
        """
        counts: Counter[tuple[str, Kind]] = Counter()
        for outcome in self.outcomes:
            for entity in outcome.gold or outcome.predicted:
                counts[entity.label, outcome.kind] += 1
        labels = sorted({label for label, _ in counts})
        return {label: {kind: counts[label, kind] for kind in KINDS} for label in labels}

    @cached_property
    def confusion(self) -> Mapping[tuple[str, str], int]:
        """How often a gold label (row) met a predicted label (column).

        Counts pairs of gold and predicted entities of one outcome, whether or not their ranges
        agree; an entity alone is counted against `NO_ENTITY`.
        """
        counts = Counter(
            (gold, predicted)
            for outcome in self.outcomes
            for gold in _labels_or_none(outcome.gold)
            for predicted in _labels_or_none(outcome.predicted)
        )
        return dict(sorted(counts.items()))

    @cached_property
    def confusions(self) -> Sequence[tuple[str, str, int]]:
        """Gold label, predicted label and count where both are there and differ, most first."""
        wrong = [
            (gold, predicted, count)
            for (gold, predicted), count in self.confusion.items()
            if NO_ENTITY not in (gold, predicted) and gold != predicted
        ]
        return sorted(wrong, key=lambda each: (-each[2], each))

    @cached_property
    def missed_forms(self) -> Sequence[tuple[str, str, int]]:
        """Surface form, label and count of missed gold entities, most often missed first."""
        counts = Counter(
            (self.gold[outcome.document].surface(entity), entity.label)
            for outcome in self.outcomes
            if outcome.kind == "missed"
            for entity in outcome.gold
        )
        ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
        return [(surface, label, count) for (surface, label), count in ordered]

    def to_dict(self) -> dict[str, Any]:
        """For JSON: all of it; the confusion matrix as a list of rows."""
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
            "errors": [outcome.to_dict() for outcome in self.errors],
        }


def analyse(gold: Sequence[Document], predicted: Sequence[Document]) -> Analysis:
    """What became of each entity of documents that stand side by side and have the same texts."""
    outcomes = [
        outcome
        for index, (reference, output) in enumerate(side_by_side(gold, predicted))
        for outcome in _outcomes(index, reference.entities, output.entities)
    ]
    return Analysis(tuple(outcomes), tuple(gold))


@dataclass(frozen=True, slots=True)
class DocumentChange:
    """A document for which two systems give other entities.

    `gain` is how many wrong or missing entities fewer the second one has.
    """

    document: int
    gain: int
    first: Document
    second: Document

    def to_dict(self) -> dict[str, Any]:
        """For JSON: the text and both systems' entities."""
        return {
            "document": self.document,
            "gain": self.gain,
            "text": self.first.text,
            "first": [asdict(entity) for entity in self.first.entities],
            "second": [asdict(entity) for entity in self.second.entities],
        }


def changes(
    gold: Sequence[Document], first: Sequence[Document], second: Sequence[Document]
) -> list[DocumentChange]:
    """The documents for which two systems differ, those that change the score most first.

    Raises `CorpusError` where outputs do not belong to `gold`.
    """
    found = []
    pairs = zip(side_by_side(gold, first), side_by_side(gold, second), strict=True)
    for index, ((reference, one), (_, other)) in enumerate(pairs):
        if ranges_of(one) != ranges_of(other):
            gain = _faults(reference, one) - _faults(reference, other)
            found.append(DocumentChange(index, gain, one, other))
    return sorted(found, key=lambda change: -abs(change.gain))


def _faults(gold: Document, predicted: Document) -> int:
    return len(set(ranges_of(gold)) ^ set(ranges_of(predicted)))


def _outcomes(
    document: int, gold: Sequence[Entity], predicted: Sequence[Entity]
) -> Iterator[Outcome]:
    """The outcomes of one document, in the order of the text."""
    groups = _groups(gold, predicted)
    for wanted, found in sorted(groups, key=lambda group: _start(group, gold, predicted)):
        golds = tuple(gold[index] for index in wanted)
        predictions = tuple(predicted[index] for index in found)
        yield Outcome(_kind(golds, predictions), document, golds, predictions)


Group = tuple[list[int], list[int]]
"""Indices of gold and of predicted entities."""


def _groups(gold: Sequence[Entity], predicted: Sequence[Entity]) -> list[Group]:
    """Every entity in one group, in each of which one side has one member at most."""
    of_gold: dict[int, Group] = {index: ([index], []) for index in range(len(gold))}
    of_predicted: dict[int, Group] = {index: ([], [index]) for index in range(len(predicted))}
    for _, wanted, found in sorted(_overlaps(gold, predicted)):
        left, right = of_gold[wanted], of_predicted[found]
        joined = (sorted(left[0] + right[0]), sorted(left[1] + right[1]))
        if min(len(joined[0]), len(joined[1])) == 1:
            of_gold.update(dict.fromkeys(joined[0], joined))
            of_predicted.update(dict.fromkeys(joined[1], joined))
    every = [*of_gold.values(), *of_predicted.values()]
    return list({id(group): group for group in every}.values())


def _overlaps(
    gold: Sequence[Entity], predicted: Sequence[Entity]
) -> Iterator[tuple[int, int, int]]:
    """Minus the shared characters, and the indices, of every pair that overlaps."""
    first = 0
    for index, found in enumerate(predicted):
        while first < len(gold) and gold[first].end <= found.start:
            first += 1
        for other in range(first, len(gold)):
            if gold[other].start >= found.end:
                break
            shared = min(found.end, gold[other].end) - max(found.start, gold[other].start)
            yield -shared, other, index


def _start(group: Group, gold: Sequence[Entity], predicted: Sequence[Entity]) -> int:
    return min([*(gold[i].start for i in group[0]), *(predicted[i].start for i in group[1])])


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


def _labels_or_none(entities: Sequence[Entity]) -> list[str]:
    return [entity.label for entity in entities] or [NO_ENTITY]


def _labels(entities: Sequence[Entity]) -> str:
    return ", ".join(dict.fromkeys(entity.label for entity in entities))
