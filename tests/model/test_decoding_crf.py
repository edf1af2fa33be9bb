"""Viterbi and forward–backward with a CRF's scores, against every sequence, written out."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from nerine.core.errors import SettingsError
from nerine.core.tags import Span, TagScheme
from nerine.model.decoding import Decoder, Spans
from nerine.model.ragged import FloatArray
from nerine.model.settings import ModelSettings, TransitionScores

SCORES = st.one_of(st.floats(-8, 8), st.sampled_from([-10_000.0, -700.0, 0.0, 700.0]))
Case = tuple[TagScheme, tuple[str, ...], list[FloatArray], TransitionScores]


def scores_of(between: FloatArray, start: FloatArray, end: FloatArray) -> TransitionScores:
    values = {"between": between.tolist(), "start": start.tolist(), "end": end.tolist()}
    return TransitionScores.from_dict(values)


def random_scores(rng: np.random.Generator, tags: int, width: float = 2.0) -> TransitionScores:
    return scores_of(
        rng.normal(0, width, (tags, tags)), rng.normal(0, width, tags), rng.normal(0, width, tags)
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A scheme, its tags, logits of one to three short sentences, and scores of a CRF."""
    scheme = draw(st.sampled_from(list(TagScheme)))
    tags = scheme.tags(("a", "b")[: 1 if scheme.bounds_both_ends else 2])
    count = len(tags)

    def array(*shape: int) -> st.SearchStrategy[FloatArray]:
        return nps.arrays(np.float64, shape, elements=SCORES, fill=st.nothing())

    words = st.integers(1, 4)
    logits = words.flatmap(
        lambda n: nps.arrays(np.float64, (n, count), elements=st.floats(-20, 20, width=32))
    )
    sentences = draw(st.lists(logits, min_size=1, max_size=3))
    learned = scores_of(draw(array(count, count)), draw(array(count)), draw(array(count)))
    return scheme, tags, sentences, learned


def every_sequence(case: Case, logits: FloatArray) -> list[tuple[tuple[int, ...], float]]:
    """All sequences that the scheme allows, with the logarithms of their weights in the CRF."""
    scheme, tags, _, learned = case
    found = []
    for choice in itertools.product(range(len(tags)), repeat=len(logits)):
        if scheme.fault([tags[each] for each in choice]) is None:
            weight = learned.start[choice[0]] + learned.end[choice[-1]]
            weight += sum(learned.between[i][j] for i, j in itertools.pairwise(choice))
            found.append((choice, weight + sum(logits[i, tag] for i, tag in enumerate(choice))))
    return found


def shares(case: Case, logits: FloatArray) -> dict[Span, float]:
    """The exact probability of each entity that a sequence holds."""
    scheme, tags, _, _ = case
    sequences = every_sequence(case, logits)
    weights = np.array([weight for _, weight in sequences])
    weights = np.exp(weights - weights.max())
    weights /= weights.sum()
    found: dict[Span, float] = {}
    for (choice, _), weight in zip(sequences, weights.tolist(), strict=True):
        for span in scheme.decode([tags[each] for each in choice]):
            found[span] = found.get(span, 0.0) + weight
    return found


@given(cases())
def test_the_best_sequence_is_the_best_of_all(case: Case) -> None:
    scheme, tags, sentences, learned = case
    decoder = Decoder(tags, scheme, learned=learned)
    best = decoder.best_tags(np.concatenate(sentences), [len(each) for each in sentences])
    borders = np.cumsum([len(each) for each in sentences])[:-1]
    for logits, found in zip(sentences, np.split(best, borders), strict=True):
        weights = dict(every_sequence(case, logits))
        assert weights[tuple(found.tolist())] == pytest.approx(max(weights.values()), abs=1e-9)


@given(cases())
def test_an_entitys_score_is_the_share_of_sequences_that_hold_it(case: Case) -> None:
    scheme, tags, sentences, learned = case
    decoder = Decoder(tags, scheme, learned=learned)
    values, lengths = np.concatenate(sentences), [len(each) for each in sentences]
    for number, logits in enumerate(sentences):
        expected = shares(case, logits)
        spans = list(expected)
        found = decoder.probabilities(
            values,
            lengths,
            Spans(
                np.full(len(spans), number),
                np.array([each.start for each in spans], dtype=np.int64),
                np.array([each.end for each in spans], dtype=np.int64),
                np.array([decoder.labels.index(each.label) for each in spans], dtype=np.int64),
            ),
        )
        assert found == pytest.approx(list(expected.values()), abs=1e-9)


@given(cases())
def test_a_posterior_knows_every_span_and_nothing(case: Case) -> None:
    scheme, tags, sentences, learned = case
    decoder = Decoder(tags, scheme, learned=learned)
    values, lengths = np.concatenate(sentences), [len(each) for each in sentences]
    for logits, posterior in zip(sentences, decoder.posteriors(values, lengths), strict=True):
        expected = shares(case, logits)
        listed = {
            Span(each.start, each.end, each.label): each.probability
            for each in posterior.spans(1e-6)
        }
        assert set(listed) >= {span for span, share in expected.items() if share > 2e-6}
        for span, share in expected.items():
            assert posterior.probability(span) == pytest.approx(share, abs=1e-9)
            assert listed.get(span, share) == pytest.approx(share, abs=1e-9)
        sequences = every_sequence(case, logits)
        top = max(weight for _, weight in sequences)
        all_weights = sum(np.exp(weight - top) for _, weight in sequences)
        outside = (tags.index("O"),) * len(logits)
        empty = np.exp(dict(sequences)[outside] - top) / all_weights
        assert posterior.nothing(0, len(logits)) == pytest.approx(empty, abs=1e-9)


