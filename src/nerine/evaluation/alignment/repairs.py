"""Repairs that were made to a system's output."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Repair:
    """What was repaired, how often, and where first."""

    what: str
    count: int
    first: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(slots=True)
class Repairs:
    """Counts repairs as they are made."""

    _counts: dict[str, int] = field(default_factory=dict)
    _first: dict[str, str] = field(default_factory=dict)

    def add(self, what: str, place: str, count: int = 1) -> None:
        """Counts a repair of a kind, made at `place`."""
        self._counts[what] = self._counts.get(what, 0) + count
        self._first.setdefault(what, place)

    def extend(self, others: Repairs) -> None:
        """Adds the repairs that `others` counted."""
        for each in others.made():
            self.add(each.what, each.first, each.count)

    def made(self) -> tuple[Repair, ...]:
        """What was repaired, in the order of the first one of each kind."""
        return tuple(Repair(what, n, self._first[what]) for what, n in self._counts.items())
