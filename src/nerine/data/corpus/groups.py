"""Documents that belong together, and so must not be torn apart by a split."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

from nerine.core.document import Document


def groups_of(documents: Sequence[Document], breaks: Collection[int] = ()) -> list[list[int]]:
    """Indices of documents that belong together: of one `-DOCSTART-` article, or of one text.

    An article ends before each index in `breaks`, too: where another file begins.
    """
    leader = list(range(len(documents)))

    def find(index: int) -> int:
        while leader[index] != index:
            leader[index] = leader[leader[index]]
            index = leader[index]
        return index

    article: int | None = None
    first_with: dict[str, int] = {}
    for index, document in enumerate(documents):
        article = None if index in breaks else article
        article = index if "docstart" in document.meta else article
        if article is not None:
            leader[find(index)] = find(article)
        leader[find(index)] = find(first_with.setdefault(document.text, index))
    groups: dict[int, list[int]] = {}
    for index in range(len(documents)):
        groups.setdefault(find(index), []).append(index)
    return list(groups.values())


def choose(
    groups: list[list[int]], documents: Sequence[Document], target: float, seed: int
) -> set[int]:
    """Indices of whole groups: at most `target`, or else the smallest group."""

    def rank(group: list[int]) -> bytes:
        text = min(documents[index].text for index in group)
        return hashlib.sha256(f"{seed} {text}".encode("utf-8", "surrogatepass")).digest()

    ranked = sorted(groups, key=rank)
    chosen: set[int] = set()
    for group in ranked:
        if len(chosen) + len(group) <= target:
            chosen.update(group)
    smallest = min(ranked, key=len)
    return chosen or set(smallest)
