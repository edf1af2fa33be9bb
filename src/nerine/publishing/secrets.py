"""Tokens and keys in what is about to be published.

Files are looked through whole, weights too: a token may stand in a header, in metadata, or in
the place of a parameter's name. What is found is named by file, line and kind, and never shown.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from nerine.hub.errors import login_token
from nerine.hub.files import chunks

_LONGEST = 1 << 12
"""No secret is looked for that takes more bytes than this before it is known for one."""

_SHORTEST_TOKEN = 8


@dataclass(frozen=True, slots=True)
class Secret:
    """That something secret stands in a file: of which kind, and in which line, from 1."""

    kind: str
    line: int


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A kind of secret: `start` is looked for first, since that is quick, then the `whole`.

    A letter or a digit before one that stands `apart` makes it a part of another word.
    """

    kind: str
    start: bytes
    whole: re.Pattern[bytes]
    apart: bool = True

    def places(self, text: bytes) -> Iterator[int]:
        """Where such secrets begin in `text`."""
        place = text.find(self.start)
        while place >= 0:
            inside = self.apart and place > 0 and text[place - 1] in _IN_WORDS
            if not inside and self.whole.match(text, place):
                yield place
            place = text.find(self.start, place + 1)


def _pattern(kind: str, start: bytes, rest: bytes) -> _Pattern:
    return _Pattern(kind, start, re.compile(re.escape(start) + rest))


_IN_WORDS = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz")


_KINDS = (
    _pattern("a token of the Hugging Face hub", b"hf_", rb"[A-Za-z0-9]{20,}"),
    _pattern("a token of the Hugging Face hub", b"api_org_", rb"[A-Za-z0-9]{20,}"),
    _pattern("an access key of AWS", b"AKIA", rb"[0-9A-Z]{16}(?![0-9A-Za-z])"),
    _pattern("an access key of AWS", b"ASIA", rb"[0-9A-Z]{16}(?![0-9A-Za-z])"),
    _pattern("a token of GitHub", b"gh", rb"[opsur]_[A-Za-z0-9]{36}"),
    _pattern("a token of GitHub", b"github_pat_", rb"[A-Za-z0-9_]{22,}"),
    _pattern("a token of GitLab", b"glpat-", rb"[A-Za-z0-9_-]{20,}"),
    _pattern("a key of an API (sk-…)", b"sk-", rb"(?:[a-z0-9]{2,10}-)*[A-Za-z0-9_]{20,}"),
    _pattern("a key of Google Cloud", b"AIza", rb"[0-9A-Za-z_-]{35}"),
    _pattern("a token of Slack", b"xox", rb"[abposr]-[0-9A-Za-z-]{10,}"),
    _pattern("a token of PyPI", b"pypi-", rb"AgEIcHlwaS5vcmc[A-Za-z0-9_-]{20,}"),
    _pattern("a private key", b"-----BEGIN ", rb"(?:[A-Z0-9]+ ){0,3}PRIVATE KEY-----"),
)


class Searcher:
    """Looks for the kinds above, and for the login's own token in several forms.

    The token is asked for once, and kept nowhere else.
    """

    def __init__(self) -> None:
        forms = [(form, re.compile(re.escape(form))) for form in _forms(login_token())]
        own = (_Pattern("your own login's token", *form, apart=False) for form in forms)
        self._patterns = (*own, *_KINDS)

    def look_through(self, content: Path | bytes) -> tuple[str, tuple[Secret, ...]]:
        """The SHA-256 of a file or of some bytes, in hexadecimal, and the secrets in it.

        The content is read once, and never held whole.
        """
        digest = hashlib.sha256()
        found: dict[tuple[str, int], Secret] = {}
        held, lines = b"", 1
        for piece in chunks(content):
            digest.update(piece)
            window = held + piece
            for pattern in self._patterns:
                for place in pattern.places(window):
                    line = lines + window.count(b"\n", 0, place)
                    found.setdefault((pattern.kind, line), Secret(pattern.kind, line))
            keep = max(0, len(window) - _LONGEST)
            lines += window.count(b"\n", 0, keep)
            held = window[keep:]
        return digest.hexdigest(), tuple(sorted(found.values(), key=lambda each: each.line))


def _forms(token: str | None) -> Iterable[bytes]:
    """The token as it is, in UTF-16, percent-encoded, in hexadecimal and in base64."""
    if token is None or len(token) < _SHORTEST_TOKEN:
        return ()
    plain = token.encode()
    forms = [plain, token.encode("utf-16-le"), token.encode("utf-16-be"), quote(token).encode()]
    forms += [plain.hex().encode(), plain.hex().upper().encode(), *_in_base64(plain)]
    return dict.fromkeys(forms)


def _in_base64(plain: bytes) -> Iterator[bytes]:
    """What is the same in base64 of every text that has `plain` in it, for its three positions."""
    for before in range(3):
        first, last = (8 * before + 5) // 6, (8 * (before + len(plain))) // 6
        text = base64.b64encode(bytes(before) + plain)[first:last]
        yield text
        yield text.translate(bytes.maketrans(b"+/", b"-_"))
