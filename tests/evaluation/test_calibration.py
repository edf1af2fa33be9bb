"""Reliability diagrams and thresholds, against counts by hand and by numpy."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from nerine.core.document import Document, Entity
from nerine.core.errors import CorpusError, SettingsError
from nerine.evaluation.calibration import (
    Calibration,
    Target,
    Thresholds,
    apply_thresholds,
    calibrate,
    fit_thresholds,
    reliability_diagram,
)
from nerine.evaluation.calibration.fitting import MIN_ENTITIES
from nerine.evaluation.calibration.reliability import ScoredEntity, scored_entities
from nerine.evaluation.metrics import Counts, score

Pair = tuple[list[Document], list[Document]]

_LABELS = ("person", "place")
_scores = st.sampled_from([0.0, 0.1, 0.2, 0.25, 0.5, 0.7, 0.9, 1.0]) | st.floats(0, 1)
_found = st.builds(ScoredEntity, st.sampled_from(_LABELS), _scores, st.booleans())
_few = st.lists(_found, min_size=1, max_size=8)
_many = st.lists(_found, min_size=1, max_size=20)
_missed = st.lists(st.sampled_from([*_LABELS, "thing"]), max_size=4)
few_examples = settings(max_examples=50)
_shares = st.sampled_from([0.1, 0.25, 1 / 3, 0.5, 0.6, 2 / 3, 0.8, 0.9, 1.0])


def pair(found: Sequence[ScoredEntity], missed: Sequence[str] = ()) -> Pair:
    """Gold and predicted documents with these predicted entities, and missed ones of these labels.

    Gold has no entity in place of a wrong one, one with another label, or a longer one.
    """
    gold, predicted = [], []
    for index, each in enumerate(found):
        document = Document("Mira left", id=f"{index}")
        wrong = [(), (Entity(0, 4, "other"),), (Entity(0, 9, each.label),)][index % 3]
        right = (Entity(0, 4, each.label),)
        gold.append(document.with_entities(right if each.correct else wrong))
        predicted.append(document.with_entities([Entity(0, 4, each.label, each.score)]))
    for label in missed:
        gold.append(Document("Oslo", (Entity(0, 4, label),)))
        predicted.append(Document("Oslo"))
    return gold, predicted


def counts(both: Pair, thresholds: Thresholds, label: str | None = None) -> Counts:
    """Strict counts of predicted documents with thresholds."""
    result = score(both[0], list(apply_thresholds(both[1], thresholds)))
    return result.overall if label is None else result.labels.get(label, Counts())


def candidates(both: Pair, label: str | None = None) -> list[float]:
    """Zero and the midpoints of neighbouring scores, in ascending order."""
    scores = sorted(scores_of(both, label))
    middles = [(right, (left + right) / 2, left) for left, right in itertools.pairwise(scores)]
    return [0.0, *(middle if middle > left else right for right, middle, left in middles)]


def scores_of(both: Pair, label: str | None = None) -> set[float]:
    """Each score that occurs."""
    return {each.score for each in scored_entities(*both) if label in (None, each.label)}


# --- reliability


def oracle_error(found: Sequence[ScoredEntity], bins: int) -> tuple[float, float]:
    """The expected and the maximum calibration error, by numpy."""
    scores = np.array([each.score for each in found])
    hits = np.array([each.correct for each in found], dtype=float)
    index = np.clip(np.digitize(scores, np.arange(bins + 1) / bins) - 1, 0, bins - 1)
    count = np.bincount(index, minlength=bins)
    gaps = np.abs(np.bincount(index, hits, bins) - np.bincount(index, scores, bins))
    return gaps.sum() / len(found), (gaps[count > 0] / count[count > 0]).max()


@few_examples
@given(_many, _missed, st.integers(1, 20))
def test_errors_are_those_of_numpy(found: list[ScoredEntity], missed: list[str], bins: int) -> None:
    result = reliability_diagram(*pair(found, missed), bins=bins)
    error, largest = oracle_error(found, bins)
    assert result.expected_calibration_error == pytest.approx(error)
    assert result.maximum_calibration_error == pytest.approx(largest)
    assert result.brier_score == pytest.approx(np.mean([(e.score - e.correct) ** 2 for e in found]))
    for label, alone in result.labels.items():
        own = [each for each in found if each.label == label]
        assert (alone.entities, alone.labels) == (len(own), {})
        assert alone.expected_calibration_error == pytest.approx(oracle_error(own, bins)[0])


@given(_many, st.integers(1, 20), st.sampled_from(["width", "mass"]), st.randoms())
def test_each_entity_is_in_one_bin_whatever_the_order(
    found: list[ScoredEntity], bins: int, binning: str, dice: random.Random
) -> None:
    result = reliability_diagram(*pair(found), bins=bins, binning=binning)  # type: ignore[arg-type]
    assert sum(each.count for each in result.bins) == result.entities == len(found)
    hits = sum(each.count * each.precision for each in result.bins)
    assert hits == pytest.approx(sum(each.correct for each in found))
    for each in result.bins:
        assert each.low - 1e-12 <= each.mean_score <= each.high + 1e-12
    for left, right in itertools.pairwise(result.bins):
        assert left.high <= right.low
    dice.shuffle(found)
    assert reliability_diagram(*pair(found), bins=bins, binning=binning) == result  # type: ignore[arg-type]


def test_a_case_worked_by_hand() -> None:
    found = [
        *(
            ScoredEntity("person", value, value > 0.85) for value in (0.8, 0.9)
        ),  # mean .85, half right
        *(ScoredEntity("place", 0.25, right) for right in (True, False)),  # mean .25, half right
    ]
    result = reliability_diagram(*pair(found), bins=5)
    assert [(each.low, each.high, each.count) for each in result.bins] == [
        (0.2, 0.4, 2),
        (0.8, 1.0, 2),
    ]
    assert [each.precision for each in result.bins] == [0.5, 0.5]
    assert [each.gap for each in result.bins] == pytest.approx([-0.25, 0.35])
    assert result.expected_calibration_error == pytest.approx((0.25 + 0.35) / 2)
    assert result.maximum_calibration_error == pytest.approx(0.35)
    assert result.brier_score == pytest.approx((0.64 + 0.01 + 0.5625 + 0.0625) / 4)
    assert result.labels["person"].expected_calibration_error == pytest.approx(0.35)
    assert json.loads(json.dumps(result.to_dict()))["labels"]["place"]["bins"] == [
        {"low": 0.2, "high": 0.4, "count": 2, "mean_score": 0.25, "precision": 0.5}
    ]


@pytest.mark.parametrize(("value", "low"), [(0.0, 0.0), (0.29, 0.29), (0.3, 0.3), (1.0, 0.99)])
def test_a_score_on_an_edge_is_in_the_bin_above(value: float, low: float) -> None:
    assert (
        reliability_diagram(*pair([ScoredEntity("a", value, correct=True)]), bins=100).bins[0].low
        == low
    )


def test_bins_of_equal_mass_hold_equally_many_and_part_no_equal_scores() -> None:
    spread = [ScoredEntity("a", index / 50, correct=True) for index in range(50)]
    result = reliability_diagram(*pair(spread), bins=4, binning="mass")
    assert sorted(each.count for each in result.bins) == [12, 12, 13, 13]
    assert (result.bins[0].low, result.bins[-1].high) == (0.0, 0.98)
    same = [ScoredEntity("a", 0.5, correct=bool(index % 2)) for index in range(10)]
    assert [each.count for each in reliability_diagram(*pair(same), binning="mass").bins] == [10]


def test_calibrated_scores_have_a_small_error() -> None:
    dice = random.Random(3)
    chances = [dice.random() for _ in range(3000)]
    calibrated = [ScoredEntity("a", chance, dice.random() < chance) for chance in chances]
    assert reliability_diagram(*pair(calibrated)).expected_calibration_error < 0.03
    # the mean of √u - u over u from 0 to 1 is 2/3 - 1/2
    overconfident = [ScoredEntity("a", each.score**0.5, each.correct) for each in calibrated]
    assert reliability_diagram(*pair(overconfident)).expected_calibration_error == pytest.approx(
        1 / 6, abs=0.02
    )


def test_nothing_predicted_has_no_bins() -> None:
    result = reliability_diagram(*pair([], ["person"]))
    assert (result.bins, result.entities, result.expected_calibration_error, result.labels) == (
        (),
        0,
        0.0,
        {},
    )


@pytest.mark.parametrize("value", [None, float("nan"), -0.1, 1.5])
def test_a_predicted_entity_needs_a_score(value: float | None) -> None:
    document = Document("Mira", (Entity(0, 4, "person", value),), id="7")
    for use in (
        lambda: reliability_diagram([document], [document]),
        lambda: fit_thresholds([document], [document]),
        lambda: list(apply_thresholds([document], Thresholds(0.5))),
    ):
        with pytest.raises(CorpusError, match=r"document 7: the entity .0, 4. as person has") as e:
            use()
        assert "probability from 0 to 1" in str(e.value)


def test_documents_must_belong_together() -> None:
    with pytest.raises(CorpusError, match="0 predicted documents for 1 gold"):
        reliability_diagram([Document("a")], [])
    with pytest.raises(CorpusError, match="texts of document 0 differ"):
        fit_thresholds([Document("a")], [Document("b")])


@pytest.mark.parametrize("wrong", [{"bins": 0}, {"bins": -3}, {"binning": "size"}])
def test_invalid_bins(wrong: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        reliability_diagram([], [], **wrong)  # type: ignore[arg-type]


# --- thresholds


@few_examples
@given(_many, _missed)
def test_thresholded_counts_are_those_counted_by_hand(
    found: list[ScoredEntity], missed: list[str]
) -> None:
    both = pair(found, missed)
    gold = sum(len(document.entities) for document in both[0])
    before = counts(both, Thresholds(0.0))
    assert before == score(*both).overall
    for threshold in candidates(both):
        kept = [each for each in found if each.score >= threshold]
        now = counts(both, Thresholds(threshold))
        assert now == Counts(sum(each.correct for each in kept), len(kept), gold)
        assert now.recall <= before.recall
        before = now


@few_examples
@given(_many, _missed)
def test_the_best_f1_is_found_and_the_lowest_threshold_of_equals(
    found: list[ScoredEntity], missed: list[str]
) -> None:
    both = pair(found, missed)
    assume(any(document.entities for document in both[0]))
    fitted = fit_thresholds(*both, target="f1")
    every = {value: counts(both, Thresholds(value)).f1 for value in candidates(both)}
    best = max(every.values())
    assert fitted == Thresholds(min(value for value, f1 in every.items() if f1 == best))
    assert best == max(counts(both, Thresholds(value)).f1 for value in scores_of(both))


@pytest.mark.parametrize("measure", ["precision", "recall"])
@few_examples
@given(found=_many, missed=_missed, least=_shares)
def test_a_target_is_reached_with_as_little_loss_as_can_be(
    measure: str, found: list[ScoredEntity], missed: list[str], least: float
) -> None:
    both = pair(found, missed)
    assume(any(document.entities for document in both[0]))
    values = {
        value: getattr(counts(both, Thresholds(value)), measure) for value in candidates(both)
    }
    reaching = [value for value, reached in values.items() if reached >= least]
    if reaching:
        fitted = fit_thresholds(*both, target=f"{measure}={least}")
        assert fitted.value == (min if measure == "precision" else max)(reaching)
        return
    with pytest.raises(CorpusError, match=f"no threshold reaches a {measure}") as caught:
        fit_thresholds(*both, target=f"{measure}={least}")
    assert f"at most {max(values.values()):.4f}" in str(caught.value.expected)


@given(_few, _missed, st.integers(1, 3))
@example(
    # what the label that is too rare keeps decides how much the other one should keep
    [
        *[ScoredEntity("person", 0.9, correct=True)] * 3,
        *[ScoredEntity("person", 0.1, correct=index < 2) for index in range(5)],
        *[ScoredEntity("place", 0.95, correct=False)] * 6,
    ],
    [],
    3,
)
def test_thresholds_of_labels_reach_the_best_f1_of_all_choices(
    found: list[ScoredEntity], missed: list[str], least: int
) -> None:
    both = pair(found, missed)
    assume(any(document.entities for document in both[0]))
    fitted = fit_thresholds(*both, per_label=True, min_entities=least)
    common = fit_thresholds(*both)
    assert fitted.value == common.value
    choices = [{*candidates(both, label), common.value} for label in fitted.labels]
    every = [
        Thresholds(common.value, dict(zip(fitted.labels, values, strict=True)))
        for values in itertools.product(*choices)
    ]
    reached = {index: counts(both, each).f1 for index, each in enumerate(every)}
    best = [every[index].labels for index, f1 in reached.items() if f1 == max(reached.values())]
    assert fitted.labels in best
    assert all(fitted.of(label) <= each[label] for each in best for label in each)
    assert counts(both, fitted).f1 >= counts(both, common).f1


@pytest.mark.parametrize("measure", ["precision", "recall"])
@few_examples
@given(found=_many, missed=_missed, least=_shares)
def test_a_target_for_each_label_is_reached_by_each_label(
    measure: str, found: list[ScoredEntity], missed: list[str], least: float
) -> None:
    both = pair(found, missed)
    gold = score(*both).labels
    assume(any(each.gold for each in gold.values()))

    def reaching(label: str | None) -> list[float]:
        tried = {value: counts(both, Thresholds(value), label) for value in candidates(both, label)}
        return [value for value, each in tried.items() if getattr(each, measure) >= least]

    own = [label for label, each in gold.items() if each.gold >= 2]
    if measure == "precision":
        own = [label for label in own if gold[label].predicted]
    best = min if measure == "precision" else max
    options: dict[str, Any] = {"target": f"{measure}={least}", "min_entities": 2}
    if all(reaching(label) for label in (None, *own)):
        expected = Thresholds(best(reaching(None)), {label: best(reaching(label)) for label in own})
        assert fit_thresholds(*both, per_label=True, **options) == expected
        return
    with pytest.raises(CorpusError, match=f"no threshold reaches a {measure}"):
        fit_thresholds(*both, per_label=True, **options)


def test_a_threshold_does_not_touch_the_scores_that_it_parts() -> None:
    both = pair(
        [ScoredEntity("person", 0.8, correct=True), ScoredEntity("person", 0.4, correct=False)]
    )
    assert fit_thresholds(*both).value == pytest.approx(0.6)
    close = [
        ScoredEntity("person", 0.5, correct=False),
        ScoredEntity("person", 0.5 + 2**-53, correct=True),
    ]
    assert fit_thresholds(*pair(close)).value == 0.5 + 2**-53


def test_fitting_each_label_for_itself_would_not_do() -> None:
    """The label's own F1 is best with all kept; that of all labels without the lower half."""
    found = [ScoredEntity("person", 0.9, correct=True)] * 30 + [
        *[ScoredEntity("place", 0.9, correct=True)] * 2,
        *[ScoredEntity("place", 0.4, correct=index < 3) for index in range(8)],
    ]
    both = pair(found)
    own = fit_thresholds(*both, per_label=True, min_entities=1)
    assert counts(both, Thresholds(0.0), "place").f1 > counts(both, Thresholds(0.9), "place").f1
    assert own.of("place") > 0.4


