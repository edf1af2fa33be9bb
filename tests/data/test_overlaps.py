"""Entities that overlap: counted, chosen from, and refused where one tag a word is needed."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerine.core.document import Document, Entity
from nerine.core.errors import FormatError, OverlapError, SettingsError
from nerine.data.formats import ReadLog, ReadOptions, read_documents, write_documents
from nerine.data.formats.overlaps import check_flat, resolve_overlaps

TEXT = "University of Cape Town"
UNIVERSITY = Entity(0, 23, "ORG")
CITY = Entity(14, 23, "LOC")
CAPE = Entity(14, 18, "MISC")


def entities() -> st.SearchStrategy[list[Entity]]:
    ranges = st.tuples(st.integers(0, 9), st.integers(1, 5), st.sampled_from("AB"))
    return st.lists(ranges, max_size=8, unique=True).map(
        lambda found: sorted(
            (Entity(start, start + length, label) for start, length, label in found),
            key=lambda each: (each.start, each.end, each.label),
        )
    )


def share_a_character(one: Entity, other: Entity) -> bool:
    return bool({*range(one.start, one.end)} & {*range(other.start, other.end)})


@given(entities())
def test_the_overlapping_entities_are_those_that_share_a_character_with_another(
    found: list[Entity],
) -> None:
    expected = {
        each
        for pair in itertools.combinations(found, 2)
        if share_a_character(*pair)
        for each in pair
    }
    document = Document("x" * 20, tuple(found))
    assert set(document.overlapping()) == expected
    assert list(document.overlapping()) == [each for each in found if each in expected]


@given(entities(), st.sampled_from(["outermost", "innermost", "first", "drop"]))
def test_what_is_taken_does_not_overlap_and_nothing_that_fits_is_left_out(
    found: list[Entity], way: str
) -> None:
    document = Document("x" * 20, tuple(found))
    taken = resolve_overlaps(document, way).entities  # type: ignore[arg-type]
    assert not any(share_a_character(*pair) for pair in itertools.combinations(taken, 2))
    left_out = set(found) - set(taken)
    if way == "drop":
        assert left_out == set(document.overlapping())
    for each in left_out:
        rivals = [other for other in taken if share_a_character(each, other)]
        if way == "outermost":
            assert any(o.end - o.start >= each.end - each.start for o in rivals)
        if way == "innermost":
            assert any(o.end - o.start <= each.end - each.start for o in rivals)
        if way == "first":
            assert any(o.start <= each.start for o in rivals)


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        ("outermost", [UNIVERSITY]),
        ("innermost", [CAPE]),
        ("first", [UNIVERSITY]),
        ("drop", []),
    ],
)
def test_the_ways_differ_on_nested_entities(way: str, expected: list[Entity]) -> None:
    document = Document(TEXT, (UNIVERSITY, CAPE, CITY))
    assert [*resolve_overlaps(document, way).entities] == expected  # type: ignore[arg-type]


def test_no_overlap_is_allowed_if_an_error_is_asked_for() -> None:
    assert resolve_overlaps(Document(TEXT, (CITY,)), "error").entities == (CITY,)
    with pytest.raises(OverlapError, match="3 entities in 1 document overlap others"):
        resolve_overlaps(Document(TEXT, (UNIVERSITY, CAPE, CITY)), "error")
    with pytest.raises(SettingsError, match="expected: one of error, outermost"):
        resolve_overlaps(Document(TEXT), "longest")  # type: ignore[arg-type]


def test_a_flat_writer_counts_all_that_overlap_and_its_hint_works(tmp_path: Path) -> None:
    nested, flat = Document(TEXT, (UNIVERSITY, CITY)), Document(TEXT, (CITY,))
    source = tmp_path / "nested.jsonl"
    write_documents([flat, nested, flat, nested], source)
    with pytest.raises(FormatError, match=r"document 2: 4 entities in 2 documents") as caught:
        write_documents(read_documents(source), tmp_path / "flat.conll")
    assert not (tmp_path / "flat.conll").exists()
    assert "overlaps='outermost'" in str(caught.value)

    log = ReadLog()
    read = read_documents(source, options=ReadOptions(overlaps="outermost"), log=log)
    assert write_documents(read, tmp_path / "flat.conll") == 4
    assert log.overlaps == 2


def test_what_needs_flat_entities_says_how_many_are_not() -> None:
    check_flat([Document(TEXT, (CITY,))], "training", "here")
    with pytest.raises(OverlapError, match="here: 2 entities in 1 document") as caught:
        check_flat([Document(TEXT, (UNIVERSITY, CITY))], "training", "here")
    assert caught.value.expected == "entities that do not overlap, for training"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"skip": {"rejects"}}, "skip is 'rejects'"),
        ({"skip": "rejected"}, "skip is a str"),
        ({"accept": {"pieces"}}, "expected: 'skip', as it cannot be an entity"),
        ({"accept": {"rejected"}, "skip": {"rejected"}}, "not skipped too"),
        ({"annotations": "best"}, "expected: error, first, latest, union or by=NAME"),
        ({"overlaps": "longest"}, "overlaps: 'longest' is not known"),
        ({"offsets": "characters"}, "one of code-points, utf-16, bytes"),
    ],
)
def test_options_that_do_not_exist_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        ReadOptions(**options)  # type: ignore[arg-type]
