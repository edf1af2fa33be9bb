"""Model cards.

==================  ===========================================================================
module              what it holds
==================  ===========================================================================
`statements`        `Statements`: licence, languages and other facts that only a person knows
`results`           the evaluations that a card reports, the most telling first
`metadata`          the YAML that the hub reads
`facts`             the facts of a card as one dictionary of Markdown
`writing`           `write_card`, which fills a Jinja template with the facts
==================  ===========================================================================
"""

from nerine.publishing.card.statements import Statements, read_statements
from nerine.publishing.card.writing import Card, write_card

__all__ = ["Card", "Statements", "read_statements", "write_card"]
