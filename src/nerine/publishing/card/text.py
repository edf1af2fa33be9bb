"""Names and values of strangers, as parts of a Markdown page."""

from __future__ import annotations

import json
from typing import Any

from nerine.core.display import escaped
from nerine.data.corpus import SAMPLE

_LONGEST = 80
_NOTHING = "—"


def shown(value: str) -> str:
    """A label or a name inside a line or a cell: nothing but itself, and no longer than a line.

    The end of a long one is left out, behind a sign that says so.
    """
    short = value if len(value) <= _LONGEST else f"{value[: _LONGEST - 1]}…"
    return escaped(short)


def corpus_title(source: str, kind: str | None) -> str:
    """What a corpus is called on a card; the bundled one's name alone would tell nobody anything.

    Not escaped.
    """
    bundled = kind == "bundled" or (kind is None and source == SAMPLE)
    return f"{source}, bundled with Nerine" if bundled else source


def value_shown(value: Any) -> str:
    """A setting's value: a text as it is, anything else as JSON has it."""
    if value is None or value == [] or value == "":
        return _NOTHING
    return shown(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
