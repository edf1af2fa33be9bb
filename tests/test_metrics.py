"""Scores against seqeval's strict mode."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics import accuracy_score, classification_report
from seqeval.scheme import IOB2

from nerine.corpus import load_corpus
from nerine.document import Document, Entity
from nerine.errors import CorpusError
from nerine.metrics import Counts, Evaluation, score
from nerine.schemes import TagScheme
from strategies import tag_sequences

WNUT = Path(__file__).parents[2] / "shared" / "wnut17"

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


def document(tags: list[str]) -> Document:
    """A document with the entities that the strict reading finds in `tags`."""
    blank = Document.from_tokens([f"w{index}" for index in range(len(tags))])
    tokens = blank.tokens or ()
    return blank.with_entities(
        Entity(tokens[start].start, tokens[end - 1].end, label)
        for start, end, label in TagScheme.IOB2.decode(tags)
    )


def assert_equals_seqeval(
    result: Evaluation, gold: list[list[str]], predicted: list[list[str]]
) -> None:
    report = classification_report(
        gold, predicted, mode="strict", scheme=IOB2, output_dict=True, zero_division=0
    )
    assert result.labels.keys() <= report.keys()
    for label, counts in [*result.labels.items(), ("micro avg", result.overall)]:
        expected = report[label]
        assert counts.precision == pytest.approx(expected["precision"])
        assert counts.recall == pytest.approx(expected["recall"])
        assert counts.f1 == pytest.approx(expected["f1-score"])
        assert counts.gold == expected["support"]


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


def test_an_entity_that_ends_inside_a_token_is_wrong() -> None:
    gold = Document("Lisbon-based", (Entity(0, 6, "location"),))
    wide = gold.with_entities([Entity(0, 12, "location")])
    assert score([gold], [gold]).overall == Counts(1, 1, 1)
    assert score([gold], [wide]).overall == Counts(0, 1, 1)


def test_nothing_to_count_is_zero_and_no_error() -> None:
    result = score([Document("")], [Document("")])
    assert (result.overall.f1, result.accuracy, result.tokens) == (0.0, 0.0, 0)


def test_the_dictionary_has_the_names_that_scripts_read() -> None:
    gold = document(["B-person", "O"])
    values = score([gold], [gold]).to_dict()
    assert values["overall"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 1}
    assert values["labels"] == {"person": values["overall"]}
    assert values["accuracy"] == 1.0


def test_documents_that_are_not_the_same_cannot_be_compared() -> None:
    with pytest.raises(CorpusError, match="1 predicted documents for 2"):
        score([Document("a"), Document("b")], [Document("a")])
    with pytest.raises(CorpusError, match="texts of document 0 differ"):
        score([Document("a")], [Document("b")])
