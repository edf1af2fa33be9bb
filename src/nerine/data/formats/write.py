"""Write documents to a file, folder or stream in any format of the registry."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from nerine.core.arguments import check_type, checked
from nerine.core.document import Document
from nerine.core.errors import FormatError, NerineError, OverlapError
from nerine.core.files import replacing, replacing_folder
from nerine.data.formats.options import WriteOptions
from nerine.data.formats.overlaps import overlap_error
from nerine.data.formats.registry import format_by_extension, format_named

_DEFAULT = WriteOptions()


@checked
def write_documents(
    documents: Iterable[Document],
    target: Path | str | TextIO,
    format: str | None = None,  # noqa: A002 - the field's own name
    options: WriteOptions = _DEFAULT,
) -> int:
    """Writes documents to a file or folder, as a whole or not at all, or to a text stream.

    Args:
        documents: The documents.
        target: A file, a text stream or, for the format `brat`, a folder that is new or empty.
        format: A name in `FORMATS`; by default the file's extension tells (`.jsonl` is `spans`).
        options: How to write.

    Returns:
        The number of documents written.

    Raises:
        ArgumentError: If an argument has another type.
        FormatError: If the format cannot hold a document, or cannot be written to the target.
        SettingsError: If the format does not accept an option.
        MissingExtraError: If the format needs an extra that is not installed.
    """
    path = Path(target) if isinstance(target, Path | str) else None
    if format is None and path is not None:
        found = format_by_extension(path, "--to")
    else:
        found = format_named(format or "")
    found.check_writable(path, options)
    counted = _Counted(documents)
    with counted.errors_at(str(path or "output")):
        if not isinstance(target, Path | str):
            for text in found.write(counted, options) if found.write else ():
                text.encode()  # raises before a part of the text reaches the stream
                target.write(text)
        elif found.write_folder:
            with replacing_folder(Path(target)) as folder:
                found.write_folder(counted, folder, options)
        else:
            with replacing(Path(target)) as file:
                for text in found.write(counted, options) if found.write else ():
                    file.write(text.encode())
                for piece in found.write_bytes(counted, options) if found.write_bytes else ():
                    file.write(piece)
    return counted.number


class _Counted:
    """Documents passed on to a writer, with the number of those it has taken."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self.number = 0
        self._documents = iter(documents)
        self._current: Document | None = None

    def __iter__(self) -> Iterator[Document]:
        for document in self._documents:
            check_type(f"document {self.number}", document, Document, "write_documents")
            self.number += 1
            self._current = document
            yield document

    @contextlib.contextmanager
    def errors_at(self, target: str) -> Iterator[None]:
        """Adds the target and the number of the current document to errors without a place."""
        place = f"{target}, document"
        try:
            yield
        except UnicodeEncodeError as error:
            raise FormatError(
                f"{error.object[error.start]!r} is half of a surrogate pair, which UTF-8 lacks",
                place=f"{place} {self.number}",
                hint="write JSON lines, which can escape it",
            ) from None
        except OverlapError:
            first = [self._current] if self._current else []
            found = overlap_error(itertools.chain(first, self._documents), "one tag a word")
            raise FormatError.placed(found, f"{place} {self.number}") from None
        except NerineError as error:
            if error.place or not self.number:  # raised by the source of the documents
                raise
            raise FormatError.placed(error, f"{place} {self.number}") from error
