"""Intervals and comparisons: their laws, scipy's BCa, exhaustive exchanges, and by hand."""

from __future__ import annotations

import itertools
import random
import statistics
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from bench.significance import Regime, simulate, simulate_seeds
from nerine.core.document import Document, Entity
from nerine.core.errors import CorpusError, SettingsError
from nerine.evaluation.metrics import score
from nerine.evaluation.significance import (
    Comparison,
    Difference,
    Intervals,
    System,
    compare,
    score_intervals,
)
from nerine.evaluation.significance.comparison import holm
from nerine.evaluation.significance.intervals import Interval, bca_interval
from nerine.evaluation.significance.samples import (
    FloatArray,
    bootstrap_sums,
    document_counts,
    f1,
    for_other_seeds,
    precision,
    recall,
    seed_variance,
)

TEXT = "x" * 40
LABELS = ("a", "b")
Documents = list[Document]


def corpus(documents: int, seed: int = 0) -> Documents:
    """Documents with up to four entities each."""
    dice = random.Random(seed)
    return [
        Document(
            TEXT,
            tuple(
                Entity(4 * place, 4 * place + 2, dice.choice(LABELS))
                for place in range(dice.choice([0, 1, 1, 2, 4]))
            ),
        )
        for _ in range(documents)
    ]


def system(gold: Sequence[Document], skill: float, seed: int = 1) -> Documents:
    """Predictions that find entities with the probability `skill`, and some spurious ones."""
    dice = random.Random(f"{seed} {skill}")
    found = []
    for each in gold:
        entities = [e for e in each.entities if dice.random() < skill]
        if dice.random() < 0.2:
            entities.append(Entity(30, 32, dice.choice(LABELS)))
        if entities and dice.random() < 0.2:
            entities[0] = replace(entities[0], label=dice.choice(LABELS))
        found.append(each.with_entities(entities))
    return found


def named(name: str, *runs: Sequence[Document]) -> System:
    return System(name, tuple(tuple(run) for run in runs))


def all_intervals(intervals: Intervals) -> list[Interval]:
    return [intervals.precision, intervals.recall, intervals.f1]


def width(interval: Interval) -> float:
    return interval.high - interval.low


def test_a_perfect_system_has_no_doubt() -> None:
    gold = corpus(40)
    found = score_intervals(gold, gold)
    for each in (found.overall, *found.labels.values()):
        assert all_intervals(each) == [Interval(1.0, 1.0)] * 3


def test_a_system_that_finds_nothing_has_no_doubt() -> None:
    gold = corpus(40)
    found = score_intervals(gold, [each.with_entities([]) for each in gold])
    assert all_intervals(found.overall) == [Interval(0.0, 0.0)] * 3


@pytest.mark.parametrize("documents", [1, 2, 5, 30, 200])
@pytest.mark.parametrize("skill", [0.1, 0.5, 0.95])
def test_an_interval_holds_the_score_and_stays_between_zero_and_one(
    documents: int, skill: float
) -> None:
    for seed in range(5):
        gold = corpus(documents, seed)
        predicted = system(gold, skill, seed)
        found = score_intervals(gold, predicted, samples=300, seed=seed)
        result = score(gold, predicted)
        assert found.labels.keys() == result.labels.keys()
        pairs = [(found.overall, result.overall)]
        pairs += [(found.labels[label], result.labels[label]) for label in result.labels]
        for intervals, counts in pairs:
            values = (counts.precision, counts.recall, counts.f1)
            for interval, value in zip(all_intervals(intervals), values, strict=True):
                assert 0 <= interval.low <= value + 1e-12
                assert value - 1e-12 <= interval.high <= 1


def test_nothing_to_count_is_zero() -> None:
    zero = Intervals(*[Interval(0.0, 0.0)] * 3)
    for documents in ([], [Document("")], [Document("a"), Document("b")]):
        found = score_intervals(documents, documents)
        assert (found.overall, found.labels, found.documents) == (zero, {}, len(documents))


def test_the_same_seed_gives_the_same_result_and_another_one_another() -> None:
    gold = corpus(50)
    predicted = system(gold, 0.6)
    first, again, other = (score_intervals(gold, predicted, seed=seed) for seed in (3, 3, 4))
    assert first == again
    assert first.overall != other.overall
    sides = [named("a", predicted), named("b", system(gold, 0.5))]
    assert compare(gold, sides, seed=3) == compare(gold, sides, seed=3)
    assert compare(gold, sides, seed=3) != compare(gold, sides, seed=4)


