r"""Column files: one token a line with its tag, an empty line after each sentence.

CoNLL-2003 (four columns, `-DOCSTART-` lines), WNUT (two columns) and their like. Each sentence
is a `Document`; its text is its tokens joined by one space, if no comment says otherwise::

    # id = 17                       the document's id
    # text = Mira left (today).     its text, in which the tokens are found in order
    # text_json = "two\nlines"      the same as a JSON string, for what a line cannot hold
    # tokens = [[0, 4], [5, 9]]     where the tokens stand, if their surfaces do not tell
    # meta = {"url": "…"}           whatever else the document carries, as JSON

`id_json` does for ids what `text_json` does for texts. Beside `tokens`, the token column shows
characters that it cannot hold as `_`. Scores of entities have no place in a column file.

In `Document.meta`: `columns`, for each token the values of its other columns; `docstart`, the
columns of the `-DOCSTART-` line before the document; `comments`, the other comment lines. Comments
after the last sentence, and a `-DOCSTART-` line without sentences, are not kept.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

from nerine.core.document import Document, Token
from nerine.core.errors import FormatError
from nerine.core.files import errors_at, json_line, read_lines
from nerine.core.tags import TagScheme, detect_scheme
from nerine.data.formats.comments import own_key, read_comments, string_comment
from nerine.data.formats.layout import (
    DOCSTART,
    Layout,
    cut_docstart,
    find_layout,
    is_docstart,
    with_columns,
)
from nerine.data.formats.options import (
    SPACE,
    TAB,
    ReadLog,
    ReadOptions,
    WriteOptions,
    separator_named,
)
from nerine.data.formats.tagged import (
    TagChecker,
    can_locate,
    entities_of,
    joined_tokens,
    locate_tokens,
    spans_of,
    tags_of,
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
class _Block:
    """A sentence as it stands in the file. `line` is the number of the first row's line."""

    line: int = 0
    rows: list[list[str]] = field(default_factory=list)
    comments: list[tuple[int, str]] = field(default_factory=list)
    docstart: list[str] | None = None

    @property
    def is_complete(self) -> bool:
        """Whether this is a document: comments alone wait for the next one, but for a text."""
        return bool(self.rows) or any(
            line.startswith(("# text = ", "# text_json = ")) for _, line in self.comments
        )


def read(path: Path, options: ReadOptions, log: ReadLog) -> Iterator[tuple[str, Document]]:
    """The documents of a column file, each with the place of its first line."""
    layout = find_layout(path, options)
    log.scheme = options.scheme or _find_scheme(path, layout)
    reader = _Reader(path, layout, log.scheme, options, log)
    for block in _blocks(path, layout):
        place = reader.place(block.comments[0][0] if block.comments else block.line)
        with errors_at(place):
            document = reader.document(block)
        log.first_rows.append(block.line or block.comments[0][0])
        yield place, document


def _find_scheme(path: Path, layout: Layout) -> TagScheme:
    return detect_scheme([row[layout.tag] for row in block.rows] for block in _blocks(path, layout))


def _blocks(path: Path, layout: Layout) -> Iterator[_Block]:
    tags = TagChecker()
    block = _Block()
    for number, line in read_lines(path):
        blank, docstart = not line.strip(), is_docstart(line)
        if (blank or docstart) and block.is_complete:
            yield block
            block = _Block()
        if docstart:
            block.docstart = cut_docstart(line)
        elif not blank and not block.rows and layout.is_comment(line):
            block.comments.append((number, line))
        elif not blank:
            block.line = block.line or number
            block.rows.append(_row(line, layout, f"{path}:{number}", tags))
    if block.is_complete:
        yield block


