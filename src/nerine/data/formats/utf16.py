"""Offsets in UTF-16 code units, as JavaScript counts them → offsets in code points.

They differ after a character beyond U+FFFF, such as most emoji, which takes two code units.
"""

from __future__ import annotations

import re
from bisect import bisect_left

_ASTRAL = re.compile("[\U00010000-\U0010ffff]")


class Utf16Offsets:
    """Converts UTF-16 offsets into one text."""

    def __init__(self, text: str) -> None:
        # the offsets of the second units of all pairs
        self._seconds = [m.start() + i + 1 for i, m in enumerate(_ASTRAL.finditer(text))]

    def code_point(self, unit: int) -> int | None:
        """The code point at the code unit `unit`; None in the middle of a character."""
        before = bisect_left(self._seconds, unit)
        if before < len(self._seconds) and self._seconds[before] == unit:
            return None
        return unit - before