def test_more_documents_or_less_confidence_are_narrower() -> None:
    widths = []
    for documents in (40, 160, 640):
        gold = corpus(documents)
        widths.append(width(score_intervals(gold, system(gold, 0.6)).overall.f1))
    assert widths[0] > 1.5 * widths[1] > 1.5 * 1.5 * widths[2]
    gold = corpus(100)
    levels = [0.5, 0.8, 0.95, 0.999, 1 - 1e-16]
    by_level = [
        score_intervals(gold, system(gold, 0.6), level=level).overall.f1 for level in levels
    ]
    assert all(wide.low <= narrow.low for narrow, wide in itertools.pairwise(by_level))
    assert all(wide.high >= narrow.high for narrow, wide in itertools.pairwise(by_level))


@pytest.mark.parametrize("level", [0.95, 1 - 1e-6, 1 - 1e-12])
def test_no_level_turns_an_interval_around(level: float) -> None:
    long = "x" * 4000
    entities = tuple(Entity(2 * place, 2 * place + 1, "name") for place in range(1900))
    gold = [*(Document(long, entities[:1]) for _ in range(30)), Document(long, entities)]
    predicted = [*gold[:12], *(Document(long) for _ in range(18)), gold[-1]]
    for sides in ((gold, predicted), (gold, [*predicted[:-1], Document(long)])):
        for interval in all_intervals(score_intervals(*sides, level=level, samples=200).overall):
            assert interval.low <= interval.high


def test_the_json_says_how_intervals_were_found() -> None:
    gold = corpus(10)
    values = score_intervals(gold, gold, level=0.9, samples=50, seed=7).to_dict()
    assert values["overall"]["f1"] == {"low": 1.0, "high": 1.0}
    assert values["labels"].keys() == set(LABELS)
    del values["overall"], values["labels"]
    assert values == {"level": 0.9, "samples": 50, "seed": 7, "documents": 10}


