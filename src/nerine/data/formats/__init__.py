"""Formats of labelled text: one module each, one registry here.

==============  ========================================  ==================================
name            files                                     a document is
==============  ========================================  ==================================
`columns`       CoNLL-2003, WNUT and their like           a sentence: lines of token and tag
`spans`         JSON lines of ours, doccano's, Prodigy's  a record: text and ranges
`words`         JSON lines, as on the hub                 a record: tokens and tags
`brat`          folders of brat's `.txt` and `.ann`       a pair of files
`label-studio`  JSON that Label Studio exports            a task with its one annotation
`docbin`        spaCy's DocBin                            a `Doc`
`parquet`       Parquet, read only                        a row: tokens and tags
==============  ========================================  ==================================

Reading lines streams: such a file is never held as a whole. Tag files are read twice, first for
their scheme, unless `ReadOptions.scheme` states it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from nerine.core.document import Document
from nerine.core.errors import FormatError, NerineError
from nerine.core.files import read_records, replacing, replacing_folder
from nerine.data.formats import brat, columns, docbin, label_studio, spans, tables, words
from nerine.data.formats.folders import is_pair_folder
from nerine.data.formats.options import ReadLog, ReadOptions, Style, TagFault, WriteOptions

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

Reader = Callable[[Path, ReadOptions, ReadLog], Iterator[tuple[str, Document]]]
TextWriter = Callable[[Iterable[Document], WriteOptions], Iterator[str]]
BytesWriter = Callable[[Iterable[Document], WriteOptions], Iterator[bytes]]
FolderWriter = Callable[[Iterable[Document], Path, WriteOptions], None]


@dataclass(frozen=True, slots=True)
class Format:
    """A format. `read` gives documents with their places.

    One of `write` (pieces of a text, which may go to a stream), `write_bytes` (pieces of a binary
    file) and `write_folder` (files in an empty folder) writes it, or none does. Where formats
    share an extension, the first one of the registry is the one to write.
    """

    name: str
    extensions: tuple[str, ...]
    read: Reader
    write: TextWriter | None = None
    write_bytes: BytesWriter | None = None
    write_folder: FolderWriter | None = None

    @property
    def can_write(self) -> bool:
        """Whether documents can be written in this format."""
        return any((self.write, self.write_bytes, self.write_folder))

    def target(self, name: str) -> str:
        """What a file, or a folder, of this format is called: `train.jsonl`."""
        return name if self.write_folder else f"{name}{self.extensions[0]}"


FORMATS = {
    each.name: each
    for each in (
        Format("columns", columns.EXTENSIONS, columns.read, columns.write),
        Format("spans", (".jsonl", ".json"), spans.read, spans.write),
        Format("words", (".jsonl", ".json"), words.read, words.write),
        Format("brat", brat.EXTENSIONS, brat.read, write_folder=brat.write_folder),
        Format("label-studio", label_studio.EXTENSIONS, label_studio.read, label_studio.write),
        Format("docbin", docbin.EXTENSIONS, docbin.read, write_bytes=docbin.write),
        Format("parquet", tables.EXTENSIONS, tables.read_parquet),
    )
}
EXTENSIONS = frozenset(extension for each in FORMATS.values() for extension in each.extensions)

_DEFAULT_READ = ReadOptions()
_DEFAULT_WRITE = WriteOptions()


def detect_format(path: Path | str) -> str:
    """The name of the format of `path`: by its extension, and for JSON by the first record.

    A folder is brat's if it holds pairs, and so is a `.txt` with an `.ann` beside it. Raises
    `FormatError` for an unknown extension.
    """
    path = Path(path)
    if is_pair_folder(path) or brat.is_pair(path):
        return "brat"
    name = _format_by_extension(path)
    if name != "spans":
        return name
    if path.suffix.lower() in label_studio.EXTENSIONS and label_studio.is_export(path):
        return "label-studio"
    _, record = next(read_records(path), (0, {}))
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
    """The documents of a file, one after the other.

    Args:
        path: A file, or a folder of brat's.
        format: One of `FORMATS`; by default it is found from the name and the content.
        options: How to read.
        log: Takes down what happens meanwhile.

    Returns:
        An iterator, which reads as it goes.

    Raises:
        FormatError: While it is read, for a file of no known format, and for a line or record that
            cannot be read, with its place.
        SettingsError: Likewise, for an option that the format cannot take.
        MissingExtraError: Likewise, where the format needs an extra that is not installed.
    """
    return (document for _, document in read_placed(path, format, options, log))


def read_placed(
    path: Path | str,
    format: str | None = None,  # noqa: A002 - the word for it
    options: ReadOptions = _DEFAULT_READ,
    log: ReadLog | None = None,
) -> Iterator[tuple[str, Document]]:
    """As `read_documents`, each document with its place, such as `file:line`."""
    found = _format_named(format or detect_format(path))
    log = ReadLog() if log is None else log
    log.format = found.name
    for place, document in found.read(Path(path), options, log):
        log.documents += 1
        yield place, document


def write_documents(
    documents: Iterable[Document],
    target: Path | str | TextIO,
    format: str | None = None,  # noqa: A002 - the word for it
    options: WriteOptions = _DEFAULT_WRITE,
) -> int:
    """Writes documents to a file or a folder, whole or not at all, or to a stream of text.

    Args:
        documents: The documents.
        target: A file, a stream of text, or, where the format is one, a folder that is not there
            yet or is empty.
        format: One of `FORMATS`; by default the file's extension tells (`.jsonl` means `spans`).
        options: How to write.

    Returns:
        How many documents were written.

    Raises:
        FormatError: For a document that the format cannot hold, and for a stream where the format
            is binary or a folder.
        SettingsError: For an option that the format cannot take.
        MissingExtraError: Where the format needs an extra that is not installed.
    """
    if not isinstance(target, Path | str):
        return _write_stream(documents, target, _writable(format or "", "output"), options)
    path = Path(target)
    found = _writable(format or _format_by_extension(path), str(path))
    _check_predictions(found, options, str(path))
    counted = _Counted(documents)
    if found.write_folder:
        _check_folder_name(path)
        with replacing_folder(path) as folder, counted.errors_at(str(path)):
            found.write_folder(counted, folder, options)
        return counted.number
    with replacing(path) as file, counted.errors_at(str(path)):
        for text in found.write(counted, options) if found.write else ():
            file.write(text.encode())
        for piece in found.write_bytes(counted, options) if found.write_bytes else ():
            file.write(piece)
    return counted.number


def _write_stream(
    documents: Iterable[Document], stream: TextIO, found: Format, options: WriteOptions
) -> int:
    if found.write is None:
        raise FormatError(
            f"the format {found.name!r} is no text that a stream could take",
            place="output",
            expected="the name of a folder" if found.write_folder else "the name of a file",
        )
    _check_predictions(found, options, "output")
    counted = _Counted(documents)
    with counted.errors_at("output"):
        for text in found.write(counted, options):
            text.encode()  # fails here, before the stream takes what it cannot write
            stream.write(text)
    return counted.number


def _writable(name: str, place: str) -> Format:
    found = _format_named(name)
    if not found.can_write:
        raise FormatError(f"the format {found.name!r} is read only", place=place)
    return found


def _check_predictions(found: Format, options: WriteOptions, place: str) -> None:
    if options.predictions_of is not None and found.name != "label-studio":
        raise FormatError(
            f"the format {found.name!r} knows no predictions",
            place=place,
            expected="the format 'label-studio', in which they stand beside annotations",
            hint="--to label-studio (format=…) states it, as .json alone does not",
        )


def _check_folder_name(path: Path) -> None:
    if path.suffix in (*brat.EXTENSIONS, brat.TEXT):
        raise FormatError(
            "the format 'brat' is a folder of .txt and .ann files",
            place=str(path),
            expected="the name of a folder",
        )


class _Counted:
    """Documents on their way to a writer: `number` says how many it has taken."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self.number = 0
        self._documents = documents

    def __iter__(self) -> Iterator[Document]:
        for document in self._documents:
            self.number += 1
            yield document

    @contextlib.contextmanager
    def errors_at(self, target: str) -> Iterator[None]:
        """Gives an error of the writer the place of the document that it has taken last."""
        try:
            yield
        except UnicodeEncodeError as error:
            raise FormatError(
                f"{error.object[error.start]!r} is half of a surrogate pair, which UTF-8 lacks",
                place=f"{target}, document {self.number}",
                hint="write JSON lines, which can escape it",
            ) from None
        except NerineError as error:
            if error.place or not self.number:  # it came from where the documents come from
                raise
            raise FormatError(
                error.found,
                place=f"{target}, document {self.number}",
                expected=error.expected,
                hint=error.hint,
            ) from error
