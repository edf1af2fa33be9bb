"""The registry of formats; detection of a file's format, and reading in any format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nerine.core.arguments import checked
from nerine.core.document import Document
from nerine.core.errors import FormatError
from nerine.core.files import errors_at
from nerine.data.formats import (
    brat,
    columns,
    docbin,
    gliner,
    label_studio,
    parquet,
    spacy_json,
    spans,
    tables,
    words,
)
from nerine.data.formats.columns import conllu, conllu_writing
from nerine.data.formats.head import Head
from nerine.data.formats.options import ReadLog, ReadOptions, WriteOptions
from nerine.data.formats.overlaps import resolve_overlaps
from nerine.data.formats.spans import tuples
from nerine.data.formats.standoff import bioc, i2b2, pubtator, webanno
from nerine.data.split_files import is_pair_folder, is_unrelated, split_named

_DEFAULT = ReadOptions()

Part = Literal["tokens", "scores", "other fields"]
Recogniser = Callable[[Head], bool]
Reader = Callable[[Path, ReadOptions, ReadLog], Iterator[tuple[str, Document]]]
TextWriter = Callable[[Iterable[Document], WriteOptions], Iterator[str]]
BytesWriter = Callable[[Iterable[Document], WriteOptions], Iterator[bytes]]
FolderWriter = Callable[[Iterable[Document], Path, WriteOptions], None]


@dataclass(frozen=True, slots=True)
class Format:
    """A format: its reader and at most one writer.

    `recognises` tells from the beginning of a file whether it is beyond doubt in this format, and
    `read` yields documents with their places. `write` yields pieces of text, which may go to a
    stream; `write_bytes` yields pieces of a binary file; `write_folder` fills an empty folder.
    `lacks` names what documents may have and a written file has no place for. If formats share an
    extension, files with it are written in the first of them in the registry.
    """

    name: str
    extensions: tuple[str, ...]
    read: Reader
    write: TextWriter | None = None
    write_bytes: BytesWriter | None = None
    write_folder: FolderWriter | None = None
    recognises: Recogniser = lambda _: False
    lacks: tuple[Part, ...] = ()

    @property
    def can_write(self) -> bool:
        """Whether documents can be written in this format."""
        return any((self.write, self.write_bytes, self.write_folder))

    def check_writable(self, path: Path | None, options: WriteOptions) -> None:
        """Raises `FormatError` if documents cannot be written to a path, or to a stream (None)."""
        with errors_at(str(path or "output")):
            if not self.can_write:
                raise FormatError(f"the format {self.name!r} is read only")
            if options.predictions_of is not None and self.name != "label-studio":
                raise FormatError(
                    f"the format {self.name!r} cannot mark entities as predictions",
                    expected="the format 'label-studio', which has predictions next to annotations",
                    hint="--to label-studio (format=…) states it; .json alone means 'spans'",
                )
            if path is None and self.write is None:
                raise FormatError(
                    f"the format {self.name!r} cannot be written to a stream",
                    expected=f"the name of a {'folder' if self.write_folder else 'file'}",
                )
            if path and self.write_folder and path.suffix in (*self.extensions, brat.TEXT):
                raise FormatError(
                    f"the format {self.name!r} is a folder of .txt and .ann files",
                    expected="the name of a folder",
                )

    def file_name(self, stem: str) -> str:
        """The name of a file in this format, such as `train.jsonl`, or of a folder."""
        return stem if self.write_folder else f"{stem}{self.extensions[0]}"


JSON = (".jsonl", ".json")
FORMATS = {
    each.name: each
    for each in (
        Format(
            "columns",
            columns.EXTENSIONS,
            columns.read,
            columns.write,
            recognises=columns.recognises,
            lacks=("scores",),
        ),
        Format(
            "conllu",
            conllu.EXTENSIONS,
            conllu.read,
            conllu_writing.write,
            recognises=conllu.recognises,
            lacks=("scores",),
        ),
        Format("spans", JSON, spans.read, spans.write, recognises=spans.recognises),
        Format(
            "words",
            JSON,
            words.read,
            words.write,
            recognises=words.recognises,
            lacks=("scores",),
        ),
        Format("spacy-tuples", JSON[::-1], tuples.read, tuples.write, recognises=tuples.recognises),
        Format("spacy-json", JSON[::-1], spacy_json.read, recognises=spacy_json.recognises),
        Format("gliner", JSON[::-1], gliner.read, gliner.write, recognises=gliner.recognises),
        Format("brat", brat.EXTENSIONS, brat.read, write_folder=brat.write_folder),
        Format(
            "label-studio",
            label_studio.EXTENSIONS,
            label_studio.read,
            label_studio.write,
            recognises=label_studio.recognises,
        ),
        Format("docbin", docbin.EXTENSIONS, docbin.read, write_bytes=docbin.write),
        Format("parquet", parquet.EXTENSIONS, parquet.read, recognises=parquet.recognises),
        Format("webanno", webanno.EXTENSIONS, webanno.read, recognises=webanno.recognises),
        Format("bioc", bioc.EXTENSIONS, bioc.read, recognises=bioc.recognises),
        Format("i2b2", i2b2.EXTENSIONS, i2b2.read, recognises=i2b2.recognises),
        Format(
            "pubtator",
            pubtator.EXTENSIONS,
            pubtator.read,
            pubtator.write,
            recognises=pubtator.recognises,
            lacks=("tokens", "scores", "other fields"),
        ),
        Format("csv", (".csv",), tables.read, tables.write, recognises=tables.recognises),
    )
}
EXTENSIONS = frozenset(extension for each in FORMATS.values() for extension in each.extensions)

_SHEET = ("a spreadsheet", "a table as text", "save the sheet as CSV in UTF-8")
_ARCHIVE = ("a packed file", "the files that it holds", "unpack it first")
_PACKED = {
    **dict.fromkeys((".xlsx", ".xls", ".ods"), _SHEET),
    **dict.fromkeys((".zip", ".gz", ".bz2", ".xz", ".zst", ".tar", ".tgz", ".7z"), _ARCHIVE),
}
"""Extensions of files that no reader takes, with what was found, what is read, and the way."""


def format_named(name: str) -> Format:
    """The format called `name`; raises `FormatError` if it is unknown."""
    if name not in FORMATS:
        raise FormatError(f"unknown format {name!r}", expected=f"one of {', '.join(FORMATS)}")
    return FORMATS[name]


def format_by_extension(path: Path, option: str = "--format") -> Format:
    """The first format with the extension of `path`; raises `FormatError` if there is none.

    `option` is the one of the command line that states the format.
    """
    for each in FORMATS.values():
        if path.suffix.lower() in each.extensions:
            return each
    refuse_packed(path)
    raise FormatError(
        f"the extension {path.suffix!r} is unknown"
        if path.suffix
        else "the format is unknown, as the name has no extension",
        place=str(path),
        expected=f"one of {', '.join(sorted(EXTENSIONS))}",
        hint=f"{option} (format=…) states the format: {', '.join(FORMATS)}",
    )


def refuse_packed(path: Path) -> None:
    """Raises `FormatError` if a file's name says that it is a spreadsheet or an archive."""
    packed = _PACKED.get(path.suffix.lower())
    if packed:
        raise FormatError(
            f"{packed[0]} cannot be read", place=str(path), expected=packed[1], hint=packed[2]
        )


