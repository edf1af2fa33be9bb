"""Parquet files, read only. Needs pyarrow, of the extra `datasets`.

Rows hold tokens and tags, or a text and its entities (see `record_rows`). The names of tags and
labels are those that `datasets` stores in the file (`ClassLabel`), or `ReadOptions.tag_names`.
pyarrow runs no code of the file, and is not asked for rows that need far more memory than the file
has bytes.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nerine.core.document import Document
from nerine.core.errors import FormatError, first_line
from nerine.core.extras import import_extra
from nerine.data.formats.head import Head
from nerine.data.formats.options import ReadLog, ReadOptions
from nerine.data.formats.parquet_metadata import read_chunks, unpacked_page_size
from nerine.data.formats.record_rows import RecordRows, label_names
from nerine.data.formats.words import Row

EXTENSIONS = (".parquet", ".pq")

_MAGIC = b"PAR1"
_BATCH = 1000
_MEGABYTE = 1 << 20
_MOST_OF_ROW = 64 * _MEGABYTE
_MOST_OF_BATCH = 256 * _MEGABYTE
_MOST_OF_CHUNK = 256 * _MEGABYTE
_MOST_PACKED = 1000  # bytes that one byte of the file unpacks to


def recognises(head: Head) -> bool:
    """Whether the file begins like Parquet."""
    return head.content.startswith(_MAGIC)


def read(path: Path, options: ReadOptions, log: ReadLog) -> Iterator[tuple[str, Document]]:
    """The documents of a Parquet file, each with its place: file and number of the row, from 1."""
    parquet = import_extra("pyarrow.parquet", "datasets", "reading Parquet")
    if not path.is_file():
        raise FormatError("there is no such file", place=str(path), expected="a Parquet file")
    with _parquet_errors(path), parquet.ParquetFile(path) as file:
        stored = (file.schema_arrow.metadata or {}).get(b"huggingface", b"{}")
        batch_size = _batch_size(path)
    size = path.stat().st_size
    most_unpacked = max(_MOST_OF_CHUNK, _MOST_PACKED * size)
    try:
        names = label_names(json.loads(stored)["info"]["features"])
    except (KeyError, TypeError, ValueError, RecursionError):
        names = {}  # `datasets` did not write this file

    def rows() -> Iterator[tuple[str, Row]]:
        with _parquet_errors(path), parquet.ParquetFile(path) as file:
            number = unpacked = 0
            for packed in file.iter_batches(batch_size=batch_size):
                batch = _without_dictionaries(packed)
                unpacked += batch.nbytes
                if unpacked > most_unpacked:
                    raise _unpacks_to(unpacked, size, f"{path}:{number + 1}")
                for row in _batch_rows(batch, path, number):
                    number += 1
                    yield f"{path}:{number}", row

    return RecordRows(rows, options, names).documents(log)


def _batch_size(path: Path) -> int:
    """The number of rows to read at a time.

    Raises `FormatError` if a column would unpack to far more bytes than the file has. A dictionary
    holds a value once, however often rows repeat it, so that the size of a batch depends on it.
    """
    size = path.stat().st_size
    largest = 1
    with path.open("rb") as stream:
        for chunk in read_chunks(path):
            first = unpacked_page_size(stream, chunk.first_page)
            unpacked = max(chunk.unpacked, first)
            if unpacked > max(_MOST_OF_CHUNK, _MOST_PACKED * size):
                raise _unpacks_to(unpacked, size, f"{path}, column {chunk.name}")
            if chunk.has_dictionary:
                largest = max(largest, first)
    return max(1, min(_BATCH, _MOST_OF_BATCH // largest))


def _unpacks_to(unpacked: int, size: int, place: str) -> FormatError:
    return FormatError(
        f"this file of {size:,} bytes unpacks to more than {unpacked:,} bytes",
        place=place,
        expected="a file that does not unpack to far more than its size",
    )


def _without_dictionaries(batch: Any) -> Any:
    """A batch with each value in its row, so that its size tells the memory that rows need."""
    for index, column in enumerate(batch.columns):
        if hasattr(column, "dictionary_decode"):
            name = batch.schema.field(index).name
            batch = batch.set_column(index, name, column.dictionary_decode())
    return batch


def _batch_rows(batch: Any, path: Path, before: int) -> Iterator[Row]:
    """The rows of a batch; raises `FormatError` if one of them is very large."""
    if batch.nbytes <= _MOST_OF_ROW:
        yield from batch.to_pylist()
        return
    for index in range(batch.num_rows):
        row = batch.slice(index, 1)
        if row.nbytes > _MOST_OF_ROW:
            raise FormatError(
                f"the row has {row.nbytes:,} bytes",
                place=f"{path}:{before + index + 1}",
                expected=f"at most {_MOST_OF_ROW // _MEGABYTE} MiB in a row",
            )
        yield from row.to_pylist()


@contextlib.contextmanager
def _parquet_errors(path: Path) -> Iterator[None]:
    """Raises pyarrow's errors, also those about false sizes in a file, as a `FormatError`."""
    try:
        yield
    except FormatError:
        raise
    except MemoryError:
        raise FormatError(
            "reading this file needs more memory than is available",
            place=str(path),
            expected="a valid Parquet file",
        ) from None
    except Exception as error:  # pyarrow raises many kinds
        raise FormatError(
            f"this is not a valid Parquet file: {first_line(error)}", place=str(path)
        ) from None
