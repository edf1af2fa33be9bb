"""Matches of rules and the model's entities → which of both stay.

1. Each match is compared with the entities of the model that it overlaps, by the mode of its rule:
   it may stay, or is left out.
2. Of the matches that may stay and overlap, the longest one stays, in code points; of equally long
   ones that of the earlier rule, then the first one in the text.
3. Entities of the model that overlap a match which stays are left out.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from nerine.core.document import Document, Entity
from nerine.model.rules.matching import RuleMatch
from nerine.model.rules.rule import Mode


@dataclass(frozen=True, slots=True)
class RuleStep:
    """A match of a rule in a text, and what became of it.

    Attributes:
        start: Its first code point.
        end: The code point after its last one.
        text: The text from `start` to `end`.
        label: The label of the rule.
        rule: The number of the rule in its file, from 1.
        found_by: The phrase or the pattern.
        mode: The mode of the rule.
        kept: Whether it became an entity.
        outcome: What became of it, in words.
    """

    start: int
    end: int
    text: str
    label: str
    rule: int
    found_by: str
    mode: Mode
    kept: bool
    outcome: str


class Choice:
    """Which matches become entities of a document, and which entities of the model stay.

    Args:
        document: The document, with the entities of the model.
        matches: The matches of the rules in its text.

    Attributes:
        kept: The matches that become entities, in order; they do not overlap.
    """

    def __init__(self, document: Document, matches: Iterable[RuleMatch]) -> None:
        self._document = document
        self._entities = _Overlaps(document.entities)
        self._ordered = sorted(
            matches, key=lambda each: (each.start - each.end, each.rule, each.start, each.found_by)
        )
        self.kept: list[RuleMatch] = []
        self._outcomes = [self._decided(match) for match in self._ordered]

    def document(self) -> Document:
        """The document with the entities that stay."""
        gone = {id(each) for match in self.kept for each in self._entities.of(match)}
        stay = [each for each in self._document.entities if id(each) not in gone]
        new = [Entity(each.start, each.end, each.label) for each in self.kept]
        ordered = sorted([*stay, *new], key=lambda each: (each.start, each.end, each.label))
        return self._document.with_entities(ordered)

    def steps(self) -> tuple[RuleStep, ...]:
        """Each match with what became of it, in the order of the text."""
        steps = [
            RuleStep(
                start=match.start,
                end=match.end,
                text=self._document.text[match.start : match.end],
                label=match.label,
                rule=match.rule + 1,
                found_by=match.found_by,
                mode=match.mode,
                kept=left_out is None,
                outcome=self._replaced(match) if left_out is None else f"left out: {left_out}",
            )
            for match, left_out in zip(self._ordered, self._outcomes, strict=True)
        ]
        return tuple(sorted(steps, key=lambda each: (each.start, each.end, each.rule)))

    def _decided(self, match: RuleMatch) -> str | None:
        """Keeps a match and returns None, or returns why it is left out."""
        against = self._entities.of(match)
        if against and match.mode == "fill":
            return f"it overlaps {self._shown(against)} of the model"
        length = match.end - match.start
        longest = max((each.end - each.start for each in against), default=0)
        if match.mode == "add" and longest >= length:
            return f"{self._shown(against)} of the model is not shorter"
        at = bisect_left(self.kept, match.start, key=lambda each: each.start)
        for other in self.kept[max(0, at - 1) : at + 1]:
            if other.start < match.end and match.start < other.end:
                return f"it overlaps a match of rule {other.rule + 1}"
        self.kept.insert(at, match)
        return None

    def _replaced(self, match: RuleMatch) -> str:
        against = self._entities.of(match)
        return f"entity, in place of {self._shown(against)} of the model" if against else "entity"

    def _shown(self, entities: Iterable[Entity]) -> str:
        text = self._document.text
        return ", ".join(f"[{text[each.start : each.end]}]({each.label})" for each in entities)


class _Overlaps:
    """Entities, sorted by start, that are asked which of them overlap a range."""

    def __init__(self, entities: Sequence[Entity]) -> None:
        self._entities = entities
        self._starts = [each.start for each in entities]
        self._furthest = list(accumulate((each.end for each in entities), max))

    def of(self, match: RuleMatch) -> list[Entity]:
        """The entities that share a character with a match."""
        first = bisect_right(self._furthest, match.start)
        last = bisect_left(self._starts, match.end)
        return [each for each in self._entities[first:last] if each.end > match.start]
