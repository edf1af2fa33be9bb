"""A report on predictions: scores, what they are made of, and each mistake in its context.

======================  ===========================================================
module                  what lives there
======================  ===========================================================
`content`               `Report` and how it is made
`contexts`              outcomes with the text around them
`words`                 words and numbers that every form of the report shows alike
`elements`              elements of HTML and SVG, escaped as they are made
`charts`                charts as SVG
`sections`, `explorer`  the parts of the page
`page`                  the page: one file that needs nothing else
`markdown`              the same content as a Markdown document
======================  ===========================================================

This room makes strings; who asks for them writes them.
"""

from nerine.evaluation.report.content import Report, make_report
from nerine.evaluation.report.markdown import to_markdown
from nerine.evaluation.report.page import to_html

__all__ = ["Report", "make_report", "to_html", "to_markdown"]
