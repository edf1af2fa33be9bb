"""Gold documents, and their alignment with files of a system."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nerine.core.document import Document, Entity
from nerine.core.errors import NerineError
from nerine.core.tags import TagScheme
from nerine.evaluation.alignment import Alignment, align_file

GOLD_TAGS = [
    [("Mira", "B-p"), ("Okonjo", "I-p"), ("left", "O"), ("R&D", "B-o")],
    [("Zoë", "B-p"), ("met", "O"), ("Ann", "B-p")],
    [("rain", "O"), ("in", "O"), ("Rio", "B-l"), (".", "O")],
]
CLEAN = "".join("".join(f"{w}\t{t}\n" for w, t in rows) + "\n" for rows in GOLD_TAGS)


def column_document(rows: Sequence[tuple[str, str]], scheme: TagScheme | None = None) -> Document:
    """A document of tokens and their tags."""
    found = Document.from_tokens(token for token, _ in rows)
    tokens = found.tokens or ()
    spans = (scheme or TagScheme.IOB2).decode([tag for _, tag in rows])
    return found.with_entities(
        Entity(tokens[start].start, tokens[end - 1].end, label) for start, end, label in spans
    )


GOLD = tuple(column_document(rows) for rows in GOLD_TAGS)
PLACES = tuple(f"gold:{number}" for number in (1, 6, 10))
BARE = tuple(Document(each.text, each.entities) for each in GOLD)
"""The same without tokens, as from span records."""


def aligned(
    path: Path, content: str | bytes, gold: Sequence[Document] = GOLD, **options: Any
) -> Alignment:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    places = [*PLACES, *("gold" for _ in gold)][: len(gold)]
    return align_file(gold, places, path, **options)


def repairs_of(alignment: Alignment) -> dict[str, tuple[int, str]]:
    """Count and first line of each kind of repair."""
    return {each.what: (each.count, each.first.rpartition(":")[2]) for each in alignment.repairs}


def ranges_in(documents: Sequence[Document]) -> list[list[tuple[int, int, str]]]:
    return [[(e.start, e.end, e.label) for e in each.entities] for each in documents]


def place_of(error: NerineError) -> str:
    return (error.place or "").rpartition("/")[2]
