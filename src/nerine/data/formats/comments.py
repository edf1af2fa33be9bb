"""Our own comments in column files, `# key = value`: what the columns alone do not say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from nerine.core.errors import FormatError
from nerine.core.files import json_line
from nerine.data.formats.tagged import Place

OWN_KEYS = ("id", "id_json", "text", "text_json", "tokens", "meta")

_UNFIT_FOR_A_LINE = re.compile("[\t\n\r\ud800-\udfff]")
_EXPECTED = {"tokens": "a JSON list of [start, end]", "meta": "a JSON object"}


def own_key(line: str) -> str | None:
    """Our key in a comment line, if it has one."""
    if not line.startswith("# ") or " = " not in f"{line} ":
        return None
    key = line[2:].partition(" =")[0]
    return key if key in OWN_KEYS else None


def read_comments(
    comments: Iterable[tuple[int, str]], place: Place
) -> tuple[dict[str, Any], list[str]]:
    """Numbered comment lines → our own ones as values by their key, and the others as they are.

    The keys `id_json` and `text_json` become `id` and `text`.
    """
    own: dict[str, Any] = {}
    others = []
    for number, line in comments:
        key = own_key(line)
        if key:
            own[key.removesuffix("_json")] = _value(key, line, place(number))
        else:
            others.append(line)
    return own, others


def _value(key: str, line: str, place: str) -> Any:
    written = line.partition("=")[2].strip()
    if key in ("id", "text"):
        return written
    try:
        value = json.loads(written)
    except (ValueError, RecursionError):
        value = None
    if not _fits(key, value):
        raise FormatError(
            f"the comment '# {key}' holds {written[:60]!r}",
            place=place,
            expected=_EXPECTED.get(key, "a JSON string"),
        )
    return value


def _fits(key: str, value: Any) -> bool:
    if key == "meta":
        return isinstance(value, dict)
    return is_ranges(value) if key == "tokens" else isinstance(value, str)


def is_ranges(value: Any) -> bool:
    """Whether `value` is a list of [start, end]."""
    return isinstance(value, list) and all(
        isinstance(pair, list) and [type(bound) for bound in pair] == [int, int] for pair in value
    )


def string_comment(key: str, value: str) -> str:
    """The line that gives `value` back, plain where that can be."""
    if value and value == value.strip() and not _UNFIT_FOR_A_LINE.search(value):
        return f"# {key} = {value}"
    return f"# {key}_json = {json_line(value)}"
