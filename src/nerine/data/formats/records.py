"""Fields that JSON records of all formats share: ids, ranges and fields kept in `meta`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from nerine.core.document import Document
from nerine.core.errors import FormatError

Record = dict[str, Any]


def id_of(record: Mapping[str, Any]) -> str | None:
    """The record's id as a string."""
    value = record.get("id")
    return None if value is None else str(value)


def is_ranges(value: Any) -> bool:
    """Whether `value` is a list of [start, end]."""
    return isinstance(value, list) and all(
        isinstance(pair, list) and [type(bound) for bound in pair] == [int, int] for pair in value
    )


def is_score(value: Any) -> bool:
    """Whether `value` is a number from 0 to 1."""
    return type(value) in (int, float) and 0 <= value <= 1


def meta_of(record: Mapping[str, Any], used: Collection[str]) -> Record:
    """The fields that are not `used`, and the id if it is not a string, to be written back."""
    meta = {key: value for key, value in record.items() if key not in used and key != "id"}
    if "id" in record and not isinstance(record["id"], str):
        meta["id"] = record["id"]
    return meta


def with_meta(document: Document, own: Record, meta: Mapping[str, Any]) -> Record:
    """A record of the document's id, the fields `own` and those of `meta`.

    Raises `FormatError` if a field of `meta` has the name of another field.
    """
    rest = dict(meta)
    record: Record = {}
    if "id" in rest and id_of(rest) == document.id:
        record["id"] = rest.pop("id")
    elif document.id is not None:
        record["id"] = document.id
    record |= own
    clashes = sorted(record.keys() & rest.keys())
    if clashes:
        raise FormatError(
            f"meta has the field {clashes[0]!r}, and so has the record itself",
            expected=f"other names in meta than {', '.join(record)}",
        )
    return record | rest
