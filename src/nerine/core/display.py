"""Untrusted texts and labels, escaped for a terminal, JSON or Markdown (for HTML: `html`).

They are never read as markup, and control characters become visible signs.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

HTML_REFERENCE = r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"
"""A pattern for a character reference of HTML, such as `&amp;` or `&#8217;`."""

_UNSAFE = [
    *range(0x7F, 0xA0),  # DEL and C1, among them the one-character CSI
    *range(0x2028, 0x202F),  # line ends, and controls of text direction
    *range(0x2066, 0x206A),
    *range(0xD800, 0xE000),  # halves of surrogate pairs
]
_ONE_LINE = {code: 0x2400 + code for code in range(0x20)} | dict.fromkeys(_UNSAFE, 0xFFFD)
_LINES = {code: shown for code, shown in _ONE_LINE.items() if code not in (0x09, 0x0A)}


_LONG_PATH = 3
"""From so many parts on, a path is long."""
_LONGEST_QUOTE = 60
"""The most characters of a text in a message."""

_REFERENCES = {ord(sign): f"&#{ord(sign)};" for sign in "\\`*_[]<>#!|~&@$"}
_ADDRESSES = {"://": "&#58;//", "www.": "www&#46;"}  # some viewers make links of them

_TO_ESCAPE = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str, *, lines: bool = False) -> str:
    """`text` with a visible sign for each control character, and of the same length.

    `lines` leaves line feeds and TABs as they are.
    """
    return text.translate(_LINES if lines else _ONE_LINE)


def escaped(text: str) -> str:
    """`text` as Markdown that shows exactly it, inside a line."""
    shown = visible(text).translate(_REFERENCES)
    for sign, reference in _ADDRESSES.items():
        shown = shown.replace(sign, reference)
    return shown


def escaped_line(text: str) -> str:
    """As `escaped`, for the beginning of a line, where more signs have a meaning."""
    shown = escaped(text)
    first = shown[:1]
    if not first or first == "&" or first.isalpha():
        return shown
    return f"&#{ord(first)};{shown[1:]}"


def quoted(text: str) -> str:
    """A text in quotes, in one line, cut if it is long; invisible characters are escaped."""
    return repr(text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}…")


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, texts: int = 1) -> str:
    """A Markdown table; cells are Markdown, and all but the first `texts` columns are numbers."""
    rule = ["---" if index < texts else "--:" for index in range(len(columns))]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (columns, rule, *rows))


def short_path(name: str) -> str:
    """The last part of a long path; a name with at most one slash inside stays."""
    parts = [part for part in re.split(r"[\\/]+", name) if part not in ("", ".", "..", "~")]
    is_short = len(parts) < _LONG_PATH and not name.startswith(("/", "\\", "~"))
    return name if is_short or not parts else parts[-1]


def counted(number: int, what: str, several: str = "") -> str:
    """`1 document`, `2,000 documents`; `several` is the plural where an `s` does not make it."""
    return f"{number:,} {what if number == 1 else several or f'{what}s'}"


def listed(names: Iterable[str], most: int) -> str:
    """The first `most` names, escaped, and the number of the others."""
    shown = [visible(name) for name in names]
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    return ", ".join(shown[:most]) + more


def text_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, texts: int = 1) -> str:
    """A table of plain text; all but the first `texts` columns are aligned to the right."""
    shown = [[visible(each) for each in cells] for cells in (columns, *rows)]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    lines = []
    for cells in shown:
        left = map(str.ljust, cells[:texts], widths[:texts])
        right = map(str.rjust, cells[texts:], widths[texts:])
        lines.append("  ".join([*left, *right]).rstrip())
    return "\n".join(lines)


def json_text(value: Any) -> str:
    """`value` as indented JSON; infinity and NaN become null."""
    shown = json.dumps(_finite(value), indent=2, ensure_ascii=False, allow_nan=False)
    return _TO_ESCAPE.sub(lambda match: f"\\u{ord(match[0]):04x}", shown)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
