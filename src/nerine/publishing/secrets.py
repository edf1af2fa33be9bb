"""The search for tokens and keys in files that are about to be published.

A secret is reported by file, line and kind, and never shown.
"""

from __future__ import annotations

import re
from pathlib import Path

from nerine.core.errors import CheckpointError
from nerine.hub.errors import login_token

_KINDS = {
    "a token of the Hugging Face hub": r"(?:hf|api_org)_[A-Za-z0-9]{20,}",
    "an access key of AWS": r"A[KS]IA[0-9A-Z]{16}(?![0-9A-Za-z])",
    "a token of GitHub": r"gh[opsur]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22,}",
    "a token of GitLab": r"glpat-[A-Za-z0-9_-]{20,}",
    "a key of an API (sk-…)": r"sk-(?:[a-z0-9]{2,10}-)*[A-Za-z0-9_]{20,}",
    "a key of Google Cloud": r"AIza[0-9A-Za-z_-]{35}",
    "a token of Slack": r"xox[abposr]-[0-9A-Za-z-]{10,}",
    "a token of PyPI": r"pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{20,}",
    "a private key": r"BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY-----",
}
# the first letters of all kinds come first, as most words are passed over by them
_SECRET = re.compile(rf"\b(?=[aghpsxAB])(?:({')|('.join(_KINDS.values())}))".encode())
_SHORTEST_TOKEN = 8

_BINARY = (".safetensors", ".onnx")
_HEADER_BYTES = 1 << 20


def check_no_secret(content: Path | bytes, place: str) -> None:
    """Raises `CheckpointError` if a file or a text contains a secret.

    Of weights and ONNX models, only the first MiB is searched, which has the names and metadata.
    """
    if isinstance(content, Path):
        with content.open("rb") as stream:
            content = stream.read(_HEADER_BYTES if content.suffix in _BINARY else -1)
    token = (login_token() or "").encode()
    own = content.find(token) if len(token) >= _SHORTEST_TOKEN else -1
    found = _SECRET.search(content)
    if own >= 0:
        kind, position = "the token of your login", own
    elif found:
        kind, position = [*_KINDS][(found.lastindex or 0) - 1], found.start()
    else:
        return
    line = content.count(b"\n", 0, position) + 1
    raise CheckpointError(
        f"a file or text to be published contains {kind}",
        place=f"{place}:{line}",
        expected="files and texts without tokens and keys",
        hint="remove it, and revoke it where it was issued if anybody else may have seen it",
    )
