"""One rule: the phrases and patterns of a label, and what a match does next to the model."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

import regex

from nerine.core.arguments import check_fields
from nerine.core.display import counted
from nerine.core.errors import SettingsError
from nerine.core.settings import check

Mode = Literal["fill", "add", "override"]
Case = Literal["exact", "ignore"]

_PROBES = ("", "a", "1", "a b", ".")
_PARTS = ("phrase or pattern is", "phrases and patterns are")
_SURROGATE = regex.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Rule:
    """Phrases and patterns whose matches are entities with a label.

    Attributes:
        label: The label, which the model may lack.
        phrases: Texts that are found as whole words.
        patterns: Regular expressions of the package `regex`.
        mode: What happens if a match overlaps entities of the model. `fill`: the match is left out.
            `add`: the match replaces them if it is longer, in code points, than each of them, and
            is left out otherwise. `override`: the match replaces them.
        case: `exact`, or `ignore`, which compares by Unicode's full case folding.

    Raises:
        SettingsError: If a value has another type or is not known, there is neither a phrase nor a
            pattern, a phrase is empty or there twice, or a pattern is not valid or matches the
            empty text.
    """

    label: str
    phrases: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    mode: Mode = "fill"
    case: Case = "exact"

    def __post_init__(self) -> None:
        check("mode", self.mode, Mode)
        check("case", self.case, Case)
        check_fields(self, SettingsError)
        if not self.label or self.label != self.label.strip():
            raise SettingsError(
                f"{self.label!r} is not a label", place="label", expected="a name such as product"
            )
        if not self.phrases and not self.patterns:
            raise SettingsError(
                "neither phrases nor patterns", expected="at least one phrase or pattern"
            )
        for number, phrase in enumerate(self.phrases):
            check_phrase(phrase, f"phrases[{number}]")
        self._check_once()
        for number, pattern in enumerate(self.patterns):
            _check_pattern(pattern, self.case, f"patterns[{number}]")

    def key(self, phrase: str) -> str:
        """The form of a phrase that is compared."""
        return phrase.casefold() if self.case == "ignore" else phrase

    def compiled(self) -> list[tuple[str, Any]]:
        """The patterns, each with its compiled form."""
        return [(pattern, _compiled(pattern, self.case)) for pattern in self.patterns]

    def _check_once(self) -> None:
        counts = Counter(map(self.key, self.phrases))
        twice = [phrase for phrase in self.phrases if counts[self.key(phrase)] > 1]
        twice += [pattern for pattern, n in Counter(self.patterns).items() if n > 1]
        if twice:
            number = counted(len({*map(self.key, twice)}), *_PARTS)
            ignoring = " if case is ignored" if self.case == "ignore" else ""
            raise SettingsError(
                f"{number} there more than once{ignoring}, among them {twice[0][:80]!r}",
                expected="each once",
            )


def check_phrase(phrase: str, place: str) -> None:
    """Raises `SettingsError` for a phrase that cannot be found as it stands."""
    if not phrase.strip():
        raise SettingsError("the phrase is empty", place=place, expected="at least one word")
    if phrase != phrase.strip():
        raise SettingsError(
            f"the phrase {phrase[:80]!r} begins or ends with white space",
            place=place,
            expected=repr(phrase.strip()[:80]),
        )
    if _SURROGATE.search(phrase):
        raise SettingsError(
            f"the phrase {phrase[:80]!r} has a lone surrogate", place=place, expected="characters"
        )


def _compiled(pattern: str, case: Case) -> Any:
    # with FULLCASE, "ß" is "SS", as for phrases
    flags = regex.IGNORECASE | regex.FULLCASE if case == "ignore" else 0
    return regex.compile(pattern, flags)


def _check_pattern(pattern: str, case: Case, place: str) -> None:
    try:
        compiled = _compiled(pattern, case)
    except (regex.error, ValueError, OverflowError, RecursionError) as error:
        raise SettingsError(
            f"{pattern[:80]!r} is not a valid pattern: {error}",
            place=place,
            expected="a regular expression as of Python",
            hint=r"in TOML, single quotes keep backslashes: '\d{6}'",
        ) from None
    if any(match.start() == match.end() for text in _PROBES for match in compiled.finditer(text)):
        raise SettingsError(
            f"the pattern {pattern[:80]!r} matches the empty text",
            place=place,
            expected="a pattern that needs at least one character",
        )
