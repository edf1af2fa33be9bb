"""Columns of texts and of entities in Arrow. Needs pyarrow."""

from __future__ import annotations

from typing import Any

from nerine.core.extras import import_extra

_MEMBERS = {
    "start": "int64",
    "end": "int64",
    "label": "string",
    "text": "string",
    "score": "float64",
}


def is_text(kind: Any) -> bool:
    """Whether a column of this type has texts: strings of any form, or nulls alone."""
    types = import_extra("pyarrow", "datasets", "tagging columns").types
    cell = kind.value_type if types.is_dictionary(kind) else kind
    forms = (types.is_string, types.is_large_string, types.is_string_view, types.is_null)
    return any(is_form(cell) for is_form in forms)


def entities_type(*, texts: bool = False) -> Any:
    """The type of a column of entities, each with its text if `texts` is true."""
    arrow = import_extra("pyarrow", "datasets", "tagging columns")
    fields = [
        (name, arrow.type_for_alias(kind))
        for name, kind in _MEMBERS.items()
        if texts or name != "text"
    ]
    return arrow.list_(arrow.struct(fields))
