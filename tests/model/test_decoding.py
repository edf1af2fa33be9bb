"""Viterbi and forward–backward against every sequence, written out."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from nerine.core.errors import SchemeError
from nerine.core.tags import Span, TagScheme
from nerine.model.decoding import Decoder, ScoredSpan, Spans
from nerine.model.ragged import FloatArray, IntArray
from sentences import by_sentence

SCHEMES = list(TagScheme)


@st.composite
def cases(draw: st.DrawFn) -> tuple[TagScheme, tuple[str, ...], list[FloatArray]]:
    """A scheme, its tags for one or two labels, and logits of a few short sentences."""
    scheme = draw(st.sampled_from(SCHEMES))
    tags = scheme.tags(("a", "b")[: 1 if scheme.bounds_both_ends else 2])
    words = st.integers(1, 4)
    finite = st.floats(-20, 20, width=32)
    sentences = draw(
        st.lists(
            words.flatmap(lambda n: nps.arrays(np.float64, (n, len(tags)), elements=finite)),
            min_size=1,
            max_size=3,
        )
    )
    return scheme, tags, sentences


def flat(sentences: Sequence[FloatArray]) -> tuple[FloatArray, list[int]]:
    return np.concatenate(sentences), [len(each) for each in sentences]


def apart(words: IntArray, sentences: Sequence[FloatArray]) -> list[IntArray]:
    """What is said of all words, by sentence."""
    return np.split(words, np.cumsum([len(each) for each in sentences])[:-1])


def make_spans(decoder: Decoder, spans: Sequence[Span], sentence: int = 0) -> Spans:
    return Spans(
        np.full(len(spans), sentence),
        np.array([span.start for span in spans], dtype=np.int64),
        np.array([span.end for span in spans], dtype=np.int64),
        np.array([decoder.labels.index(span.label) for span in spans], dtype=np.int64),
    )


def spans_in(decoder: Decoder, tags: IntArray) -> list[Span]:
    found = decoder.spans(tags, [len(tags)])
    assert not found.sentences.any()
    rows = zip(found.starts.tolist(), found.ends.tolist(), found.labels.tolist(), strict=True)
    return [Span(start, end, decoder.labels[label]) for start, end, label in rows]


def decoded(decoder: Decoder, *sentences: FloatArray) -> list[list[ScoredSpan]]:
    return by_sentence(decoder.decode(*flat(sentences)), len(sentences), decoder)


def every_sequence(
    scheme: TagScheme, tags: tuple[str, ...], logits: FloatArray
) -> list[tuple[list[str], float]]:
    """All sequences that the scheme allows, with the logarithms of their weights."""
    found = []
    for choice in itertools.product(range(len(tags)), repeat=len(logits)):
        names = [tags[index] for index in choice]
        if scheme.fault(names) is None:
            found.append((names, float(sum(logits[i, tag] for i, tag in enumerate(choice)))))
    return found


@given(cases())
def test_the_best_sequence_is_the_best_of_all(
    case: tuple[TagScheme, tuple[str, ...], list[FloatArray]],
) -> None:
    scheme, tags, sentences = case
    found = Decoder(tags, scheme).best_tags(*flat(sentences))
    for logits, best in zip(sentences, apart(found, sentences), strict=True):
        names = [tags[index] for index in best]
        assert scheme.fault(names) is None
        weight = sum(logits[i, tag] for i, tag in enumerate(best))
        assert weight == pytest.approx(
            max(weight for _, weight in every_sequence(scheme, tags, logits))
        )


@given(cases())
def test_an_entitys_score_is_the_share_of_sequences_that_hold_it(
    case: tuple[TagScheme, tuple[str, ...], list[FloatArray]],
) -> None:
    scheme, tags, sentences = case
    decoder = Decoder(tags, scheme)
    labels = sorted({tag[2:] for tag in tags if tag != "O"})
    for logits in sentences:
        sequences = every_sequence(scheme, tags, logits)
        top = max(weight for _, weight in sequences)
        total = sum(np.exp(weight - top) for _, weight in sequences)
        spans = [
            Span(first, last, label)
            for first, last in itertools.combinations(range(len(logits) + 1), 2)
            for label in labels
        ]
        expected = [
            sum(np.exp(weight - top) for names, weight in sequences if span in scheme.decode(names))
            / total
            for span in spans
        ]
        # Together in one batch with a longer sentence.
        longer = np.zeros((len(logits) + 3, len(tags)))
        values = decoder.probabilities(*flat([longer, logits]), make_spans(decoder, spans, 1))
        assert values == pytest.approx(expected, rel=1e-6, abs=1e-9)


@given(cases())
def test_unconstrained_decoding_is_the_arg_max(
    case: tuple[TagScheme, tuple[str, ...], list[FloatArray]],
) -> None:
    scheme, tags, sentences = case
    decoder = Decoder(tags, scheme, constrained=False)
    found = decoder.best_tags(*flat(sentences))
    for logits, best in zip(sentences, apart(found, sentences), strict=True):
        assert best.tolist() == logits.argmax(axis=1).tolist()
        names = [tags[index] for index in best]
        assert spans_in(decoder, best) == scheme.decode(names, "lenient")


@given(cases())
def test_spans_of_a_decoded_sequence_are_those_of_its_scheme(
    case: tuple[TagScheme, tuple[str, ...], list[FloatArray]],
) -> None:
    scheme, tags, sentences = case
    decoder = Decoder(tags, scheme)
    for best in apart(decoder.best_tags(*flat(sentences)), sentences):
        assert spans_in(decoder, best) == scheme.decode([tags[index] for index in best])


@given(cases())
def test_a_sentence_is_decoded_alike_alone_and_among_others(
    case: tuple[TagScheme, tuple[str, ...], list[FloatArray]],
) -> None:
    scheme, tags, sentences = case
    decoder = Decoder(tags, scheme)
    empty = np.zeros((0, len(tags)))
    together = decoded(decoder, empty, *sentences, empty)
    assert together[0] == together[-1] == []
    for logits, found in zip(sentences, together[1:-1], strict=True):
        (alone,) = decoded(decoder, logits)
        assert [(s.start, s.end, s.label) for s in found] == [
            (s.start, s.end, s.label) for s in alone
        ]
        assert [s.probability for s in found] == pytest.approx(
            [s.probability for s in alone], abs=1e-12
        )


def test_sentences_without_words_have_no_entities() -> None:
    scheme = TagScheme.BIOES
    decoder = Decoder(scheme.tags(["a"]), scheme)
    for lengths in ([], [0], [0, 0]):
        found = decoder.decode(np.empty((0, 5)), lengths)
        assert by_sentence(found, len(lengths), decoder) == [[] for _ in lengths]
        assert found.probabilities.shape == (0,)


def test_extreme_logits_give_probabilities_and_no_warning() -> None:
    scheme = TagScheme.IOB2
    decoder = Decoder(scheme.tags(["a"]), scheme)
    # The best tag of each word, I-a, is not allowed after O; all else is far below it.
    logits = np.array([[-1e4, -2e4, 1e4], [-1e4, -1e4, 1e4]])
    (found,) = decoded(decoder, logits)
    assert [(span.start, span.end) for span in found] == [(0, 2)]
    assert 0.0 <= found[0].probability <= 1.0


def test_a_word_that_the_model_does_not_see_neither_begins_nor_breaks_an_entity() -> None:
    scheme = TagScheme.IOB2
    tags = scheme.tags(["a"])
    decoder = Decoder(tags, scheme)
    begin, inside, outside = np.eye(3)[1] * 20, np.eye(3)[2] * 20, np.eye(3)[0] * 20
    blind = decoder.blind_logits
    assert decoded(decoder, np.array([outside, blind, outside])) == [[]]
    (broken,) = decoded(decoder, np.array([begin, blind, inside]))
    assert [(span.start, span.end) for span in broken] == [(0, 3)]
    (ended,) = decoded(decoder, np.array([begin, blind, outside]))
    assert [(span.start, span.end) for span in ended] == [(0, 1)]


def test_lengths_that_do_not_add_up_are_refused() -> None:
    decoder = Decoder(TagScheme.IOB2.tags(["a"]), TagScheme.IOB2)
    for lengths in ([], [1, 3], [4]):
        with pytest.raises(ValueError, match="but 3 words"):
            decoder.decode(np.zeros((3, 3)), lengths)


def test_tags_without_an_outside_are_refused() -> None:
    with pytest.raises(SchemeError, match="lack 'O'"):
        Decoder(["B-a", "I-a"], TagScheme.IOB2)


@given(cases(), st.booleans())
def test_a_posterior_finds_every_likely_span_wherever_it_lies(
    case: tuple[TagScheme, tuple[str, ...], list[FloatArray]], constrained: bool
) -> None:
    scheme, tags, sentences = case
    decoder = Decoder(tags, scheme, constrained=constrained)
    labels = sorted({tag[2:] for tag in tags if tag != "O"})
    for logits, posterior in zip(sentences, decoder.posteriors(*flat(sentences)), strict=True):
        places = itertools.combinations(range(len(logits) + 1), 2)
        spans = [Span(first, last, label) for first, last in places for label in labels]
        values = decoder.probabilities(*flat([logits]), make_spans(decoder, spans)).tolist()
        expected = dict(zip(spans, values, strict=True))
        found = {
            Span(each.start, each.end, each.label): each.probability
            for each in posterior.spans(1e-3)
        }
        for span, value in expected.items():
            assert posterior.probability(span) == pytest.approx(value, rel=1e-6, abs=1e-9)
            if value != pytest.approx(1e-3):
                assert (span in found) == (value >= 1e-3)
        for span, value in found.items():
            assert value == pytest.approx(expected[span], rel=1e-6)


@given(cases())
def test_nothing_is_as_probable_as_the_sequences_without_entities(
    case: tuple[TagScheme, tuple[str, ...], list[FloatArray]],
) -> None:
    scheme, tags, sentences = case
    for logits, posterior in zip(
        sentences, Decoder(tags, scheme).posteriors(*flat(sentences)), strict=True
    ):
        sequences = every_sequence(scheme, tags, logits)
        top = max(weight for _, weight in sequences)
        total = sum(np.exp(weight - top) for _, weight in sequences)
        for start, end in itertools.combinations(range(len(logits) + 1), 2):
            empty = sum(
                np.exp(weight - top)
                for names, weight in sequences
                if set(names[start:end]) == {"O"}
            )
            assert posterior.nothing(start, end) == pytest.approx(empty / total, abs=1e-9)


def test_a_sentence_without_words_has_no_likely_spans() -> None:
    scheme = TagScheme.IOB2
    decoder = Decoder(scheme.tags(["a"]), scheme)
    one = np.array([[0.0, 5.0, 0.0]])
    empty, full = decoder.posteriors(one, [0, 1])
    assert empty.spans(0.1) == []
    assert [(each.start, each.end) for each in full.spans(0.1)] == [(0, 1)]
    assert full.probability(Span(0, 1, "unknown")) == 0.0


@given(cases())
def test_the_share_of_a_span_is_that_of_the_sequences_that_stay_allowed(
    case: tuple[TagScheme, tuple[str, ...], list[FloatArray]],
) -> None:
    scheme, tags, sentences = case
    decoder = Decoder(tags, scheme)
    weights = []
    for logits in sentences:
        probs = np.exp(logits - logits.max(axis=1, keepdims=True))
        probs /= probs.sum(axis=1, keepdims=True)
        # the probability that the first words are allowed, for each number of them
        legal = [1.0]
        for length in range(1, len(logits) + 1):
            chosen = itertools.product(range(len(tags)), repeat=length)
            legal.append(
                sum(
                    float(np.prod(probs[range(length), choice]))
                    for choice in chosen
                    if not _is_broken(scheme, tags, choice)
                )
            )
        whole = sum(
            float(np.exp(weight - np.log(np.exp(logits).sum(axis=1)).sum()))
            for _, weight in every_sequence(scheme, tags, logits)
        )
        weights.append([*legal, whole])
    for number, logits in enumerate(sentences):
        spans = [Span(a, b, "a") for a in range(len(logits)) for b in range(a + 1, len(logits) + 1)]
        found = decoder.shares(*flat(sentences), make_spans(decoder, spans, number))
        expected = [weights[number][each.end + 1] / weights[number][each.start] for each in spans]
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-12)


def _is_broken(scheme: TagScheme, tags: Sequence[str], choice: Sequence[int]) -> bool:
    """Whether a pair of neighbours in the beginning of a sentence is not allowed."""
    allowed = scheme.transitions(tags).allowed
    return not all(allowed[i][j] for i, j in itertools.pairwise((tags.index("O"), *choice)))