def folder_format(path: Path) -> str | None:
    """The format of a folder whose files are the documents of one split; None for another one.

    Such formats are `brat`, `label-studio` (the files of a storage), and those whose first file
    tells: `webanno`, `bioc` and `i2b2`. A folder whose files are called `train`, `dev` and `test`
    is another one.
    """
    if is_pair_folder(path):
        return "brat"
    if label_studio.is_storage(path):
        return "label-studio"
    formats = [FORMATS[name] for name in ("i2b2", "bioc", "webanno")]
    extensions = {extension for each in formats for extension in each.extensions}
    inside = sorted(path.iterdir()) if path.is_dir() else []
    inside = [each for each in inside if not is_unrelated(each.name)]
    files = [each for each in inside if each.suffix.lower() in extensions and each.is_file()]
    documents = files or [each for each in inside if each.is_dir() and each.name != "data"]
    splits = [split_named(each.name) for each in documents]
    if not documents or (None not in splits and len({*splits}) == len(splits)):
        return None
    if not files:  # an exported project has a folder for each document
        formats = [FORMATS["webanno"]]
        files = [each for one in documents for each in sorted(one.glob("*.tsv"))][:1]
    head = Head.of(files[0]) if files else None
    return next((each.name for each in formats if head and each.recognises(head)), None)


def is_folder_of(name: str | None, path: Path) -> bool:
    """Whether a folder is one split in the format called `name`, or in any format."""
    found = folder_format(path)
    return found is not None and name in (None, found)


def detect_format(path: Path | str) -> str:
    """The name of the format of `path`, by the beginning of its content, or else by its extension.

    A folder has the format of its files (`folder_format`); a `.txt` file next to an `.ann` file of
    the same name is `brat`. Raises `FormatError` if neither content nor extension tells.
    """
    path = Path(path)
    if brat.is_pair(path):
        return "brat"
    if (name := folder_format(path)) is not None:
        return name
    head = Head.of(path)
    found = [each for each in FORMATS.values() if each.recognises(head)]
    if not found:
        if path.suffix.lower() not in EXTENSIONS:
            head.check_encoding()
        return format_by_extension(path).name
    fitting = [each for each in found if head.suffix in each.extensions]
    return (fitting or found)[0].name


@checked
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
        ArgumentError: If an argument has another type.
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
    yield from counted(found.read(Path(path), options, log), options, log)


def counted(
    placed: Iterable[tuple[str, Document]], options: ReadOptions, log: ReadLog
) -> Iterator[tuple[str, Document]]:
    """Documents and their places, counted by the log, without the overlaps not to be read."""
    for place, document in placed:
        if options.overlaps is not None:
            with errors_at(place):
                flat = resolve_overlaps(document, options.overlaps)
            log.overlaps += len(document.entities) - len(flat.entities)
            document = flat
        log.documents += 1
        yield place, document
