"""The labels that `config.json` gives to the rows of a model's head.

A label may be any text: it is escaped wherever it is shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nerine.core.errors import CheckpointError
from nerine.core.strict_json import kind_of, shown
from nerine.core.tags import OUTSIDE
from nerine.model.loading.trust.headers import Header

_MOST_CHARACTERS = 1_000
_HEADS = ("classifier.weight", "score.weight")
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")


def check_labels(config: Mapping[str, Any], header: Header | None, place: Path) -> None:
    """Raises `CheckpointError` unless id2label has a name for each row of the head.

    Only `O` may name several of them.
    """
    labels = config.get("id2label")
    problem = None if labels is None else _problem(labels, header)
    if problem:
        raise CheckpointError(
            problem,
            place=f"{place}, id2label",
            expected="a different string for each row of the head, "
            f"of at most {_MOST_CHARACTERS:,} characters",
        )


def _problem(labels: Any, header: Header | None) -> str | None:
    if not isinstance(labels, dict):
        return f"this is {kind_of(labels)}"
    first: dict[str, str] = {}
    for index, label in labels.items():
        if not _INDEX.fullmatch(index):
            return f"{shown(index)} is not an index"
        if not isinstance(label, str):
            return f"label {index} is {kind_of(label)}"
        if len(label) > _MOST_CHARACTERS:
            return f"label {index} has {len(label):,} characters"
        if label in first and label != OUTSIDE:
            return f"{first[label]} and {index} are both {shown(label)}"
        first[label] = index
    missing = next((index for index in range(len(labels)) if str(index) not in labels), None)
    if missing is not None:
        return f"none of {len(labels)} labels has the index {missing}"
    shapes = header.shapes if header else {}
    rows = next((shapes[name][0] for name in _HEADS if len(shapes.get(name, ())) == 2), None)
    if rows not in (None, len(labels)):
        return f"there are {len(labels)} labels, and the head has {rows} rows"
    return None
