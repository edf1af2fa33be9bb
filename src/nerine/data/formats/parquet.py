"""Parquet files of tokens and tags, read only. Needs pyarrow, of the extra `datasets`.

Columns and tags are those of word records (see `words`). The names of tags are those that
`datasets` stores in the file (`ClassLabel`), or `ReadOptions.tag_names`. pyarrow runs no code of
the file.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterator
from pathlib import Path

from nerine.core.document import Document
from nerine.core.errors import FormatError, first_line
from nerine.core.extras import import_extra
from nerine.data.formats.options import ReadLog, ReadOptions
from nerine.data.formats.words import TAG_FIELDS, Row, TaggedRows

EXTENSIONS = (".parquet",)
_BATCH = 1000


def read(path: Path, options: ReadOptions, log: ReadLog) -> Iterator[tuple[str, Document]]:
    """The documents of a Parquet file, each with its place: file and number of the row, from 1."""
    parquet = import_extra("pyarrow.parquet", "datasets", "reading Parquet")
    if not path.is_file():
        raise FormatError("there is no such file", place=str(path), expected="a Parquet file")
    with _parquet_errors(path):
        schema = parquet.read_schema(path)
    tag_names: tuple[str, ...] | None = None
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        names = features[tag_column(schema.names, options)]["feature"]["names"]
        if isinstance(names, list) and all(isinstance(each, str) for each in names):
            tag_names = tuple(names)
    except (KeyError, TypeError, ValueError, RecursionError):
        tag_names = None  # `datasets` did not write this file

    def rows() -> Iterator[tuple[str, Row]]:
        with _parquet_errors(path), parquet.ParquetFile(path) as file:
            batches = file.iter_batches(batch_size=_BATCH)
            found = (row for batch in batches for row in batch.to_pylist())
            yield from ((f"{path}:{number}", row) for number, row in enumerate(found, start=1))

    return TaggedRows(rows, options, tag_names).documents(log)


def tag_column(columns: Collection[str], options: ReadOptions) -> str:
    """The name of the tag column: the one stated, or the first of the usual ones."""
    if isinstance(options.tag_column, str):
        return options.tag_column
    return next((name for name in TAG_FIELDS if name in columns), TAG_FIELDS[0])


@contextlib.contextmanager
def _parquet_errors(path: Path) -> Iterator[None]:
    """Raises pyarrow's errors, also those about false sizes in a file, as a `FormatError`."""
    try:
        yield
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
