"""Folders that `datasets` wrote with `save_to_disk`. Needs the extra `datasets`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nerine.core.errors import FormatError
from nerine.core.extras import import_extra
from nerine.data.formats.options import ReadOptions
from nerine.data.formats.parquet import tag_column
from nerine.data.formats.words import TaggedRows
from nerine.data.split_files import match_splits, split_named


def is_saved_dataset(folder: Path) -> bool:
    """Whether `datasets` saved this folder."""
    return any((folder / name).is_file() for name in ("dataset_dict.json", "dataset_info.json"))


def open_saved_dataset(
    folder: Path, options: ReadOptions, splits: Mapping[str, str] | None = None
) -> tuple[dict[str, TaggedRows], list[str]]:
    """The splits of a folder that `datasets` saved, and the names of those that are left out.

    Columns and tags are those of word records, the names of tags those of a `ClassLabel`. `splits`
    gives the data set's name of each split, as for `match_splits`.
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

    def tagged_rows(name: str, dataset: Any) -> TaggedRows:
        feature = dataset.features.get(tag_column(dataset.features, options))
        tag_names = getattr(getattr(feature, "feature", None), "names", None)
        return TaggedRows(
            lambda: (
                (f"{folder}, {name}, row {number}", row)
                for number, row in enumerate(dataset, start=1)
            ),
            options,
            tuple(tag_names) if tag_names else None,
        )

    return {split: tagged_rows(*part) for split, part in parts.items()}, left_out
