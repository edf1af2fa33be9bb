"""Files in UTF-8: lines in with their numbers, whole files and folders out or none."""

from __future__ import annotations

import codecs
import contextlib
import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from nerine.core.errors import DocumentError, FormatError, NerineError, SchemeError

_WHITE = re.compile(r"[ \t\r\n]*")
_HINT = "write an array of objects as JSON lines, for example with: jq -c '.[]'"
_SURROGATE = re.compile("[\ud800-\udfff]")
_SURROGATE_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of `path` with their numbers from 1, without line ends and byte order mark.

    Only a line feed, with or without a carriage return before it, ends a line: other characters
    that Python's `splitlines` knows may stand in a token.
    """
    with _opened(path) as stream:
        yield from stream_lines(stream, str(path))


def stream_lines(stream: Iterable[bytes], name: str) -> Iterator[tuple[int, str]]:
    """As `read_lines`, of a stream that is open already and is called `name` in errors."""
    for number, raw in enumerate(stream, start=1):
        if number == 1:
            raw = raw.removeprefix(codecs.BOM_UTF8)
        yield number, decoded(raw, f"{name}:{number}").removesuffix("\n").removesuffix("\r")


def read_bytes(path: Path) -> bytes:
    """All of a file that is not made of lines."""
    with _opened(path) as stream:
        return stream.read()


def file_hash(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_text(path: Path) -> str:
    """All of a file as it stands, line ends and byte order mark too."""
    return decoded(read_bytes(path), str(path), "of the file")


def decoded(raw: bytes, place: str, where: str = "of the line") -> str:
    """The text of some bytes; raises `FormatError` with the first one that is not UTF-8."""
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise FormatError(
            f"byte 0x{raw[error.start]:02x} at position {error.start} {where} is not UTF-8",
            place=place,
            expected="a file in UTF-8",
            hint="convert the file, for example with: iconv -f latin1 -t utf-8",
        ) from None


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
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
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A stream whose content takes the place of `path` at the end, or never if anything fails."""
    if path.is_dir():
        raise FormatError("this is a folder", place=str(path), expected="the name of a file")
    final = path.resolve()
    partial = final.with_name(f".{final.name}.{uuid.uuid4().hex}.part")
    try:
        with partial.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(final)
    except OSError as error:
        raise FormatError(f"cannot be written: {error.strerror}", place=str(path)) from error
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """An empty folder that becomes `path` at the end, or vanishes if anything fails.

    `path` must not exist, or be an empty folder. Folders above it are made.
    """
    final = path.resolve()
    _check_free(final, path)
    partial = final.with_name(f".{final.name}.{uuid.uuid4().hex}.part")
    try:
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
        # the folder's name for the time being says nothing to anybody
        raise type(error)(
            error.found, expected=error.expected, place=place, hint=error.hint
        ) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _check_free(final: Path, path: Path) -> None:
    if final.is_dir() and any(final.iterdir()):
        raise FormatError(
            "the folder holds other things",
            place=str(path),
            expected="a folder that is not there yet, or an empty one",
            hint="name another folder, or move this one away",
        )
    if final.exists() and not final.is_dir():
        raise FormatError("this is a file", place=str(path), expected="the name of a folder")


def write_text(path: Path, text: str) -> None:
    """Writes a small file under another name first, so that it is whole or not there."""
    partial = path.with_name(f".{path.name}.part")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def sync_files(folder: Path) -> None:
    """Waits until the files' contents are on the disk, so that a rename can't overtake them."""
    for file in folder.iterdir():
        with file.open("rb") as stream:
            os.fsync(stream.fileno())


@contextlib.contextmanager
def errors_at(place: str) -> Iterator[None]:
    """Turns what is wrong with a document or its tags into a `FormatError` at `place`."""
    try:
        yield
    except (DocumentError, SchemeError) as error:
        raise FormatError(
            error.found, place=place, expected=error.expected, hint=error.hint
        ) from None


def read_records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a file of JSON lines with their line numbers. Empty lines are passed over."""
    for number, line in read_lines(path):
        if line.strip():
            yield number, json_record(line, f"{path}:{number}")


def json_record(line: str, place: str, decoder: json.JSONDecoder | None = None) -> dict[str, Any]:
    """The JSON object that a line holds; raises `FormatError` where it holds anything else.

    `decoder` reads the line in another way than the usual one, which refuses NaN and its kin.
    """
    try:
        record = (decoder or _STRICT).decode(line)
    except (ValueError, RecursionError) as error:
        raise FormatError(
            f"this is no JSON: {error}",
            place=place,
            expected='one JSON object a line, such as {"text": "…", "entities": []}',
            hint=_HINT if line.lstrip().startswith("[") else None,
        ) from None
    if not isinstance(record, dict):
        raise FormatError(
            f"this is a JSON {_json_type(record)}",
            place=place,
            expected="one JSON object a line",
            hint=_HINT,
        )
    return record


def json_array(path: Path) -> Iterator[tuple[int, Any]]:
    """The elements of a file that is one JSON array, each with the line that it begins in."""
    text = read_text(path).removeprefix("\ufeff")
    at, line, wanted = _past_white(text, 0), 1 + text.count("\n", 0, _past_white(text, 0)), "["
    while text[at : at + 1] == wanted:
        start = _past_white(text, at + 1)
        line += text.count("\n", at, start)
        if wanted == "[" and text[start : start + 1] == "]":
            at = start
            break
        try:
            value, end = _STRICT.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            raise FormatError(
                f"this is no JSON: {error}", place=f"{path}:{line}", hint=_hint_of_end(text)
            ) from None
        yield line, value
        at, wanted = _past_white(text, end), ","
        line += text.count("\n", start, at)
    if text[at : at + 1] != "]" or text[at + 1 :].strip():
        raise FormatError(
            "this is not one JSON array",
            place=f"{path}:{line}",
            expected="[…, …] and no more",
            hint=_hint_of_end(text),
        )


def _hint_of_end(text: str) -> str | None:
    """What to do about an array that is cut off; None where its end is there."""
    if text.rstrip().endswith("]"):
        return None
    return "the file ends before the array does: export or copy it again"


def _past_white(text: str, position: int) -> int:
    """The first place from `position` on that holds no white space of JSON."""
    found = _WHITE.match(text, position)
    return found.end() if found else position


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


_STRICT = json.JSONDecoder(parse_constant=_refuse_constant)


def _json_type(value: object) -> str:
    names = {list: "array", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")


def json_line(value: object) -> str:
    """`value` as JSON without line ends, readable, with lone surrogates escaped.

    A high surrogate before a low one would come back as one character: that is an error.
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
