"""Compressed bytes in and out. What is compressed piece by piece reads as one whole.

gzip, bzip2 and xz come with Python; Zstandard with pyarrow, of the extra `datasets`. All of them
allow pieces one after another, so that a file can be cut back to any piece and go on from there.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from nerine.core.extras import import_extra

SUFFIXES = (".gz", ".bz2", ".xz", ".zst")

DAMAGES = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile)
"""What the libraries raise on data that are broken; besides, an `OSError` without a number."""

_BUFFER = 1 << 16
_GZIP_LEVEL = 6


def compression_of(path: Path) -> str:
    """The suffix that says how a file is compressed; empty where it is not."""
    suffix = path.suffix.lower()
    return suffix if suffix in SUFFIXES else ""


def _zstd_reader(raw: BinaryIO) -> Any:
    stream = import_extra("pyarrow", "datasets", "reading .zst").CompressedInputStream(raw, "zstd")
    return io.BufferedReader(stream, _BUFFER)


def _zstd(data: bytes) -> bytes:
    codec = import_extra("pyarrow", "datasets", "writing .zst").Codec("zstd")
    return bytes(codec.compress(data, asbytes=True))


_READERS: Mapping[str, Callable[[BinaryIO], Any]] = {
    ".gz": lambda raw: gzip.GzipFile(fileobj=raw, mode="rb"),
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
    ".zst": _zstd_reader,
}
_WRITERS: Mapping[str, Callable[[bytes], bytes]] = {
    "": bytes,
    # without the time, so that the same data give the same bytes
    ".gz": lambda data: gzip.compress(data, _GZIP_LEVEL, mtime=0),
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": _zstd,
}


def uncompressed(raw: BinaryIO, kind: str) -> BinaryIO:
    """The content of a stream that is compressed as the suffix `kind` says."""
    if not kind:
        return raw
    # no buffer around it: where the data break off, it would keep back what came before
    stream: BinaryIO = _READERS[kind](raw)
    return stream


def compressed(data: bytes, kind: str) -> bytes:
    """`data` as a piece of a file that is compressed as the suffix `kind` says."""
    return _WRITERS[kind](data)


def check_compression(kind: str) -> None:
    """Raises `MissingExtraError` where this kind of compression is not there."""
    compressed(b"", kind)
