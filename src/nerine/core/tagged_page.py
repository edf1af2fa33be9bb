"""Tagged texts as a page of HTML."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nerine.core.document import Document, check_no_overlap
from nerine.core.html import label_colours, marked_text

_STYLE = """\
:root { color-scheme: light dark; --text: #1b1b1f; --page: #fdfdfb; --line: #ddd; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6e6e3; --page: #17171a; --line: #333; }
}
body { margin: 2rem auto; max-width: 46rem; padding: 0 1rem; font: 1rem/1.7 system-ui, sans-serif;
       color: var(--text); background: var(--page); }
ol { padding-left: 2.5rem; }
li { border-bottom: 1px solid var(--line); padding: .4rem 0; white-space: pre-wrap;
     overflow-wrap: anywhere; min-height: 1.7rem; }
"""


def tagged_page(documents: Iterable[Document], labels: Iterable[str]) -> Iterator[str]:
    """Tagged texts as a self-contained HTML page, in pieces: one item a document.

    It has no scripts and loads nothing.
    """
    colours = label_colours(labels)
    yield (
        '<!doctype html>\n<html lang="und">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Entities</title>\n<style>\n{_STYLE}</style>\n</head>\n<body>\n<ol>\n"
    )
    for document in documents:
        check_no_overlap(document)
        marked = marked_text(document.text, document.entities, colours)
        yield f'<li dir="auto">{marked}</li>\n'
    yield "</ol>\n</body>\n</html>\n"