@pytest.mark.parametrize("documents", [10, 20, 60, 300])
@pytest.mark.parametrize("skill", [0.15, 0.6, 0.95])
@pytest.mark.parametrize("measure", [precision, recall, f1])
def test_intervals_are_those_of_scipy(documents: int, skill: float, measure: object) -> None:
    stats = pytest.importorskip("scipy.stats")
    assert callable(measure)
    gold = corpus(documents)
    counts = document_counts(gold, system(gold, skill), LABELS)[:, 0]
    scores = measure(bootstrap_sums(counts, 500, np.random.default_rng(0)))
    if np.ptp(scores) == 0:  # where scipy has no number
        assert bca_interval(measure, counts, scores, 0.95) == Interval(scores[0], scores[0])
        return

    def statistic(c: FloatArray, p: FloatArray, g: FloatArray, axis: int = -1) -> FloatArray:
        sums = [each.sum(axis=axis) for each in (c, p, g)]
        return np.asarray(measure(np.stack(sums, axis=-1)))

    expected = stats.bootstrap(
        tuple(counts.T),
        statistic,
        paired=True,
        n_resamples=0,
        bootstrap_result=SimpleNamespace(bootstrap_distribution=scores),  # the same samples
        method="BCa",
    ).confidence_interval
    mine = bca_interval(measure, counts, scores, 0.95)
    assert (mine.low, mine.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_samples_draw_as_many_documents_as_there_are() -> None:
    values = np.arange(12.0).reshape(4, 3)
    sums = bootstrap_sums(values, 2000, np.random.default_rng(0))
    assert sums.shape == (2000, 3)
    # each column grows by one for each document drawn
    assert np.all(sums[:, 1] - sums[:, 0] == 4)
    assert sums.mean(axis=0) == pytest.approx(values.sum(axis=0), rel=0.02)


def test_counts_of_documents_add_up_to_the_scores() -> None:
    gold = corpus(60)
    predicted = system(gold, 0.5)
    counts = document_counts(gold, predicted, LABELS)
    result = score(gold, predicted)
    scores = (result.overall, *(result.labels[label] for label in LABELS))
    for each, sums in zip(scores, counts.sum(axis=0), strict=True):
        assert [*sums] == [each.correct, each.predicted, each.gold]
        assert float(f1(sums)) == pytest.approx(each.f1)


def by_label(comparison: Comparison) -> dict[str | None, Difference]:
    return {each.label: each for each in comparison.differences}


def test_a_system_is_not_better_than_itself() -> None:
    gold = corpus(60)
    predicted = system(gold, 0.6)
    comparison = compare(gold, [named("one", predicted), named("two", predicted)])
    assert len(comparison.differences) == 3
    for each in comparison.differences:
        assert (each.difference, each.interval) == (0.0, Interval(0.0, 0.0))
        assert (each.p_randomisation, each.p_bootstrap) == (1.0, 1.0)
        assert (each.adjusted_randomisation, each.adjusted_bootstrap) == (1.0, 1.0)


def test_the_order_of_systems_changes_nothing_but_the_sign() -> None:
    gold = corpus(60)
    sides = [named("one", system(gold, 0.6)), named("two", system(gold, 0.7))]
    there, back = by_label(compare(gold, sides)), by_label(compare(gold, sides[::-1]))
    for label in (None, *LABELS):
        one, two = there[label], back[label]
        assert one.difference == pytest.approx(-two.difference)
        assert one.interval.low == pytest.approx(-two.interval.high)
        assert one.interval.high == pytest.approx(-two.interval.low)
        assert (one.p_randomisation, one.p_bootstrap) == (two.p_randomisation, two.p_bootstrap)


def test_a_large_difference_is_found_and_a_small_one_is_not() -> None:
    gold = corpus(200)
    sides = [named("bad", system(gold, 0.3)), named("good", system(gold, 0.9))]
    (overall, *_) = compare(gold, sides).differences
    assert overall.interval.low > 0.2
    assert overall.p_randomisation == overall.p_bootstrap == 1 / 1001
    sides = [named("one", system(gold, 0.6, seed=3)), named("two", system(gold, 0.6, seed=4))]
    (overall, *_) = compare(gold, sides).differences
    assert overall.p_randomisation is not None
    assert min(overall.p_randomisation, overall.p_bootstrap) > 0.05


def test_differences_are_those_of_the_scores() -> None:
    gold = corpus(60)
    outputs = [system(gold, skill) for skill in (0.4, 0.6, 0.8)]
    comparison = compare(gold, [named(f"s{n}", each) for n, each in enumerate(outputs)])
    results = [score(gold, each) for each in outputs]
    assert [each.f1 for each in comparison.systems] == pytest.approx(
        [each.overall.f1 for each in results]
    )
    pairs = [(each.first, each.second) for each in comparison.differences if each.label is None]
    assert pairs == [("s0", "s1"), ("s0", "s2"), ("s1", "s2")]
    for each in comparison.differences:
        first, second = results[int(each.first[1])], results[int(each.second[1])]
        if each.label is None:
            expected = second.overall.f1 - first.overall.f1
        else:
            expected = second.labels[each.label].f1 - first.labels[each.label].f1
        assert each.difference == pytest.approx(expected)


def test_one_systems_interval_is_the_same_alone_and_compared() -> None:
    gold = corpus(60)
    predicted = system(gold, 0.6)
    comparison = compare(gold, [named("one", predicted), named("two", gold)], seed=5)
    assert comparison.systems[0].interval == score_intervals(gold, predicted, seed=5).overall.f1
    assert comparison.systems[1].interval == Interval(1.0, 1.0)


@pytest.mark.parametrize("seed", [0, 2, 3, 5])
def test_randomisation_is_that_over_all_exchanges(seed: int) -> None:
    gold = corpus(6, seed)
    one, two = system(gold, 0.3, seed), system(gold, 0.8, seed + 10)
    observed = score(gold, two).overall.f1 - score(gold, one).overall.f1
    as_large = 0
    for swaps in itertools.product([False, True], repeat=6):
        sides = [
            [b if swap else a for a, b, swap in zip(x, y, swaps, strict=True)]
            for x, y in ((one, two), (two, one))
        ]
        difference = score(gold, sides[1]).overall.f1 - score(gold, sides[0]).overall.f1
        as_large += abs(difference) >= abs(observed) - 1e-12
    samples = 20_000
    found = compare(gold, [named("one", one), named("two", two)], samples=samples).differences[0]
    assert found.p_randomisation is not None
    assert 2 <= as_large < 64
    assert found.p_randomisation == pytest.approx(as_large / 64, abs=4 * 0.5 / samples**0.5)


def test_holm_by_hand() -> None:
    # .01 × 4, .02 × 3, .03 × 2, .04 × 1, of which none may be smaller than the one before
    assert holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([0.02]) == [0.02]
    assert holm([]) == []


def test_p_is_adjusted_among_pairs_and_apart_from_that_among_labels() -> None:
    gold = corpus(80)
    sides = [named(f"s{n}", system(gold, skill)) for n, skill in enumerate((0.5, 0.6, 0.7))]
    differences = compare(gold, sides).differences
    for family in (
        [each for each in differences if each.label is None],
        [each for each in differences if each.label is not None],
    ):
        assert len(family) in (3, 6)
        assert [each.adjusted_bootstrap for each in family] == holm(
            [each.p_bootstrap for each in family]
        )
        assert [each.adjusted_randomisation for each in family] == holm(
            [each.p_randomisation or 0.0 for each in family]
        )


def test_several_seeds_by_hand() -> None:
    gold = corpus(80)
    runs = [system(gold, 0.6, seed) for seed in range(3)]
    values = [score(gold, run).overall.f1 for run in runs]
    other = [system(gold, 0.7, seed) for seed in range(3)]
    comparison = compare(gold, [named("one", *runs), named("two", *other)])
    one = comparison.systems[0]
    assert one.values == pytest.approx(values)
    assert one.f1 == pytest.approx(statistics.mean(values))
    assert one.spread == pytest.approx(statistics.stdev(values))
    assert one.interval.low < one.f1 < one.interval.high
    overall = comparison.differences[0]
    means = [statistics.mean(score(gold, run).overall.f1 for run in side) for side in (runs, other)]
    assert overall.difference == pytest.approx(means[1] - means[0])
    assert overall.p_randomisation is None


def test_seeds_that_differ_much_make_an_interval_wider() -> None:
    gold = corpus(200)
    alike = compare(gold, [named("one", *[system(gold, 0.6)] * 4), named("two", gold)])
    apart = [system(gold, skill) for skill in (0.3, 0.5, 0.7, 0.9)]
    wide = compare(gold, [named("one", *apart), named("two", gold)])
    assert alike.systems[0].spread == pytest.approx(0.0, abs=1e-12)
    assert width(wide.systems[0].interval) > 1.5 * width(alike.systems[0].interval)


def test_seeds_are_drawn_for_each_system_alone() -> None:
    gold = corpus(100)
    runs = [system(gold, skill) for skill in (0.3, 0.6, 0.9)]
    overall = compare(gold, [named("one", *runs), named("two", *runs)]).differences[0]
    assert (overall.difference, overall.p_bootstrap) == (0.0, 1.0)
    assert overall.interval.low < -0.1 < 0.1 < overall.interval.high


def test_a_run_against_several_seeds_is_tested_by_the_bootstrap_alone() -> None:
    gold = corpus(40)
    sides = [named("one", system(gold, 0.5), system(gold, 0.6)), named("two", system(gold, 0.7))]
    comparison = compare(gold, sides)
    assert comparison.systems[1].spread is None
    for each in comparison.differences:
        assert each.p_randomisation is None
        assert each.adjusted_randomisation is None
        assert 0 < each.p_bootstrap <= each.adjusted_bootstrap <= 1


def test_a_comparison_as_json() -> None:
    gold = corpus(10)
    values = compare(gold, [named("one", gold), named("two", gold)], samples=20).to_dict()
    assert values["documents"] == 10
    assert values["systems"][0]["interval"] == {"low": 1.0, "high": 1.0}
    assert values["differences"][0]["p_bootstrap"] == 1.0


GOLD = corpus(3)


@pytest.mark.parametrize(
    ("gold", "systems", "message"),
    [
        ([], [named("one", [])], "no gold documents"),
        (GOLD, [named("one", GOLD), named("one", GOLD)], "two systems have the name 'one'"),
        (GOLD, [named("one")], "system 'one' has no runs"),
        (GOLD, [named("one", GOLD[:2])], "system 'one': 2 predicted documents for 3 gold ones"),
        (
            GOLD,
            [named("one", GOLD), named("two", [*GOLD[:2], Document("y")])],
            "system 'two': the texts of document 2 differ",
        ),
    ],
)
def test_outputs_that_are_none_of_gold_are_an_error(
    gold: Documents, systems: list[System], message: str
) -> None:
    with pytest.raises(CorpusError, match=message):
        compare(gold, systems)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        *(({"level": level}, "level: ") for level in (0.0, 1.0, -1.0, 95.0, float("nan"))),
        ({"samples": 0}, "samples: 0 is too small"),
        ({"seed": -1}, "seed: -1 is negative"),
    ],
)
def test_settings_out_of_range_are_an_error(options: dict[str, float], message: str) -> None:
    for call in (
        lambda **given: score_intervals(GOLD, GOLD, **given),
        lambda **given: compare(GOLD, [named("one", GOLD)], **given),
    ):
        with pytest.raises(SettingsError, match=message):
            call(**options)


