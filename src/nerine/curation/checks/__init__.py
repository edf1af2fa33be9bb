"""What is wrong with a corpus, found before somebody trains on it.

::

    corpus = load_corpus("wnut17/", options=ReadOptions(repair=True), known_labels_only=False)
    report = check_corpus(corpus, off=["near-repeat"])
    for finding in report.findings:
        print(finding.severity, finding.place, finding.message)

============================================  =========================================
module                                        what lives there
============================================  =========================================
`findings`                                    `Finding`, `Rule`, and what rules say
`view`                                        the corpus as rules look at it
`registry`                                    all rules by their names
`tags`, `duplicates`, `surfaces`, `entities`  rules about what is labelled, and how
`proportions`, `characters`, `coverage`       rules about numbers, characters, subwords
`similarity`, `mojibake`, `subwords`          what some of them need
============================================  =========================================

A rule is a function from a `View` to remarks. Nothing of the corpus is changed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from nerine.curation.checks.findings import SEVERITIES, Finding, Rule, Severity
from nerine.curation.checks.registry import RULES, chosen_rules
from nerine.curation.checks.subwords import load_subwords
from nerine.curation.checks.view import View
from nerine.data.corpus import Corpus

__all__ = ["RULES", "SEVERITIES", "CheckReport", "Finding", "Rule", "Severity", "check_corpus"]


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What was found in a corpus.

    Attributes:
        source: What the corpus was loaded from.
        rules: The rules that looked, in their order.
        findings: What they found, in the order of the rules, and of the corpus for each rule.
    """

    source: str
    rules: tuple[Rule, ...]
    findings: tuple[Finding, ...]

    def of(self, rule: str) -> tuple[Finding, ...]:
        """The findings of one rule.

        Args:
            rule: The rule's name.
        """
        return tuple(each for each in self.findings if each.rule == rule)

    def count(self, severity: Severity) -> int:
        """How many findings have a severity.

        Args:
            severity: The severity.
        """
        return sum(each.severity == severity for each in self.findings)

    def reaches(self, severity: Severity) -> bool:
        """Whether a finding is as bad as a severity, or worse.

        Args:
            severity: The severity.

        Returns:
            False where all findings are milder, or there are none.
        """
        bad = SEVERITIES[: SEVERITIES.index(severity) + 1]
        return any(each.severity in bad for each in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON holds it."""
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
            "findings": [each.to_dict() for each in self.findings],
        }


def check_corpus(
    corpus: Corpus,
    *,
    off: Collection[str] = (),
    only: Collection[str] = (),
    encoder: str | None = None,
    revision: str | None = None,
) -> CheckReport:
    """Looks for what is wrong with a corpus, or strange.

    Broken tags are found in a corpus that was read with `ReadOptions(repair=True)`, labels that
    training lacks in one that was loaded with `known_labels_only=False`.

    Args:
        corpus: The corpus; it is not changed.
        off: The names of rules that do not run.
        only: The names of those that alone do.
        encoder: A hub id, a folder or `package:NAME`: adds the rules about subwords. Its tokenizer
            alone is loaded.
        revision: The encoder's branch, tag or commit on the hub.

    Returns:
        What each rule found.

    Raises:
        SettingsError: For a name that no rule has.
        CheckpointError: For an encoder that is not there or cannot be used.
        EncodingError: For a tokenizer that gives no character offsets.
        HubError: For an encoder that cannot be reached.
        MissingExtraError: For an encoder of a package that is not installed.
    """
    rules = chosen_rules(off, only, has_encoder=encoder is not None)
    subwords = None if encoder is None else load_subwords(encoder, revision=revision)
    view = View(corpus, subwords)
    return CheckReport(
        corpus.source,
        rules,
        tuple(finding for rule in rules for finding in rule.findings(view)),
    )
