"""Scores against seqeval and nervaluate, on many random corpora.

seqeval's default mode reads tags as conlleval does, but for letters that tests leave out: it knows
neither `L` and `U` of BILOU nor conlleval's `[` and `]`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nervaluate.entities import Entity as TheirEntity
from nervaluate.strategies import (
    EntityTypeEvaluation,
    EvaluationStrategy,
    ExactEvaluation,
    PartialEvaluation,
    StrictEvaluation,
)
from seqeval import scheme as seqeval_schemes
from seqeval.metrics import accuracy_score, classification_report
from seqeval.scheme import IOB2

from nerine.core.document import Document, Entity
from nerine.core.tags import Span, TagScheme
from nerine.data.corpus import load_corpus
from nerine.evaluation.metrics import Averages, Counts, PartialCounts, Scores, score, score_tags
from nerine.evaluation.metrics.partial import Schema
from places import WNUT
from strategies import LABELS, tag_sequences

pairs = st.integers(1, 10).flatmap(
    lambda length: st.tuples(
        *(
            tag_sequences(TagScheme.IOB2, legal=False).map(
                lambda tags: (tags + ["O"] * length)[:length]
            )
            for _ in range(2)
        )
    )
)


CORPORA = 1000
SEQEVAL = {
    TagScheme.IOB1: seqeval_schemes.IOB1,
    TagScheme.IOB2: seqeval_schemes.IOB2,
    TagScheme.BIOES: seqeval_schemes.IOBES,
    TagScheme.BILOU: seqeval_schemes.BILOU,
}
NERVALUATE: dict[Schema, EvaluationStrategy] = {
    "strict": StrictEvaluation(),
    "exact": ExactEvaluation(),
    "partial": PartialEvaluation(),
    "type": EntityTypeEvaluation(),
}
Tags = list[list[str]]


def document(tags: list[str], scheme: TagScheme = TagScheme.IOB2) -> Document:
    """A document with the entities that the strict reading finds in `tags`."""
    blank = Document.from_tokens([f"w{index}" for index in range(len(tags))])
    tokens = blank.tokens or ()
    return blank.with_entities(
        Entity(tokens[start].start, tokens[end - 1].end, label)
        for start, end, label in scheme.decode(tags)
    )


def random_spans(dice: random.Random, length: int, labels: Sequence[str] = LABELS) -> list[Span]:
    """Spans over `length` words, half of which touch the one before."""
    spans, position = [], 0
    while position < length:
        start = position + dice.choice([0, 0, 1, 2])
        end = start + dice.choice([1, 1, 2, 3, 4])
        if end <= length and dice.random() < 0.8:
            spans.append(Span(start, end, dice.choice(labels)))
        position = end
    return spans


def damaged(dice: random.Random, spans: Sequence[Span], length: int) -> list[Span]:
    """Some of `spans`, some of them moved or with another label."""
    if dice.random() < 0.4:
        return random_spans(dice, length)
    found: list[Span] = []
    for start, end, label in spans:
        moved = (max(0, start + dice.choice([-1, 0, 0, 0])), end + dice.choice([0, 0, 0, 1]))
        free = not found or found[-1].end <= moved[0]
        if free and moved[1] <= length and dice.random() < 0.9:
            found.append(Span(*moved, dice.choice([label, label, *LABELS])))
    return found


def random_corpus(dice: random.Random, scheme: TagScheme, *, legal: bool) -> tuple[Tags, Tags]:
    """Gold and predicted tags of a few short sentences, with an entity at least."""
    gold: Tags = []
    predicted: Tags = []
    names = scheme.tags(LABELS)
    for _ in range(dice.randint(1, 4)):
        length = dice.randint(1, 10)
        spans = random_spans(dice, length)
        gold.append(scheme.encode(spans, length))
        predicted.append(scheme.encode(damaged(dice, spans, length), length))
        if not legal:
            for side in (gold[-1], predicted[-1]):
                side[:] = [dice.choice(names) if dice.random() < 0.2 else tag for tag in side]
    some = any(scheme.decode(tags) for tags in [*gold, *predicted])
    return (gold, predicted) if some else random_corpus(dice, scheme, legal=legal)


def random_corpora(scheme: TagScheme, *, legal: bool) -> Iterator[tuple[Tags, Tags]]:
    dice = random.Random(f"{scheme.value} {legal}")
    return (random_corpus(dice, scheme, legal=legal) for _ in range(CORPORA))


def assert_equals_seqeval(result: Scores, gold: Tags, predicted: Tags, **options: Any) -> None:
    """`options` are those of seqeval's report; by default the strict mode of IOB2."""
    options = options or {"mode": "strict", "scheme": IOB2}
    report = classification_report(gold, predicted, output_dict=True, zero_division=0, **options)
    averages = {"micro avg", "macro avg", "weighted avg"}
    assert result.labels.keys() == report.keys() - averages
    mine: dict[str, Counts | Averages] = {
        **result.labels,
        "micro avg": result.overall,
        "macro avg": result.macro,
        "weighted avg": result.weighted,
    }
    for name, each in mine.items():
        expected = report[name]
        for ours, theirs in (("precision",) * 2, ("recall",) * 2, ("f1", "f1-score")):
            assert abs(getattr(each, ours) - expected[theirs]) < 1e-12, (gold, predicted, name)
        if isinstance(each, Counts):
            assert each.gold == expected["support"]


