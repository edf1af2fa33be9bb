"""Checks of a corpus: rules that find what is wrong with it before a model is trained on it.

::

    corpus = load_corpus("wnut17/", options=ReadOptions(repair=True), for_checking=True)
    report = check_corpus(corpus, off=["near-repeat"])
    for finding in report.findings:
        print(finding.severity, finding.place, finding.message)

============================================  =========================================
module                                        contents
============================================  =========================================
`check`                                       `check_corpus` and its report
`findings`, `rule`                            `Finding`, `Rule`, and the remarks of rules
`view`                                        the view of the corpus that rules get
`tags`, `duplicates`, `entities`              rules about labels
`surfaces`, `boundaries`                      rules about one form, labelled in several ways
`proportions`, `characters`, `coverage`       rules about numbers, characters, subwords
`similarity`, `mojibake`, `subwords`          helpers of these rules
============================================  =========================================

A rule is a function from a `View` to remarks. Rules do not change the corpus.
"""

from nerine.curation.checks.check import RULES, CheckReport, check_corpus
from nerine.curation.checks.findings import SEVERITIES, Finding, Severity
from nerine.curation.checks.rule import Rule

__all__ = ["RULES", "SEVERITIES", "CheckReport", "Finding", "Rule", "Severity", "check_corpus"]
