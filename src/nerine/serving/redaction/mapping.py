"""The mapping of a redaction: what stood where, so that the files can be restored.

A file of lines: a head, a line where a file begins, a line for each record in which something was
replaced, `{"record": 7, "parts": [[at, size, label, original]]}`, and the hashes of a file where it
ends. Only its owner can read it. With a key, the lines after the head are blocks encrypted by
Fernet (AES-128-CBC and HMAC-SHA256), numbered, so that none can be left out or moved.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from nerine.core.errors import FormatError, TaggingError
from nerine.core.extras import import_extra
from nerine.core.files import json_line, opened, write_errors
from nerine.serving.files import durable
from nerine.serving.files.written import Splice
from nerine.serving.redaction.stand_ins import keyed

EXTRA = "redact"
_KIND = "redaction mapping"
_VERSION = 1
_BLOCK = 1 << 16
_OWNER_ONLY = 0o600


class MappingWriter:
    """Writes a mapping: whole, or not at all.

    Args:
        path: The file.
        key: The key that encrypts it; empty if it is not encrypted.
    """

    def __init__(self, path: Path, key: bytes) -> None:
        self.path = path
        self._new = path.with_name(f".{path.name}{durable.NEW}")
        self._fernet = _fernet(key) if key else None
        self._held: list[str] = []
        self._size = self._blocks = 0
        with write_errors(TaggingError, path):
            self._new.unlink(missing_ok=True)  # of a run that was killed
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            self._stream: BinaryIO = os.fdopen(os.open(self._new, flags, _OWNER_ONLY), "wb")
        head = {"nerine": _KIND, "version": _VERSION, "encrypted": bool(key)}
        self._stream.write(f"{json_line(head)}\n".encode())

    def write(self, **values: object) -> None:
        """Writes a line."""
        line = json_line(values)
        self._held.append(line)
        self._size += len(line)
        if self._size >= _BLOCK:
            self._write_block()

    def write_record(self, number: int, splices: Sequence[Splice], start: int) -> None:
        """Writes what was replaced in a record whose bytes begin at `start` in the new file."""
        parts = [[start + each.at, each.size, each.label, each.original] for each in splices]
        self.write(record=number, parts=parts)

    def _write_block(self) -> None:
        block = "\n".join(self._held)
        if self._fernet is not None:
            numbered = f"{self._blocks}\n{block}".encode()
            block = self._fernet.encrypt(numbered).decode("ascii")
        self._stream.write(f"{block}\n".encode())
        self._held, self._size, self._blocks = [], 0, self._blocks + 1

    def commit(self) -> None:
        """Writes the end, and puts the file in its place."""
        self.write(end=True)
        self._write_block()
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()
        durable.move(self._new, self.path)

    def close(self) -> None:
        """Removes what was written, if it is not whole."""
        self._stream.close()
        self._new.unlink(missing_ok=True)


def read_mapping(path: Path, key: bytes) -> Generator[Mapping[str, Any]]:
    """The lines of a mapping after its head, without the end, which must be there.

    Raises `FormatError` if it is not a mapping, is not whole, or the key does not open it.
    """
    with opened(path) as stream:
        encrypted = _head(stream.readline(), path)
        if encrypted and not key:
            raise FormatError(
                "this is encrypted", place=str(path), hint="--key-file (key=…) names its key"
            )
        fernet = _fernet(key) if encrypted else None
        lines = (line for block in enumerate(stream) for line in _lines(block, fernet, path))
        for line in lines:
            with _readable(path):
                values = json.loads(line)
                ended = "end" in values
            if ended:
                break
            yield values
        else:
            raise FormatError("the end is missing", place=str(path), expected="a whole mapping")


def _lines(block: tuple[int, bytes], fernet: Any, path: Path) -> Sequence[str]:
    """The lines of a block, which is one line if it is not encrypted."""
    number, line = block
    if fernet is None:
        return [line.decode(errors="replace")]
    invalid = import_extra("cryptography.fernet", EXTRA, "encrypting a mapping").InvalidToken
    try:
        content = fernet.decrypt(line.strip()).decode()
    except invalid:
        raise FormatError(
            "this can't be decrypted",
            place=f"{path}:{number + 2}",
            expected="the key that the mapping was written with, and all its bytes",
        ) from None
    stated, *lines = str(content).split("\n")
    if stated != str(number):
        raise FormatError("a part is missing or was moved", place=f"{path}:{number + 2}")
    return lines


def _head(line: bytes, path: Path) -> bool:
    """Whether a mapping is encrypted, by its first line."""
    with _readable(path):
        values = json.loads(line)
        if values["nerine"] != _KIND:
            raise ValueError
        if values["version"] != _VERSION:
            raise FormatError(
                f"this is version {values['version']} of the format",
                place=str(path),
                expected=f"version {_VERSION}",
            )
        return bool(values["encrypted"])


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError):
        raise FormatError(
            "this is not a mapping", place=str(path), expected="a file that nerine redact has made"
        ) from None


def _fernet(key: bytes) -> Any:
    fernet = import_extra("cryptography.fernet", EXTRA, "encrypting a mapping")
    return fernet.Fernet(base64.urlsafe_b64encode(keyed(key, "mapping")))
