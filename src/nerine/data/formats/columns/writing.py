"""Column files, written."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeGuard

from nerine.core.document import Document, Token
from nerine.core.errors import FormatError
from nerine.core.tags import are_tags
from nerine.data.formats.columns.comments import own_key, write_comments
from nerine.data.formats.columns.layout import (
    DOCSTART,
    SPACE,
    TAB,
    Layout,
    column_separator,
    docstart_columns,
    is_docstart,
)
from nerine.data.formats.options import WriteOptions
from nerine.data.formats.tagged_words import tags_from_entities, words_to_tag

_HIDDEN = {
    TAB: re.compile("^\ufeff|[\t\n\r\ud800-\udfff]"),
    SPACE: re.compile("^\ufeff|[ \t\n\r\ud800-\udfff]"),
}
_NO_VALUE = "_"


def write(documents: Iterable[Document], options: WriteOptions) -> Iterator[str]:
    """The text of a column file, a piece for each document.

    The first document with words determines the number of columns; documents without values for
    the other columns have `_` in them.
    """
    layout = Layout(column_separator(options.separator))
    for document in documents:
        words = words_to_tag(document)
        if words and not layout.width:
            columns = _own_meta(document, layout).get("columns", [[]])
            layout = Layout(layout.separator, 2 + len(columns[0]))
            layout = layout.with_columns(options.token_column, options.tag_column, "options")
        own = _own_meta(document, layout)
        shown = [shown_token(document.surface(word), layout.separator) for word in words]
        docstart = [layout.separator.join(own["docstart"]), ""] if "docstart" in own else []
        comments = write_comments(document, words, shown, own)
        tags = tags_from_entities(document.entities, words, options.scheme)
        rows = zip(words, shown, tags, strict=True)
        lines = [
            *(*docstart, *comments),
            *_token_lines(document, rows, own.get("columns", []), layout),
            "",
        ]
        yield "".join(f"{line}\n" for line in lines)


def _own_meta(document: Document, layout: Layout) -> dict[str, Any]:
    """The fields of `meta` that a column file has a place for, if they have the form read there."""
    columns, docstart, comments = map(document.meta.get, ("columns", "docstart", "comments"))
    fits = {
        "columns": document.tokens
        and isinstance(columns, list)
        and len(columns) == len(document.tokens)
        and all(is_strings(values) for values in columns)
        and len({len(values) for values in columns}) == 1
        and columns[0],
        "docstart": is_strings(docstart)
        and docstart[:1] == [DOCSTART]
        and docstart_columns(SPACE.join(docstart)) == docstart,
        "comments": is_strings(comments)
        and all(
            re.fullmatch("#[^\t\n\r\ud800-\udfff]*", line)
            and not own_key(line)
            and (layout.is_comment(line) if layout.width else len(layout.split(line)) == 1)
            for line in comments
        )
        and comments,
    }
    return {name: document.meta[name] for name, has_form in fits.items() if has_form}


def is_strings(values: Any) -> TypeGuard[list[str]]:
    """Whether `values` is a list of strings."""
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _token_lines(
    document: Document,
    rows: Iterable[tuple[Token, str, str]],
    columns: Sequence[Sequence[str]],
    layout: Layout,
) -> Iterator[str]:
    """The lines of `rows`, a word, its token column and its tag, with the token's other columns."""
    width = layout.width - 2
    if columns and len(columns[0]) != width:
        raise FormatError(
            f"the tokens have {len(columns[0])} other columns",
            expected=f"{width}, as in the documents before",
            hint="write documents with different columns to different files",
        )
    tokens = document.tokens or ()
    starts = [token.start for token in tokens]
    for index, (word, shown, tag) in enumerate(rows):
        owner = bisect_right(starts, word.start) - 1
        has_columns = columns and owner >= 0 and word.end <= tokens[owner].end
        row = list(columns[owner]) if has_columns else [_NO_VALUE] * width
        for column, value in sorted([(layout.token, shown), (layout.tag, tag)]):
            row.insert(column, value)
        line = layout.separator.join(row)
        reads_otherwise = (
            layout.split(line) != row
            or tag != tag.strip()
            or are_tags(tag)
            or not {"\n", "\r"}.isdisjoint(line)
            or line.startswith("\ufeff")
            or is_docstart(line)
            or (index == 0 and layout.is_comment(line))
        )
        if reads_otherwise:
            raise FormatError(
                f"the columns {row} would be read back as something else",
                expected="labels and other columns without line ends, separators and outer spaces",
                hint="write JSON lines, which can hold any text",
            )
        yield line


def shown_token(surface: str, separator: str) -> str:
    """A token as shown in the token column; only with `# tokens` may it differ from the surface."""
    shown = _HIDDEN[separator].sub("_", surface)
    return f"_{shown[1:]}" if shown.startswith(DOCSTART) else shown
