"""Whether a program printed what a page shows, although a model was trained anew in between."""

from __future__ import annotations

import difflib
import re

MACHINES = 0.05
"""How far probabilities of a model may be apart that was trained on another machine."""

_DECIMAL = re.compile(r"-?\d+\.\d+")
_NUMBER = re.compile(r"-?\d+(?:[.,]\d+)*")
_SPACES = re.compile(r"(?<=\S) +")  # not those that a line begins with


def difference(printed: str, shown: str, tolerance: float = MACHINES) -> str | None:
    """What tells two texts apart, or None if they are alike.

    They are if they are the same but for decimals such as `0.5972`, which may differ by
    `tolerance`, and for how many spaces stand between two columns.
    """
    found, expected = _DECIMAL.findall(printed), _DECIMAL.findall(shown)
    if _shape(_DECIMAL, printed) != _shape(_DECIMAL, shown):
        return _lines_apart(printed, shown)
    for one, other in zip(found, expected, strict=True):
        if abs(float(one) - float(other)) > tolerance:
            return f"{one} was printed where {other} is shown (tolerance {tolerance:g})"
    return None


def difference_of_words(printed: str, shown: str) -> str | None:
    """As `difference`, where numbers are a matter of the moment: none is compared."""
    if _shape(_NUMBER, printed) != _shape(_NUMBER, shown):
        return _lines_apart(printed, shown)
    return None


def _shape(numbers: re.Pattern[str], text: str) -> str:
    return _SPACES.sub(" ", numbers.sub("…", text))


def _lines_apart(printed: str, shown: str) -> str:
    lines = difflib.unified_diff(
        shown.splitlines(), printed.splitlines(), "shown", "printed", lineterm="", n=0
    )
    return "\n".join(lines)
