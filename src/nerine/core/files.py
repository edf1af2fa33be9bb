"""Files in UTF-8: lines are read with their numbers; files and folders are written whole or not."""

from __future__ import annotations

import codecs
import contextlib
import hashlib
import json
import os
import re
import shutil
import stat
import uuid
from collections.abc import Generator, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from nerine.core.encodings import decoded
from nerine.core.errors import DocumentError, FormatError, NerineError, SchemeError
from nerine.core.json_values import JsonValues, Refuse, as_record
from nerine.core.strict_json import STRICT, kind_of

UNCHANGED = "the file is as it was before"
"""The hint of an error of `replacing`, for a file that existed."""

LONGEST_LINE = 64 * 1024 * 1024
"""The most bytes of a line that is read."""

_PIECE = 1024 * 1024
_CUT_CHARACTER = re.compile(rb"[\xc0-\xff][\x80-\xbf]{0,2}\Z")
_SURROGATE = re.compile("[\ud800-\udfff]")
_SURROGATE_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")


def read_lines(path: Path, refuse: Refuse | None = None) -> Generator[tuple[int, str], None, None]:
    """The lines of `path` with their numbers from 1, without line ends and byte order mark.

    Only a line feed, with or without a carriage return before it, ends a line: tokens may contain
    the other characters at which `str.splitlines` divides a text. The error of a line that is not
    in UTF-8 goes to `refuse`; if that does not raise it, reading continues with the next line.
    """
    with opened(path) as stream:
        yield from stream_lines(bounded_lines(stream, str(path)), str(path), refuse)


def bounded_lines(stream: BinaryIO, name: str) -> Iterable[bytes]:
    """The lines of an open stream; one that is longer than `LONGEST_LINE` raises `FormatError`."""
    status = os.fstat(stream.fileno())
    if stat.S_ISREG(status.st_mode) and status.st_size <= LONGEST_LINE:
        return stream  # no line can be longer
    return _bounded_lines(stream, name)


def _bounded_lines(stream: BinaryIO, name: str) -> Iterator[bytes]:
    for number, raw in enumerate(iter(partial(stream.readline, LONGEST_LINE + 1), b""), start=1):
        if len(raw) > LONGEST_LINE:
            raise FormatError(
                f"the line has more than {LONGEST_LINE:,} bytes",
                place=f"{name}:{number}",
                expected="lines with a token or a record each",
            )
        yield raw


def stream_lines(
    stream: Iterable[bytes], name: str, refuse: Refuse | None = None
) -> Iterator[tuple[int, str]]:
    """As `read_lines`, from an open stream, which errors call `name`."""
    for number, raw in enumerate(stream, start=1):
        try:
            line = line_text(raw, name, number)
        except FormatError as error:
            if refuse is None:
                raise
            refuse(error)
            continue
        yield number, line


def line_text(raw: bytes, name: str, number: int) -> str:
    """A line as text, without its line end and, if it is the first one, byte order mark.

    Raises `FormatError` if the line `number` of `name` is not in UTF-8.
    """
    if number == 1:
        raw = raw.removeprefix(codecs.BOM_UTF8)
    try:
        line = raw.decode()
    except UnicodeDecodeError:
        line = "\0"
    if "\0" in line:  # bytes that are not UTF-8, or may be UTF-16
        line = decoded(raw, f"{name}:{number}")
    return line.removesuffix("\n").removesuffix("\r")


def read_bytes(path: Path) -> bytes:
    """The content of a binary file."""
    with opened(path) as stream:
        return stream.read()


