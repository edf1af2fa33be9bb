"""Tag schemes: notations of entities as a sequence of tags, one a word. Entities do not overlap.

======  =====================================  ===================================================
scheme  an entity of one word, of two, three   note
======  =====================================  ===================================================
IOB1    `I`, `I I`, `I I I`                    `B` only directly after an entity of the same label
IOB2    `B`, `B I`, `B I I`                    usually called BIO
BIOES   `S`, `B E`, `B I E`
BILOU   `U`, `B L`, `B I L`                    BIOES with other letters
======  =====================================  ===================================================

A tag is `O` or a prefix, a hyphen and a label: `B-creative-work`. IOB1 is that of Ramshaw & Marcus
(1995); Tjong Kim Sang & Veenstra (1999) compare it with IOB2, and Ratinov & Roth (2009) with BILOU.
"""

from __future__ import annotations

from nerine.core.tags.notation import (
    IO,
    Notation,
    ReadScheme,
    TagSurvey,
    bracketed_spans,
    detect_notation,
    has_affix,
    read_scheme,
)
from nerine.core.tags.reading import Reading
from nerine.core.tags.scheme import (
    Fault,
    TagScheme,
    Transitions,
    bounding_scheme,
    detect_scheme,
)
from nerine.core.tags.tag import OUTSIDE, Span, Tag, are_tags, is_tag, parse_tag

__all__ = [
    "IO",
    "OUTSIDE",
    "Fault",
    "Notation",
    "ReadScheme",
    "Reading",
    "Span",
    "Tag",
    "TagScheme",
    "TagSurvey",
    "Transitions",
    "are_tags",
    "bounding_scheme",
    "bracketed_spans",
    "detect_notation",
    "detect_scheme",
    "has_affix",
    "is_tag",
    "parse_tag",
    "read_scheme",
]
