"""Decoding long documents and extreme logits, against the plain recursion and exact arithmetic."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from nerine.core.tags import Reading, Span, TagScheme
from nerine.model.decoding import Decoder, ScoredSpans, Spans, chain, decoder, viterbi
from nerine.model.ragged import BoolArray, FloatArray, IntArray, longest_first, products, ranges
from sentences import by_sentence

SCHEMES = list(TagScheme)
both_ways = pytest.mark.parametrize("constrained", [True, False])
every_scheme = pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.value)


class Plain:
    """The recursions of the textbook, a word at a time, in logarithms; nothing is scaled."""

    def __init__(self, tags: Sequence[str], scheme: TagScheme, constrained: bool) -> None:
        table = scheme.transitions(tags, constrained=constrained)
        self.tags, self.outside = tags, tags.index("O")
        self.allowed, self.begins = np.array(table.allowed), np.array(table.begins)
        self.continues = np.array(table.continues)

    def best(self, logits: FloatArray) -> float:
        """The score of the best sequence."""
        score = np.where(np.arange(len(self.tags)) == self.outside, 0.0, -np.inf)
        for row in [*logits, np.zeros(len(self.tags))]:
            score = np.where(self.allowed, score[:, None], -np.inf).max(axis=0) + row
        return float(score[self.outside])

    def score(self, logits: FloatArray, tags: IntArray) -> float:
        """The score of a sequence; -inf if it is not allowed."""
        pairs = itertools.pairwise([self.outside, *tags.tolist(), self.outside])
        if not all(self.allowed[pair] for pair in pairs):
            return -math.inf
        return float(logits[np.arange(len(tags)), tags].sum())

    def probability(self, logits: FloatArray, span: Span) -> float:
        held, every = self._total(logits, span), self._total(logits, None)
        return math.exp(held - every)

    def _total(self, logits: FloatArray, span: Span | None) -> float:
        """log Σ exp(score) of all sequences, or of those that hold `span`."""
        state = np.where(np.arange(len(self.tags)) == self.outside, 0.0, -np.inf)
        for word, row in enumerate([*logits, np.zeros(len(self.tags))]):
            pairs = np.where(self._pairs(word, span), state[:, None], -np.inf)
            state = np.logaddexp.reduce(pairs, axis=0) + row
        return float(state[self.outside])

    def _pairs(self, word: int, span: Span | None) -> BoolArray:
        if span is None or not span.start <= word <= span.end:
            return self.allowed
        of_label = np.array([tag[2:] == span.label for tag in self.tags])
        if word == span.start:
            return np.asarray(self.allowed & self.begins & of_label)
        if word < span.end:
            return np.asarray(self.continues & of_label)
        return np.asarray(self.allowed & ~self.continues)


def check(decoder: Decoder, plain: Plain, logits: FloatArray, found: ScoredSpans) -> None:
    """What was found in one sentence is what the plain recursion finds."""
    tags = decoder.best_tags(logits, [len(logits)])
    assert plain.score(logits, tags) == pytest.approx(plain.best(logits), rel=1e-9)
    for start, end, label, probability in zip(
        found.starts.tolist(),
        found.ends.tolist(),
        found.labels.tolist(),
        found.probabilities.tolist(),
        strict=True,
    ):
        expected = plain.probability(logits, Span(start, end, decoder.labels[label]))
        assert probability == pytest.approx(expected, rel=1e-8, abs=1e-12)


def make_spans(decoder: Decoder, spans: Sequence[Span]) -> Spans:
    columns = zip(*((s.start, s.end, decoder.labels.index(s.label)) for s in spans), strict=True)
    starts, ends, labels = (np.array(column) for column in columns)
    return Spans(np.zeros_like(starts), starts, ends, labels)


def bent(rng: np.random.Generator, words: int, tags: int) -> FloatArray:
    """Logits that mostly say `O`, with runs of words that say the same other tag."""
    logits = rng.normal(size=(words, tags))
    logits[:, 0] += 3
    for start in rng.integers(0, words, size=words // 20):
        logits[start : start + rng.integers(1, 12), rng.integers(1, tags)] += 6
    return logits


@every_scheme
@both_ways
def test_chunks_of_a_long_document_are_one_document(scheme: TagScheme, constrained: bool) -> None:
    tags = scheme.tags(["a", "b"])
    model = Decoder(tags, scheme, constrained=constrained)
    plain = Plain(tags, scheme, constrained)
    rng = np.random.default_rng(7)
    lengths = [230, 0, 64, 1, 65, 128]
    logits = np.concatenate([bent(rng, length, len(tags)) for length in lengths])
    found = model.decode(logits, lengths)
    assert len(found.starts) > 20
    for size in (16, 100):
        with patch.object(chain, "_CHUNK_WORDS", size):
            cut = model.decode(logits, lengths)
        np.testing.assert_allclose(cut.probabilities, found.probabilities, rtol=1e-9, atol=1e-13)
    for sentence, words in enumerate(np.split(logits, np.cumsum(lengths)[:-1])):
        own = found.sentences == sentence
        columns = (found.sentences, found.starts, found.ends, found.labels, found.probabilities)
        check(model, plain, words, ScoredSpans(*(column[own] for column in columns)))


@every_scheme
def test_spans_over_the_borders_of_chunks(scheme: TagScheme) -> None:
    tags = scheme.tags(["a", "b"])
    model, plain = Decoder(tags, scheme), Plain(tags, scheme, True)
    logits = np.random.default_rng(3).normal(size=(12, len(tags)))
    places = itertools.combinations(range(13), 2)
    spans = [Span(start, end, label) for start, end in places for label in "ab"]
    expected = [plain.probability(logits, span) for span in spans]
    for chunk in (1, 2, 3, 5, 11, 12):
        with patch.object(chain, "_CHUNK_WORDS", chunk):
            values = model.probabilities(logits, [12], make_spans(model, spans))
            (posterior,) = model.posteriors(logits, [12])
        np.testing.assert_allclose(values, expected, rtol=1e-9)
        told = [posterior.probability(span) for span in spans]
        np.testing.assert_allclose(told, expected, rtol=1e-9)


@every_scheme
def test_words_that_agree_on_nothing_still_have_a_best_sequence(scheme: TagScheme) -> None:
    """The region that is searched grows to the whole sentence."""
    tags = scheme.tags(["a", "b"])
    model, plain = Decoder(tags, scheme), Plain(tags, scheme, True)
    rng = np.random.default_rng(5)
    alternating = np.zeros((301, len(tags)))
    alternating[::2, tags.index("I-a")] = alternating[1::2, tags.index("I-b")] = 4.0
    for logits in (rng.normal(size=(400, len(tags))), alternating + rng.random(alternating.shape)):
        check(model, plain, logits, model.decode(logits[:0], [0]))


@pytest.mark.parametrize("scheme", [TagScheme.IOB2, TagScheme.BIOES, TagScheme.BILOU])
def test_an_entity_of_a_thousand_words_whose_first_one_tells_its_label(scheme: TagScheme) -> None:
    tags = scheme.tags(["a", "b"])
    model, plain = Decoder(tags, scheme), Plain(tags, scheme, True)
    logits = np.zeros((1400, len(tags)))
    logits[:, [tags.index("I-a"), tags.index("I-b")]] = 20.0
    logits[[0, -1], 0] = 60.0
    logits[1, [tags.index("B-a"), tags.index("B-b")]] = 30.5, 30.0
    found = model.decode(logits, [1400])
    assert (found.starts.tolist(), found.ends.tolist()) == ([1], [1399])
    assert found.probabilities[0] == pytest.approx(math.exp(0.5) / (math.exp(0.5) + 1), abs=1e-4)
    check(model, plain, logits, found)


@given(st.lists(st.integers(0, 40), max_size=8), st.sampled_from(SCHEMES), st.booleans())
def test_sentences_do_not_depend_on_each_other(
    lengths: list[int], scheme: TagScheme, constrained: bool
) -> None:
    tags = scheme.tags(["a", "b"])
    model = Decoder(tags, scheme, constrained=constrained)
    rng = np.random.default_rng(sum(lengths))
    logits = np.round(bent(rng, sum(lengths), len(tags)))  # many of them are equal
    with patch.object(chain, "_CHUNK_WORDS", 16), patch.object(decoder, "_GROUP_WORDS", 50):
        together = by_sentence(model.decode(logits, lengths), len(lengths), model)
        for index, end in enumerate(np.cumsum(lengths).tolist()):
            found = model.decode(logits[end - lengths[index] : end], [lengths[index]])
            (alone,) = by_sentence(found, 1, model)
            own = together[index]
            assert [(s.start, s.end, s.label) for s in own] == [
                (s.start, s.end, s.label) for s in alone
            ]
            np.testing.assert_allclose(
                [s.probability for s in own], [s.probability for s in alone], rtol=0, atol=1e-12
            )


@st.composite
def extremes(draw: st.DrawFn) -> tuple[TagScheme, tuple[str, ...], FloatArray, bool]:
    scheme = draw(st.sampled_from(SCHEMES))
    tags = scheme.tags(("a", "b")[: 1 if scheme.bounds_both_ends else 2])
    scale = draw(st.sampled_from([0.0, 1.0, 1e2, 700.0, 1e3, 1e5, 1e7]))
    size = draw(st.integers(1, 4)), len(tags)
    coarse = draw(nps.arrays(np.float64, size, elements=st.integers(-3, 3).map(float)))
    fine = draw(nps.arrays(np.float64, size, elements=st.integers(-8, 8).map(float)))
    return scheme, tags, coarse * scale + fine / 4, draw(st.booleans())


@given(extremes())
def test_extreme_logits_have_their_exact_probabilities(
    case: tuple[TagScheme, tuple[str, ...], FloatArray, bool],
) -> None:
    scheme, tags, logits, constrained = case
    model = Decoder(tags, scheme, constrained=constrained)
    reading: Reading = "strict" if constrained else "lenient"
    weights: list[tuple[list[str], Fraction]] = []
    for choice in itertools.product(range(len(tags)), repeat=len(logits)):
        names = [tags[index] for index in choice]
        if not constrained or scheme.fault(names) is None:
            exact = (Fraction(logits[pair]) for pair in enumerate(choice))
            weights.append((names, sum(exact, Fraction(0))))
    top = max(weight for _, weight in weights)
    shares = [(names, math.exp(max(float(weight - top), -800.0))) for names, weight in weights]
    total = sum(share for _, share in shares)
    held: dict[Span, float] = {}
    for names, share in shares:
        if share > 0:
            for span in scheme.decode(names, reading):
                held[span] = held.get(span, 0.0) + share / total
    spans = [
        Span(start, end, label)
        for start, end in itertools.combinations(range(len(logits) + 1), 2)
        for label in model.labels
    ]
    values = model.probabilities(logits, [len(logits)], make_spans(model, spans))
    expected = [held.get(span, 0.0) for span in spans]
    np.testing.assert_allclose(values, expected, rtol=1e-6, atol=1e-9)
    (posterior,) = model.posteriors(logits, [len(logits)])
    told = [posterior.probability(span) for span in spans]
    np.testing.assert_allclose(told, expected, rtol=1e-6, atol=1e-9)


finite = st.floats(allow_nan=False, allow_infinity=False, width=32)


@given(st.data(), st.sampled_from(SCHEMES), st.booleans(), st.sampled_from([1, 3, 512]))
def test_all_finite_logits_give_possible_tags_and_probabilities(
    data: st.DataObject, scheme: TagScheme, constrained: bool, chunk: int
) -> None:
    tags = scheme.tags(["a", "b"])
    model = Decoder(tags, scheme, constrained=constrained)
    lengths = data.draw(st.lists(st.integers(0, 7), min_size=1, max_size=3))
    size = sum(lengths), len(tags)
    logits = data.draw(nps.arrays(np.float32, size, elements=finite))
    with patch.object(chain, "_CHUNK_WORDS", chunk):
        found = model.decode(logits, lengths)
    assert np.isfinite(found.probabilities).all()
    assert ((found.probabilities >= 0) & (found.probabilities <= 1)).all()
    best = np.split(model.best_tags(logits, lengths), np.cumsum(lengths)[:-1])
    spans = []
    reading: Reading = "strict" if constrained else "lenient"
    for sentence, indices in enumerate(best):
        names = [tags[index] for index in indices]
        assert not constrained or scheme.fault(names) is None
        spans += [(sentence, *span) for span in scheme.decode(names, reading)]
    labels = [model.labels[label] for label in found.labels]
    columns = found.sentences.tolist(), found.starts.tolist(), found.ends.tolist(), labels
    assert list(zip(*columns, strict=True)) == spans


def test_a_hundred_thousand_against_every_legal_reading_is_no_certainty() -> None:
    """Whole rows were too faint for plain numbers here."""
    scheme = TagScheme.BILOU
    tags = scheme.tags(["a"])  # O B I L U
    model = Decoder(tags, scheme)
    logits = np.full((3, 5), -1e5)
    logits[:, tags.index("I-a")] = 1e5  # which can neither begin nor end
    found = model.decode(logits, [3])
    assert (found.starts.tolist(), found.ends.tolist()) == ([0], [3])
    assert found.probabilities.tolist() == pytest.approx([1.0])
    logits[1] = 0.0  # B I L, against U or O three times
    spans = [Span(0, 3, "a"), Span(1, 2, "a")]
    values = model.probabilities(logits, [3], make_spans(model, spans))
    # Eight sequences of O and U, then O B L, U B L, B L O, B L U and B I L.
    assert values.tolist() == pytest.approx([1 / 13, 4 / 13])


INCOMPLETE = [
    (TagScheme.IOB2, ("O", "I-a", "B-b", "I-b")),  # nothing leads to I-a
    (TagScheme.BIOES, ("O", "B-a", "S-a", "B-b", "I-b", "E-b")),  # nothing follows B-a
    (TagScheme.BIOES, ("O", "B-a", "I-a", "S-b")),  # I-a leads to itself alone
    (TagScheme.BILOU, ("I-a", "O", "L-a")),  # no entity can begin
]


@pytest.mark.parametrize(("scheme", "tags"), INCOMPLETE)
def test_tags_that_lead_nowhere_are_never_taken(scheme: TagScheme, tags: tuple[str, ...]) -> None:
    model, plain = Decoder(tags, scheme), Plain(tags, scheme, True)
    rng = np.random.default_rng(11)
    for scale, size in itertools.product((1.0, 30.0, 1e5), (1, 4, 512)):
        logits = rng.normal(size=(40, len(tags))) * scale
        with patch.object(chain, "_CHUNK_WORDS", size):
            check(model, plain, logits, model.decode(logits, [40]))


@given(st.lists(st.integers(0, 6), max_size=6))
def test_ragged_walks_and_products(lengths: list[int]) -> None:
    sizes = np.array(lengths, dtype=np.int64)
    starts = np.arange(len(sizes)) * 100
    expected = [
        start + step for start, size in zip(starts, sizes, strict=True) for step in range(size)
    ]
    assert ranges(starts, sizes).tolist() == expected
    order, counts = longest_first(sizes)
    walked = [int(starts[i]) + k for k, count in enumerate(counts) for i in order[:count]]
    assert sorted(walked) == expected
    matrices = np.random.default_rng(1).random((sum(lengths), 2, 2))
    for run, product in zip(
        np.split(matrices, np.cumsum(lengths)), products(matrices, sizes), strict=False
    ):
        plain = np.eye(2)
        for matrix in run:
            plain = plain @ matrix
        np.testing.assert_allclose(product, plain)


@every_scheme
@pytest.mark.parametrize("sizes", [(1, 3), (2, 5), (3, 1000)])
def test_the_best_sequence_does_not_depend_on_the_chunks_that_are_searched(
    scheme: TagScheme, sizes: tuple[int, int]
) -> None:
    tags = scheme.tags(["a", "b"] if not scheme.bounds_both_ends else ["a"])
    model, plain = Decoder(tags, scheme), Plain(tags, scheme, True)
    rng = np.random.default_rng(sum(sizes))
    lengths = [0, 1, 2, 7, 40, 0, 90]
    logits = rng.normal(0, 2, (sum(lengths), len(tags)))
    with patch.object(viterbi, "_CHUNK_WORDS", sizes):
        found = model.best_tags(logits, lengths)
    cuts = np.cumsum(lengths)[:-1]
    for words, own in zip(np.split(logits, cuts), np.split(found, cuts), strict=True):
        assert plain.score(words, own) == pytest.approx(plain.best(words), rel=1e-9)
