"""Tables of tokens and tags: Parquet, folders that `datasets` saved, data sets on the hub.

Columns and tags are those of word records (`nerine.formats.words`). Names of tags come from the
table itself (`ClassLabel`), or from `tag_names`. Needs the extra `datasets`.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from nerine.document import Document
from nerine.errors import CorpusError, FormatError, HubError, MissingExtraError
from nerine.formats.folders import SPLITS, split_named
from nerine.formats.options import ReadLog, ReadOptions
from nerine.formats.words import TAG_FIELDS, Row, TagTable

EXTENSIONS = (".parquet",)
_SAVED = ("dataset_dict.json", "dataset_info.json")


def read_parquet(path: Path, options: ReadOptions, log: ReadLog) -> Iterator[tuple[str, Document]]:
    """The documents of a Parquet file, each with its place: file and number of the row, from 1."""
    parquet = needed("pyarrow.parquet", "reading Parquet")
    if not path.is_file():
        raise FormatError("there is no such file", place=str(path), expected="a Parquet file")
    try:
        schema = parquet.read_schema(path)
    except (OSError, ValueError) as error:  # ArrowInvalid is a ValueError
        raise FormatError(f"this is no Parquet: {error}", place=str(path)) from None

    def rows() -> Iterator[tuple[int, Row]]:
        number = 0
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1000):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row

    names = _names_in_metadata(schema.metadata, options)
    table = TagTable(rows, lambda row: f"{path}:{row}", options, names)
    return table.documents(log)


def _names_in_metadata(
    metadata: Mapping[bytes, bytes] | None, options: ReadOptions
) -> tuple[str, ...] | None:
    """The names of the tags that `datasets` writes beside an Arrow schema."""
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
        name = _tag_column(features, options)
        feature = features[name]["feature"]
        return tuple(feature["names"])
    except (KeyError, TypeError, ValueError):
        return None


def _tag_column(columns: Mapping[str, Any], options: ReadOptions) -> str:
    if isinstance(options.tag_column, str):
        return options.tag_column
    return next((name for name in TAG_FIELDS if name in columns), TAG_FIELDS[0])


def is_saved_folder(folder: Path) -> bool:
    """Whether `datasets` saved this folder."""
    return any((folder / name).is_file() for name in _SAVED)


def saved_tables(folder: Path, options: ReadOptions) -> dict[str, TagTable]:
    """The splits of a folder that `save_to_disk` wrote."""
    datasets = needed("datasets", "reading a folder that datasets saved")
    try:
        found = datasets.load_from_disk(str(folder))
    except (OSError, ValueError, KeyError) as error:
        raise FormatError(f"datasets cannot read this folder: {error}", place=str(folder)) from None
    return _tables(found, str(folder), options)


def hub_tables(
    repo_id: str, config: str | None, revision: str | None, options: ReadOptions
) -> dict[str, TagTable]:
    """The splits of a data set on the hub. Code of a repository is never run."""
    datasets = needed("datasets", "reading a corpus from the hub")
    try:
        found = datasets.load_dataset(repo_id, name=config, revision=revision)
    except Exception as error:  # whatever the layers below raise: requests, files, configurations
        raise _hub_error(repo_id, error) from error
    return _tables(found, repo_id, options)


def _hub_error(repo_id: str, error: Exception) -> HubError:
    settings = [
        f"{name}={os.environ[name]}"
        for name in ("HF_ENDPOINT", "HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE")
        if os.environ.get(name)
    ]
    return HubError(
        f"the data set cannot be loaded: {type(error).__name__}: {error}",
        place=f"{repo_id} on the hub ({', '.join(settings) or 'HF_ENDPOINT is not set'})",
        expected="a data set that the hub or the local cache has, in files without code of its own",
        hint="a folder with train, dev and test files needs no hub, nor does the corpus 'sample'",
    )


def _tables(found: Any, source: str, options: ReadOptions) -> dict[str, TagTable]:
    """Tables by split, from a `Dataset` or a `DatasetDict`."""
    if not isinstance(found, Mapping):
        split = split_named(str(found.split or "")) or "train"
        return {split: _table(found, f"{source}, {split}", options)}
    names = _names_of_splits(found, source)
    return {
        split: _table(found[name], f"{source}, {name}", options) for split, name in names.items()
    }


def _names_of_splits(names: Iterable[str], source: str) -> dict[str, str]:
    """For each of our splits, what the table calls it."""
    found: dict[str, str] = {}
    for name in names:
        split = split_named(name)
        if split in found:
            raise CorpusError(
                f"{found[split]!r} and {name!r} both look like the {split} split", place=source
            )
        if split:
            found[split] = name
    if not found:
        raise CorpusError(
            f"no split is called like a train, validation or test split: {', '.join(names)}",
            place=source,
        )
    return {split: found[split] for split in SPLITS if split in found}


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
