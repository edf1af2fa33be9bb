"""Notations of tags: which one a file has, and what its tags are in the usual one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerine.core.errors import SchemeError
from nerine.core.tags import (
    Span,
    TagScheme,
    TagSurvey,
    bracketed_spans,
    detect_notation,
    detect_scheme,
    read_scheme,
)
from strategies import spans, tag_sequences


def notation_of(tags: str) -> tuple[str, list[str]]:
    """The name of the notation of tags, and the tags as in `B-person`."""
    survey = TagSurvey.of([tags.split()])
    found = detect_notation(survey.tags, has_outside=survey.has_outside)
    return found.name, list(found.prefixed(tags.split()))


@pytest.mark.parametrize(
    ("tags", "name", "prefixed"),
    [
        ("B-x I-x O", "prefixed", "B-x I-x O"),
        ("O O", "prefixed", "O O"),
        ("B-x M-x E-x S-y O", "affixed", "B-x I-x E-x S-y O"),
        ("B-x E-x W-y O", "affixed", "B-x E-x S-y O"),
        ("B_x I_x O", "affixed", "B-x I-x O"),
        ("x-y-B x-y-I O", "affixed", "B-x-y I-x-y O"),
        ("b-x i-x o", "affixed", "B-x I-x O"),
        ("B I O B", "unlabelled", "B-entity I-entity O B-entity"),
        ("B M E S O", "unlabelled", "B-entity I-entity E-entity S-entity O"),
        ("x x O y y x", "IO", "B-x I-x O B-y I-y B-x"),
        ("x-other O", "IO", "B-x-other O"),
        # in doubt they stay as they are, and each unknown one is an error
        ("x y", "prefixed", "x y"),
        ("B E S", "prefixed", "B E S"),
        ("B_x x O", "prefixed", "B_x x O"),
        ("B-x y O", "prefixed", "B-x y O"),
        ("b_cell O", "prefixed", "b_cell O"),
        ("1 O", "prefixed", "1 O"),
    ],
)
def test_the_notation_of_tags(tags: str, name: str, prefixed: str) -> None:
    assert notation_of(tags) == (name, prefixed.split())


@pytest.mark.parametrize(
    ("tags", "stated", "prefixed"),
    [
        ("B_x O", "IOB2", "B-x O"),
        ("x-B y-B O", "IOB2", "B-x B-y O"),
        ("S-x O", "BIOES", "S-x O"),
        ("I-x I-x O I-y", "IO", "I-x I-x O I-y"),
        ("x x O y", "IO", "B-x I-x O B-y"),
        ("E-mail x O", "IO", "B-E-mail B-x O"),
    ],
)
def test_what_is_stated_reads_tags_that_leave_it_open(
    tags: str, stated: str, prefixed: str
) -> None:
    survey = TagSurvey.of([tags.split()])
    scheme = read_scheme(stated)
    found = detect_notation(survey.tags, has_outside=survey.has_outside, stated=scheme)
    assert all(map(found.is_tag, tags.split()))
    assert list(found.prefixed(tags.split())) == prefixed.split()


@pytest.mark.parametrize(
    "tags", ["B-x I-x O", "B_x O", "B I O", "x-B x-I y-B O", "b-x i-x o", "0 x"]
)
def test_tags_that_are_not_labels_alone_are_unknown_if_io_is_stated(tags: str) -> None:
    found = detect_notation({*tags.split()} - {"O"}, has_outside="O" in tags, stated="IO")
    assert not found.is_tag(tags.split()[0])


@given(st.lists(tag_sequences(TagScheme.IOB1, legal=False), max_size=3))
def test_a_survey_tells_the_same_scheme_as_the_sequences(sequences: list[list[str]]) -> None:
    survey = TagSurvey.of(sequences)
    found = detect_notation(survey.tags, has_outside=survey.has_outside)
    assert found.scheme(survey) is detect_scheme(sequences)


@given(st.sampled_from(TagScheme), st.data())
def test_every_scheme_is_found_from_a_survey(scheme: TagScheme, data: st.DataObject) -> None:
    sequences = data.draw(st.lists(tag_sequences(scheme), max_size=3))
    survey = TagSurvey.of(sequences)
    assert detect_notation(survey.tags, has_outside=True).scheme(survey) is detect_scheme(sequences)


@given(st.lists(spans(8), max_size=3))
def test_brackets_hold_nested_spans(layers: list[list[Span]]) -> None:
    """Written from the spans of one layer, and of layers that are nested by construction."""
    flat = layers[0] if layers else []
    found = [*flat, *(Span(0, 8, "outer") for _ in flat[:1])]
    tags = ["*"] * 8
    for span in sorted(found, key=lambda each: each.end - each.start):
        tags[span.start] = f"({span.label}{tags[span.start]}"
        tags[span.end - 1] += ")"
    assert bracketed_spans(tags)[1] is None
    assert sorted(bracketed_spans(tags)[0]) == sorted(found)


@pytest.mark.parametrize(("tags", "index"), [("* *)", 1), ("(x* *", 0), ("(x) (y* *) *)", 3)])
def test_brackets_that_do_not_match_are_a_fault(tags: str, index: int) -> None:
    fault = bracketed_spans(tags.split())[1]
    assert fault is not None
    assert fault.index == index


def test_io_is_a_scheme_that_only_readers_know() -> None:
    assert read_scheme("io") == "IO"
    assert read_scheme("bio") is TagScheme.IOB2
    with pytest.raises(SchemeError, match=r"IO$"):
        read_scheme("XYZ")
    with pytest.raises(SchemeError):
        TagScheme.named("IO")
