"""Tag schemes against their laws, seqeval and conlleval."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from seqeval import scheme as seqeval_schemes
from seqeval.metrics.sequence_labeling import get_entities

from nerine.core.errors import SchemeError
from nerine.core.tags import Span, TagScheme, detect_scheme, parse_tag
from strategies import LABELS, spans, tag_sequences

SEQEVAL = {
    TagScheme.IOB1: seqeval_schemes.IOB1,
    TagScheme.IOB2: seqeval_schemes.IOB2,
    TagScheme.BIOES: seqeval_schemes.IOBES,
    TagScheme.BILOU: seqeval_schemes.BILOU,
}
schemes = st.sampled_from(list(TagScheme))


LENGTH = 10


@st.composite
def any_tags(draw: st.DrawFn) -> tuple[TagScheme, list[str]]:
    """A scheme and a sequence of its tags, legal or not."""
    scheme = draw(schemes)
    return scheme, draw(tag_sequences(scheme, legal=draw(st.booleans())))


@given(schemes, spans(LENGTH))
def test_spans_survive_tags(scheme: TagScheme, found: list[Span]) -> None:
    tags = scheme.encode(found, LENGTH)
    assert len(tags) == LENGTH
    assert scheme.fault(tags) is None
    assert scheme.decode(tags) == found
    assert scheme.decode(tags, "lenient") == found
    assert scheme.repair(tags) == (tags, 0)


@given(any_tags())
def test_the_strict_reading_is_that_of_seqeval(case: tuple[TagScheme, list[str]]) -> None:
    scheme, tags = case
    # In IOB1 seqeval knows no end for an entity before a `B-` of another label, which is illegal.
    assume(scheme is not TagScheme.IOB1 or scheme.fault(tags) is None)
    entities = seqeval_schemes.Entities([tags], SEQEVAL[scheme]).entities[0]
    expected = [Span(entity.start, entity.end, entity.tag) for entity in entities]
    assert scheme.decode(tags) == expected


@given(any_tags())
def test_the_lenient_reading_is_that_of_conlleval(case: tuple[TagScheme, list[str]]) -> None:
    scheme, tags = case
    letters = {"L": "E", "U": "S"}  # conlleval does not know BILOU's letters
    known = [letters.get(tag[0], tag[0]) + tag[1:] for tag in tags]
    expected = [Span(first, last + 1, label) for label, first, last in get_entities(known)]
    assert scheme.decode(tags, "lenient") == expected


@given(any_tags())
def test_a_sequence_is_legal_if_and_only_if_it_is_what_its_spans_are_written_as(
    case: tuple[TagScheme, list[str]],
) -> None:
    scheme, tags = case
    again = scheme.encode(scheme.decode(tags), len(tags))
    assert (scheme.fault(tags) is None) == (again == tags)


@given(any_tags())
def test_transitions_allow_exactly_the_legal_sequences(case: tuple[TagScheme, list[str]]) -> None:
    scheme, tags = case
    table = scheme.transitions(scheme.tags(LABELS))
    path = [table.tags.index(tag) for tag in ["O", *tags, "O"]]
    allowed = all(table.allowed[a][b] for a, b in itertools.pairwise(path))
    assert allowed == (scheme.fault(tags) is None)


@given(any_tags())
def test_repair_gives_a_legal_sequence_with_the_lenient_entities(
    case: tuple[TagScheme, list[str]],
) -> None:
    scheme, tags = case
    repaired, changed = scheme.repair(tags)
    assert scheme.fault(repaired) is None
    assert scheme.decode(repaired) == scheme.decode(tags, "lenient")
    assert changed == sum(a != b for a, b in zip(tags, repaired, strict=True))


@given(schemes, st.lists(spans(LENGTH), min_size=1, max_size=4))
def test_a_detected_scheme_reads_the_same_entities(
    scheme: TagScheme, cases: list[list[Span]]
) -> None:
    sequences = [scheme.encode(found, LENGTH) for found in cases]
    detected = detect_scheme(sequences)
    for tags, found in zip(sequences, cases, strict=True):
        assert detected.decode(tags, "lenient") == found


@pytest.mark.parametrize(
    ("sequences", "expected"),
    [
        ([["O", "O"]], TagScheme.IOB2),
        ([["B-x", "I-x", "O"]], TagScheme.IOB2),
        ([["I-x", "I-x", "B-x"]], TagScheme.IOB1),
        ([["I-x", "O", "B-x"]], TagScheme.IOB2),  # an orphan, not another scheme
        ([["B-x", "I-x"], ["S-x"]], TagScheme.BIOES),
        ([["B-x", "L-x"], ["O"]], TagScheme.BILOU),
    ],
)
def test_detection(sequences: list[list[str]], expected: TagScheme) -> None:
    assert detect_scheme(sequences) is expected


@pytest.mark.parametrize("tag", ["", "B", "B-", "X-person", "person", "B_person", "PER-B", "b-x"])
def test_a_tag_of_an_unknown_form_is_an_error(tag: str) -> None:
    with pytest.raises(SchemeError, match="unknown form"):
        parse_tag(tag)


def test_a_label_may_hold_hyphens() -> None:
    assert parse_tag("B-creative-work") == ("B", "creative-work")


@pytest.mark.parametrize(
    ("scheme", "tags", "index"),
    [
        (TagScheme.IOB2, ["O", "I-x"], 1),
        (TagScheme.IOB2, ["B-x", "I-y"], 1),
        (TagScheme.IOB1, ["O", "B-x"], 1),
        (TagScheme.BIOES, ["B-x", "O"], 1),
        (TagScheme.BIOES, ["S-x", "B-x"], 1),
        (TagScheme.BIOES, ["L-x"], 0),
    ],
)
def test_a_fault_names_its_place(scheme: TagScheme, tags: list[str], index: int) -> None:
    fault = scheme.fault(tags)
    assert fault is not None
    assert fault.index == index


def test_spans_that_overlap_cannot_be_written() -> None:
    with pytest.raises(SchemeError, match="cannot be written"):
        TagScheme.IOB2.encode([Span(0, 2, "x"), Span(1, 3, "x")], 4)


def test_a_scheme_is_found_by_its_usual_names() -> None:
    assert TagScheme.named("bio") is TagScheme.IOB2
    assert TagScheme.named("IOBES") is TagScheme.BIOES
    with pytest.raises(SchemeError, match="unknown tag scheme 'BMEWO'"):
        TagScheme.named("BMEWO")
