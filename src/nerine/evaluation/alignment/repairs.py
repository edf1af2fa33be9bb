"""Repairs that were made to a system's file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Repair:
    """A kind of repair, how often it was made, and its first place."""

    what: str
    count: int
    first: str


@dataclass(slots=True)
class Repairs:
    """Counts repairs by kind."""

    _by_kind: dict[str, Repair] = field(default_factory=dict)

    def add(self, what: str, place: str, count: int = 1) -> None:
        """Counts a repair of a kind, made at `place`."""
        before = self._by_kind.get(what, Repair(what, 0, place))
        self._by_kind[what] = replace(before, count=before.count + count)

    def extend(self, others: Repairs) -> None:
        """Adds the repairs that `others` counted."""
        for each in others.made():
            self.add(each.what, each.first, each.count)

    def made(self) -> tuple[Repair, ...]:
        """All repairs, in the order of the first one of each kind."""
        return tuple(self._by_kind.values())
