"""What a check finds: where something stands, what is said of it, and how bad that is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from nerine.checks.view import View

Severity = Literal["error", "warning", "note"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""From the worst to the mildest. An error is wrong whatever the corpus is for; a warning is most
likely wrong; a note is to be known."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A split, a document of it, and the code points `[start, end)` of that document's text.

    `place` is stated where something else than the document knows it.
    """

    split: str | None = None
    document: int | None = None
    start: int | None = None
    end: int | None = None
    place: str | None = None


@dataclass(frozen=True, slots=True)
class Remark:
    """What a rule says of a spot. `others` are the spots that it is compared with."""

    message: str
    spot: Spot
    others: tuple[Spot, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """A remark with its rule and its place, `file:line` where the corpus comes from files.

    - `split`, `document`: which document, by its index in the split; None if it is about more.
    - `start`, `end`: half-open range of code points of the document's text.
    - `others`: the places of what it is compared with; the message names the first few.
    """

    rule: str
    severity: Severity
    place: str
    message: str
    split: str | None = None
    document: int | None = None
    start: int | None = None
    end: int | None = None
    others: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON holds it."""
        return {**asdict(self), "others": list(self.others)}


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: its stable name, how bad a breach is, what it says, and the function that looks.

    `needs_encoder`: it looks at subwords, and runs only where an encoder is named.
    """

    name: str
    severity: Severity
    meaning: str
    find: Callable[[View], Iterator[Remark]]
    needs_encoder: bool = False

    def findings(self, view: View) -> Iterator[Finding]:
        """What the rule finds, in the order of the corpus."""
        for remark in self.find(view):
            spot = remark.spot
            yield Finding(
                self.name,
                self.severity,
                view.place(spot),
                remark.message,
                spot.split,
                spot.document,
                spot.start,
                spot.end,
                tuple(view.place(other) for other in remark.others),
            )
