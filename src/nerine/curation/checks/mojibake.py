"""UTF-8 that was read as Windows-1252 or Latin-1, found by decoding it again.

A character of UTF-8 that is not ASCII is two to four bytes: a lead and continuations from 0x80 to
0xBF. Read byte by byte, they become a letter such as `Ã` or `â` and signs such as `©` or `€`, which
hardly ever stand together otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_BYTES = {
    **{chr(byte): byte for byte in range(0x80, 0x100)},
    **{bytes([byte]).decode("cp1252", "ignore") or chr(byte): byte for byte in range(0x80, 0x100)},
}
"""The byte of each character that Windows-1252, or Latin-1 where it has none, reads."""
_CONTINUATION = "".join(sorted(char for char, byte in _BYTES.items() if byte < 0xC0))
_NEXT = f"[{re.escape(_CONTINUATION)}]"

# One character of two bytes is enough if its lead is that of Latin-1's letters and signs. Other
# leads are letters that do stand before quotes, so they need company.
_SURE = rf"[ÂÃ]{_NEXT}|â{_NEXT}{{2}}|ð[Ÿ\x9f]{_NEXT}{{2}}|ï[»¼]{_NEXT}"
_RUN = re.compile(rf"(?:{_SURE})(?:{_SURE}|[Â-ß]{_NEXT})*|(?:[Â-ß]{_NEXT}|{_SURE}){{3,}}")


def repaired_runs(text: str) -> Iterator[tuple[int, int, str]]:
    """Each run of wrongly read UTF-8: its half-open range, and the text that was meant.

    A single pair after a capital is not reported: `IRMû` is a word and a closing quote.
    """
    if text.isascii():
        return
    for match in _RUN.finditer(text):
        start, end = match.span()
        if end - start == 2 and text[:start][-1:].isupper():
            continue
        try:
            meant = bytes(_BYTES[char] for char in match[0]).decode()
        except UnicodeDecodeError:
            continue
        yield start, end, meant
