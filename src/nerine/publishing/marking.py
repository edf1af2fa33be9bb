"""A line at the end of a card by which a later push knows it again.

The line has a hash of what stands above it: a card that a person has edited on the hub is told
from one that was written here, and is not replaced in silence.
"""

from __future__ import annotations

import hashlib
import re

_MARK = re.compile(rb"<!-- written by nerine push; sha256 of the above: ([0-9a-f]{64}) -->\s*")


def marked(card: str) -> bytes:
    """The card in UTF-8 with the line."""
    text = card.rstrip("\n") + "\n\n"
    return f"{text}<!-- written by nerine push; sha256 of the above: {_hash(text)} -->\n".encode()


def is_untouched(card: bytes) -> bool:
    """Whether a card is just as a push wrote it."""
    # the hub's editor may have changed the ends of lines alone
    text = card.replace(b"\r\n", b"\n")
    found = [*_MARK.finditer(text)]
    if not found or found[-1].end() != len(text):
        return False
    above = text[: found[-1].start()].decode(errors="replace")
    return found[-1][1].decode() == _hash(above)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
