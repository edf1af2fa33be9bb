"""Formats of labelled text: one module each, one registry here.

| name | files | a document is |
|---|---|---|
| `columns` | CoNLL-2003, WNUT and their like | a sentence: lines of token and tag |
| `spans` | JSON lines of ours, doccano's, Prodigy's | a record: text and ranges |
| `words` | JSON lines, as on the hub | a record: tokens and tags |
| `parquet` | Parquet, read only | a row: tokens and tags |

Reading streams: a file is never held as a whole. Tag files are read twice, first for their
scheme, unless `ReadOptions.scheme` states it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from nerine.document import Document
from nerine.errors import FormatError, NerineError
from nerine.formats import columns, spans, tables, words
from nerine.formats.files import read_records, replacing
from nerine.formats.options import ReadLog, ReadOptions, Style, TagFault, WriteOptions

__all__ = [
    "EXTENSIONS",
    "FORMATS",
    "Format",
    "ReadLog",
    "ReadOptions",
    "Style",
    "TagFault",
    "WriteOptions",
    "detect_format",
    "read_documents",
    "read_placed",
    "write_documents",
]

Reader = Callable[[Path, ReadOptions, ReadLog], Iterator[tuple[int, Document]]]
Writer = Callable[[Iterable[Document], WriteOptions], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Format:
    """A format. `read` numbers documents by their line or row; `write` is None if there is none.

    Where formats share an extension, the first one of the registry is the one to write.
    """

    name: str
    extensions: tuple[str, ...]
    read: Reader
    write: Writer | None


FORMATS = {
    each.name: each
    for each in (
        Format("columns", columns.EXTENSIONS, columns.read, columns.write),
        Format("spans", (".jsonl", ".json"), spans.read, spans.write),
        Format("words", (".jsonl", ".json"), words.read, words.write),
        Format("parquet", tables.EXTENSIONS, tables.read_parquet, None),
    )
}
EXTENSIONS = frozenset(extension for each in FORMATS.values() for extension in each.extensions)

_DEFAULT_READ = ReadOptions()
_DEFAULT_WRITE = WriteOptions()


def detect_format(path: Path | str) -> str:
    """The name of the format of `path`: by its extension, and for JSON lines by the first record.

    Raises `FormatError` for an unknown extension.
    """
    name = _format_by_extension(Path(path))
    if name != "spans":
        return name
    _, record = next(read_records(Path(path)), (0, {}))
    has_tags = any(field in record for field in words.TAG_FIELDS)
    has_tokens = any(field in record for field in words.TOKEN_FIELDS)
    has_spans = "entities" in record or "spans" in record
    return "words" if has_tags and has_tokens and not has_spans else "spans"


def _format_by_extension(path: Path) -> str:
    for each in FORMATS.values():
        if path.suffix.lower() in each.extensions:
            return each.name
    raise FormatError(
        f"the extension {path.suffix!r} belongs to no format"
        if path.suffix
        else "the name has no extension that tells the format",
        place=str(path),
        expected=f"one of {', '.join(sorted(EXTENSIONS))}",
        hint=f"--format (format=…) states it: {', '.join(FORMATS)}",
    )


def _format_named(name: str) -> Format:
    if name not in FORMATS:
        raise FormatError(f"no format is called {name!r}", expected=f"one of {', '.join(FORMATS)}")
    return FORMATS[name]


def read_documents(
    path: Path | str,
    format: str | None = None,  # noqa: A002 - the word for it
    options: ReadOptions = _DEFAULT_READ,
    log: ReadLog | None = None,
) -> Iterator[Document]:
    """The documents of a file, one after the other; `log` takes down what happens meanwhile.

    `format` is one of `FORMATS`, or found by `detect_format`. Raises `FormatError`.
    """
    return (document for _, document in read_placed(path, format, options, log))


def read_placed(
    path: Path | str,
    format: str | None = None,  # noqa: A002 - the word for it
    options: ReadOptions = _DEFAULT_READ,
    log: ReadLog | None = None,
) -> Iterator[tuple[str, Document]]:
    """As `read_documents`, each document with its place: `file:line`."""
    reader = _format_named(format or detect_format(path)).read
    log = ReadLog() if log is None else log
    for line, document in reader(Path(path), options, log):
        log.documents += 1
        yield f"{path}:{line}", document


def write_documents(
    documents: Iterable[Document],
    target: Path | str | TextIO,
    format: str | None = None,  # noqa: A002 - the word for it
    options: WriteOptions = _DEFAULT_WRITE,
) -> int:
    """Writes documents to a file, whole or not at all, or to a stream. Returns how many.

    `format` is one of `FORMATS`, or found by the file's extension (`.jsonl` means `spans`).
    Raises `FormatError` for a document that the format cannot hold.
    """
    if isinstance(target, Path | str):
        path = Path(target)
        pieces = _pieces(documents, format or _format_by_extension(path), options, str(path))
        with replacing(path) as file:
            return sum(file.write(piece) > 0 for piece in pieces)
    count = 0
    for piece in _pieces(documents, format or "", options, "output"):
        target.write(piece.decode())
        count += 1
    return count


def _pieces(
    documents: Iterable[Document], format_: str, options: WriteOptions, place: str
) -> Iterator[bytes]:
    """What to write for each document."""
    writer = _format_named(format_).write
    if writer is None:
        raise FormatError(f"the format {format_!r} is read only", place=place)
    number = 0
    pieces = writer(documents, options)
    while True:
        number += 1
        try:
            piece = next(pieces).encode()
        except StopIteration:
            return
        except UnicodeEncodeError as error:
            raise FormatError(
                f"{error.object[error.start]!r} is half of a surrogate pair, which UTF-8 lacks",
                place=f"{place}, document {number}",
                hint="write JSON lines, which can escape it",
            ) from None
        except NerineError as error:
            if error.place:  # it came from where the documents come from
                raise
            raise FormatError(
                error.found,
                place=f"{place}, document {number}",
                expected=error.expected,
                hint=error.hint,
            ) from error
        yield piece
