"""Near duplicates against all pairs counted out."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerine.data.near_duplicates import KnownTexts, near_duplicates

_sentences = st.lists(st.sampled_from("abcdefgh"), max_size=9).map(" ".join)


def alike(one: str, other: str) -> bool:
    """Straight from the definition, for texts without anything to mask."""
    here, there = Counter(one.split()), Counter(other.split())
    if one == other:
        return True
    if min(here.total(), there.total()) < 5:
        return False
    return Fraction((here & there).total(), (here | there).total()) >= Fraction(4, 5)


@given(st.lists(_sentences, max_size=12), st.lists(_sentences, max_size=12))
def test_near_duplicates_are_those_of_all_pairs(texts: list[str], of: list[str]) -> None:
    expected = [
        index for index, text in enumerate(texts) if any(alike(text, other) for other in of)
    ]
    assert near_duplicates(texts, of=of) == expected


def test_no_near_duplicate_is_missed_among_thousands_of_like_sentences() -> None:
    texts = (f"the team from a{'b' * n} met the other team today" for n in range(900))
    known = KnownTexts((("", index), text) for index, text in enumerate(texts))
    assert all(known.like(f"the team from a{'b' * n} met the other team now") for n in range(900))
    assert known.like("the team from Oslo saw nobody in the rain today") is None


@pytest.mark.parametrize(
    ("text", "other", "expected"),
    [
        ("See  YOU there at 10:30 then", "see you there\tat 9:15 then", True),
        ("@mira do look at this now https://a.b/c", "@otto do look at this now www.d.e", True),
        ("thanks !", "thanks !", True),
        ("thanks !", "Thanks !", False),
        ("", "", True),
    ],
)
def test_masks_hide_what_copies_differ_in_but_short_texts_have_to_be_equal(
    text: str, other: str, expected: bool
) -> None:
    assert near_duplicates([text], of=[other]) == ([0] if expected else [])
