"""A rule of the check: its name, its severity, and the function that finds its faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nerine.curation.checks.findings import Finding, Remark, Severity
from nerine.curation.checks.view import View


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
