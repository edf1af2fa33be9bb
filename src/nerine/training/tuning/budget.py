"""The budget of a search, in minutes or runs."""

from __future__ import annotations

from dataclasses import dataclass

from nerine.core.display import counted
from nerine.core.errors import SettingsError

DEFAULT_MINUTES = 60.0


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of a search; one that is None does not limit it.

    No run starts that is likely to end later. The first run is not limited.

    Attributes:
        minutes: How long the search may take.
        runs: How many runs it may have.
        places: The number of runs at the same time. The minutes of all runs together are so many
            times those of the search.

    Raises:
        SettingsError: If a limit is not above 0.
    """

    minutes: float | None = None
    runs: int | None = None
    places: int = 1

    def __post_init__(self) -> None:
        for name in ("minutes", "runs"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise SettingsError(f"{value!r} is too small", place=name, expected="more than 0")

    def allows(self, runs: int, seconds: float) -> bool:
        """Whether a search of so many runs and seconds is within the limits."""
        return (self.runs is None or runs <= self.runs) and (
            self.minutes is None or seconds <= 60 * self.minutes * self.places
        )

    def at_most_half(self, runs: int, seconds: float) -> tuple[int, float]:
        """So many runs and seconds, but at most half of each limit."""
        return (
            runs if self.runs is None else min(runs, self.runs // 2),
            seconds if self.minutes is None else min(seconds, 30 * self.minutes * self.places),
        )

    def spent(self, runs: int, seconds: float) -> str:
        """How much of the budget so many runs and seconds are."""
        used = f"{seconds / 60:.1f}"
        time = f"{used} minutes" if self.minutes is None else f"{used} of {self._time()}"
        return time if self.runs is None else f"{runs} of {self.runs} runs, {time}"

    def __str__(self) -> str:
        """The limits in words."""
        limits = [self._time()] if self.minutes is not None else []
        limits += [counted(self.runs, "run")] if self.runs is not None else []
        return " or ".join(limits)

    def _time(self) -> str:
        times = f"{self.places} × " if self.places > 1 else ""
        return f"{times}{self.minutes:g} minutes"