@pytest.mark.parametrize("scheme", list(TagScheme))
def test_strict_scores_equal_those_of_seqeval(scheme: TagScheme) -> None:
    # in IOB1 seqeval knows no end for an entity before a `B-` of another label, which is illegal
    for gold, predicted in random_corpora(scheme, legal=scheme is TagScheme.IOB1):
        result = score_tags(gold, predicted, scheme=scheme)
        assert_equals_seqeval(result, gold, predicted, mode="strict", scheme=SEQEVAL[scheme])
        sides = [[document(tags, scheme) for tags in side] for side in (gold, predicted)]
        of_documents = score(*sides)
        assert of_documents.labels == result.labels
        assert of_documents.overall == result.overall
        assert of_documents.boundaries == result.boundaries


@pytest.mark.parametrize("scheme", [TagScheme.IOB1, TagScheme.IOB2, TagScheme.BIOES])
def test_lenient_scores_equal_those_of_seqeval_by_default(scheme: TagScheme) -> None:
    for gold, predicted in random_corpora(scheme, legal=False):
        result = score_tags(gold, predicted, scheme=scheme, reading="lenient")
        assert_equals_seqeval(result, gold, predicted, mode=None)


def test_partial_scores_equal_those_of_nervaluate() -> None:
    dice = random.Random(0)
    for _ in range(CORPORA):
        gold, predicted = random_corpus(dice, TagScheme.IOB2, legal=True)
        for side in (gold, predicted):  # entities of one label that overlap at random
            side.append(TagScheme.IOB2.encode(random_spans(dice, 12, LABELS[:1]), 12))
        result = score_tags(gold, predicted).partial
        for schema, strategy in NERVALUATE.items():
            expected = by_nervaluate(strategy, gold, predicted)
            assert result[schema] == expected, (schema, gold, predicted)
            expected_scores = scores_of(expected, credit=0.5)
            mine = result[schema]
            assert (mine.precision, mine.recall, mine.f1) == pytest.approx(expected_scores)


def by_nervaluate(strategy: EvaluationStrategy, gold: Tags, predicted: Tags) -> PartialCounts:
    """Its counts, added up; the ends of its entities are inclusive."""
    total = PartialCounts()
    for sides in zip(gold, predicted, strict=True):
        gold_entities, predicted_entities = (
            [TheirEntity(s.label, s.start, s.end - 1) for s in TagScheme.IOB2.decode(tags)]
            for tags in sides
        )
        theirs, _ = strategy.evaluate(gold_entities, predicted_entities, list(LABELS))
        total += PartialCounts(
            theirs.correct, theirs.incorrect, theirs.partial, theirs.missed, theirs.spurious
        )
    return total


def scores_of(counts: PartialCounts, credit: float) -> tuple[float, float, float]:
    """Precision, recall and F1 as SemEval-2013 defines them."""
    right = counts.correct + credit * counts.partial
    predicted = counts.correct + counts.incorrect + counts.partial + counts.spurious
    gold = counts.correct + counts.incorrect + counts.partial + counts.missing
    precision = right / predicted if predicted else 0.0
    recall = right / gold if gold else 0.0
    both = precision + recall
    return precision, recall, 2 * precision * recall / both if both else 0.0


@given(st.lists(pairs, min_size=1, max_size=5))
def test_scores_equal_those_of_seqeval(cases: list[tuple[list[str], list[str]]]) -> None:
    gold = [gold for gold, _ in cases]
    predicted = [predicted for _, predicted in cases]
    result = score([document(tags) for tags in gold], [document(tags) for tags in predicted])
    if result.overall.gold or result.overall.predicted:
        assert_equals_seqeval(result, gold, predicted)


@given(st.lists(pairs, min_size=1, max_size=5))
def test_accuracy_equals_that_of_seqeval_on_legal_tags(
    cases: list[tuple[list[str], list[str]]],
) -> None:
    legal = [
        [TagScheme.IOB2.encode(TagScheme.IOB2.decode(tags), len(tags)) for tags in case]
        for case in cases
    ]
    result = score(*([document(tags) for tags in side] for side in zip(*legal, strict=True)))
    assert result.accuracy == pytest.approx(accuracy_score(*zip(*legal, strict=True)))


@pytest.mark.skipif(not WNUT.is_dir(), reason="needs ../shared/wnut17")
def test_scores_equal_those_of_seqeval_on_damaged_wnut() -> None:
    dice = random.Random(0)
    gold, predicted = [], []
    for each in load_corpus(WNUT).test:
        starts = {token.start: index for index, token in enumerate(each.tokens or ())}
        ends = {token.end: index + 1 for index, token in enumerate(each.tokens or ())}
        tags = ["O"] * len(starts)
        for entity in each.entities:
            first, last = starts[entity.start], ends[entity.end]
            tags[first:last] = [f"B-{entity.label}"] + [f"I-{entity.label}"] * (last - first - 1)
        gold.append(tags)
        predicted.append([dice.choice(tags) if dice.random() < 0.2 else tag for tag in tags])
    result = score([document(tags) for tags in gold], [document(tags) for tags in predicted])
    assert result.overall.gold == 1079
    assert 0.3 < result.overall.f1 < 0.9
    assert_equals_seqeval(result, gold, predicted)
