"""Remarks of rules about spots of a corpus, and the findings in a report."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

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
