"""The scheme of tag sequences, detected from their letters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nerine.core.tags.scheme import TagScheme
from nerine.core.tags.tag import OUTSIDE, Tag, parse_tag


def detect_scheme(sequences: Iterable[Sequence[str]]) -> TagScheme:
    """The scheme of tag sequences.

    BIOES and BILOU have letters of their own. Otherwise it is IOB1 if entities begin with `I-` and
    every `B-` is one that IOB1 demands, and IOB2 if not.
    """
    letters: set[str] = set()
    starts_with_inside = starts_with_begin = False
    for tags in sequences:
        previous = Tag(OUTSIDE, "")
        for tag in tags:
            parsed = parse_tag(tag)
            letters.add(tag[0])
            apart = previous.label != parsed.label
            starts_with_inside |= parsed.kind == "I" and apart
            starts_with_begin |= parsed.kind == "B" and apart
            previous = parsed
    if letters & set("LU"):
        return TagScheme.BILOU
    if letters & set("ES"):
        return TagScheme.BIOES
    return TagScheme.IOB1 if starts_with_inside and not starts_with_begin else TagScheme.IOB2
