"""The sentences around a sentence: documents that are parts of longer ones see their neighbours.

A model may see, next to a sentence, those around it (Schweter & Akbik, 2020, FLERT; Luoma &
Pyysalo, 2020). The neighbours travel with each `Document` as its `Context`, so a sentence means the
same wherever it is read, shuffled, batched or sent.

Sentences that follow each other belong together by what their file says, and by nothing else:

- a `-DOCSTART-` line of a column file, and a `# newdoc` line of CoNLL-U, begin a document
  (`meta["docstart"]`, `meta["comments"]`);
- JSON lines and Parquet have a field `document` with a string or a number (`meta["document"]`), and
  records with equal ones are of one document.

A sentence takes its neighbours until they have `NEIGHBOURS` characters on a side. This is a bound
on what is kept with a sentence: the model's setting `context` and its window decide how much of it
is seen.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from nerine.core.arguments import checked
from nerine.core.document import Context, Document
from nerine.core.errors import DocumentError
from nerine.core.streams import Pause

NEIGHBOURS = 1024
"""The characters of neighbours on a side from which on no further neighbour is taken."""
MOST_CONTEXT = 128
"""The most subwords of context on a side, for which so many characters are enough."""

DOCUMENT_FIELD = "document"
"""The field of a record that names the document of its sentence."""
_NEW_DOCUMENT = re.compile(r"#\s*newdoc(\s|$)")

Item = TypeVar("Item")
Keyed = tuple[str, Hashable | None]
"""A sentence's text, and what it has in common with those of its document; None for no document."""


@checked
def with_context(
    documents: Iterable[str | Document], *, one_document: bool = False
) -> Iterator[Document]:
    """Sentences with those around them, for a model that was trained with document context.

    ::

        tagger.predict(nerine.with_context(sentences, one_document=True))
        tagger.pipe(nerine.with_context(nerine.read_documents("articles.conll")))

    Sentences of one document follow each other. Without `one_document`, a `-DOCSTART-` line, a
    `# newdoc` comment or the field `document` of their file says which belong together, and a
    sentence without any of these has no context. A context that a sentence has is replaced.

    Args:
        documents: The sentences, in the order of the text. Some are read ahead.
        one_document: Whether all of them are of one document.

    Raises:
        ArgumentError: If an argument has another type.
        DocumentError: If an item is neither a text nor a document.
    """
    return _with_context(map(_sentence, documents), None if one_document else _Marks())


def in_context(documents: Iterable[Document]) -> list[Document]:
    """Sentences with those around them, by the marks of their file.

    They are unchanged if none has a mark, or if some have a context already.
    """
    given = list(documents)
    if any(each.context for each in given) or not any(map(is_marked, given)):
        return given
    return list(_with_context(given, _Marks()))


def documents_of(sentences: Iterable[Document]) -> list[Hashable | None]:
    """The key of each sentence's document, by the marks of their file; None for no document."""
    marks = _Marks()
    return [marks(each)[1] for each in sentences]


def is_marked(document: Document) -> bool:
    """Whether a sentence begins a document, or says of which one it is."""
    return _begins_document(document) or _document_of(document) is not None


def neighbours(
    sentences: Iterable[Item | Pause], keyed: Callable[[Item], Keyed]
) -> Iterator[tuple[Item, Context | None] | Pause]:
    """Sentences of a stream with those around them, in order, in bounded memory.

    A pause is passed on at once, and so before the sentences that wait for those after them.

    Args:
        sentences: The sentences.
        keyed: The text of a sentence and the key of its document.
    """
    document: _Sentences[Item] = _Sentences(None)
    for sentence in sentences:
        if isinstance(sentence, Pause):
            yield sentence
            continue
        text, key = keyed(sentence)
        if key is None or key != document.key:
            yield from document.rest()
            document = _Sentences(key)
        if key is None:
            yield sentence, None
        else:
            yield from document.add(sentence, text)
    yield from document.rest()


@dataclass(slots=True)
class _Waiting(Generic[Item]):
    """A sentence that waits for those after it."""

    sentence: Item
    before: tuple[str, ...]
    after: list[str] = field(default_factory=list)
    size: int = 0

    def finished(self) -> tuple[Item, Context | None]:
        is_alone = not (self.before or self.after)
        return self.sentence, None if is_alone else Context(self.before, tuple(self.after))


@dataclass(slots=True)
class _Sentences(Generic[Item]):
    """The sentences of a document that are still needed."""

    key: Hashable | None
    past: deque[str] = field(default_factory=deque)
    waiting: deque[_Waiting[Item]] = field(default_factory=deque)

    def add(self, sentence: Item, text: str) -> Iterator[tuple[Item, Context | None]]:
        """Adds the next sentence; those that have all their neighbours are finished."""
        right, left = following(text), preceding(text)
        for each in self.waiting:
            each.size += _size(right)
            if right:
                each.after.append(right)
        while self.waiting and self.waiting[0].size >= NEIGHBOURS:
            yield self.waiting.popleft().finished()
        self.waiting.append(_Waiting(sentence, tuple(self.past)))
        if left:
            self.past.append(left)
        while sum(map(_size, self.past)) - _size(self.past[0] if self.past else "") >= NEIGHBOURS:
            self.past.popleft()

    def rest(self) -> Iterator[tuple[Item, Context | None]]:
        """The sentences that still wait, at the end of the document."""
        return (each.finished() for each in self.waiting)


def _size(text: str) -> int:
    """The characters of a sentence and of the space after it."""
    return len(text) + 1


def preceding(text: str) -> str:
    """What a sentence is to those after it: nothing if it is blank, the end of a long one."""
    cut = text[-NEIGHBOURS:]
    words = cut.split(maxsplit=1)
    if not words:
        return ""
    return cut if len(text) <= NEIGHBOURS or len(words) == 1 else words[1]


def following(text: str) -> str:
    """What a sentence is to those before it: nothing if it is blank, the beginning of a long one.

    A long one is cut at white space if it has some there.
    """
    cut = text[:NEIGHBOURS]
    words = cut.rsplit(maxsplit=1)
    if not words:
        return ""
    return cut if len(text) <= NEIGHBOURS or len(words) == 1 else words[0]


class _Marks:
    """The keys of sentences' documents, by the marks of their file; called in order."""

    def __init__(self) -> None:
        self._begun = 0

    def __call__(self, document: Document) -> Keyed:
        self._begun += _begins_document(document)
        key = self._begun or None, _document_of(document)
        return document.text, None if key == (None, None) else key


def _with_context(
    documents: Iterable[Document], keyed: Callable[[Document], Keyed] | None
) -> Iterator[Document]:
    for found in neighbours(documents, keyed or (lambda each: (each.text, 0))):
        if not isinstance(found, Pause):
            document, context = found
            yield replace(document, context=context) if context else document


def _sentence(item: str | Document) -> Document:
    if isinstance(item, Document):
        return replace(item, context=None) if item.context else item
    if isinstance(item, str):
        return Document(item)
    raise DocumentError(f"an item is a {type(item).__name__}", expected="a str or a Document")


def _begins_document(document: Document) -> bool:
    if "docstart" in document.meta:
        return True
    comments = document.meta.get("comments")
    return isinstance(comments, list) and any(
        isinstance(line, str) and _NEW_DOCUMENT.match(line) for line in comments
    )


def _document_of(document: Document) -> str | int | None:
    """The document that a sentence's field names; None if it has none, or one of another type."""
    value = document.meta.get(DOCUMENT_FIELD)
    return value if type(value) in (str, int) else None
