"""Compressed files: gzip, bzip2 and xz, and Zstandard with pyarrow of the extra `datasets`.

All of these formats allow several compressed pieces one after another in a file, which read as
one: each part of an output is compressed by itself.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from typing import BinaryIO, cast

from nerine.core.extras import import_extra
from nerine.serving.files.remote import File

SUFFIXES = (".gz", ".bz2", ".xz", ".zst")

DATA_ERRORS = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile)
"""What the libraries raise on damaged data, apart from an `OSError` without a number."""

_BUFFER = 1 << 16
_GZIP_LEVEL = 6


def compression_of(path: File) -> str:
    """The suffix of the compression that a file's name tells; empty if it is not compressed."""
    suffix = path.suffix.lower()
    return suffix if suffix in SUFFIXES else ""


def decompressed(raw: BinaryIO, suffix: str) -> BinaryIO:
    """The decompressed content of a stream."""
    # without a buffer around it, which would withhold the data before a place of damage
    match suffix:
        case ".gz":
            return cast(BinaryIO, gzip.GzipFile(fileobj=raw, mode="rb"))
        case ".bz2":
            return cast(BinaryIO, bz2.BZ2File(raw))
        case ".xz":
            return cast(BinaryIO, lzma.LZMAFile(raw))
        case ".zst":
            stream = import_extra("pyarrow", "datasets", "reading .zst").CompressedInputStream(
                raw, "zstd"
            )
            return cast(BinaryIO, io.BufferedReader(stream, _BUFFER))
    return raw


def compressed(data: bytes, suffix: str) -> bytes:
    """`data` as one piece of a compressed file."""
    match suffix:
        case ".gz":  # without the time of day, so that equal data give equal bytes
            return gzip.compress(data, _GZIP_LEVEL, mtime=0)
        case ".bz2":
            return bz2.compress(data)
        case ".xz":
            return lzma.compress(data)
        case ".zst":
            codec = import_extra("pyarrow", "datasets", "writing .zst").Codec("zstd")
            return bytes(codec.compress(data, asbytes=True))
    return data


def check_compression(suffix: str) -> None:
    """Raises `MissingExtraError` if the package for this compression is not installed."""
    compressed(b"", suffix)
