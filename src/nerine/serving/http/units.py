"""Offsets in the unit that a client counts in."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from itertools import accumulate

from nerine.core.document import Document, Token
from nerine.data.formats.offsets.counting import Counting
from nerine.data.formats.options import Offsets


def in_unit(text: str, unit: Offsets) -> Callable[[int], int]:
    """A function from the offsets of code points in a text to those of another unit."""
    if unit == "code-points" or text.isascii():
        return lambda offset: offset
    if unit == "utf-16":
        wide = [place for place, char in enumerate(text) if char > "\uffff"]
        return lambda offset: offset + bisect_left(wide, offset)
    sizes = (len(char.encode("utf-8", "surrogatepass")) for char in text)
    starts = list(accumulate(sizes, initial=0))
    return starts.__getitem__


def tokens_from(text: str, pairs: list[tuple[int, int]], unit: Offsets) -> tuple[Token, ...]:
    """The tokens of a text whose ranges count in a unit.

    Raises `DocumentError` if a range doesn't fit the text, as `Document` does.
    """
    convert = Counting(unit).of(text)
    tokens = tuple(Token(*convert(start, end)) for start, end in pairs)
    return Document(text, tokens=tokens).tokens or ()