def test_scores_of_zero_change_nothing() -> None:
    rng = np.random.default_rng(3)
    tags = TagScheme.IOB2.tags(("a", "b"))
    logits = rng.normal(0, 2, (40, len(tags)))
    zeros = scores_of(np.zeros((5, 5)), np.zeros(5), np.zeros(5))
    plain = Decoder(tags, TagScheme.IOB2).decode(logits, [15, 0, 25])
    learned = Decoder(tags, TagScheme.IOB2, learned=zeros).decode(logits, [15, 0, 25])
    assert np.array_equal(plain.starts, learned.starts)
    assert np.array_equal(plain.ends, learned.ends)
    assert learned.probabilities == pytest.approx(plain.probabilities, abs=1e-12)


def forward(logits: FloatArray, allowed: FloatArray, learned: TransitionScores) -> FloatArray:
    """The best weight of a sequence by its last tag, word by word, without any library."""
    between = np.array(learned.between) + allowed[:-1, :-1]
    weights = np.array(learned.start) + allowed[-1, :-1] + logits[0]
    for row in logits[1:]:
        weights = (weights[:, None] + between).max(axis=0) + row
    return np.asarray(weights + np.array(learned.end) + allowed[:-1, -1])


@pytest.mark.parametrize("scheme", list(TagScheme))
@pytest.mark.parametrize("words", [511, 513, 1700])
def test_a_long_document_is_one_sequence(scheme: TagScheme, words: int) -> None:
    rng = np.random.default_rng(words)
    tags = scheme.tags(("a", "b"))
    learned = random_scores(rng, len(tags))
    logits = rng.normal(0, 1, (words, len(tags)))
    decoder = Decoder(tags, scheme, learned=learned)
    best = decoder.best_tags(logits, [words]).tolist()
    assert scheme.fault([tags[each] for each in best]) is None
    weight = learned.start[best[0]] + learned.end[best[-1]] + logits[range(words), best].sum()
    weight += sum(learned.between[i][j] for i, j in itertools.pairwise(best))
    table = np.log(np.array(scheme.transitions(tags).allowed, dtype=np.float64) + 1e-300)
    outside = tags.index("O")
    edge = np.pad(table, ((0, 1), (0, 1)))
    edge[-1, :-1], edge[:-1, -1] = table[outside], table[:, outside]
    assert weight == pytest.approx(forward(logits, edge, learned).max(), abs=1e-6)
    # Far from its end, an entity has the same probability in a text that is cut short.
    (posterior,) = decoder.posteriors(logits, [words])
    (shorter,) = decoder.posteriors(logits[: words - 200], [words - 200])
    likely = [each for each in shorter.spans(0.01) if each.end < words - 300]
    assert likely
    for each in likely:
        span = Span(each.start, each.end, each.label)
        assert posterior.probability(span) == pytest.approx(each.probability, abs=1e-9)


def test_a_sentence_is_decoded_alike_alone_and_among_others() -> None:
    rng = np.random.default_rng(8)
    tags = TagScheme.BIOES.tags(("a",))
    decoder = Decoder(tags, TagScheme.BIOES, learned=random_scores(rng, len(tags)))
    lengths = [7, 0, 1, 600, 3]
    logits = rng.normal(0, 2, (sum(lengths), len(tags)))
    together = decoder.best_tags(logits, lengths)
    borders = np.cumsum(lengths)[:-1]
    for own, found in zip(np.split(logits, borders), np.split(together, borders), strict=True):
        assert np.array_equal(decoder.best_tags(own, [len(own)]), found)


# --- as settings


def settings(transitions: TransitionScores | None) -> ModelSettings:
    tags = TagScheme.IOB2.tags(("a",))
    return ModelSettings(tags, TagScheme.IOB2, transitions=transitions)


def test_settings_keep_the_scores() -> None:
    given_scores = random_scores(np.random.default_rng(1), 3)
    kept = settings(given_scores).to_dict()
    assert ModelSettings.from_dict(kept) == settings(given_scores)
    assert "transitions" not in settings(None).to_dict()


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        [],
        "abc",
        {"between": [[0.0]], "start": [0.0], "end": [0.0]},
        {"between": [[0.0] * 3] * 2, "start": [0.0] * 3, "end": [0.0] * 3},
        {"between": [[0.0] * 3] * 3, "start": [0.0] * 2, "end": [0.0] * 3},
        {"between": [[float("nan")] * 3] * 3, "start": [0.0] * 3, "end": [0.0] * 3},
    ],
)
def test_scores_that_fit_no_tags_are_refused(wrong: Any) -> None:
    values = {**settings(None).to_dict(), "transitions": wrong}
    with pytest.raises(SettingsError) as caught:
        ModelSettings.from_dict(values)
    assert caught.value.place == "transitions"
