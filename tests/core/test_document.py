"""Documents are checked when they are made."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerine.core.display import short_path
from nerine.core.document import Document, Entity, Token, check_no_overlap, labels_of, pieces
from nerine.core.errors import (
    CheckpointError,
    DocumentError,
    MissingExtraError,
    NerineError,
    OverlapError,
)
from nerine.core.words import rule_words, word_spans


@pytest.mark.parametrize(
    ("entities", "message"),
    [
        ([Entity(0, 9, "x")], r"entity 0 has the range \[0, 9\)"),
        ([Entity(-1, 2, "x")], r"\[-1, 2\)"),
        ([Entity(2, 2, "x")], r"\[2, 2\)"),
        ([Entity(3, 4, "x"), Entity(0, 1, "y")], "entity 1 .* as y comes after entity 0 .* as x"),
        ([Entity(0, 3, "x"), Entity(0, 2, "x")], "expected: entities sorted by start, end and lab"),
        ([Entity(0, 3, "y"), Entity(0, 3, "x")], "expected: entities sorted by start, end and lab"),
        ([Entity(0, 3, "x"), Entity(0, 3, "x", 0.5)], "each once"),
        ([Entity(0, 1, "")], r"entity 0 .* has no label"),
    ],
)
def test_an_entity_that_does_not_fit_is_an_error(entities: list[Entity], message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        Document("a 👩‍👧".replace("‍", ""), tuple(entities))


def test_entities_may_overlap_and_be_nested_where_nothing_needs_them_apart() -> None:
    flat = Document("abcd", (Entity(0, 2, "x"), Entity(2, 4, "x")))
    check_no_overlap(flat)
    for entities in (
        (Entity(0, 3, "x"), Entity(2, 4, "y")),
        (Entity(0, 1, "y"), Entity(0, 4, "x"), Entity(1, 3, "x")),
        (Entity(0, 3, "x"), Entity(0, 3, "y")),
    ):
        document = flat.with_entities(entities)
        with pytest.raises(OverlapError, match=r"the entity .* overlaps \[0, "):
            check_no_overlap(document)
        with pytest.raises(OverlapError, match="expected: entities that do not overlap"):
            word_spans(document, rule_words(document.text))
        with pytest.raises(OverlapError, match="overlaps"):
            list(pieces(document))


def test_a_token_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(DocumentError, match=r"token 1 .* begins before token 0 .* ends"):
        Document("abc", tokens=(Token(0, 2), Token(1, 3)))


def test_an_entity_may_end_inside_a_token() -> None:
    document = Document("Lisbon-based", (Entity(0, 6, "location"),), (Token(0, 12),))
    assert document.surface(document.entities[0]) == "Lisbon"


def test_nothing_of_a_document_can_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Document("a").text = "b"  # type: ignore[misc] # that is the point


@given(st.lists(st.text(min_size=1), max_size=6))
def test_tokens_joined_by_a_space_are_found_again(surfaces: list[str]) -> None:
    document = Document.from_tokens(surfaces)
    assert document.text == " ".join(surfaces)
    assert [document.surface(token) for token in document.tokens or ()] == surfaces


def test_an_empty_token_is_an_error() -> None:
    with pytest.raises(DocumentError, match="token 1 is empty"):
        Document.from_tokens(["a", ""])


def test_labels_are_sorted_and_single() -> None:
    entities = (Entity(0, 1, "b"), Entity(1, 2, "a"), Entity(2, 3, "b"))
    assert labels_of([Document("xyz", entities)]) == ("a", "b")


def test_an_error_says_what_where_and_what_to_do() -> None:
    error = CheckpointError("no weights", expected="a file", place="runs/a", hint="train").at("x")
    assert isinstance(error, NerineError)
    assert str(error) == "x: runs/a: no weights\n  expected: a file\n  hint: train"


def test_a_missing_extra_is_named() -> None:
    assert 'pip install "nerine[demo]"' in str(MissingExtraError.of("pkg", "demo", "the demo"))


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("/home/mira/runs/wnut", "wnut"),
        ("/runs", "runs"),
        ("~/wnut17/", "wnut17"),
        ("a/b/c/", "c"),
        ("C:\\data\\posts\\train.jsonl", "train.jsonl"),
        ("runs/wnut", "runs/wnut"),
        ("owner/name@abc", "owner/name@abc"),
        ("wnut17/", "wnut17/"),
        ("sample", "sample"),
        ("/", "/"),
        ("", ""),
    ],
)
def test_long_paths_are_shortened_to_their_last_part(name: str, short: str) -> None:
    assert short_path(name) == short
