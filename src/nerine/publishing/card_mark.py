"""The last line of a model card, by which a later push recognizes that nobody has edited it.

The line contains a hash of the text above it. A card that a person has edited on the hub does not
match its hash, and is not replaced without being asked.
"""

from __future__ import annotations

import hashlib
import re

_MARK = re.compile(rb"<!-- written by nerine push; sha256 of the above: ([0-9a-f]{64}) -->\s*")


def marked(card: str, comment: str = "") -> bytes:
    """The card in UTF-8 with the line, and a comment above it."""
    text = "\n\n".join(filter(None, (card.rstrip("\n"), comment))) + "\n\n"
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"{text}<!-- written by nerine push; sha256 of the above: {digest} -->\n".encode()


def is_unedited(card: bytes) -> bool:
    """Whether a card is as a push wrote it; line ends may differ, as the hub's editor sets them."""
    text = card.replace(b"\r\n", b"\n")
    found = [*_MARK.finditer(text)]
    if not found or found[-1].end() != len(text):
        return False
    return found[-1][1].decode() == hashlib.sha256(text[: found[-1].start()]).hexdigest()
