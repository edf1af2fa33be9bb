"""What a check finds: where something stands, what is said of it, and how bad that is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from nerine.curation.checks.view import View

Severity = Literal["error", "warning", "note"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""From the worst to the mildest. An error is wrong whatever the corpus is for; a warning is most
likely wrong; a note is to be known."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a corpus; what is None is left open.

    Attributes:
        split: A split.
        document: The index of a document in it.
        start: The first code point of a part of its text.
        end: The code point behind the last one.
        place: Such as `file:line`, where something else than the document knows it.
    """

    split: str | None = None
    document: int | None = None
    start: int | None = None
    end: int | None = None
    place: str | None = None


@dataclass(frozen=True, slots=True)
class Remark:
    """What a rule says of a spot.

    Attributes:
        message: What is wrong.
        spot: Where.
        others: The spots that it is compared with.
    """

    message: str
    spot: Spot
    others: tuple[Spot, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """A remark with its rule and its place.

    Attributes:
        rule: The name of the rule.
        severity: How bad it is.
        place: `file:line` where the corpus comes from files.
        message: What is wrong.
        split: The split; None if it is about more.
        document: The index of the document in the split; None if it is about more.
        start: The first code point in the document's text; None if it is about more.
        end: The code point behind the last one.
        others: The places of what it is compared with; the message names the first few.
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
    """Something that is looked for in a corpus.

    Attributes:
        name: Its stable name.
        severity: How bad a breach is.
        meaning: What it says.
        find: The function that looks.
        needs_encoder: Whether it looks at subwords, and so runs only where an encoder is named.
    """

    name: str
    severity: Severity
    meaning: str
    find: Callable[[View], Iterator[Remark]]
    needs_encoder: bool = False

    def findings(self, view: View) -> Iterator[Finding]:
        """What the rule finds.

        Args:
            view: The corpus, as rules look at it.

        Yields:
            The findings, in the order of the corpus.
        """
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
