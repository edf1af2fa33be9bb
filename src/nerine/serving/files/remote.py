"""Inputs at URLs, such as `s3://bucket/posts.jsonl`, read in ranges by fsspec.

fsspec knows the file systems and imports their packages: s3fs for `s3://`, gcsfs for `gs://`,
aiohttp for `https://`, the hub's library for `hf://`. Credentials and endpoints are those that
these packages find, or that fsspec's own settings give them. Nothing is cached: each status and
each byte is that of the file as it is now.
"""

from __future__ import annotations

import contextlib
import glob
import io
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from nerine.core.errors import (
    FormatError,
    MissingExtraError,
    NerineError,
    TaggingError,
    first_line,
)

_URL = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)
_PASSWORD = re.compile(r"(?<=://)[^/@]*:[^/@]*@")
_WEB = ("http", "https")
_BUFFER = 1 << 20
_AHEAD = 1 << 23
_VERSION = (
    "ETag",
    "etag",
    "VersionId",
    "generation",
    "blob_id",
    "xet_hash",
    "LastModified",
    "last_modified",
    "updated",
    "mtime",
    "created",
)
"""What file systems call the properties that change with the content of a file."""
_TRY_AGAIN = "try again; --resume continues a run that was interrupted"


@dataclass(frozen=True, slots=True)
class RemoteStatus:
    """What a file system says of a file.

    Attributes:
        st_size: Its size in bytes.
        version: What changes when its content does, such as its ETag or the time of its last
            change, by the file system's names.
    """

    st_size: int
    version: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file at a URL, with those methods of a `Path` that readers need.

    Its methods raise `FormatError` if the file is missing or access is refused,
    `MissingExtraError` if the package of its file system is not installed, and `TaggingError` if
    it cannot be read now.
    """

    url: str

    def __str__(self) -> str:
        """The URL without passwords; of `https://` without its query, which may be a signature."""
        url = _PASSWORD.sub("", self.url)
        return re.split("[?#]", url)[0] if self._protocol in _WEB else url

    @property
    def _protocol(self) -> str:
        return self.url.partition("://")[0].lower()

    @property
    def name(self) -> str:
        """The last part of its path."""
        return posixpath.basename(str(self).partition("://")[2].partition("/")[2])

    @property
    def suffix(self) -> str:
        """The suffix of its name."""
        return PurePosixPath(self.name).suffix

    def stat(self) -> RemoteStatus:
        """Its status as it is now."""
        with _errors(str(self)):
            system, path = _system(self.url)
            values = system.info(path)
        if values["type"] != "file":
            raise FormatError("this is not a file", place=str(self))
        if values["size"] is None or not values.get("partial", True):
            raise _without_ranges(str(self))
        version = {
            name: str(values[name]) for name in _VERSION if values.get(name) not in (None, "")
        }
        return RemoteStatus(int(values["size"]), version)

    def open(self, mode: str = "rb", buffering: int = _BUFFER) -> BinaryIO:  # noqa: ARG002
        """A stream of its bytes, which requests `buffering` of them at a time."""
        size = self.stat().st_size
        with _errors(str(self)):
            system, path = _system(self.url)
            stream = system.open(path, "rb", cache_type="none")
        return io.BufferedReader(_Ranges(stream, size, str(self)), buffering)


File = Path | RemoteFile
"""A file of this machine or at a URL."""


class _Ranges(io.RawIOBase):
    """A stream of fsspec whose errors are those of Nerine."""

    def __init__(self, stream: Any, size: int, place: str) -> None:
        self._stream = stream
        self._size = size
        self._place = place
        self._at = 0

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Moves to another byte; nothing is requested."""
        self._at = max(0, offset + (0, self._at, self._size)[whence])
        return self._at

    def tell(self) -> int:
        """The byte that is read next."""
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        """Requests the next bytes."""
        wanted = min(len(buffer), self._size - self._at)
        if wanted <= 0:
            return 0
        with _errors(self._place):
            self._stream.seek(self._at)
            content = self._stream.read(wanted)
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)

    def close(self) -> None:
        """Closes the stream."""
        if not self.closed:
            with _errors(self._place):
                self._stream.close()
        super().close()


def is_url(name: str) -> bool:
    """Whether the name of an input or output is a URL."""
    return _URL.match(name) is not None


def scanned(file: File) -> BinaryIO:
    """The open stream of a file that is read from its beginning to its end, in large pieces."""
    if isinstance(file, RemoteFile):
        return file.open(buffering=_AHEAD)
    return cast(BinaryIO, file.open("rb", buffering=0))