@pytest.mark.slow
@pytest.mark.parametrize("regime", [Regime(300), Regime(100)])
def test_intervals_and_tests_have_their_nominal_rates(regime: Regime) -> None:
    rates = simulate(regime, simulations=500)
    assert 0.93 - 0.01 * (regime.documents < 300) <= rates.coverage <= 0.97
    assert rates.false_positives.keys() == {"randomisation", "bootstrap"}
    for share in rates.false_positives.values():
        assert 0.03 <= share <= 0.07


def test_few_seeds_make_an_interval_as_wide_as_students() -> None:
    """With documents that hardly matter, the interval is that of Student's t."""
    gold = [Document(TEXT, (Entity(0, 2, "a"),))] * 2000
    skills = (0.5, 0.6, 0.7)
    empty = [each.with_entities([]) for each in gold]
    found = [round(skill * len(gold)) for skill in skills]
    runs = [[*gold[:number], *empty[number:]] for number in found]
    comparison = compare(gold, [named("one", *runs), named("two", gold)], samples=20_000)
    one = comparison.systems[0]
    half = 4.303 * statistics.stdev(one.values) / 3**0.5  # of two degrees of freedom
    assert width(one.interval) == pytest.approx(min(1, one.f1 + half) - one.f1 + half, rel=0.05)


