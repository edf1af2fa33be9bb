"""Scores by hand, and by their laws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerine.core.document import Document, Entity
from nerine.core.errors import CorpusError, SchemeError
from nerine.core.tags import TagScheme
from nerine.data.corpus import load_corpus
from nerine.data.formats import read_documents, write_documents
from nerine.evaluation.metrics import (
    Averages,
    Counts,
    PartialCounts,
    Scores,
    Signature,
    breakdowns,
    score,
    score_tags,
)
from nerine.evaluation.metrics.partial import Schema, partial_counts
from places import WNUT
from strategies import documents

SCORES = ("precision", "recall", "f1")


def document(tags: list[str], scheme: TagScheme = TagScheme.IOB2) -> Document:
    """A document with the entities that the strict reading finds in `tags`."""
    blank = Document.from_tokens([f"w{index}" for index in range(len(tags))])
    tokens = blank.tokens or ()
    return blank.with_entities(
        Entity(tokens[start].start, tokens[end - 1].end, label)
        for start, end, label in scheme.decode(tags)
    )


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


def test_the_documents_of_a_fault_are_named() -> None:
    with pytest.raises(CorpusError, match=r"sequence 1: 1 predicted tags for 2 gold ones"):
        score_tags([["O"], ["O", "O"]], [["O"], ["O"]])
    with pytest.raises(CorpusError, match="0 predicted documents for 1"):
        score_tags([["O"]], [])
    with pytest.raises(SchemeError, match=r"sequence 1: tag 'Q-x' has an unknown form"):
        score_tags([["O"], ["O"]], [["O"], ["Q-x"]])
    with pytest.raises(SchemeError, match="unknown tag scheme 'IOB9'"):
        score_tags([], [], scheme="IOB9")


def test_tags_of_another_scheme_are_no_scores_but_an_error() -> None:
    tags = [["O"], ["S-x", "B-x", "E-x"]]
    with pytest.raises(SchemeError, match="'E-x' is not a tag of IOB2"):
        score_tags(tags, tags)
    assert score_tags(tags, tags, scheme="BIOES").overall == Counts(2, 2, 2)
    assert score_tags(tags, tags, reading="lenient").overall == Counts(2, 2, 2)  # reads any


def test_tags_may_be_in_any_kind_of_sequence() -> None:
    lists = [["B-x", "O"], ["O"]]
    result = score_tags(lists, [tuple(tags) for tags in lists])
    assert (result.overall, result.accuracy) == (Counts(1, 1, 1), 1.0)


@pytest.fixture(scope="module")
def wnut() -> tuple[Document, ...]:
    if not WNUT.is_dir():
        pytest.skip("needs ../shared/wnut17")
    return load_corpus(WNUT).test


def all_scores(result: Scores) -> dict[str, tuple[float, float, float]]:
    named: dict[str, Counts | Averages | PartialCounts | None] = {
        "overall": result.overall,
        "macro": result.macro,
        "weighted": result.weighted,
        "boundaries": result.boundaries,
        "surface": result.surface,
        **result.labels,
    }
    named.update({str(schema): counts for schema, counts in result.partial.items()})
    return {name: (c.precision, c.recall, c.f1) for name, c in named.items() if c}


def test_gold_against_itself_is_perfect_in_every_metric(wnut: tuple[Document, ...]) -> None:
    result = score(wnut, wnut)
    scores = all_scores(result)
    assert len(scores) == 5 + 6 + 4
    assert set(scores.values()) == {(1.0, 1.0, 1.0)}
    assert result.accuracy == 1.0
    assert result.overall == Counts(1079, 1079, 1079)
    assert result.tokens == 23394
    assert result.documents == 1287


def test_boundaries_do_not_ask_for_labels(wnut: tuple[Document, ...]) -> None:
    swapped = [
        each.with_entities(
            replace(e, label="group" if e.label == "person" else e.label) for e in each.entities
        )
        for each in wnut
    ]
    result = score(wnut, swapped)
    assert result.boundaries == Counts(1079, 1079, 1079)
    persons = result.labels["person"].gold
    assert result.labels["person"] == Counts(0, 0, persons)
    assert result.overall.correct == 1079 - persons
    wrong = PartialCounts(1079 - persons, persons)
    right = PartialCounts(correct=1079)
    assert result.partial == {"strict": wrong, "exact": right, "partial": right, "type": wrong}


def named(text: str, *entities: tuple[str, str]) -> Document:
    """A document with entities given by their first occurrence and their label."""
    found = [Entity(text.index(s), text.index(s) + len(s), label) for s, label in entities]
    return Document(text, tuple(sorted(found, key=lambda each: each.start)))


def test_surface_forms_count_once_over_all_documents() -> None:
    gold = [
        named("Mira met Jo", ("Mira", "person"), ("Jo", "person")),
        named("Mira left", ("Mira", "person")),  # the same form again
        named("Mira is a ship", ("Mira", "product")),  # another pair: another label
        named("MIRA sank", ("MIRA", "person")),  # another form: case counts
    ]
    predicted = [
        gold[0].with_entities([]),
        gold[1],  # the form is found here, which is enough
        named("Mira is a ship", ("Mira", "product"), ("ship", "product")),
        gold[3].with_entities([]),
    ]
    # gold: Mira/person, Jo/person, Mira/product, MIRA/person; predicted: Mira/person,
    # Mira/product, ship/product
    assert score(gold, predicted).surface == Counts(correct=2, predicted=3, gold=4)
    assert score(gold, predicted).overall == Counts(correct=2, predicted=3, gold=5)


def test_a_surface_form_is_right_only_where_one_of_its_mentions_is() -> None:
    gold = [Document("Jo Jo", (Entity(0, 2, "person"),))]
    elsewhere = [Document("Jo Jo", (Entity(3, 5, "person"),))]
    assert score(gold, elsewhere).surface == Counts(0, 1, 1)
    both = [Document("Jo Jo", (Entity(0, 2, "person"), Entity(3, 5, "person")))]
    assert score(gold, both).surface == Counts(1, 1, 1)
    other_label = [Document("Jo Jo", (Entity(0, 2, "product"), Entity(3, 5, "person")))]
    assert score(gold, other_label).surface == Counts(0, 2, 1)


def test_averages_by_hand() -> None:
    gold = [["B-a", "B-a", "B-a", "B-b", "O", "O"]]
    predicted = [["B-a", "B-a", "O", "B-a", "B-c", "O"]]
    result = score_tags(gold, predicted)
    assert result.labels == {"a": Counts(2, 3, 3), "b": Counts(0, 0, 1), "c": Counts(0, 1, 0)}
    assert result.macro.to_dict() == pytest.approx(dict.fromkeys(SCORES, 2 / 9))
    assert result.weighted.to_dict() == pytest.approx(dict.fromkeys(SCORES, 2 / 3 * 3 / 4))
    assert result.overall == Counts(2, 4, 4)
    assert result.boundaries == Counts(3, 4, 4)
    assert result.accuracy == 3 / 6


@pytest.mark.parametrize(
    ("gold", "predicted", "schema", "expected"),
    [
        # by hand: a prediction over two gold entities takes the first, and the second is missing
        ([(0, 2, "a"), (2, 4, "b")], [(1, 3, "b")], "partial", PartialCounts(partial=1, missing=1)),
        # but by type it takes the one of its label
        ([(0, 2, "a"), (2, 4, "b")], [(1, 3, "b")], "type", PartialCounts(correct=1, missing=1)),
        # and of two of its label the one whose ends are nearer, though another would be left
        (
            [(0, 2, "a"), (2, 5, "a")],
            [(1, 4, "a"), (4, 5, "a")],
            "type",
            PartialCounts(correct=1, missing=1, spurious=1),
        ),
        ([(0, 2, "a")], [(0, 2, "b")], "exact", PartialCounts(correct=1)),
        ([(0, 2, "a")], [(0, 2, "b")], "type", PartialCounts(incorrect=1)),
        ([(0, 2, "a")], [(2, 3, "a")], "partial", PartialCounts(missing=1, spurious=1)),
        ([(0, 4, "a")], [(0, 1, "a"), (1, 4, "a")], "type", PartialCounts(correct=1, spurious=1)),
        # an overlap of less than 1 %, which nervaluate ignores
        ([(0, 150, "a")], [(149, 160, "a")], "partial", PartialCounts(partial=1)),
    ],
)
def test_partial_counts_by_hand(
    gold: list[tuple[int, int, str]],
    predicted: list[tuple[int, int, str]],
    schema: Schema,
    expected: PartialCounts,
) -> None:
    assert partial_counts(gold, predicted)[schema] == expected


@given(st.lists(st.tuples(documents(), documents()), max_size=4))
def test_partial_counts_have_every_entity_once(pairs: list[tuple[Document, Document]]) -> None:
    gold = [a for a, _ in pairs]
    predicted = [a.with_entities([e for e in b.entities if e.end <= len(a.text)]) for a, b in pairs]
    result = score(gold, predicted)
    for counts in result.partial.values():
        assert counts.gold == result.overall.gold
        assert counts.predicted == result.overall.predicted
    assert result.partial["strict"].correct == result.overall.correct
    assert result.partial["exact"].correct == result.boundaries.correct
    assert result.partial["partial"].correct == result.boundaries.correct
    assert 0 <= result.accuracy <= 1
    if gold == predicted and result.overall.gold:
        assert result.overall.f1 == 1.0


TRAIN = [named("Mira met MIRA in Oslo", ("Mira", "p"), ("MIRA", "p"), ("Oslo", "l"))]


def test_breakdowns_by_hand() -> None:
    gold = [
        named("mira saw New York and Rio", ("mira", "p"), ("New York", "l"), ("Rio", "l")),
        named("Oslo", ("Oslo", "p")),
    ]
    predicted = [
        named("mira saw New York and Rio", ("mira", "p"), ("saw New York and Rio", "l")),
        named("Oslo", ("Oslo", "l")),
    ]
    assert breakdowns(gold, predicted, TRAIN) == {
        "surface form in training": {"seen": Counts(1, 2, 2), "unseen": Counts(0, 1, 2)},
        "times in training": {
            "0": Counts(0, 1, 2),
            "1": Counts(0, 1, 1),  # Oslo, whatever its label
            "2 to 4": Counts(1, 1, 1),  # mira, whatever its case
        },
        "length of the entity": {
            "1 word": Counts(1, 2, 3),
            "2 words": Counts(0, 0, 1),
            "4 words or more": Counts(0, 1, 0),
        },
        "length of the document": {"up to 10 words": Counts(1, 3, 4)},
    }


def test_breakdowns_without_training_texts_say_nothing_of_them() -> None:
    assert breakdowns(TRAIN, TRAIN).keys() == {"length of the entity", "length of the document"}
    assert breakdowns(TRAIN, TRAIN, [])["surface form in training"] == {"unseen": Counts(3, 3, 3)}


@given(st.lists(st.tuples(documents(), documents()), max_size=4), st.lists(documents(), max_size=2))
def test_the_counts_of_each_breakdown_add_up(
    pairs: list[tuple[Document, Document]], train: list[Document]
) -> None:
    gold = [a for a, _ in pairs]
    predicted = [a.with_entities([e for e in b.entities if e.end <= len(a.text)]) for a, b in pairs]
    overall = score(gold, predicted).overall
    found = breakdowns(gold, predicted, iter(train))
    assert len(found) == 4
    for kinds in found.values():
        assert sum(kinds.values(), Counts()) == overall
        assert all(each.gold or each.predicted for each in kinds.values())


def test_a_signature_is_the_same_in_every_format(tmp_path: Path) -> None:
    gold = [Document.from_tokens(["Mira", "left"]).with_entities([Entity(0, 4, "p")])]
    signatures = set()
    for name, format_ in (("a.conll", "columns"), ("a.jsonl", "spans"), ("b.jsonl", "words")):
        write_documents(gold, tmp_path / name, format_)
        again = list(read_documents(tmp_path / name, format_))
        signatures.add(str(Signature.of(again, version="1", split="test", scheme="IOB2")))
    (signature,) = signatures
    fields = dict(field.split(":") for field in signature.split("|"))
    assert fields.pop("documents").isalnum()
    assert fields == {
        "metric": "entity",
        "scheme": "IOB2",
        "reading": "strict",
        "split": "test",
        "gold": "1",
        "version": "1",
    }


GOLD = named("Mira left", ("Mira", "p"))


@pytest.mark.parametrize(
    "other",
    [
        lambda: Signature.of([GOLD, GOLD], version="1"),
        lambda: Signature.of([named("Mira left", ("Mira", "q"))], version="1"),
        lambda: Signature.of([named("Mira left", ("left", "p"))], version="1"),
        lambda: Signature.of([named("Mira Left", ("Mira", "p"))], version="1"),
        lambda: Signature.of([GOLD], version="2"),
        lambda: Signature.of([GOLD], version="1", split="test"),
        lambda: Signature.of([GOLD], version="1", scheme="IOB2"),
        lambda: Signature.of([GOLD], version="1", reading="lenient"),
    ],
)
def test_other_conditions_have_another_signature(other: Callable[[], Signature]) -> None:
    assert str(other()) != str(Signature.of([GOLD], version="1"))


def test_a_name_cannot_forge_a_field_of_a_signature() -> None:
    forged = str(Signature.of([GOLD], version="1", split="test|scheme:IOB2"))
    assert len(forged.split("|")) == len(str(Signature.of([GOLD], version="1")).split("|"))
    assert "|scheme:IOB2" not in forged


@pytest.mark.parametrize("tags", [["B-p", "O", ""], ["", "O"]])
def test_an_empty_tag_is_an_error_wherever_it_stands(tags: list[str]) -> None:
    for gold in (tags, ["O"] * len(tags)):
        with pytest.raises(SchemeError, match="sequence 0: tag '' has an unknown form"):
            score_tags([gold], [tags])
