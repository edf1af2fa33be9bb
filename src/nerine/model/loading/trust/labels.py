"""The labels that `config.json` gives to the rows of a model's head.

A label may be any text: whatever shows it escapes it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nerine.core.errors import CheckpointError
from nerine.core.strict_json import kind_of, shown
from nerine.model.loading.trust.headers import Header

_MOST_CHARACTERS = 1_000
_HEADS = ("classifier.weight", "score.weight")
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")


def check_labels(config: Mapping[str, Any], header: Header | None, place: Path) -> None:
    """Raises `CheckpointError` where id2label does not name each row of the head once."""
    labels = config.get("id2label")
    if labels is None:
        return
    if not isinstance(labels, dict):
        raise _refusal(f"this is {kind_of(labels)}", place)
    for index, label in labels.items():
        _check_label(index, label, place)
    _check_indices(labels, place)
    rows = _rows_of_head(header)
    if rows is not None and rows != len(labels):
        raise _refusal(f"there are {len(labels)} labels, the head has {rows} rows", place)


def _check_label(index: str, label: Any, place: Path) -> None:
    if not _INDEX.fullmatch(index):
        raise _refusal(f"{shown(index)} is no index", place)
    if not isinstance(label, str):
        raise _refusal(f"label {index} is {kind_of(label)}", place)
    if len(label) > _MOST_CHARACTERS:
        raise _refusal(f"label {index} has {len(label):,} characters", place)


def _check_indices(labels: Mapping[str, str], place: Path) -> None:
    missing = next((index for index in range(len(labels)) if str(index) not in labels), None)
    if missing is not None:
        raise _refusal(f"of {len(labels)} labels none has the index {missing}", place)
    first: dict[str, str] = {}
    for index, label in labels.items():
        if label in first:
            raise _refusal(f"{first[label]} and {index} are both {shown(label)}", place)
        first[label] = index


def _rows_of_head(header: Header | None) -> int | None:
    shapes = header.shapes if header is not None else {}
    heads = [shapes[name] for name in _HEADS if len(shapes.get(name, ())) == 2]
    return heads[0][0] if heads else None


def _refusal(found: str, place: Path) -> CheckpointError:
    return CheckpointError(
        found,
        place=f"{place}, id2label",
        expected="a string of its own for each row of the head, "
        f"of at most {_MOST_CHARACTERS:,} characters",
    )