def file_hash(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_text(path: Path) -> str:
    """The content of a text file, line ends and byte order mark included."""
    return decoded(read_bytes(path), str(path), "of the file")


@contextlib.contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The stream of a file; raises `FormatError` if it cannot be read."""
    try:
        stream = path.open("rb")
    except FileNotFoundError:
        raise FormatError("there is no such file", place=str(path)) from None
    except IsADirectoryError:
        raise FormatError(
            "this is a folder", place=str(path), expected="a file", hint="name a file inside it"
        ) from None
    except OSError as error:
        raise FormatError(f"cannot be read: {error.strerror}", place=str(path)) from error
    with stream:
        yield stream


@contextlib.contextmanager
def replacing(
    path: Path, kind: type[NerineError] = FormatError, hint: str | None = None
) -> Iterator[BinaryIO]:
    """A stream whose content replaces the file `path` at the end, unless anything fails.

    An error of the disk is raised as one of this `kind`, with the `hint`.
    """
    with write_errors(kind, path, hint):
        is_folder, final = path.is_dir(), path.resolve()
    if is_folder:
        raise kind("this is a folder", place=str(path), expected="the name of a file", hint=hint)
    partial = final.with_name(f".{final.name}.{uuid.uuid4().hex}.part")
    try:
        with write_errors(kind, path, hint):
            with partial.open("xb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            partial.replace(final)
    finally:
        partial.unlink(missing_ok=True)


def found_by_disk(error: OSError) -> tuple[str | None, str]:
    """The place of an error of the operating system, if it has one, and the problem in words."""
    place = error.filename2 or error.filename
    if isinstance(place, bytes):
        place = os.fsdecode(place)
    found = f"cannot be read or written: {error.strerror or error}"
    return None if place is None else str(place), found


@contextlib.contextmanager
def disk_errors(kind: type[NerineError]) -> Iterator[None]:
    """Turns an error of the disk, such as a missing permission, into one of this `kind`.

    Errors of connections stay. Decorates functions, too.
    """
    try:
        yield
    except (ConnectionError, TimeoutError):
        raise
    except OSError as error:
        place, found = found_by_disk(error)
        raise kind(found, place=place) from error


def common_mode(folder: Path) -> None:
    """Gives the files of a folder the mode of new ones, which some libraries do not follow."""
    new = folder / f".{uuid.uuid4().hex}.part"
    new.touch(exist_ok=False)
    mode = stat.S_IMODE(new.stat().st_mode)
    new.unlink()
    for file in folder.iterdir():
        if file.is_file():
            file.chmod(mode)


@contextlib.contextmanager
def write_errors(
    kind: type[NerineError],
    place: Path,
    hint: str | None = None,
    caught: type[Exception] = OSError,
) -> Iterator[None]:
    """Turns errors of writing, `caught` by their class, into one of this `kind` at `place`."""
    try:
        yield
    except caught as error:
        found = f"cannot be written: {getattr(error, 'strerror', None) or error}"
        raise kind(found, place=str(place), hint=hint) from error


@contextlib.contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """An empty folder that is moved to `path` at the end, or removed if anything fails.

    `path` must not exist, or be an empty folder. Parent folders are made.
    """
    final = path.resolve()
    partial = final.with_name(f".{final.name}.{uuid.uuid4().hex}.part")
    try:
        _check_free(final, path)
        partial.mkdir(parents=True)
        yield partial
        _check_free(final, path)
        partial.replace(final)
    except OSError as error:
        raise FormatError(f"cannot be written: {error.strerror}", place=str(path)) from error
    except NerineError as error:
        place = (error.place or "").replace(str(partial), str(path))
        if place == (error.place or ""):
            raise
        # an error names the final folder, not the temporary one
        raise type(error).placed(error, place) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def put_folder(place: Path, final: Path) -> None:
    """Renames a folder to `final`, in the place of an older one, which stays if that fails."""
    sync_files(place)
    old = place.with_name(f"{place.name}.old")
    if final.exists():
        final.rename(old)
    try:
        place.rename(final)
    except OSError:
        if old.exists():
            old.rename(final)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _check_free(final: Path, path: Path) -> None:
    if final.is_dir() and any(final.iterdir()):
        raise FormatError(
            "the folder is not empty",
            place=str(path),
            expected="a folder that does not exist yet, or an empty one",
            hint="name another folder, or move this one away",
        )
    if final.exists() and not final.is_dir():
        raise FormatError("this is a file", place=str(path), expected="the name of a folder")


def write_text(path: Path, text: str) -> None:
    """Writes a small text file whole or not at all, under another name first."""
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def sync_files(folder: Path) -> None:
    """Waits until the files of a folder are on the disk, before the folder is renamed.

    They get the mode of new files, as some libraries keep theirs to their owner.
    """
    common_mode(folder)
    for file in folder.rglob("*"):
        if file.is_file():
            with file.open("rb") as stream:
                os.fsync(stream.fileno())


@contextlib.contextmanager
def errors_at(place: str) -> Iterator[None]:
    """Turns an error of a document, its tags or its format into a `FormatError` at `place`.

    A `FormatError` that has a place already keeps it.
    """
    try:
        yield
    except (DocumentError, SchemeError, FormatError) as error:
        if isinstance(error, FormatError) and error.place:
            raise
        raise FormatError.placed(error, place) from None


def read_values(path: Path, refuse: Refuse | None = None) -> Iterator[tuple[int, Any]]:
    """The records of a JSON file (`JsonValues`), each with the number of its first line.

    The error of a record that cannot be read goes to `refuse`; if that does not raise it, reading
    continues with the next line.
    """
    return iter(JsonValues(_pieces(path, refuse), str(path), refuse))


def read_records(path: Path, refuse: Refuse | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
    """As `read_values`, for files whose records are objects."""
    for line, value in read_values(path, refuse):
        if type(value) is dict:
            yield line, value
            continue
        try:
            record = as_record(value, f"{path}:{line}")
        except FormatError as error:
            if refuse is None:
                raise
            refuse(error)
        else:
            yield line, record


def _pieces(path: Path, refuse: Refuse | None) -> Iterator[str]:
    """The lines of a file with their ends; a long line in pieces."""
    name = str(path)
    number, rest, is_first = 1, b"", True
    with opened(path) as stream:
        while raw := stream.readline(_PIECE):
            if is_first:
                raw, is_first = raw.removeprefix(codecs.BOM_UTF8), False
            if rest:
                raw, rest = rest + raw, b""
            # the last character of a piece may be cut
            if not raw.endswith(b"\n") and (cut := _CUT_CHARACTER.search(raw)):
                raw, rest = raw[: cut.start()], raw[cut.start() :]
            try:
                yield decoded(raw, f"{name}:{number}")
            except FormatError as error:
                if refuse is None:
                    raise
                refuse(error)
                yield "\n" * raw.endswith(b"\n")
            number += raw.endswith(b"\n")
    if rest:
        yield decoded(rest, f"{path}:{number}")


def json_record(line: str, place: str, decoder: json.JSONDecoder | None = None) -> dict[str, Any]:
    """The JSON object in a line; raises `FormatError` if it is anything else.

    `decoder` replaces the usual one, which refuses NaN and Infinity.
    """
    try:
        record = (decoder or STRICT).decode(line)
    except (ValueError, RecursionError) as error:
        raise FormatError(
            f"this is not valid JSON: {error}",
            place=place,
            expected='one JSON object a line, such as {"text": "…", "entities": []}',
        ) from None
    if not isinstance(record, dict):
        raise FormatError(
            f"this is {kind_of(record)}",
            place=place,
            expected="one JSON object a line",
        )
    return record


def json_line(value: object) -> str:
    """`value` as JSON without line ends, readable, with lone surrogates escaped.

    A high surrogate before a low one is an error: it would be read as one character.
    """
    try:
        line = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise FormatError(
            f"this cannot be written as JSON: {error}",
            expected="numbers, strings, lists and mappings in a document's meta",
        ) from None
    if _SURROGATE_PAIR.search(line):
        raise FormatError(
            "a text holds a pair of surrogates as two characters",
            expected="one character for the pair",
            hint='text.encode("utf-16", "surrogatepass").decode("utf-16") joins such pairs',
        )
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", line)


def json_list(values: Iterable[object]) -> Iterator[str]:
    """The pieces of a JSON array of `values`, one a line."""
    lead = "[\n"
    for value in values:
        yield f"{lead}{json_line(value)}"
        lead = ",\n"
    yield "[]\n" if lead == "[\n" else "\n]\n"
