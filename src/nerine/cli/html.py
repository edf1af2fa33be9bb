"""Tagged texts as a page that stands for itself: no scripts, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from nerine.cli.show import pieces
from nerine.cli.terminal import visible
from nerine.document import Document, Entity

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


def page(documents: Iterable[Document], labels: Iterable[str]) -> Iterator[str]:
    """The page in pieces: a list with an item for each document."""
    classes = {label: index % len(_LIGHT_COLOURS) for index, label in enumerate(labels)}
    yield (
        '<!doctype html>\n<html lang="und">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Entities</title>\n<style>\n{_style()}</style>\n</head>\n<body>\n<ol>\n"
    )
    for document in documents:
        marked = "".join(_piece(piece, entity, classes) for piece, entity in pieces(document))
        yield f'<li dir="auto">{marked}</li>\n'
    yield "</ol>\n</body>\n</html>\n"


def _style() -> str:
    light = _rules(_LIGHT_COLOURS)
    dark = f":root {{ {_DARK} }}\n{_rules(_DARK_COLOURS)}"
    return f"{_STYLE}{light}@media (prefers-color-scheme: dark) {{\n{dark}}}\n"


def _rules(colours: tuple[str, ...]) -> str:
    return "".join(f".c{index} {{ background: {each}; }}\n" for index, each in enumerate(colours))


def _piece(text: str, entity: Entity | None, classes: dict[str, int]) -> str:
    shown = escape(visible(text, lines=True))
    if entity is None:
        return shown
    score = "" if entity.score is None else f' title="probability {entity.score:.4f}"'
    label = escape(visible(entity.label))
    return (
        f'<mark class="c{classes.get(entity.label, 0)}"{score}>{shown}<small>{label}</small></mark>'
    )
