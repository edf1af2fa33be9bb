"""Rules, their remarks about spots of a corpus, and the findings in a report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from nerine.curation.checks.view import View

Severity = Literal["error", "warning", "note"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""From the worst to the mildest. An error is wrong in any corpus; a warning is most likely wrong;
a note is good to know."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a corpus; None leaves a part of it open.

    Attributes:
        split: The split.
        document: The index of a document in the split.
        start: The first code point of a range of its text.
        end: The end of the range, exclusive.
        place: A place such as `file:line`, if only the reader of the file knows it.
    """

    split: str | None = None
    document: int | None = None
    start: int | None = None
    end: int | None = None
    place: str | None = None


@dataclass(frozen=True, slots=True)
class Remark:
    """The message of a rule about a spot, with the other spots that it is compared with."""

    message: str
    spot: Spot
    others: tuple[Spot, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault of a corpus, with its rule and its place.

    Attributes:
        rule: The name of the rule.
        severity: The severity of the rule.
        place: `file:line` if the corpus comes from files.
        message: The fault.
        split: The split; None if the finding concerns several.
        document: The index of the document in the split; None if the finding concerns several.
        start: The first code point in the document's text; None if the finding concerns all of it.
        end: The end of the range, exclusive.
        others: The places that it is compared with; the message names the first few.
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
        """The finding for JSON."""
        return {**asdict(self), "others": list(self.others)}


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the check.

    Attributes:
        name: Its stable name.
        severity: The severity of its findings.
        meaning: The fault that it finds, in a few words.
        find: The function that finds it.
        needs_encoder: Whether it looks at subwords, so that it runs only with an encoder.
    """

    name: str
    severity: Severity
    meaning: str
    find: Callable[[View], Iterator[Remark]]
    needs_encoder: bool = False

    def findings(self, view: View) -> Iterator[Finding]:
        """The findings of the rule, in the order of the corpus."""
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