def test_a_label_with_few_gold_entities_takes_the_common_threshold() -> None:
    many = [ScoredEntity("person", 0.6, correct=True)] * MIN_ENTITIES
    few = [ScoredEntity("place", 0.4, correct=True)] * (MIN_ENTITIES - 1)
    wrong = [ScoredEntity("person", 0.5, correct=False)] * 200
    both = pair([*many, *few, *wrong])
    fitted = fit_thresholds(*both, per_label=True)
    assert set(fitted.labels) == {"person"}
    assert fitted.value == 0.55
    assert fitted.of("place") == fitted.of("never seen") == 0.55
    more = pair([*many, *few, *wrong, few[0]])
    assert fit_thresholds(*more, per_label=True).labels == {"person": 0.55, "place": 0.0}


def test_a_label_that_is_never_predicted_has_no_threshold_and_no_recall() -> None:
    both = pair([ScoredEntity("person", 0.6, correct=True)] * 9, ["thing"] * 9)
    for target in ("f1", "precision=1"):
        fitted = fit_thresholds(*both, target=target, per_label=True, min_entities=5)
        assert fitted.labels.keys() == {"person"}
    with pytest.raises(CorpusError, match=r"a recall of 0\.5 for thing") as caught:
        fit_thresholds(*both, target="recall=0.5", per_label=True, min_entities=5)
    assert "one threshold for all labels" in str(caught.value.hint)


