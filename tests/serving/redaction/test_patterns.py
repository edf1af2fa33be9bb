"""What has a form: the checks are those of the issuers, and prose is left alone."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerine.serving.redaction.patterns import PATTERNS, find_patterns


def found(text: str, region: str | None = None) -> list[tuple[str, str]]:
    """The patterns in a text."""
    entities = find_patterns(text, PATTERNS, region)
    return [(each.label, text[each.start : each.end]) for each in entities]


@pytest.mark.parametrize(
    ("text", "entities"),
    [
        ("Card 4111 1111 1111 1111, please", [("card", "4111 1111 1111 1111")]),
        ("5500-0000-0000-0004.", [("card", "5500-0000-0000-0004")]),
        ("378282246310005", [("card", "378282246310005")]),
        ("order 17 4111 1111 1111 1111 4", [("card", "4111 1111 1111 1111")]),
        ("4111 1111 1111 1112", []),  # a wrong check digit
        ("a4111111111111111", []),
        ("DE89 3704 0044 0532 0130 00 is mine", [("iban", "DE89 3704 0044 0532 0130 00")]),
        ("(gb82west12345698765432)", [("iban", "gb82west12345698765432")]),
        ("DE89 3704 0044 0532 0130 02", []),
        (
            "from DE12 on: FR14 2004 1010 0505 0001 3M02 606",
            [("iban", "FR14 2004 1010 0505 0001 3M02 606")],
        ),
        ("Mail mira.okonjo+x@post.example.org.", [("email", "mira.okonjo+x@post.example.org")]),
        (
            "用户@例子.广告 and zoë@bücher.example",
            [("email", "用户@例子.广告"), ("email", "zoë@bücher.example")],
        ),
        ("@mira and a@b, x@localhost", []),
        ("call +44 20 7946 0958 now", [("phone", "+44 20 7946 0958")]),
        ("😀 +49 30 901820", [("phone", "+49 30 901820")]),
        ("born 2001, 12.50 EUR, 1-2, v3.11.7", []),
    ],
)
def test_what_has_a_form_is_found(text: str, entities: list[tuple[str, str]]) -> None:
    assert found(text) == entities


def test_numbers_of_a_country_need_its_code_or_the_region() -> None:
    text = "call 020 7946 0958"
    assert found(text) == []
    assert found(text, "GB") == [("phone", "020 7946 0958")]


def test_what_would_overlap_is_one() -> None:
    text = "4111111111111111@example.org"
    assert found(text) == [("email", text)]
    assert found("GB82 WEST 1234 5698 7654 32") == [("iban", "GB82 WEST 1234 5698 7654 32")]


@given(st.text("0123456789 -@.+aDE\u0663", max_size=80))
def test_ranges_are_in_order_and_apart(text: str) -> None:
    entities = find_patterns(text, PATTERNS)
    for left, right in itertools.pairwise(entities):
        assert left.end <= right.start
    assert all(0 <= each.start < each.end <= len(text) for each in entities)


@pytest.mark.parametrize(
    "text",
    [
        "1" * 100_000,
        "1 " * 50_000,
        "a@" * 50_000,
        "a." * 50_000,
        "DE12" * 25_000,
        "a-" * 50_000 + "@",
    ],
    ids=["digits", "groups", "ats", "dots", "ibans", "hyphens"],
)
def test_hostile_texts_take_little_time(text: str) -> None:
    assert isinstance(find_patterns(text, PATTERNS), list)


def test_every_card_with_a_right_check_digit_is_found() -> None:
    chance = random.Random(0)
    for _ in range(200):
        digits = [chance.choice("23456"), *(chance.choice("0123456789") for _ in range(14))]
        number = next(
            candidate for last in "0123456789" if _luhn(candidate := "".join([*digits, last]))
        )
        assert find_patterns(f"x {number}.", ["card"])[0].start == 2


def _luhn(number: str) -> bool:
    """The check of ISO/IEC 7812, written again from its definition."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0
