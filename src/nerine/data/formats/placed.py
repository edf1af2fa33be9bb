"""Items of a file, one after another, → documents with their places."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from nerine.core.document import Document
from nerine.core.errors import FormatError
from nerine.core.files import errors_at
from nerine.data.formats.options import ReadLog

Item = TypeVar("Item")


def read_each(
    items: Iterable[tuple[str, Item]],
    document_of: Callable[[Item, str], Document | None],
    log: ReadLog,
) -> Iterator[tuple[str, Document]]:
    """The documents of items, each with its place; an item that cannot be read is refused.

    Args:
        items: The items with their places, which errors get that have none.
        document_of: The document of an item and its place; None if it is skipped.
        log: Takes the errors: it raises the first one, or lists them.
    """
    for place, item in items:
        try:
            with errors_at(place):
                document = document_of(item, place)
        except FormatError as error:
            log.refuse(error)
        else:
            if document is not None:
                yield place, document
