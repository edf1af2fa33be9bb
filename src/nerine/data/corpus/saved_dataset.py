"""Folders that `datasets` wrote with `save_to_disk`. Needs the extra `datasets`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nerine.core.errors import FormatError
from nerine.core.extras import import_extra
from nerine.data.formats.options import ReadOptions
from nerine.data.formats.record_rows import RecordRows, label_names
from nerine.data.split_files import match_splits, split_named


def is_saved_dataset(folder: Path) -> bool:
    """Whether `datasets` saved this folder."""
    return any((folder / name).is_file() for name in ("dataset_dict.json", "dataset_info.json"))


def open_saved_dataset(
    folder: Path, options: ReadOptions, splits: Mapping[str, str] | None = None
) -> tuple[dict[str, RecordRows], list[str]]:
    """The splits of a folder that `datasets` saved, and the names of those that are left out.

    Columns are read like those of Parquet, with the names of each `ClassLabel`. `splits` gives the
    data set's name of each split, as for `match_splits`.
    """
    datasets = import_extra("datasets", "datasets", "reading a folder that datasets saved")
    try:
        found = datasets.load_from_disk(str(folder))
    except (OSError, ValueError, KeyError) as error:
        raise FormatError(f"datasets cannot read this folder: {error}", place=str(folder)) from None
    if isinstance(found, Mapping):
        names = match_splits(found, str(folder), splits)
        parts = {split: (name, found[name]) for split, name in names.items()}
        left_out = [name for name in found if name not in names.values()]
    else:
        split = split_named(str(found.split or "")) or "train"
        parts, left_out = {split: (split, found)}, []

    def record_rows(name: str, dataset: Any) -> RecordRows:
        def rows() -> Iterator[tuple[str, Any]]:
            for number, row in enumerate(dataset, start=1):
                yield f"{folder}, {name}, row {number}", row

        return RecordRows(rows, options, label_names(dataset.features.to_dict()))

    return {split: record_rows(*part) for split, part in parts.items()}, left_out