def _row(line: str, layout: Layout, place: str, tags: TagChecker) -> list[str]:
    columns = layout.cut(line)
    if len(columns) != layout.width:
        raise FormatError(
            f"{len(columns)} columns: {line[:60]!r}",
            place=place,
            expected=f"{layout.width} columns, as in line {layout.line}",
            hint=f"the columns were cut at {layout.separator_name}; an empty line ends a sentence",
        )
    if not columns[layout.token]:
        raise FormatError(
            "the token is empty", place=place, expected="at least one character in every token"
        )
    tag = columns[layout.tag]
    if tag != tag.strip():
        raise FormatError(f"white space stands around the tag {tag!r}", place=place)
    tags.check([tag], lambda _: place)
    return columns


@dataclass(frozen=True, slots=True)
class _Reader:
    path: Path
    layout: Layout
    scheme: TagScheme
    options: ReadOptions
    log: ReadLog

    def place(self, line: int) -> str:
        return f"{self.path}:{line}"

    def document(self, block: _Block) -> Document:
        own, comments = read_comments(block.comments, self.place)
        text, tokens = self._text_and_tokens(block, own)
        tags = [row[self.layout.tag] for row in block.rows]
        spans = spans_of(
            tags, self.scheme, self.options, self.log, lambda i: self.place(block.line + i)
        )
        meta = {
            **own.get("meta", {}),
            **({"columns": self._other_columns(block.rows)} if self.layout.width > 2 else {}),
            **({"docstart": block.docstart} if block.docstart else {}),
            **({"comments": comments} if comments else {}),
        }
        if not block.rows:
            meta.pop("columns", None)
        return Document(text, entities_of(tokens, spans), tokens, own.get("id"), meta)

    def _other_columns(self, rows: Iterable[list[str]]) -> list[list[str]]:
        used = (self.layout.token, self.layout.tag)
        return [[value for i, value in enumerate(row) if i not in used] for row in rows]

    def _text_and_tokens(
        self, block: _Block, own: Mapping[str, Any]
    ) -> tuple[str, tuple[Token, ...]]:
        surfaces = [row[self.layout.token] for row in block.rows]
        text = own.get("text")
        if text is None:
            return " ".join(surfaces), joined_tokens(surfaces)
        if "tokens" not in own:
            return text, locate_tokens(text, surfaces, lambda i: self.place(block.line + i))
        tokens = tuple(Token(start, end) for start, end in own["tokens"])
        shown = [shown_token(text[each.start : each.end], self.layout.separator) for each in tokens]
        if shown != surfaces:
            raise FormatError(
                "the comment '# tokens' does not agree with the token column",
                place=self.place(block.comments[0][0]),
                expected=f"a range of the text for each of the {len(surfaces)} tokens below",
                hint="drop the comment if the tokens can be found in the text without it",
            )
        return text, tokens


def write(documents: Iterable[Document], options: WriteOptions) -> Iterator[str]:
    """The text of a column file, a piece for each document.

    The first document with tokens says how many columns there are; documents that know nothing
    of the other columns have `_` in them.
    """
    layout = Layout(separator_named(options.separator))
    for document in documents:
        words = words_to_tag(document)
        if words and not layout.width:
            width = 2 + (len(document.meta["columns"][0]) if _has_columns(document) else 0)
            layout = with_columns(
                Layout(layout.separator, width), options.token_column, options.tag_column, "options"
            )
        yield "".join(f"{line}\n" for line in _lines(document, words, layout, options.scheme))


def _lines(
    document: Document, words: Sequence[Token], layout: Layout, scheme: TagScheme
) -> Iterator[str]:
    if _has_docstart(document):
        yield from (layout.separator.join(document.meta["docstart"]), "")
    yield from _comment_lines(document, words, layout)
    others = _columns_of(document, words, layout.width - 2)
    tags = tags_of(document.entities, words, scheme)
    for index, (word, tag, other) in enumerate(zip(words, tags, others, strict=True)):
        columns = list(other)
        shown = shown_token(document.surface(word), layout.separator)
        for place, value in sorted([(layout.token, shown), (layout.tag, tag)]):
            columns.insert(place, value)
        yield _checked_line(columns, tag, layout, is_first=index == 0)
    yield ""


