"""A quick tagger for tests of tagging files; its scores change if look-aheads are cut otherwise."""

from __future__ import annotations

import re
import zlib
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path

from nerine.core.document import Document, Entity
from nerine.core.streams import Pause
from nerine.model import batching
from nerine.model.inference import Failure

POISON = "poison"
NAMES = re.compile(r"[A-Z]\w*")


class StubTagger:
    """Finds each word with a capital letter. A text that contains `POISON` fails.

    The scores depend on all texts of a look-ahead, as a model's do in their last digits.
    """

    def pipe_with_errors(
        self, texts: Iterable[str | Document | Pause]
    ) -> Generator[Document | Failure]:
        for documents in batching.look_aheads(texts):
            whole = "\0".join(document.text for document in documents)
            score = zlib.crc32(whole.encode("utf-8", "surrogatepass")) % 1000 / 1000
            for document in documents:
                yield _outcome(document, score)


def _outcome(document: Document, score: float) -> Document | Failure:
    if POISON in document.text:
        return Failure(document, ValueError("the model choked"))
    return document.with_entities(entities_of(document.text, score))


def entities_of(text: str, score: float) -> list[Entity]:
    return [
        Entity(match.start(), match.end(), "long" if len(match[0]) > 4 else "short", score)
        for match in NAMES.finditer(text)
    ]


def look_aheads_of_four(texts: Iterable[str | Document | Pause]) -> Iterator[list[Document]]:
    """As `nerine.model.batching.look_aheads`, but small."""
    ahead: list[Document] = []
    for text in texts:
        if isinstance(text, Pause):
            yield from filter(None, (ahead,))
            ahead = []
            yield []
            continue
        ahead.append(text if isinstance(text, Document) else Document(text))
        if len(ahead) == 4:
            yield ahead
            ahead = []
    if ahead:
        yield ahead


def files_in(folder: Path) -> dict[str, bytes]:
    """All files below a folder, hidden ones too, with their contents."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
