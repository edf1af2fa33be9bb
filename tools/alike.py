"""Whether a program printed what a page shows, although a model was trained anew in between."""

from __future__ import annotations

import difflib
import re

MACHINES = 0.05
"""How far probabilities of a model may be apart that was trained on another machine."""

_DECIMAL = re.compile(r"-?\d+\.\d+")
_NUMBER = re.compile(r"-?\d+(?:[.,]\d+)*")
_SPACES = re.compile(r"(?<=\S) +")  # not those that a line begins with
_ANY_LINES = "..."


def difference(printed: str, shown: str, tolerance: float = MACHINES) -> str | None:
    """What tells two texts apart, or None if they are alike.

    They are if they are the same but for decimals such as `0.5972`, which may differ by
    `tolerance`, for how many spaces stand between two columns, and for blank ends. `...` alone on
    a line that is shown stands for any lines.
    """
    found = re.fullmatch(_pattern(_DECIMAL, shown), _trimmed(printed))
    if found is None:
        return _lines_apart(printed, shown)
    for one, other in zip(found.groups(), _DECIMAL.findall(shown), strict=True):
        if abs(float(one) - float(other)) > tolerance:
            return f"{one} was printed where {other} is shown (tolerance {tolerance:g})"
    return None


def difference_of_words(printed: str, shown: str) -> str | None:
    """As `difference`, where numbers are a matter of the moment: none is compared."""
    if re.fullmatch(_pattern(_NUMBER, shown), _trimmed(printed)) is None:
        return _lines_apart(printed, shown)
    return None


def _pattern(numbers: re.Pattern[str], shown: str) -> str:
    """What a text has to match, with a group for each number."""
    return "".join(_line_pattern(numbers, line) for line in _trimmed(shown).splitlines())


def _line_pattern(numbers: re.Pattern[str], line: str) -> str:
    if line.strip() == _ANY_LINES:
        return r"(?:.*\n)*?"
    return f"({numbers.pattern})".join(map(re.escape, numbers.split(line))) + r"\n"


def _trimmed(text: str) -> str:
    """Without blank lines at the ends, or spaces at the ends of lines, or a second one between."""
    lines = text.strip("\n").splitlines()
    return "".join(f"{_SPACES.sub(' ', line.rstrip())}\n" for line in lines)


def _lines_apart(printed: str, shown: str) -> str:
    lines = difflib.unified_diff(
        shown.splitlines(), printed.splitlines(), "shown", "printed", lineterm="", n=0
    )
    return "\n".join(lines)