def find_remote(url: str) -> tuple[list[tuple[RemoteFile, str]], str | None]:
    """The files that a URL stands for: a file, a folder or a pattern.

    Returns:
        The files sorted by name, each with its path below the folder; and what to say if there are
        none, which is None for the URL of a file.
    """
    if url.partition("://")[0].lower() in _WEB:
        return [_web_file(url)], None
    with _errors(str(RemoteFile(url))):
        system, path = _system(url)
        try:
            kind = system.info(path)["type"]
        except FileNotFoundError:
            if not glob.has_magic(path):
                raise
            kind = "pattern"
        if kind == "file":
            file = RemoteFile(url)
            return [(file, file.name)], None
        if kind == "pattern":
            parts = path.split("/")
            fixed = next(n for n, part in enumerate(parts) if glob.has_magic(part))
            folder = "/".join(parts[:fixed])
            found = system.glob(path, detail=True)
        else:
            folder = path
            found = system.find(path, detail=True)
        system.invalidate_cache()
    files = []
    for name, values in found.items():
        if values["type"] == "file" and not name.endswith("/"):
            inner = name.removeprefix(folder.rstrip("/")).lstrip("/")
            files.append((RemoteFile(system.unstrip_protocol(name)), PurePosixPath(inner)))
    files.sort(key=lambda each: each[1])
    problem = "no file matches the pattern" if kind == "pattern" else "the folder contains no files"
    return [(file, inner.as_posix()) for file, inner in files], problem


def _web_file(url: str) -> tuple[RemoteFile, str]:
    """The file at a web address: servers list no folders."""
    file = RemoteFile(url)
    if "*" in str(file):
        raise FormatError(
            "files at web addresses cannot be listed", place=str(file), hint="name each of them"
        )
    if file.name in ("", ".", ".."):
        raise FormatError("this address does not name a file", place=str(file))
    return file, file.name


def _system(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the path in it."""
    from fsspec.core import url_to_fs  # only for URLs

    try:
        system, path = url_to_fs(url)
    except ImportError as error:
        raise _missing(url, error) from error
    system.invalidate_cache()
    return system, path


def _missing(url: str, error: ImportError) -> NerineError:
    """The error for a file system whose package is not installed."""
    from fsspec.registry import known_implementations

    protocol = url.partition("://")[0].lower()
    package = known_implementations[protocol]["class"].partition(".")[0]
    if package == "fsspec" and isinstance(error.__cause__, ImportError):
        package = error.__cause__.name or package
    return MissingExtraError(
        f"reading {protocol}:// needs the package {package}, which is not installed",
        place=str(RemoteFile(url)),
        hint=f"pip install {package}",
    )


@contextlib.contextmanager
def _errors(place: str) -> Iterator[None]:
    """Turns the errors of all file systems into those of Nerine."""
    try:
        yield
    except NerineError:
        raise
    except FileNotFoundError as error:
        raise _not_found(error, place) from error
    except PermissionError as error:
        raise _refused(place) from error
    except ValueError as error:
        if "range requests" in str(error):
            raise _without_ranges(place) from None
        if "Protocol not known" not in str(error):
            raise _failed(error, place) from error
        raise FormatError(
            f"no file system is known by this name: {place.partition('://')[0]}://",
            place=place,
            expected="s3://, gs://, hf://, https:// or another one that fsspec knows",
        ) from None
    except Exception as error:  # each file system raises its own kinds
        raise _failed(error, place) from error


def _not_found(error: FileNotFoundError, place: str) -> NerineError:
    """The error for a missing file, unless fsspec hides another problem of a web server in it."""
    cause = error.__cause__
    status = getattr(cause, "status", None)
    if status in (401, 403):
        return _refused(place)
    is_web = place.partition("://")[0].lower() in _WEB
    is_missing = cause is None or isinstance(cause, FileNotFoundError) or status in (404, 410)
    if is_web and cause is not None and not is_missing:
        return _failed(cause, place)
    return FormatError("file not found", place=place)


def _without_ranges(place: str) -> FormatError:
    return FormatError(
        "the server does not give parts of this file",
        place=place,
        expected="a server that states sizes and answers requests for ranges",
        hint="download the file, and tag the copy",
    )


def _refused(place: str) -> FormatError:
    return FormatError(
        "access is refused",
        place=place,
        hint="the package that reads it looks for credentials in its usual places",
    )


def _failed(error: BaseException, place: str) -> TaggingError:
    message = _PASSWORD.sub("", first_line(error))
    if place.partition("://")[0].lower() in _WEB:
        message = re.sub(r"(https?://[^\s?#]*)[?#]\S*", r"\1", message)
    return TaggingError(
        f"cannot be read: {type(error).__name__}: {message}", place=place, hint=_TRY_AGAIN
    )