def _comment_lines(document: Document, words: Sequence[Token], layout: Layout) -> Iterator[str]:
    if document.id is not None:
        yield string_comment("id", document.id)
    surfaces = [document.surface(word) for word in words]
    hidden = any(shown_token(surface, layout.separator) != surface for surface in surfaces)
    if not words or hidden or document.text != " ".join(surfaces):
        yield string_comment("text", document.text)
        if hidden or not can_locate(document.text, words):
            yield f"# tokens = {json_line([[word.start, word.end] for word in words])}"
    own = {
        "columns": _has_columns(document),
        "docstart": _has_docstart(document),
        "comments": _has_comments(document, layout),
    }
    rest = {key: value for key, value in document.meta.items() if not own.get(key)}
    if rest:
        yield f"# meta = {json_line(rest)}"
    if own["comments"]:
        yield from document.meta["comments"]


def _checked_line(columns: list[str], tag: str, layout: Layout, *, is_first: bool) -> str:
    line = layout.separator.join(columns)
    reads_otherwise = (
        layout.cut(line) != columns
        or tag != tag.strip()
        or not {"\n", "\r"}.isdisjoint(line)
        or line.startswith("\ufeff")
        or is_docstart(line)
        or (is_first and layout.is_comment(line))
    )
    if reads_otherwise:
        raise FormatError(
            f"the columns {columns} would be read back as something else",
            expected="labels and other columns without line ends, separators and outer spaces",
            hint="write JSON lines, which hold anything",
        )
    return line


def _columns_of(document: Document, words: Sequence[Token], width: int) -> list[list[str]]:
    """The other columns of each word: those of the token that it is part of."""
    unknown = [_NO_VALUE] * width
    if not _has_columns(document):
        return [unknown] * len(words)
    tokens, columns = document.tokens or (), document.meta["columns"]
    if any(len(values) != width for values in columns):
        raise FormatError(
            f"the tokens have {len(columns[0])} other columns",
            expected=f"{width}, as in the documents before",
            hint="write documents with different columns to different files",
        )
    starts = [token.start for token in tokens]
    owners = [bisect_right(starts, word.start) - 1 for word in words]
    return [
        columns[owner] if owner >= 0 and word.end <= tokens[owner].end else unknown
        for word, owner in zip(words, owners, strict=True)
    ]


def _has_columns(document: Document) -> bool:
    """Whether `meta["columns"]` is what this format puts there."""
    columns = document.meta.get("columns")
    return (
        bool(document.tokens)
        and isinstance(columns, list)
        and len(columns) == len(document.tokens or ())
        and all(_is_strings(values) for values in columns)
        and len({len(values) for values in columns}) == 1
        and bool(columns[0])
    )


def _has_docstart(document: Document) -> bool:
    docstart = document.meta.get("docstart")
    return (
        _is_strings(docstart)
        and cut_docstart(SPACE.join(docstart)) == docstart
        and docstart[0] == DOCSTART
    )


def _has_comments(document: Document, layout: Layout) -> bool:
    """Whether `meta["comments"]` are lines that are read as comments."""
    comments = document.meta.get("comments")
    return (
        _is_strings(comments)
        and bool(comments)
        and all(
            re.fullmatch("#[^\t\n\r\ud800-\udfff]*", line)
            and not own_key(line)
            and (layout.is_comment(line) if layout.width else len(layout.cut(line)) == 1)
            for line in comments
        )
    )


def _is_strings(values: Any) -> TypeGuard[list[str]]:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def shown_token(surface: str, separator: str) -> str:
    """A token as the token column shows it; beside `# tokens`, it may differ from the surface."""
    shown = _HIDDEN[separator].sub("_", surface)
    return f"_{shown[1:]}" if shown.startswith(DOCSTART) else shown
