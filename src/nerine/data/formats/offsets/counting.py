"""Units of offsets: code points, UTF-16 code units or bytes, in the text or in a form of it.

JavaScript counts UTF-16 code units, in which most emoji take two; some programs count bytes of
UTF-8. Offsets may also belong to another form of the text than the file has: a browser counted a
line end as CR LF that the file has as a line feed, or the other way round, or an annotator saw
`&amp;` as one character.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable
from typing import Literal, NamedTuple

from nerine.data.formats.options import Offsets

Form = Literal["as-is", "crlf", "lf", "html"]

_ASTRAL = re.compile("[\U00010000-\U0010ffff]")
_LONE_FEED = re.compile("(?<!\r)\n")
_SHORTER = {
    "lf": re.compile("\r\n"),
    "html": re.compile("&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|amp|lt|gt|quot|apos|nbsp);"),
}
_FIRST_BYTE = re.compile(rb"[^\x80-\xbf]")


class Counting(NamedTuple):
    """How the offsets of a file count.

    Attributes:
        unit: What they count.
        inclusive: Whether an end is the last character rather than the one after it.
        form: The form of the text in which they count: `"crlf"` if a line feed counts as two
            characters, `"lf"` if CR LF counts as one, `"html"` if a reference such as `&amp;` does.
    """

    unit: Offsets = "code-points"
    inclusive: bool = False
    form: Form = "as-is"

    def of(self, text: str) -> Callable[[int, int], tuple[int, int]]:
        """A function from a range of this counting to the half-open range of code points.

        An offset that lies inside a character becomes -1.
        """
        convert = _converter(text, self.unit, self.form)
        if not self.inclusive:
            return lambda start, end: (convert(start), convert(end))
        if convert is _same:
            return lambda start, end: (start, end + 1)
        return lambda start, end: (convert(start), _after(convert, end))


def _same(offset: int) -> int:
    return offset


def _after(convert: Callable[[int], int], end: int) -> int:
    """The code point after the one that an inclusive end names by any of its units."""
    for step in range(1, 5):
        found = convert(end + step)
        if found >= 0:
            return found
    return -1


def _converter(text: str, unit: Offsets, form: Form) -> Callable[[int], int]:
    """A function from an offset of the unit to the code point, or -1 inside a character."""
    if form == "as-is":
        return _from_unit(text, unit)
    if form == "crlf":
        from_form = _from_wide(text, _LONE_FEED)
    else:
        from_form = _from_shorter(text, _SHORTER[form])
    if unit == "code-points":
        return from_form
    seen = _LONE_FEED.sub("\r\n", text) if form == "crlf" else _SHORTER[form].sub("\n", text)
    in_form = _from_unit(seen, unit)
    return lambda offset: -1 if (found := in_form(offset)) < 0 else from_form(found)


def _from_unit(text: str, unit: Offsets) -> Callable[[int], int]:
    """A function from an offset in the text as it is."""
    if unit == "code-points" or text.isascii():
        return _same
    if unit == "utf-16":
        return _from_wide(text, _ASTRAL)
    data = text.encode("utf-8", "surrogatepass")
    starts = [match.start() for match in _FIRST_BYTE.finditer(data)]

    def from_bytes(offset: int) -> int:
        if offset >= len(data):
            return len(text) + offset - len(data)
        index = bisect_left(starts, offset)
        return index if starts[index : index + 1] == [offset] else -1

    return from_bytes


def _from_wide(text: str, wide: re.Pattern[str]) -> Callable[[int], int]:
    """A function from an offset in which each character that matches counts as two."""
    # the offsets of their second units
    seconds = [match.start() + i + 1 for i, match in enumerate(wide.finditer(text))]
    if not seconds:
        return _same

    def from_units(offset: int) -> int:
        before = bisect_left(seconds, offset)
        return -1 if offset in seconds[before : before + 1] else offset - before

    return from_units


def _from_shorter(text: str, pattern: re.Pattern[str]) -> Callable[[int], int]:
    """A function from an offset in which each match counts as one character."""
    starts = []  # of the matches, in the shorter text
    lengths = [0]  # the characters that the matches up to each one lack there
    for match in pattern.finditer(text):
        starts.append(match.start() - lengths[-1])
        lengths.append(lengths[-1] + len(match[0]) - 1)
    return lambda offset: offset + lengths[bisect_left(starts, offset)]
