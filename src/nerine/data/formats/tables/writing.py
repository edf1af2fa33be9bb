"""Tables with a row for each token, as simpletransformers and pandas read them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from nerine.core.document import Document, joined_tokens
from nerine.core.files import json_line
from nerine.data.formats.options import WriteOptions
from nerine.data.formats.records import Record, extras_of
from nerine.data.formats.tables.layout import WRITTEN
from nerine.data.formats.tables.rows import quoted_cell
from nerine.data.formats.tables.tokens import shown_token
from nerine.data.formats.tagged_words import tags_from_entities, words_to_tag


def write(documents: Iterable[Document], options: WriteOptions) -> Iterator[str]:
    """The text of a comma-separated file: the header, then a piece for each document.

    Documents are numbered from 0. What the rows do not hold of a document (its id, text, tokens,
    scores and meta) is JSON in the column `extras` of its first row.
    """
    yield f"{','.join(WRITTEN)}\n"
    for number, document in enumerate(documents):
        words = words_to_tag(document)
        surfaces = [document.surface(word) for word in words]
        shown = [shown_token(surface) for surface in surfaces]
        own: Record = {}
        if (
            document.text != " ".join(surfaces)
            or shown != surfaces
            or joined_tokens(surfaces) != words
        ):
            own = {"text": document.text, "offsets": [[word.start, word.end] for word in words]}
        plain = replace(
            document,
            entities=(),
            tokens=words,
            id=str(number),
            meta={},
        )
        own |= extras_of(document, plain)
        tags = tags_from_entities(document.entities, words, options.scheme)
        rows = list(zip(shown, tags, strict=True)) or [("", "")]
        extras = [json_line(own) if own or not words else "", *([""] * (len(rows) - 1))]
        yield "".join(
            f"{number},{quoted_cell(token)},{quoted_cell(tag)},{quoted_cell(extra)}\n"
            for (token, tag), extra in zip(rows, extras, strict=True)
        )
