"""Documents → folds."""

from __future__ import annotations

import random
from collections.abc import Sequence

from nerine.document import Document
from nerine.errors import CorpusError


def folds(documents: Sequence[Document], k: int, seed: int = 0) -> list[list[int]]:
    """The indices of `documents` in `k` parts of about one size. Equal texts stay together."""
    groups: dict[str, list[int]] = {}
    for index, document in enumerate(documents):
        groups.setdefault(document.text, []).append(index)
    if not 2 <= k <= len(groups):
        raise CorpusError(
            f"{len(groups)} different texts cannot be divided into {k} folds",
            expected=f"from 2 to {len(groups)} folds",
        )
    ordered = sorted(groups)
    random.Random(seed).shuffle(ordered)  # noqa: S311 - a seeded choice, no secret
    parts: list[list[int]] = [[] for _ in range(k)]
    for text in ordered:
        min(parts, key=len).extend(groups[text])
    return [sorted(part) for part in parts]
