"""The report as a Markdown document: tables, and some examples of each kind of mistake.

Characters of texts and labels that Markdown would interpret become character references, which
every reader of CommonMark shows as those characters.
"""

from __future__ import annotations

from itertools import islice

from markupsafe import Markup

from nerine.core.display import escaped, escaped_line
from nerine.evaluation.report import tables
from nerine.evaluation.report.content import Report
from nerine.evaluation.report.examples import examples
from nerine.evaluation.report.rendering import environment

_EXAMPLES_OF_A_KIND = 8


def to_markdown(report: Report) -> str:
    """The report as a Markdown document."""
    analysis = report.evaluation.analysis
    mistakes = {}
    for kind, count in analysis.by_kind.items():
        if count and kind != "correct":
            outcomes = (outcome for outcome in analysis.outcomes if outcome.kind == kind)
            mistakes[kind] = [*examples(report, islice(outcomes, _EXAMPLES_OF_A_KIND))]
    template = environment(markdown_safe).get_template("report.md")
    text = template.render(
        report=report,
        tables=tables,
        line=lambda text: Markup(escaped_line(text)),  # noqa: S704  escaped as Markdown
        mistakes=mistakes,
    )
    return text.rstrip("\n") + "\n"


def markdown_safe(text: str) -> Markup:
    """A value as Markdown that shows only that value."""
    return Markup(escaped(str(text)))  # noqa: S704  escaped as Markdown