def test_nothing_to_fit_on_is_an_error() -> None:
    with pytest.raises(CorpusError, match="no gold entities"):
        fit_thresholds([Document("a")], [Document("a")])
    with pytest.raises(CorpusError, match="no predicted entities"):
        fit_thresholds(*pair([], ["person"]))


@given(_many, st.floats(0, 1), st.dictionaries(st.sampled_from(_LABELS), st.floats(0, 1)))
def test_thresholds_drop_entities_and_change_nothing_else(
    found: list[ScoredEntity], value: float, labels: dict[str, float]
) -> None:
    _, predicted = pair(found)
    thresholds = Thresholds(value, labels)
    for each, left, right in zip(
        found, predicted, apply_thresholds(predicted, thresholds), strict=True
    ):
        assert right.with_entities(left.entities) == left
        kept = each.score >= labels.get(each.label, value)
        assert right.entities == (left.entities if kept else ())


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), "0.5", None, True])
def test_thresholds_are_numbers_from_0_to_1(value: object) -> None:
    with pytest.raises(SettingsError, match="not a valid threshold"):
        Thresholds(value)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match=r"person: .* is not a valid threshold"):
        Thresholds(0.5, {"person": value})  # type: ignore[dict-item]


# --- targets and records


@pytest.mark.parametrize("text", ["f1", "precision=0.9", "recall=0.6", "recall=1.0"])
def test_targets_are_read_as_they_are_shown(text: str) -> None:
    assert str(Target.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", "F1", "f1=0.5", "precision", "precision=", "precision=high", "accuracy=0.5", "=0.5"],
)
def test_an_invalid_target(text: str) -> None:
    with pytest.raises(SettingsError, match="is not a valid target") as caught:
        Target.parse(text)
    assert caught.value.expected == "f1, precision=0.9 or recall=0.6"


