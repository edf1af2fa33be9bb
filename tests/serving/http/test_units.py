"""Offsets in the units of clients, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerine.core.errors import DocumentError
from nerine.data.formats.options import Offsets
from nerine.serving.http.units import in_unit, tokens_from

UNITS: tuple[Offsets, ...] = ("code-points", "utf-16", "bytes")
TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)


def piece(text: str, start: int, end: int, unit: Offsets) -> str:
    """The piece of a text that a program sees that counts in a unit."""
    if unit == "code-points":
        return text[start:end]
    if unit == "bytes":
        return text.encode()[start:end].decode()
    return text.encode("utf-16-le")[2 * start : 2 * end].decode("utf-16-le")


@given(TEXTS, st.sampled_from(UNITS), st.data())
def test_a_range_shows_the_same_piece_in_each_unit(
    text: str, unit: Offsets, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    convert = in_unit(text, unit)
    assert piece(text, convert(start), convert(end), unit) == text[start:end]


@given(TEXTS, st.sampled_from(UNITS), st.data())
def test_tokens_come_back_as_they_went(text: str, unit: Offsets, data: st.DataObject) -> None:
    places = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=6)))
    pairs = list(zip(places[::2], places[1::2], strict=False))
    convert = in_unit(text, unit)
    tokens = tokens_from(text, [(convert(start), convert(end)) for start, end in pairs], unit)
    assert [(each.start, each.end) for each in tokens] == pairs


@pytest.mark.parametrize(("unit", "pair"), [("utf-16", (0, 1)), ("bytes", (0, 3))])
def test_an_offset_inside_a_character_is_an_error(unit: Offsets, pair: tuple[int, int]) -> None:
    with pytest.raises(DocumentError, match="token 0"):
        tokens_from("😀 Oslo", [pair], unit)
