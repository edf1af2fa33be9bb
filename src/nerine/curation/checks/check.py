"""Check a corpus by rules, and report the findings."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from nerine.core.arguments import checked
from nerine.core.display import counted
from nerine.core.errors import SettingsError
from nerine.core.shown import Grid, Shown
from nerine.curation.checks import (
    boundaries,
    characters,
    coverage,
    duplicates,
    entities,
    files,
    proportions,
    surfaces,
    tags,
)
from nerine.curation.checks.findings import SEVERITIES, Finding, Severity
from nerine.curation.checks.rule import Rule
from nerine.curation.checks.subwords import load_subwords
from nerine.curation.checks.view import View
from nerine.data.corpus import Corpus, load_corpus
from nerine.data.corpus.given import CorpusLike
from nerine.data.formats import ReadOptions

RULES = {
    rule.name: rule
    for module in (
        files,
        tags,
        duplicates,
        surfaces,
        boundaries,
        entities,
        proportions,
        characters,
        coverage,
    )
    for rule in module.RULES
}
"""All rules by their names, in the order in which they run."""


_MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class CheckReport(Shown):
    """The findings in a corpus.

    `str`, and a notebook, show the number of findings of each rule, and the first ones.

    Attributes:
        source: The source of the corpus.
        rules: The rules that ran, in their order.
        findings: Their findings, in the order of the rules and, within a rule, of the corpus.
    """

    source: str
    rules: tuple[Rule, ...]
    findings: tuple[Finding, ...]

    def of(self, rule: str) -> tuple[Finding, ...]:
        """The findings of the rule with this name."""
        return tuple(finding for finding in self.findings if finding.rule == rule)

    def count(self, severity: Severity) -> int:
        """The number of findings with a severity."""
        return sum(finding.severity == severity for finding in self.findings)

    def reaches(self, severity: Severity) -> bool:
        """Whether any finding has this severity or a worse one."""
        bad = SEVERITIES[: SEVERITIES.index(severity) + 1]
        return any(finding.severity in bad for finding in self.findings)

    def shown_parts(self) -> list[Grid | str]:
        """The counts, the rules that found something, and the first findings."""
        counts = ", ".join(counted(self.count(each), each) for each in SEVERITIES)
        summary = f"{self.source}: {counts}, by {counted(len(self.rules), 'rule')}"
        if not self.findings:
            return [summary]
        rules = [
            (rule.severity, rule.name, rule.meaning, f"{len(self.of(rule.name)):,}")
            for rule in self.rules
            if self.of(rule.name)
        ]
        shown = self.findings[:_MOST_SHOWN]
        rest = len(self.findings) - len(shown)
        return [
            summary,
            Grid("Rules", ("severity", "rule", "meaning", "findings"), rules, texts=3),
            Grid(
                "Findings",
                ("severity", "place", "message"),
                [(each.severity, each.place, each.message) for each in shown],
                texts=3,
            ),
            *([f"… and {rest:,} more in `findings`"] if rest else []),
        ]

    def to_dict(self) -> dict[str, Any]:
        """The report for JSON."""
        return {
            "source": self.source,
            "counts": {severity: self.count(severity) for severity in SEVERITIES},
            "rules": [
                {
                    "name": rule.name,
                    "severity": rule.severity,
                    "meaning": rule.meaning,
                    "findings": len(self.of(rule.name)),
                }
                for rule in self.rules
            ],
            "findings": [finding.to_dict() for finding in self.findings],
        }


@checked
def check_corpus(
    corpus: CorpusLike,
    *,
    off: Collection[str] = (),
    only: Collection[str] = (),
    encoder: str | None = None,
    revision: str | None = None,
) -> CheckReport:
    """Checks a corpus by all rules, or by some of them.

    Broken tags are found in a corpus that was read with `ReadOptions(repair=True)`, lines that
    cannot be read and labels missing from the training split in one that was loaded with
    `for_checking=True`.

    Args:
        corpus: The corpus, which is not changed. One that is named as for `load_corpus` is read as
            by `nerine check`: with repairs, and without the lines that cannot be read.
        off: The names of rules that do not run.
        only: The names of the only rules that run; all if empty.
        encoder: A hub id, a folder or `package:NAME`: adds the rules about subwords. Only its
            tokenizer is loaded.
        revision: The encoder's branch, tag or commit on the hub.

    Returns:
        The findings of each rule.

    Raises:
        ArgumentError: If an argument has another type.
        SettingsError: If a name is not the name of a rule.
        CheckpointError: If the encoder does not exist or cannot be used.
        EncodingError: If the tokenizer gives no character offsets.
        HubError: If the encoder cannot be reached.
        MissingExtraError: If the encoder is in a package that is not installed.
    """
    if not isinstance(corpus, Corpus):
        corpus = load_corpus(corpus, options=ReadOptions(repair=True), for_checking=True)
    for name in [*off, *only]:
        if name not in RULES:
            near = difflib.get_close_matches(name, RULES, n=1, cutoff=0)
            raise SettingsError(
                f"no rule is called {name!r}",
                expected=f"one of {', '.join(RULES)}",
                hint=f"the nearest one is {near[0]!r}" if near else None,
            )
    for name in only:
        if RULES[name].needs_encoder and encoder is None:
            raise SettingsError(
                f"the rule {name!r} looks at subwords, and no encoder is named",
                hint="name one with --encoder (encoder=…)",
            )
    rules = tuple(
        rule
        for name, rule in RULES.items()
        if name not in off
        and (name in only or not only)
        and (encoder is not None or not rule.needs_encoder)
    )
    subwords = None if encoder is None else load_subwords(encoder, revision=revision)
    view = View(corpus, subwords)
    findings = tuple(finding for rule in rules for finding in rule.findings(view))
    return CheckReport(corpus.source, rules, findings)
