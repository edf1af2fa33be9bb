"""A text → all matches of some rules, in one pass for all phrases.

Phrases are searched by the automaton of Aho & Corasick (1975), in time linear in the text and the
number of matches, whatever the number of phrases. A phrase is found as a whole word: a match begins
and ends

- at the beginning or the end of the text, or
- where no two letters, digits, marks or underscores meet. Those of scripts without spaces do not
  count, so that a match may begin and end anywhere among Chinese or Thai letters,
- and never inside a character as users see it (an extended grapheme cluster of UAX #29): not
  between a letter and its accent, or in an emoji of several code points.

Where case is ignored, the automaton searches the folded text. A match must begin where the fold of
a code point begins and end where one ends, and has the offsets of the text itself: "STRASSE" is
found in "Straße", and "S" is not found in "ß".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import regex
from ahocorasick_rs import AhoCorasick

from nerine.core.characters import UNSPACED
from nerine.core.errors import SettingsError
from nerine.model.rules.rule import Mode, Rule

_IN_WORD = regex.compile(rf"[\p{{L}}\p{{N}}\p{{M}}_--[{UNSPACED}]]", regex.V1)
_GRAPHEME = regex.compile(r"\X")
_SURROGATE = regex.compile(r"[\ud800-\udfff]")
_REPLACEMENT = "\ufffd"

_SECONDS = 2.0
"""The most seconds of the processor that a pattern may take on a short text."""
_SECONDS_A_CHARACTER = 2e-5


class RuleMatch(NamedTuple):
    """A match of a rule in a text.

    Attributes:
        start: Its first code point.
        end: The code point after its last one.
        rule: The number of the rule, from 0.
        label: The label of the rule.
        mode: The mode of the rule.
        found_by: The phrase or the pattern.
    """

    start: int
    end: int
    rule: int
    label: str
    mode: Mode
    found_by: str


class Matcher:
    """The compiled phrases and patterns of some rules.

    Args:
        rules: The rules.
        source: Their file, for messages.
    """

    def __init__(self, rules: Sequence[Rule], source: str) -> None:
        self._rules = rules
        self._source = source
        self._phrases = [
            each
            for case in ("exact", "ignore")
            if (each := _Phrases(rules, case)).keys  # an automaton of nothing is not needed
        ]
        self._patterns = [
            (number, pattern, compiled)
            for number, rule in enumerate(rules)
            for pattern, compiled in rule.compiled()
        ]

    def matches(self, text: str) -> list[RuleMatch]:
        """All matches in a text, which may overlap and are in no order.

        Args:
            text: The text.

        Raises:
            SettingsError: If a pattern takes too long on this text.
        """
        bounds = _WordBounds(text)
        found = [
            RuleMatch(start, end, number, rule.label, rule.mode, phrase)
            for phrases in self._phrases
            for start, end, owners in phrases.find(text)
            if bounds.at(start) and bounds.at(end)
            for number, phrase in owners
            for rule in (self._rules[number],)
        ]
        for number, pattern, compiled in self._patterns:
            rule = self._rules[number]
            found += (
                RuleMatch(start, end, number, rule.label, rule.mode, pattern)
                for start, end in self._spans(text, number, pattern, compiled)
            )
        return found

    def _spans(
        self, text: str, number: int, pattern: str, compiled: Any
    ) -> Iterator[tuple[int, int]]:
        seconds = _SECONDS + _SECONDS_A_CHARACTER * len(text)
        try:
            for match in compiled.finditer(text, timeout=seconds):
                if match.start() < match.end():
                    yield match.span()
        except TimeoutError:
            place = f"{self._source}: " if self._source else ""
            raise SettingsError(
                f"the pattern {pattern[:80]!r} took more than {seconds:.1f} seconds on a text of "
                f"{len(text):,} characters",
                place=f"{place}rule {number + 1}",
                expected="a pattern that takes time linear in the text",
                hint="a repetition inside of a repetition is slow: make it possessive, a++ for a+",
            ) from None


class _Phrases:
    """The phrases of those rules that compare case in one way.

    Attributes:
        keys: The numbers of the rules that a compared form belongs to, with the phrase as written.
    """

    def __init__(self, rules: Sequence[Rule], case: str) -> None:
        self.keys: dict[str, list[tuple[int, str]]] = {}
        for number, rule in enumerate(rules):
            if rule.case == case:
                for phrase in rule.phrases:
                    self.keys.setdefault(rule.key(phrase), []).append((number, phrase))
        self._folds = case == "ignore"
        self._owners = list(self.keys.values())
        self._automaton = AhoCorasick(self.keys) if self.keys else None

    def find(self, text: str) -> Iterator[tuple[int, int, list[tuple[int, str]]]]:
        """Start and end of each match in a text, with the rules that it belongs to."""
        if self._automaton is None:
            return
        searched, places = folded(text) if self._folds else (text, None)
        is_whole = True
        try:
            found = self._automaton.find_matches_as_indexes(searched, overlapping=True)
        except UnicodeEncodeError:  # lone surrogates, which no phrase has
            is_whole = False
            replaced = _SURROGATE.sub(_REPLACEMENT, searched)
            found = self._automaton.find_matches_as_indexes(replaced, overlapping=True)
        for index, start, end in found:
            if not is_whole and _SURROGATE.search(searched, start, end):
                continue
            if places is not None:
                start, end = places[start], places[end]
                if start < 0 or end < 0:
                    continue
            yield start, end, self._owners[index]


def folded(text: str) -> tuple[str, list[int] | None]:
    """The case-folded text, and for each of its bounds the one of the text itself.

    Returns:
        The folded text of length n, and n + 1 numbers: the code point of the text whose fold begins
        there, or -1 inside of the fold of one. None if all bounds are the same.
    """
    result = text.casefold()
    if len(result) == len(text):  # the fold of a code point has at least one
        return result, None
    places: list[int] = []
    for index, character in enumerate(text):
        places.append(index)
        places += [-1] * (len(character.casefold()) - 1)
    return result, [*places, len(text)]


class _WordBounds:
    """The places of a text where a phrase may begin or end."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._graphemes: set[int] | None = None

    def at(self, place: int) -> bool:
        """Whether a phrase may begin or end at `place`."""
        if place in (0, len(self._text)):
            return True
        before, after = self._text[place - 1], self._text[place]
        if _is_in_word(before) and _is_in_word(after):
            return False
        if before.isascii() and after.isascii():
            return True
        if self._graphemes is None:
            self._graphemes = {match.start() for match in _GRAPHEME.finditer(self._text)}
        return place in self._graphemes


@lru_cache(maxsize=4096)
def _is_in_word(character: str) -> bool:
    return _IN_WORD.match(character) is not None
