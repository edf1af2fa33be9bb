"""What JSON records share: ids of any type, and fields that only pass through."""

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


def meta_of(record: Mapping[str, Any], used: Collection[str]) -> Record:
    """The fields that are not `used`, and the id where it is no string, so as to write it back."""
    meta = {key: value for key, value in record.items() if key not in used and key != "id"}
    if "id" in record and not isinstance(record["id"], str):
        meta["id"] = record["id"]
    return meta


def with_meta(document: Document, own: Record, meta: Mapping[str, Any]) -> Record:
    """A record of the document's id, `own` fields, and those of `meta`.

    Raises `FormatError` where a field of `meta` would hide another one.
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
