"""CSV and TSV files with a header, whose named columns tell what the rows are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from nerine.core.document import Document
from nerine.core.files import errors_at
from nerine.data.formats.options import ReadLog, ReadOptions
from nerine.data.formats.records import with_extras
from nerine.data.formats.span_rows import Counts, checked
from nerine.data.formats.tables.documents import DocumentRows
from nerine.data.formats.tables.entities import EntityRows
from nerine.data.formats.tables.layout import EXTRAS, WRITTEN
from nerine.data.formats.tables.table import Table
from nerine.data.formats.tables.tokens import TokenRows
from nerine.data.formats.words import TaggedRows, once


def read(path: Path, options: ReadOptions, log: ReadLog) -> Iterator[tuple[str, Document]]:
    """The documents of a table, each with its place: file and line of its first row."""
    refuse = once(log.refuse)
    table = Table.open(path, options, refuse)
    log.add_note(table.describe())
    if table.layout.kind == "tokens":
        tokens = TokenRows(table, options, log, refuse)
        tag_options = _tag_options(table, options)
        rows = TaggedRows(tokens.records, tag_options, token_place=tokens.place_of)
        for place, document in rows.documents(log):
            yield place, _with_extras(document, table, place)
        return
    counts = Counts(log)
    if table.layout.kind == "entities":
        yield from checked(lambda log: EntityRows(table, log).texts(), options, log)
    else:
        documents = DocumentRows(table, options, log, refuse)
        if documents.has_tags():

            def tagged() -> Iterator[tuple[str, dict[str, object]]]:
                counts.restart()
                return documents.tagged()

            yield from TaggedRows(tagged, _tag_options(table, options)).documents(log)
        else:
            yield from checked(
                lambda log: DocumentRows(table, options, log, refuse).texts(), options, log
            )


def _tag_options(table: Table, options: ReadOptions) -> ReadOptions:
    """The options for records with the usual names of tokens and tags."""
    column = table.layout.names[table.layout.columns["tag"]]
    names = options.known_tag_names.get(column)
    known = {"ner_tags": names} if names else {}
    return replace(options, token_column=0, tag_column=-1, known_tag_names=known)


def _with_extras(document: Document, table: Table, place: str) -> Document:
    if table.layout.names != WRITTEN or EXTRAS not in document.meta:
        return document
    meta = dict(document.meta)
    extras = meta.pop(EXTRAS)
    with errors_at(place):
        return with_extras(replace(document, meta=meta), extras)
