"""Groups of documents that a split must keep together: articles and equal texts."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence

from nerine.core.document import Document


def groups_of(documents: Sequence[Document], breaks: Collection[int] = ()) -> list[list[int]]:
    """Indices of documents that belong together: of one `-DOCSTART-` article, or of one text.

    An article also ends before each index in `breaks`, where another file begins.
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


def group_rank(group: Iterable[int], documents: Sequence[Document], seed: int) -> bytes:
    """SHA-256 of the seed and a text of the group: a random order that depends on texts alone."""
    text = min(documents[index].text for index in group)  # in no other group
    return hashlib.sha256(f"{seed} {text}".encode("utf-8", "surrogatepass")).digest()
