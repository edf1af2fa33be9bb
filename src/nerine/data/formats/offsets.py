"""Offsets in UTF-16 code units, as JavaScript counts them → offsets in code points.

The two differ behind a character beyond U+FFFF, such as most emoji: it takes two units.
"""

from __future__ import annotations

import re
from bisect import bisect_left

_ASTRAL = re.compile("[\U00010000-\U0010ffff]")


class Utf16Offsets:
    """The offsets of one text."""

    def __init__(self, text: str) -> None:
        # where the second unit of each pair stands
        self._seconds = [m.start() + i + 1 for i, m in enumerate(_ASTRAL.finditer(text))]

    def point(self, unit: int) -> int | None:
        """The code point at `unit`, which is None between the two units of a character."""
        before = bisect_left(self._seconds, unit)
        if before < len(self._seconds) and self._seconds[before] == unit:
            return None
        return unit - before
