"""A checkpoint's records → the text of its model card.

==================  ===========================================================================
module              what lives there
==================  ===========================================================================
`statements`        what only a person can say of a checkpoint: licence, language, intended use
`results`           which evaluations are reported, and which comes first
`metadata`          the YAML that the hub reads
`snippets`          code that uses the checkpoint, as it stands
`scores`, `making`  the card's sections on how good the checkpoint is, and how it was made
`writing`           `CardRecord` → `Card`
==================  ===========================================================================
"""

from nerine.publishing.card.statements import Statements, read_statements
from nerine.publishing.card.writing import Card, CardRecord, write_card

__all__ = [
    "Card",
    "CardRecord",
    "Statements",
    "read_statements",
    "write_card",
]
