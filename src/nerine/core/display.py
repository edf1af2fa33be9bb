"""Untrusted texts and labels, escaped for a terminal, JSON, an HTML page or Markdown.

They are never read as markup, and control characters become visible signs.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Any

from nerine.core.document import Document, Entity, check_no_overlap

_STYLE = """\
:root { color-scheme: light dark; --text: #1b1b1f; --page: #fdfdfb; --line: #ddd; }
body { margin: 2rem auto; max-width: 46rem; padding: 0 1rem; font: 1rem/1.7 system-ui, sans-serif;
       color: var(--text); background: var(--page); }
ol { padding-left: 2.5rem; }
li { border-bottom: 1px solid var(--line); padding: .4rem 0; white-space: pre-wrap;
     overflow-wrap: anywhere; min-height: 1.7rem; }
mark { border-radius: .25rem; padding: .1rem .3rem; color: inherit; }
mark small { font-weight: 600; margin-left: .4rem; opacity: .75; }
"""
_DARK = "--text: #e6e6e3; --page: #17171a; --line: #333;"
_LIGHT_COLOURS = ("#c8e6f5", "#f3d3ea", "#d4edc9", "#fbe6b0", "#d6d9fa", "#fad4cc")
_DARK_COLOURS = ("#12465c", "#5a2350", "#27501a", "#5c4508", "#2d3277", "#68261b")

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


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, texts: int = 1) -> str:
    """A Markdown table; cells are Markdown, and all but the first `texts` columns are numbers."""
    rule = ["---" if index < texts else "--:" for index in range(len(columns))]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (columns, rule, *rows))


def counted(number: int, what: str, several: str = "") -> str:
    """`1 document`, `2,000 documents`; `several` is the plural where an `s` does not make it."""
    return f"{number:,} {what if number == 1 else several or f'{what}s'}"


def listed(names: Iterable[str], most: int) -> str:
    """The first `most` names, escaped, and the number of the others."""
    shown = [visible(name) for name in names]
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    return ", ".join(shown[:most]) + more


def pieces(document: Document) -> Iterator[tuple[str, Entity | None]]:
    """The text from its beginning to its end, cut at the entities, which must not overlap."""
    check_no_overlap(document)
    position = 0
    for entity in document.entities:
        if entity.start > position:
            yield document.text[position : entity.start], None
        yield document.surface(entity), entity
        position = entity.end
    if position < len(document.text):
        yield document.text[position:], None


def tagged_page(documents: Iterable[Document], labels: Iterable[str]) -> Iterator[str]:
    """Tagged texts as a self-contained HTML page, in pieces: one item a document.

    It has no scripts and loads nothing.
    """
    classes = {label: index % len(_LIGHT_COLOURS) for index, label in enumerate(labels)}
    light, dark = (
        "".join(f".c{index} {{ background: {colour}; }}\n" for index, colour in enumerate(colours))
        for colours in (_LIGHT_COLOURS, _DARK_COLOURS)
    )
    dark_style = f"@media (prefers-color-scheme: dark) {{\n:root {{ {_DARK} }}\n{dark}}}\n"
    yield (
        '<!doctype html>\n<html lang="und">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Entities</title>\n<style>\n{_STYLE}{light}{dark_style}</style>\n</head>\n<body>\n<ol>\n"
    )
    for document in documents:
        marked = "".join(_piece(piece, entity, classes) for piece, entity in pieces(document))
        yield f'<li dir="auto">{marked}</li>\n'
    yield "</ol>\n</body>\n</html>\n"


def _piece(text: str, entity: Entity | None, classes: dict[str, int]) -> str:
    shown = escape(visible(text, lines=True))
    if entity is None:
        return shown
    score = "" if entity.score is None else f' title="probability {entity.score:.4f}"'
    label = escape(visible(entity.label))
    return (
        f'<mark class="c{classes.get(entity.label, 0)}"{score}>{shown}<small>{label}</small></mark>'
    )


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
