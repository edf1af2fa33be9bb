"""The choice among a checkpoint's variants: the fastest of those that are good enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nerine.core.errors import SettingsError
from nerine.serving.optimization.measuring import Measurement

TOLERANCE = 0.3
"""Points of F1, of 100, that a variant may lose against PyTorch."""

# Differences of F1 are sums of rounded numbers.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Choice:
    """The variant to use.

    Attributes:
        chosen: Its name.
        good_enough: The names of all variants that are good enough.
        reasons: Why each of the others is not used.
    """

    chosen: str
    good_enough: tuple[str, ...]
    reasons: Mapping[str, str]


def check_tolerance(tolerance: float) -> None:
    """Raises `SettingsError` for a tolerance that is not from 0 to 100."""
    if not 0 <= tolerance <= 100:
        raise SettingsError(
            f"{tolerance} is not a valid tolerance",
            place="tolerance",
            expected="points of F1, from 0 to 100",
        )


def choose(measurements: Sequence[Measurement], tolerance: float = TOLERANCE) -> Choice:
    """Chooses among measurements. The first one is of PyTorch, the most exact variant.

    A variant is good enough if its F1 is at most `tolerance` points below that of the first. Of
    those, the fastest is chosen, and of two equally fast ones the more exact.
    """
    reference = measurements[0]
    lost = {each.variant: 100 * (reference.f1 - each.f1) for each in measurements}
    good = [each for each in measurements if lost[each.variant] <= tolerance + _ROUNDING]
    best = max(good, key=lambda each: each.rate)  # the first of equals
    counts = reference.agreement.counts
    entity = 200 / ((counts.gold + counts.predicted) or 1)
    grain = f"; one entity more or less is {entity:.2f} points here" if entity > tolerance else ""
    reasons = {
        each.variant: f"it tags {each.rate:.0f} documents a second, {best.variant} {best.rate:.0f}"
        if each in good
        else f"its F1 is {lost[each.variant]:.2f} points below {reference.variant}'s, "
        f"and {tolerance:g} are tolerated{grain}"
        for each in measurements
        if each is not best
    }
    return Choice(best.variant, tuple(each.variant for each in good), reasons)
