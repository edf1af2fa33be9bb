"""Repairs that were made to a system's file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

EXAMPLES = 5
"""Examples of a kind of repair that are shown at the most."""


@dataclass(frozen=True, slots=True)
class Repair:
    """A kind of repair, how often it was made, its first place, and some examples."""

    what: str
    count: int
    first: str
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        shown = f", such as {', '.join(self.examples)}" if self.examples else ""
        return f"{self.what}: {self.count:,}, first at {self.first}{shown}"


@dataclass(slots=True)
class Repairs:
    """Counts repairs by kind."""

    _by_kind: dict[str, Repair] = field(default_factory=dict)

    def add(self, what: str, place: str, count: int = 1, examples: Iterable[str] = ()) -> None:
        """Counts a repair of a kind, made at `place`; the first few examples are kept."""
        before = self._by_kind.get(what, Repair(what, 0, place))
        shown = dict.fromkeys((*before.examples, *examples))
        self._by_kind[what] = replace(
            before, count=before.count + count, examples=tuple(shown)[:EXAMPLES]
        )

    def extend(self, others: Repairs) -> None:
        """Adds the repairs that `others` counted."""
        for each in others.made():
            self.add(each.what, each.first, each.count, each.examples)

    def made(self) -> tuple[Repair, ...]:
        """All repairs, in the order of the first one of each kind."""
        return tuple(self._by_kind.values())
