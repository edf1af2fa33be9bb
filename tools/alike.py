"""Comparison of a program's output with a page, up to small differences of retrained models."""

from __future__ import annotations

import difflib
import re

MACHINES = 0.05
"""How far probabilities of a model may be apart that was trained on another machine."""

_DECIMAL = re.compile(r"-?\d+\.\d+")
_NUMBER = re.compile(r"-?\d+(?:[.,]\d+)*")
_SPACES = re.compile(r"(?<=\S) +")  # except at the beginning of a line
_ANY_LINES = "..."


def difference(printed: str, shown: str, tolerance: float = MACHINES) -> str | None:
    """The difference of two texts, or None if they are alike.

    Decimals such as `0.5972` may differ by `tolerance`; the number of spaces between two columns
    and blank ends are ignored. `...` alone on a shown line matches any lines.
    """
    found = re.fullmatch(_pattern(_DECIMAL, shown), _trimmed(printed))
    if found is None:
        return _lines_apart(printed, shown)
    for one, other in zip(found.groups(), _DECIMAL.findall(shown), strict=True):
        if abs(float(one) - float(other)) > tolerance:
            return f"{one} was printed where {other} is shown (tolerance {tolerance:g})"
    return None


def difference_of_words(printed: str, shown: str) -> str | None:
    """As `difference`, without comparing any numbers."""
    if re.fullmatch(_pattern(_NUMBER, shown), _trimmed(printed)) is None:
        return _lines_apart(printed, shown)
    return None


def _pattern(numbers: re.Pattern[str], shown: str) -> str:
    """A regular expression for the text, with a group for each number."""
    return "".join(_line_pattern(numbers, line) for line in _trimmed(shown).splitlines())


def _line_pattern(numbers: re.Pattern[str], line: str) -> str:
    if line.strip() == _ANY_LINES:
        return r"(?:.*\n)*?"
    return f"({numbers.pattern})".join(map(re.escape, numbers.split(line))) + r"\n"


def _trimmed(text: str) -> str:
    """Without blank lines at the ends, spaces at the ends of lines, and repeated spaces."""
    lines = text.strip("\n").splitlines()
    return "".join(f"{_SPACES.sub(' ', line.rstrip())}\n" for line in lines)


def _lines_apart(printed: str, shown: str) -> str:
    lines = difflib.unified_diff(
        shown.splitlines(), printed.splitlines(), "shown", "printed", lineterm="", n=0
    )
    return "\n".join(lines)