@pytest.mark.parametrize("text", ["precision=0", "recall=1.01", "recall=nan", "precision=-1"])
def test_a_target_out_of_range(text: str) -> None:
    with pytest.raises(SettingsError, match=r"target: .* is not a valid (precision|recall)"):
        Target.parse(text)


def record() -> Calibration:
    found = [ScoredEntity("person", 0.9, correct=True), ScoredEntity("person", 0.4, correct=False)]
    return calibrate(*pair(found, ["place"]), split="validation", corpus="abc", target="f1")


def test_a_record_says_what_thresholds_were_fitted_on_and_what_they_change() -> None:
    made = record()
    assert made.thresholds == Thresholds(0.65)
    assert (made.before, made.after, made.gold) == (Counts(1, 2, 3), Counts(1, 1, 3), 3)
    shown = json.loads(json.dumps(made.to_dict()))
    assert shown["before"]["precision"] == 0.5
    assert (shown["target"], shown["split"], shown["corpus"]) == ("f1", "validation", "abc")
    assert Calibration.from_dict(shown) == made


def test_held_out_counts_are_those_of_thresholds_fitted_on_the_others() -> None:
    dice = random.Random(1)
    found = [
        ScoredEntity(dice.choice(_LABELS), score, dice.random() < score)
        for score in (dice.random() for _ in range(203))
    ]
    gold, predicted = pair(found, ["person"] * 20)
    made = calibrate(gold, predicted, split="validation", corpus="abc")
    numbered = list(zip(gold, predicted, strict=True))
    expected = Counts()
    for fold in range(5):
        held = [both for index, both in enumerate(numbered) if index % 5 == fold]
        others = [both for index, both in enumerate(numbered) if index % 5 != fold]
        fitted = fit_thresholds([left for left, _ in others], [right for _, right in others])
        expected += counts(([left for left, _ in held], [right for _, right in held]), fitted)
    assert made.held_out == expected
    assert made.held_out.gold == made.gold
    assert made.after.f1 >= made.held_out.f1
    assert made.holds is (made.held_out.f1 > made.before.f1)


