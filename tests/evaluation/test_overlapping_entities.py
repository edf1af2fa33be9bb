"""Scores of documents whose entities overlap, by hand and against set arithmetic."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerine.core.document import Document, Entity
from nerine.evaluation.calibration import fit_thresholds, reliability_diagram
from nerine.evaluation.error_analysis import analyse_errors, document_differences
from nerine.evaluation.evaluate import evaluate_predictions
from nerine.evaluation.metrics import Counts, PartialCounts, breakdowns, score
from nerine.evaluation.metrics.partial import Range, partial_counts
from nerine.evaluation.report import make_report, to_html, to_markdown
from nerine.evaluation.significance import System, compare, score_intervals

TEXT = "University of Ghent Press opens"
UNIVERSITY, PRESS, GHENT = (0, 19, "group"), (0, 25, "group"), (14, 19, "place")
GOLD = [UNIVERSITY, PRESS, GHENT]


def document(ranges: Sequence[Range], score: float | None = None) -> Document:
    return Document(TEXT, tuple(Entity(*each, score) for each in sorted(ranges)))


def test_a_nested_prediction_that_is_gold_is_right_by_every_count() -> None:
    result = score([document(GOLD)], [document(GOLD)])
    assert result.overall == result.boundaries == Counts(3, 3, 3)
    assert result.labels == {"group": Counts(2, 2, 2), "place": Counts(1, 1, 1)}
    assert result.surface == Counts(3, 3, 3)
    assert result.accuracy == 1.0
    assert set(result.partial.values()) == {PartialCounts(correct=3)}


def test_an_entity_is_right_whatever_others_cover_it() -> None:
    result = score([document(GOLD)], [document([PRESS])])
    assert result.overall == result.boundaries == Counts(1, 1, 3)
    assert set(result.partial.values()) == {PartialCounts(correct=1, missing=2)}
    # of five words, University, of and Press have one entity each in gold; University, of and
    # Ghent lack the inner one, and Ghent its place
    assert result.accuracy == pytest.approx(2 / 5)


def test_equal_ranges_of_two_labels_are_two_entities() -> None:
    both = [(14, 19, "place"), (14, 19, "group")]
    result = score([document(both)], [document(both[:1])])
    assert result.overall == result.boundaries == Counts(1, 1, 2)
    # one of the two gold entities has a counterpart, with another label
    result = score([document(both)], [document([(14, 19, "person")])])
    assert (result.overall, result.boundaries) == (Counts(0, 1, 2), Counts(1, 1, 2))
    result = score([document(both)], [document([(14, 19, "a"), (14, 19, "b"), (14, 19, "c")])])
    assert result.boundaries == Counts(2, 3, 2)
    assert result.partial["exact"] == PartialCounts(correct=2, spurious=1)
    assert result.partial["strict"] == PartialCounts(incorrect=2, spurious=1)


def test_equal_ranges_are_aligned_before_others_that_overlap() -> None:
    # in text order the first prediction would take the gold entity of the second one's range
    gold, predicted = [(0, 19, "a"), (14, 19, "a")], [(0, 25, "b"), (0, 19, "b")]
    counts = partial_counts(sorted(gold), sorted(predicted))
    assert counts["exact"] == PartialCounts(correct=1, incorrect=1)
    assert counts["partial"] == PartialCounts(correct=1, partial=1)


def test_as_many_as_possible_are_aligned() -> None:
    # the first prediction meets both gold entities and takes the first, the second only that one
    gold = [(0, 10, "a"), (11, 19, "a")]
    predicted = [(0, 19, "b"), (1, 5, "b")]
    assert partial_counts(gold, predicted)["partial"] == PartialCounts(partial=2)


def test_the_type_of_an_overlapping_entity_counts() -> None:
    counts = partial_counts([(0, 19, "group"), (14, 19, "place")], [(0, 25, "place")])
    assert counts["type"] == PartialCounts(correct=1, missing=1)
    assert counts["strict"] == PartialCounts(incorrect=1, missing=1)


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        (GOLD, GOLD, {"correct": 3}),
        # not merged: the outer one was found as it is
        (GOLD, [PRESS], {"correct": 1, "missed": 2}),
        ([PRESS], GOLD, {"correct": 1, "spurious": 2}),
        # entities that overlap each other are not pieces of one; the one with most in common
        ([UNIVERSITY, GHENT], [(0, 13, "group")], {"wrong boundary": 1, "missed": 1}),
        ([(0, 13, "group"), GHENT], [UNIVERSITY], {"merged": 1}),
        ([UNIVERSITY], [(0, 10, "group"), (0, 13, "group")], {"wrong boundary": 1, "spurious": 1}),
        # another label of the same range, before a larger overlap
        ([GHENT, UNIVERSITY], [(14, 19, "group")], {"wrong type": 1, "missed": 1}),
    ],
)
def test_outcomes(gold: list[Range], predicted: list[Range], expected: dict[str, int]) -> None:
    counts = analyse_errors([document(gold)], [document(predicted)]).by_kind
    assert {kind: count for kind, count in counts.items() if count} == expected


def test_breakdowns_and_differences_count_each_entity() -> None:
    gold, predicted = [document(GOLD)], [document([PRESS, GHENT])]
    by_length = breakdowns(gold, predicted)["length of the entity"]
    assert by_length == {
        "1 word": Counts(1, 1, 1),
        "3 words": Counts(0, 0, 1),
        "4 words or more": Counts(1, 1, 1),
    }
    (difference,) = document_differences(gold, predicted, gold)
    assert difference.gain == 1


def test_intervals_and_comparisons_count_each_entity() -> None:
    gold, predicted = [document(GOLD)] * 3, [document(GOLD[:2])] * 3
    interval = score_intervals(gold, predicted, samples=10).overall.recall
    assert (interval.low, interval.high) == (2 / 3, 2 / 3)
    systems = [System("a", (tuple(gold),)), System("b", (tuple(predicted),))]
    assert compare(gold, systems, samples=10).differences[0].difference == pytest.approx(-0.2)


def test_calibration_counts_each_entity() -> None:
    gold = [document(GOLD)]
    predicted = [Document(TEXT, (Entity(*UNIVERSITY, 0.9), Entity(0, 25, "place", 0.2)))]
    assert [(each.count, each.precision) for each in reliability_diagram(gold, predicted).bins] == [
        (1, 0.0),
        (1, 1.0),
    ]
    assert fit_thresholds(gold, predicted, target="precision=1.0").value > 0.2


def test_a_report_shows_them() -> None:
    gold = [document(GOLD)]
    about: dict[str, Any] = {"title": "t", "checkpoint": "c", "corpus": "d", "split": "test"}
    made = make_report(gold, [document([PRESS], 0.5)], **about, samples=5)
    assert made.scores.overall == Counts(1, 1, 3)
    assert "University of Ghent" in to_markdown(made)
    assert "University of Ghent" in to_html(made)


LENGTH = 8
ranges = st.lists(
    st.tuples(st.integers(0, LENGTH - 1), st.integers(1, LENGTH), st.sampled_from("ab")).filter(
        lambda each: each[0] < each[1]
    ),
    max_size=6,
    unique=True,
).map(sorted)


def spaced(side: Sequence[Range]) -> Document:
    """Words of one letter; ranges count words."""
    found = (Entity(2 * start, 2 * end - 1, label) for start, end, label in side)
    return Document(" ".join("x" * LENGTH), tuple(found))


@given(ranges, ranges)
def test_counts_are_those_of_sets(gold: list[Range], predicted: list[Range]) -> None:
    result = score([spaced(gold)], [spaced(predicted)])
    correct = set(gold) & set(predicted)
    assert result.overall == Counts(len(correct), len(predicted), len(gold))
    bounds = [Counter(each[:2] for each in side) for side in (gold, predicted)]
    assert result.boundaries.correct == (bounds[0] & bounds[1]).total()
    tags = [
        [
            sorted((start == word, label) for start, end, label in side if start <= word < end)
            for word in range(LENGTH)
        ]
        for side in (gold, predicted)
    ]
    right = sum(one == other for one, other in zip(*tags, strict=True))
    assert result.accuracy == right / LENGTH
    analysis = analyse_errors([spaced(gold)], [spaced(predicted)])
    assert analysis.by_kind["correct"] == len(correct)
    assert analysis.by_kind["wrong type"] == result.boundaries.correct - len(correct)
    assert sum(len(each.gold) for each in analysis.outcomes) == len(gold)
    assert sum(len(each.predicted) for each in analysis.outcomes) == len(predicted)


@given(ranges, ranges)
def test_partial_counts_align_as_many_as_can_be(gold: list[Range], predicted: list[Range]) -> None:
    counts = partial_counts(gold, predicted)
    bounds = [Counter(each[:2] for each in side) for side in (gold, predicted)]
    exact = bounds[0] & bounds[1]
    assert counts["exact"].correct == counts["partial"].correct == exact.total()
    # what is left after equal ranges, in every way to pair it
    rest = []
    for side in (gold, predicted):
        left = Counter(exact)
        rest.append([each for each in side if not left[each[:2]] or left.subtract([each[:2]])])
    few, many = sorted(rest, key=len)
    most = max(
        sum(one[0] < other[1] and other[0] < one[1] for one, other in zip(few, chosen, strict=True))
        for chosen in itertools.permutations(many, len(few))
    )
    assert counts["partial"].partial == most
    for each in counts.values():
        assert (each.gold, each.predicted) == (len(gold), len(predicted))


def test_an_evaluation_holds_them() -> None:
    found = evaluate_predictions([document(GOLD)], [document([PRESS])], samples=5)
    assert "0.3333" in str(found)
    assert found.to_dict()["overall"]["support"] == 3
