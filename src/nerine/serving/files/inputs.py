"""What is to be tagged: files, folders, patterns and standard input, each with its output's name.

Nothing is guessed from contents: a file's format and compression are those of its name, or the
stated one.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from nerine.core.errors import FormatError
from nerine.serving.files.compression import check_compression, compression_of
from nerine.serving.files.lines import Lines
from nerine.serving.files.options import EXTENSIONS, Format, TaggingOptions
from nerine.serving.files.parquet import ParquetSource
from nerine.serving.files.plain import JsonSource, TextSource
from nerine.serving.files.records import RecordReader
from nerine.serving.files.tables import CsvSource

STANDARD = "-"
"""Standard input as an input, standard output as an output."""


@dataclass(frozen=True, slots=True)
class Input:
    """A file, or standard input where `path` is None, and its name in a folder of outputs."""

    path: Path | None
    name: str
    format: Format

    @property
    def place(self) -> str:
        """What it is called in messages."""
        return STANDARD if self.path is None else str(self.path)

    def source(self, options: TaggingOptions) -> RecordReader:
        """Its records."""
        delimiter = options.delimiter or ("\t" if self.format == "tsv" else ",")
        if self.format == "parquet":
            if self.path is None or compression_of(self.path):
                raise FormatError(
                    "Parquet is read from a file that is not compressed again", place=self.place
                )
            return ParquetSource(self.path, options.column, options.into)
        lines = Lines(self.path, "" if self.path is None else compression_of(self.path))
        if self.format == "text":
            return TextSource(lines, options.into)
        if self.format == "jsonl":
            return JsonSource(lines, options.field, options.into)
        return CsvSource(lines, options.column, options.into, delimiter)


@dataclass(frozen=True, slots=True)
class Found:
    """The inputs, whether they are `several` by the way they were named, and what was left out."""

    inputs: tuple[Input, ...]
    several: bool
    passed_over: tuple[str, ...] = ()


def find_inputs(names: Sequence[str | Path], format_: Format | None) -> Found:
    """The files behind `names`, in their order; a folder's and a pattern's sorted by name.

    A folder stands for all files in it and below it, hidden ones excepted. Raises `FormatError`
    for one that is not there, cannot be read, or whose name tells no format.
    """
    if not names:
        raise FormatError("there is no input", expected="files, folders, patterns, or -")
    passed_over: list[str] = []
    inputs = tuple(each for name in names for each in _inputs(str(name), format_, passed_over))
    several = len(names) > 1 or not (str(names[0]) == STANDARD or Path(names[0]).is_file())
    if several and any(each.path is None for each in inputs):
        raise FormatError(
            "standard input stands beside other inputs", place=STANDARD, expected="it alone"
        )
    return Found(inputs, several, tuple(passed_over))


def _inputs(name: str, format_: Format | None, passed_over: list[str]) -> Iterator[Input]:
    path = Path(name)
    if name == STANDARD:
        if format_ is None:
            raise FormatError(
                "nothing tells the format of standard input",
                place=STANDARD,
                hint="--format text or --format jsonl (format=…) states it",
            )
        yield Input(None, STANDARD, format_)
    elif path.is_dir():
        yield from _in_folder(path, format_, passed_over)
    elif not path.exists() and glob.has_magic(name):
        yield from _matching(name, format_, passed_over)
    else:
        yield _input(path, path.name, format_)


def _in_folder(folder: Path, format_: Format | None, passed_over: list[str]) -> Iterator[Input]:
    found = [*_below(folder, "**/*", format_, passed_over)]
    if not found:
        raise FormatError("the folder holds no files", place=str(folder))
    yield from found


def _matching(name: str, format_: Format | None, passed_over: list[str]) -> Iterator[Input]:
    parts = Path(name).parts
    fixed = next(index for index, part in enumerate(parts) if glob.has_magic(part))
    pattern = "/".join(parts[fixed:])
    found = [*_below(Path(*parts[:fixed]), pattern, format_, passed_over)]
    if not found:
        raise FormatError("no file has such a name", place=name)
    yield from found


def _below(
    folder: Path, pattern: str, format_: Format | None, passed_over: list[str]
) -> Iterator[Input]:
    """The files in `folder` that a pattern names, by their paths from there."""
    for path in sorted(each for each in folder.glob(pattern) if not each.is_dir()):
        inner = path.relative_to(folder)
        if any(part.startswith(".") for part in inner.parts):
            passed_over.append(str(path))
        else:
            yield _input(path, inner.as_posix(), format_)


def _input(path: Path, name: str, format_: Format | None) -> Input:
    _check_readable(path)
    return Input(path, name, format_ or _format_of(path))


def _check_readable(path: Path) -> None:
    if path.exists() and not path.is_file():
        raise FormatError("this is no regular file", place=str(path), hint="pipe it in, as -")
    try:
        with path.open("rb"):
            pass
    except FileNotFoundError:
        raise FormatError("there is no such file", place=str(path)) from None
    except OSError as error:
        raise FormatError(f"cannot be read: {error.strerror}", place=str(path)) from error
    check_compression(compression_of(path))


def format_named(name: str) -> Format | None:
    """The format that a file's name tells, whatever it is compressed with."""
    path = PurePath(name)
    suffix = PurePath(path.stem if compression_of(Path(path)) else path.name).suffix.lower()
    return next((each for each, known in EXTENSIONS.items() if suffix in known), None)


def _format_of(path: Path) -> Format:
    found = format_named(path.name)
    if found is None:
        known = [suffix for suffixes in EXTENSIONS.values() for suffix in suffixes]
        raise FormatError(
            "the name does not tell the format",
            place=str(path),
            expected=f"one of {', '.join(known)}, and .gz, .bz2, .xz or .zst behind it",
            hint="--format (format=…) states the format of all inputs",
        )
    return found


def output_name(given: Input) -> str:
    """What the output of an input is called in a folder: the same, but texts become JSON lines."""
    if given.format != "text":
        return given.name
    path = PurePath(given.name)
    packed = path.suffix if compression_of(Path(path)) else ""
    plain = PurePath(given.name.removesuffix(packed))
    named = plain.with_suffix("") if plain.suffix.lower() in EXTENSIONS["text"] else plain
    return f"{named}.jsonl{packed}"
