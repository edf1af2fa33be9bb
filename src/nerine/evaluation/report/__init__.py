"""The report on a prediction: scores, their breakdowns, and each mistake in its context.

==================  ============================================================================
module              what it holds
==================  ============================================================================
`content`           `Report`: the figures and documents, and the report as JSON
`tables`            tables of a report, for HTML and Markdown alike
`examples`          outcomes with the text around them
`charts`            SVG charts; `figures` draws a report's figures with them
`rendering`         Jinja environments for HTML and Markdown, which escape every value
`page`, `markdown`  `to_html` and `to_markdown`
`templates/`        the Jinja templates, style and script
==================  ============================================================================
"""

from nerine.evaluation.report.content import Report, make_report
from nerine.evaluation.report.markdown import to_markdown
from nerine.evaluation.report.page import to_html

__all__ = ["Report", "make_report", "to_html", "to_markdown"]
