"""Read documents from a file or folder in any format of the registry."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nerine.core.document import Document
from nerine.data.formats.log import ReadLog
from nerine.data.formats.options import ReadOptions
from nerine.data.formats.registry import detect_format, format_named

_DEFAULT = ReadOptions()


def read_documents(
    path: Path | str,
    format: str | None = None,  # noqa: A002 - the field's own name
    options: ReadOptions = _DEFAULT,
    log: ReadLog | None = None,
) -> Iterator[Document]:
    """Reads the documents of a file one by one.

    Errors are raised while the iterator is consumed.

    Args:
        path: A file, or a folder in the format `brat`.
        format: A name in `FORMATS`; by default it is detected from the name and the content.
        options: How to read.
        log: Collects counts, repairs and remarks.

    Returns:
        An iterator, which reads on demand.

    Raises:
        FormatError: If the format is unknown, or a line or record cannot be read.
        SettingsError: If the format does not accept an option.
        MissingExtraError: If the format needs an extra that is not installed.
    """
    return (document for _, document in read_placed(path, format, options, log))


def read_placed(
    path: Path | str,
    format: str | None = None,  # noqa: A002 - the field's own name
    options: ReadOptions = _DEFAULT,
    log: ReadLog | None = None,
) -> Iterator[tuple[str, Document]]:
    """Same as `read_documents`, with the place of each document, such as `file:line`."""
    found = format_named(format or detect_format(path))
    log = ReadLog() if log is None else log
    log.format = found.name
    for place, document in found.read(Path(path), options, log):
        log.documents += 1
        yield place, document
