"""The inputs of a run: files, folders, patterns, URLs of these, and standard input.

A file's format and compression are told by its name or stated, never guessed from its content.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import NoReturn

from nerine.core.errors import FormatError
from nerine.core.files import disk_errors
from nerine.data.formats.entity_table import TABLE_FORMATS, EntityTable, TableFormat
from nerine.data.formats.registry import refuse_packed
from nerine.serving.files.compression import check_compression, compression_of
from nerine.serving.files.entity_rows import EntityRows
from nerine.serving.files.lines import Lines
from nerine.serving.files.options import EXTENSIONS, Format, TaggingOptions
from nerine.serving.files.parquet import ParquetReader
from nerine.serving.files.remote import File, find_remote, is_url
from nerine.serving.files.tables import CsvReader
from nerine.serving.files.text import JsonLinesReader, TextReader

STANDARD = "-"
"""Standard input as an input, standard output as an output."""

RecordReader = TextReader | CsvReader | ParquetReader | EntityRows
"""Reads the records of one input, and renders them with entities.

`header` is the beginning of its output, `failed_output` what it renders for a record that failed.
"""


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file, or standard input if `path` is None, and its name in a folder of outputs."""

    path: File | None
    name: str
    format: Format

    @property
    def place(self) -> str:
        """Its name in messages."""
        return STANDARD if self.path is None else str(self.path)

    @property
    def output_name(self) -> str:
        """Its output's name in a folder: the same name, except that texts become JSON lines."""
        if self.format != "text":
            return self.name
        path = PurePath(self.name)
        suffix = path.suffix if compression_of(Path(path)) else ""
        plain = PurePath(self.name.removesuffix(suffix))
        stem = plain.with_suffix("") if plain.suffix.lower() in EXTENSIONS["text"] else plain
        return f"{stem}.jsonl{suffix}"

    @property
    def output_format(self) -> TableFormat:
        """The format of its output, if the output's name does not tell another one."""
        return "jsonl" if self.format == "text" else self.format

    def reader(self, options: TaggingOptions, output: Path | None = None) -> RecordReader:
        """The reader of its records, for an output file, or a stream if it is None."""
        reader = self.record_reader(options)
        if options.rows == "records":
            return reader
        named = None if output is None else format_named(output.name)
        format_ = named if named in TABLE_FORMATS else self.output_format
        if output is None and format_ == "parquet":
            format_ = "jsonl"
        table = EntityTable(
            format_, options.separator or ",", output is not None, options.escape_formulas
        )
        return EntityRows(reader, table, str(output))

    def record_reader(self, options: TaggingOptions) -> TextReader | CsvReader | ParquetReader:
        """The reader of its records, which renders them whole."""
        if self.format == "parquet":
            if self.path is None or compression_of(self.path):
                raise FormatError(
                    "Parquet is read only from a file, and one that is not compressed again",
                    place=self.place,
                )
            return ParquetReader(self.path, options)
        lines = Lines(self.path, "" if self.path is None else compression_of(self.path))
        if self.format == "text":
            return TextReader(lines, options)
        if self.format == "jsonl":
            return JsonLinesReader(lines, options)
        return CsvReader(lines, options, "\t" if self.format == "tsv" else ",")


@dataclass(frozen=True, slots=True)
class Inputs:
    """All inputs of a run.

    Attributes:
        files: The files in order.
        several: Whether there may be several, by the way in which they were named.
        passed_over: The hidden files that were skipped.
    """

    files: tuple[InputFile, ...]
    several: bool
    passed_over: tuple[str, ...] = ()