@pytest.mark.parametrize(
    ("target", "held_out", "holds"),
    [
        ("f1", Counts(6, 8, 10), True),
        ("f1", Counts(6, 10, 10), False),
        ("precision=0.75", Counts(6, 8, 10), True),
        ("precision=0.76", Counts(6, 8, 10), False),
        ("recall=0.6", Counts(6, 8, 10), True),
        ("recall=0.6", None, False),
    ],
)
def test_a_target_holds_where_held_out_documents_meet_it(
    target: str, held_out: Counts | None, holds: bool
) -> None:
    before, after = Counts(6, 10, 10), Counts(7, 7, 10)
    thresholds, aim = Thresholds(0.5), Target.parse(target)
    made = Calibration(thresholds, aim, False, "validation", "abc", before, after, held_out)
    assert made.holds is holds


def test_too_few_documents_cannot_be_held_out() -> None:
    made = calibrate(
        *pair([ScoredEntity("person", 0.9, correct=True)]), split="validation", corpus=""
    )
    assert (made.held_out, made.holds) == (None, False)
    assert Calibration.from_dict(made.to_dict()) == made


@pytest.mark.parametrize(
    "change",
    [
        {"held_out": 3},
        {"value": 2},
        {"value": "0.5"},
        {"labels": {"person": None}},
        {"labels": 3},
        {"target": "best"},
        {"target": None},
        {"before": {}},
        {"after": [1, 2, 3]},
    ],
)
def test_an_invalid_record(change: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        Calibration.from_dict({**record().to_dict(), **change})
    (name,) = change
    with pytest.raises(SettingsError):
        Calibration.from_dict({k: v for k, v in record().to_dict().items() if k != name})
