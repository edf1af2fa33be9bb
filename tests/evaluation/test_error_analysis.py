"""Error analysis: every entity has exactly one outcome, of the right kind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerine.core.document import Document, Entity
from nerine.core.errors import CorpusError
from nerine.evaluation.error_analysis import KINDS, Kind, analyse_errors, document_differences
from nerine.evaluation.metrics import score
from strategies import labels, ranges

TEXT = "abcdefghijklmnopqrstuvwxyz"


@st.composite
def entities(draw: st.DrawFn) -> tuple[Entity, ...]:
    return tuple(Entity(*each, draw(labels())) for each in draw(ranges(len(TEXT))))


def of(gold: list[tuple[int, int, str]], predicted: list[tuple[int, int, str]]) -> list[Kind]:
    sides = [Document(TEXT, tuple(Entity(*each) for each in side)) for side in (gold, predicted)]
    return [outcome.kind for outcome in analyse_errors([sides[0]], [sides[1]]).outcomes]


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        ([], [], []),
        ([(0, 4, "p")], [(0, 4, "p")], ["correct"]),
        ([(0, 4, "p")], [(0, 4, "q")], ["wrong type"]),
        ([(0, 4, "p")], [(0, 5, "p")], ["wrong boundary"]),
        ([(0, 4, "p")], [(3, 5, "q")], ["wrong type and boundary"]),
        ([(0, 4, "p")], [], ["missed"]),
        ([], [(0, 4, "p")], ["spurious"]),
        ([(0, 4, "p")], [(4, 5, "p")], ["missed", "spurious"]),
        ([(0, 8, "p")], [(0, 3, "p"), (5, 9, "q")], ["split"]),
        ([(0, 3, "p"), (5, 9, "q")], [(2, 8, "p")], ["merged"]),
        ([(0, 3, "p"), (5, 9, "q")], [(0, 3, "p"), (5, 9, "p")], ["correct", "wrong type"]),
        # a chain, cut where least is shared: one character of the first gold entity
        ([(0, 3, "p"), (5, 12, "p")], [(2, 8, "p"), (8, 10, "p")], ["missed", "split"]),
    ],
)
def test_each_kind(
    gold: list[tuple[int, int, str]], predicted: list[tuple[int, int, str]], expected: list[Kind]
) -> None:
    assert of(gold, predicted) == expected


@given(entities(), entities())
def test_every_entity_is_in_exactly_one_outcome(
    gold: tuple[Entity, ...], predicted: tuple[Entity, ...]
) -> None:
    documents = [Document(TEXT, gold)], [Document(TEXT, predicted)]
    analysis = analyse_errors(*documents)
    assert sorted(e.start for each in analysis.outcomes for e in each.gold) == [
        e.start for e in gold
    ]
    assert sorted(e.start for each in analysis.outcomes for e in each.predicted) == [
        e.start for e in predicted
    ]
    result = score(*documents)
    assert analysis.by_kind["correct"] == result.overall.correct
    assert analysis.by_kind["wrong type"] == result.boundaries.correct - result.overall.correct
    for label, kinds in analysis.by_label.items():
        gold_entities = sum(count for kind, count in kinds.items() if kind != "spurious")
        assert gold_entities == result.labels.get(label, result.overall).gold
    assert sum(analysis.by_kind.values()) == len(analysis.outcomes)
    assert tuple(analysis.by_kind) == KINDS


@given(entities(), entities())
def test_an_outcome_holds_what_overlaps(
    gold: tuple[Entity, ...], predicted: tuple[Entity, ...]
) -> None:
    for each in analyse_errors([Document(TEXT, gold)], [Document(TEXT, predicted)]).outcomes:
        for gold_entity in each.gold:
            for predicted_entity in each.predicted:
                assert gold_entity.start < predicted_entity.end
                assert predicted_entity.start < gold_entity.end
        assert min(len(each.gold), len(each.predicted)) <= 1


def test_confusions_and_missed_forms_are_counted_and_ordered() -> None:
    gold = Document("Ana Bo Ana Cy", tuple(Entity(s, e, "p") for s, e in ((0, 3), (4, 6), (7, 10))))
    predicted = gold.with_entities([Entity(4, 6, "q"), Entity(11, 13, "q")])
    analysis = analyse_errors([gold, gold], [predicted, predicted])
    assert analysis.confusion == {("", "q"): 2, ("p", ""): 4, ("p", "q"): 2}
    assert analysis.confusions == [("p", "q", 2)]
    assert analysis.missed_forms == [("Ana", "p", 4)]
    assert analysis.by_label["q"]["spurious"] == 2
    shown = analysis.to_dict()
    assert shown["outcomes"]["missed"] == 4
    assert len(shown["errors"]) == 8


def test_document_differences_are_in_the_order_of_their_gain() -> None:
    gold = [Document(TEXT, (Entity(0, 4, "p"), Entity(6, 9, "q"))), Document("x")]
    first = [gold[0].with_entities([]), gold[1].with_entities([Entity(0, 1, "p")])]
    found = document_differences(gold, [gold[0], first[1]], [first[0], gold[1]])
    assert [(each.document, each.gain) for each in found] == [(0, -2), (1, 1)]


@pytest.mark.parametrize("other", [[], [Document("x")], [Document(TEXT), Document(TEXT)]])
def test_document_differences_need_the_gold_documents(other: list[Document]) -> None:
    gold = [Document(TEXT)]
    for first, second in ((gold, other), (other, gold)):
        with pytest.raises(CorpusError):
            document_differences(gold, first, second)