def find_inputs(names: Sequence[str | Path], format_: Format | None) -> Inputs:
    """The files that `names` stand for, in order; those of a folder or pattern sorted by name.

    A folder stands for all files in it and below it except hidden ones. Raises `FormatError` if a
    file is missing or unreadable, or if its name does not tell its format.
    """
    if not names:
        raise FormatError("no input is given", expected="files, folders, patterns, or -")
    found: list[InputFile] = []
    passed_over: list[str] = []
    several = len(names) > 1
    for name in map(str, names):
        if name == STANDARD:
            if format_ is None:
                raise FormatError(
                    "the format of standard input is unknown",
                    place=STANDARD,
                    hint="--format text or --format jsonl (format=…) states it",
                )
            found.append(InputFile(None, STANDARD, format_))
            continue
        files, problem = _files_named(name)
        if problem is None:
            found += [_input_file(*file, format_) for file in files]
            continue
        several = True
        matches = _visible_files(files, format_, passed_over)
        if not matches:
            raise FormatError(problem, place=name)
        found += matches
    if several and any(file.path is None for file in found):
        raise FormatError(
            "standard input is given together with other inputs",
            place=STANDARD,
            expected="standard input alone",
        )
    return Inputs(tuple(found), several, tuple(passed_over))


def _files_named(name: str) -> tuple[Sequence[tuple[File, str]], str | None]:
    """The files that a name stands for, each with its path below the folder.

    Also what to say if there are none, which is None for the name of one file.
    """
    if is_url(name):
        return find_remote(name)
    path = Path(name)
    if path.is_dir():
        return _files_below(path, "**/*"), "the folder contains no files"
    if not path.exists() and glob.has_magic(name):
        fixed = next(n for n, part in enumerate(path.parts) if glob.has_magic(part))
        folder, pattern = Path(*path.parts[:fixed]), "/".join(path.parts[fixed:])
        return _files_below(folder, pattern), "no file matches the pattern"
    return [(path, path.name)], None


@disk_errors(FormatError)
def _files_below(folder: Path, pattern: str) -> list[tuple[Path, str]]:
    """The files in `folder` that match a pattern, with their paths relative to it."""
    for _ in os.walk(folder, onerror=_raise):
        pass  # a pattern passes over folders that cannot be read
    paths = sorted(path for path in folder.glob(pattern) if not path.is_dir())
    return [(path, path.relative_to(folder).as_posix()) for path in paths]


@disk_errors(FormatError)
def _visible_files(
    files: Iterable[tuple[File, str]], format_: Format | None, passed_over: list[str]
) -> list[InputFile]:
    """Those of the files, each with its name, that are not hidden."""
    found = []
    for path, name in files:
        if any(part.startswith(".") for part in name.split("/")):
            passed_over.append(str(path))
        else:
            found.append(_input_file(path, name, format_))
    return found


def _raise(error: OSError) -> NoReturn:
    raise error


def _input_file(path: File, name: str, format_: Format | None) -> InputFile:
    if isinstance(path, Path):
        _check_readable(path)
    check_compression(compression_of(path))
    format_ = format_ or format_named(path.name)
    if format_ is None:
        refuse_packed(Path(path.name))
        known = [suffix for suffixes in EXTENSIONS.values() for suffix in suffixes]
        raise FormatError(
            "the name does not tell the format",
            place=str(path),
            expected=f"one of {', '.join(known)}, also followed by .gz, .bz2, .xz or .zst",
            hint="--format (format=…) states the format of all inputs",
        )
    return InputFile(path, name, format_)


def _check_readable(path: Path) -> None:
    if path.exists() and not path.is_file():
        raise FormatError("this is not a regular file", place=str(path), hint="pipe it in, as -")
    try:
        with path.open("rb"):
            pass
    except FileNotFoundError:
        raise FormatError("file not found", place=str(path)) from None
    except OSError as error:
        raise FormatError(f"cannot be read: {error.strerror}", place=str(path)) from error


def format_named(name: str) -> Format | None:
    """The format that a file's name tells, whatever its compression."""
    path = PurePath(name)
    suffix = PurePath(path.stem if compression_of(Path(path)) else path.name).suffix.lower()
    return next((each for each, known in EXTENSIONS.items() if suffix in known), None)
