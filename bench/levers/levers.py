"""The levers: what each of them changes, and the corpora that it could change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ALL = ("ai", "politics", "wnut", "ncbi", "btc")
SMALL = ("ai", "politics")
SHOTS = tuple(f"{corpus}-{count}-a-label" for corpus in SMALL for count in (5, 20))
"""Corpora with so many sentences a label, drawn with the seed of the run."""

PLAN = "plan"
"""The lever that changes nothing, to which the others are compared."""
BIAS = "bias"
"""A bias of `O` on the model of the plan: fitted on one half of validation, scored on the other."""


@dataclass(frozen=True, slots=True)
class Lever:
    """A change of the plan.

    Attributes:
        changes: Settings by name.
        corpora: The corpora that it is tried on.
    """

    changes: Mapping[str, Any] = field(default_factory=dict)
    corpora: tuple[str, ...] = ALL


_SWAPPED = {"variants": 4, "swapping": 0.3}

LEVERS: Mapping[str, Lever] = {
    PLAN: Lever(corpora=(*SHOTS, *ALL)),
    "label-names": Lever({"head_start": "names"}, (*SHOTS, *ALL)),
    "swapping": Lever(_SWAPPED, (*SHOTS, *ALL)),
    "r-drop": Lever({"r_drop": 1.0}, (*SHOTS, *ALL)),
    "symbols": Lever({"variants": 2, "symbol_noise": 0.2}, ("wnut", "btc")),
}
