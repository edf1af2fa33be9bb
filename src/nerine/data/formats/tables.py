"""Tables of tokens and tags: Parquet, and folders that `datasets` saved.

Columns and tags are those of word records (see `words`). Names of tags come from the
table itself (`ClassLabel`), or from `tag_names`. Needs the extra `datasets`, Parquet of it only
pyarrow, which runs nothing that stands in a file.
"""

from __future__ import annotations

import contextlib
import importlib
import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from nerine.core.document import Document
from nerine.core.errors import FormatError, MissingExtraError, first_line
from nerine.data.formats.folders import match_splits, split_named
from nerine.data.formats.options import ReadLog, ReadOptions
from nerine.data.formats.words import TAG_FIELDS, Row, TagTable

EXTENSIONS = (".parquet",)
_BATCH = 1000
_SAVED = ("dataset_dict.json", "dataset_info.json")


def read_parquet(path: Path, options: ReadOptions, log: ReadLog) -> Iterator[tuple[str, Document]]:
    """The documents of a Parquet file, each with its place: file and number of the row, from 1."""
    parquet = needed("pyarrow.parquet", "reading Parquet")
    if not path.is_file():
        raise FormatError("there is no such file", place=str(path), expected="a Parquet file")
    with _parquet_errors(path):
        schema = parquet.read_schema(path)
    names = _names_in_metadata(schema, options)
    table = TagTable(
        lambda: _parquet_rows(parquet, path), lambda row: f"{path}:{row}", options, names
    )
    return table.documents(log)


def _parquet_rows(parquet: ModuleType, path: Path) -> Iterator[tuple[int, Row]]:
    """The rows of a file with their numbers from 1. As many are held as come in one batch."""
    number = 0
    with contextlib.ExitStack() as stack:
        with _parquet_errors(path):
            file = stack.enter_context(parquet.ParquetFile(path))
            batches = file.iter_batches(batch_size=_BATCH)
        while True:
            with _parquet_errors(path):
                batch = next(batches, None)
                rows = [] if batch is None else batch.to_pylist()
            if batch is None:
                return
            for row in rows:
                number += 1
                yield number, row


@contextlib.contextmanager
def _parquet_errors(path: Path) -> Iterator[None]:
    """What pyarrow raises about a file that lies about itself, as a `FormatError`."""
    try:
        yield
    except MemoryError:
        raise FormatError(
            "the file asks for more memory than there is", place=str(path), expected="Parquet"
        ) from None
    except Exception as error:  # of pyarrow, which has many kinds
        raise FormatError(f"this is no Parquet: {first_line(error)}", place=str(path)) from None


def _names_in_metadata(schema: Any, options: ReadOptions) -> tuple[str, ...] | None:
    """The names of the tags that `datasets` writes beside an Arrow schema."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        names = features[_tag_column(schema.names, options)]["feature"]["names"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    is_usable = isinstance(names, list) and all(isinstance(each, str) for each in names)
    return tuple(names) if is_usable else None


def _tag_column(columns: Collection[str], options: ReadOptions) -> str:
    if isinstance(options.tag_column, str):
        return options.tag_column
    return next((name for name in TAG_FIELDS if name in columns), TAG_FIELDS[0])


def is_saved_folder(folder: Path) -> bool:
    """Whether `datasets` saved this folder."""
    return any((folder / name).is_file() for name in _SAVED)


def saved_tables(
    folder: Path, options: ReadOptions, splits: Mapping[str, str] | None = None
) -> tuple[dict[str, TagTable], list[str]]:
    """The splits of a folder that `save_to_disk` wrote, and the names of those that are left out.

    `splits` says which is which, as for `match_splits`.
    """
    datasets = needed("datasets", "reading a folder that datasets saved")
    try:
        found = datasets.load_from_disk(str(folder))
    except (OSError, ValueError, KeyError) as error:
        raise FormatError(f"datasets cannot read this folder: {error}", place=str(folder)) from None
    if not isinstance(found, Mapping):
        split = split_named(str(found.split or "")) or "train"
        return {split: _table(found, f"{folder}, {split}", options)}, []
    meant = match_splits(found, str(folder), splits)
    tables = {
        split: _table(found[name], f"{folder}, {name}", options) for split, name in meant.items()
    }
    return tables, [name for name in found if name not in meant.values()]


def _table(dataset: Any, place: str, options: ReadOptions) -> TagTable:
    feature = dataset.features.get(_tag_column(dataset.features, options))
    names = getattr(getattr(feature, "feature", None), "names", None)
    return TagTable(
        lambda: enumerate(dataset, start=1),
        lambda row: f"{place}, row {row}",
        options,
        tuple(names) if names else None,
    )


def needed(module: str, purpose: str) -> ModuleType:
    """A module of the extra `datasets`; raises `MissingExtraError` where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise MissingExtraError.of(module.partition(".")[0], "datasets", purpose) from None
