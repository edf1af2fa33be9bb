r"""Column files: one token a line with its tag, an empty line after each sentence.

CoNLL-2003 (four columns, `-DOCSTART-` lines), WNUT (two columns) and similar files. Each sentence
is a `Document`. Its text is its tokens joined by one space, unless a comment gives the text::

    # id = 17                       the document's id
    # text = Mira left (today).     its text, in which the tokens are found in order
    # text_json = "two\nlines"      its text as a JSON string, if a line cannot hold it
    # tokens = [[0, 4], [5, 9]]     the ranges of the tokens, if their surfaces are not enough
    # meta = {"url": "…"}           the rest of the document's meta, as JSON

`id_json` is an id as a JSON string. With `tokens`, the token column shows characters that it
cannot hold as `_`. A column file cannot hold scores of entities.

In `Document.meta`: `columns`, for each token the values of its other columns; `docstart`, the
columns of the `-DOCSTART-` line before the document; `comments`, the other comment lines. Comments
after the last sentence, and a `-DOCSTART-` line without sentences, are not kept.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

from nerine.core.document import Document, Token, joined_tokens
from nerine.core.errors import FormatError
from nerine.core.files import errors_at, read_lines
from nerine.core.tags import TagScheme, detect_scheme
from nerine.data.formats.column_comments import own_key, read_comments, write_comments
from nerine.data.formats.column_layout import (
    DOCSTART,
    SPACE,
    TAB,
    Layout,
    column_separator,
    docstart_columns,
    find_layout,
    is_docstart,
)
from nerine.data.formats.options import ReadLog, ReadOptions, WriteOptions
from nerine.data.formats.tagged_words import (
    decode_tags,
    entities_from_spans,
    locate_tokens,
    tags_from_entities,
    words_to_tag,
)

EXTENSIONS = (
    *(".conll", ".bio", ".iob", ".iob2", ".tsv", ".txt", ".annotated", ".col"),
    *(".train", ".dev", ".test", ".testa", ".testb"),  # CoNLL-2003's own: eng.train, eng.testa
)

_HIDDEN = {
    TAB: re.compile("^\ufeff|[\t\n\r\ud800-\udfff]"),
    SPACE: re.compile("^\ufeff|[ \t\n\r\ud800-\udfff]"),
}
_NO_VALUE = "_"


@dataclass(slots=True)
class _Sentence:
    """The lines of a sentence. `line` is the number of its first row, 0 without rows."""

    line: int = 0
    rows: list[list[str]] = field(default_factory=list)
    comments: list[tuple[int, str]] = field(default_factory=list)
    docstart: list[str] | None = None

    @property
    def is_complete(self) -> bool:
        """Whether this is a document: without rows or a text, comments belong to the next one."""
        return bool(self.rows) or any(
            line.startswith(("# text = ", "# text_json = ")) for _, line in self.comments
        )

    def document(
        self, path: Path, layout: Layout, scheme: TagScheme, options: ReadOptions, log: ReadLog
    ) -> Document:
        """The document of a sentence in the file `path`."""
        rows = self.rows

        def place(row: int) -> str:
            return f"{path}:{self.line + row}"

        own, comments = read_comments(self.comments, path)
        surfaces = [row[layout.token] for row in rows]
        text = own.get("text")
        if text is None:
            text, tokens = " ".join(surfaces), joined_tokens(surfaces)
        elif "tokens" not in own:
            tokens = locate_tokens(text, surfaces, place)
        else:
            tokens = tuple(Token(start, end) for start, end in own["tokens"])
            covered = [text[each.start : each.end] for each in tokens]
            if [shown_token(each, layout.separator) for each in covered] != surfaces:
                raise FormatError(
                    "the comment '# tokens' does not agree with the token column",
                    place=f"{path}:{self.comments[0][0]}",
                    expected=f"a range of the text for each of the {len(surfaces)} tokens below",
                    hint="remove the comment if the tokens can be found in the text without it",
                )
        tags = [row[layout.tag] for row in rows]
        spans = decode_tags(tags, scheme, options, log, place)
        meta = dict(own.get("meta", {}))
        if not rows:
            meta.pop("columns", None)
        elif layout.width > 2:
            used = (layout.token, layout.tag)
            meta["columns"] = [[row[i] for i in range(len(row)) if i not in used] for row in rows]
        if self.docstart:
            meta["docstart"] = self.docstart
        if comments:
            meta["comments"] = comments
        return Document(text, entities_from_spans(tokens, spans), tokens, own.get("id"), meta)


def read(path: Path, options: ReadOptions, log: ReadLog) -> Iterator[tuple[str, Document]]:
    """The documents of a column file, each with the place of its first line."""
    layout = find_layout(path, options)
    log.scheme = scheme = options.scheme or detect_scheme(
        [row[layout.tag] for row in sentence.rows] for sentence in _sentences(path, layout)
    )
    for sentence in _sentences(path, layout):
        first = sentence.comments[0][0] if sentence.comments else sentence.line
        with errors_at(f"{path}:{first}"):
            document = sentence.document(path, layout, scheme, options, log)
        log.first_rows.append(sentence.line or first)
        yield f"{path}:{first}", document


def _sentences(path: Path, layout: Layout) -> Iterator[_Sentence]:
    sentence = _Sentence()
    for number, line in read_lines(path):
        is_blank, starts_article = not line.strip(), is_docstart(line)
        if (is_blank or starts_article) and sentence.is_complete:
            yield sentence
            sentence = _Sentence()
        if starts_article:
            sentence.docstart = docstart_columns(line)
        elif not is_blank and not sentence.rows and layout.is_comment(line):
            sentence.comments.append((number, line))
        elif not is_blank:
            sentence.line = sentence.line or number
            sentence.rows.append(layout.parse_row(line, f"{path}:{number}"))
    if sentence.is_complete:
        yield sentence


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
        and all(_is_strings(values) for values in columns)
        and len({len(values) for values in columns}) == 1
        and columns[0],
        "docstart": _is_strings(docstart)
        and docstart[:1] == [DOCSTART]
        and docstart_columns(SPACE.join(docstart)) == docstart,
        "comments": _is_strings(comments)
        and all(
            re.fullmatch("#[^\t\n\r\ud800-\udfff]*", line)
            and not own_key(line)
            and (layout.is_comment(line) if layout.width else len(layout.split(line)) == 1)
            for line in comments
        )
        and comments,
    }
    return {name: document.meta[name] for name, has_form in fits.items() if has_form}


def _is_strings(values: Any) -> TypeGuard[list[str]]:
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