def test_the_interval_of_a_mean_over_seeds_stays_between_zero_and_one() -> None:
    gold = corpus(40)
    sides = [named("one", gold, system(gold, 0.1)), named("two", system(gold, 0.9), gold)]
    comparison = compare(gold, sides)
    assert comparison.systems[0].interval == Interval(0.0, 1.0)
    for each in comparison.differences:
        assert -1 <= each.interval.low <= each.difference <= each.interval.high <= 1


def test_differences_within_a_seed_do_not_vary_with_the_seeds() -> None:
    plan = np.array([[0.2], [0.4], [0.6]])
    lever = plan + 0.1
    sides = [np.repeat(side[None], 500, axis=0) for side in (lever, plan)]
    apart = for_other_seeds(lever, sides[0], 0, 0) - for_other_seeds(plan, sides[1], 0, 1)
    within = for_other_seeds(lever - plan, sides[0] - sides[1], 0, 0)
    np.testing.assert_allclose(within, 0.1)
    assert apart.std() > 0.1


def test_what_documents_cause_is_no_variance_of_seeds() -> None:
    """Seeds that are equally good vary by the documents alone, which a simulation shows."""
    generator = np.random.default_rng(0)
    alike, apart = [], []
    for _ in range(60):
        values, scores = seeds_on_documents(generator, [0.6, 0.6, 0.6])
        alike.append(values.var(axis=0, ddof=1) - seed_variance(values, scores))
        values, scores = seeds_on_documents(generator, [0.4, 0.6, 0.8])
        apart.append(seed_variance(values, scores))
    assert np.mean(apart) == pytest.approx(0.2**2, rel=0.15)
    assert np.mean(alike) > 0.0005  # most of 0.6 × 0.4 / 200 documents


def seeds_on_documents(
    generator: np.random.Generator, skills: Sequence[float]
) -> tuple[FloatArray, FloatArray]:
    """Shares of 200 documents that each seed has right, and those in 200 bootstrap samples."""
    chances = np.array(skills)[None, :, None]
    right = (generator.random((200, len(skills), 1)) < chances).astype(np.float64)
    sums = bootstrap_sums(right, 200, generator)
    return right.mean(axis=0), sums / 200


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.0, 0.5])
def test_tests_of_several_seeds_are_seldom_wrong(spread: float) -> None:
    rates = simulate_seeds(Regime(300, seeds=3, spread=spread), simulations=300)
    assert rates.coverage >= 0.92
    assert rates.false_positives["bootstrap"] <= 0.07
