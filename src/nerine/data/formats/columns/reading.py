"""Column files, read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nerine.core.document import Document, Token, joined_tokens
from nerine.core.errors import FormatError
from nerine.core.files import errors_at, read_lines
from nerine.core.json_values import Refuse, ignore
from nerine.data.formats.columns.comments import read_comments, states_text
from nerine.data.formats.columns.detection import Sample, carriage_return, find_layout, layout_of
from nerine.data.formats.columns.layout import (
    SENTENCE_END,
    Layout,
    docstart_columns,
    is_docstart,
)
from nerine.data.formats.columns.writing import shown_token
from nerine.data.formats.head import Head
from nerine.data.formats.options import ReadLog, ReadOptions
from nerine.data.formats.sizes import grown
from nerine.data.formats.tagged_words import (
    Tagging,
    decode_layers,
    entities_from_spans,
    locate_tokens,
    without_empty_tokens,
)

_FEWEST_ROWS = 3
_UNIVERSAL = "# sent_id = "


@dataclass(slots=True)
class _Sentence:
    """The lines of a sentence: its token rows with their numbers, and the comments before them."""

    lines: list[int] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    comments: list[tuple[int, str]] = field(default_factory=list)
    docstart: list[str] | None = None
    divided_by: tuple[str, ...] | None = None
    size: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether this is a document: without rows or a text, comments belong to the next one."""
        return bool(self.rows) or states_text(self.comments)

    @property
    def line(self) -> int:
        """The number of its first row, 0 without rows."""
        return self.lines[0] if self.lines else 0

    def ends_before(self, row: list[str], layout: Layout) -> bool:
        """Whether the next row belongs to another sentence, by the column that divides them."""
        if not layout.dividers:
            return False
        before = self.divided_by
        values = tuple(row[index] for index in layout.dividers)
        if before is None:
            self.divided_by = values
            return False
        named = (value or other for value, other in zip(values, before, strict=True))
        self.divided_by = values = tuple(named)
        if layout.counts:
            (number,), (last,) = values, before
            return number.isdecimal() and last.isdecimal() and int(number) <= int(last)
        return values != before

    def document(
        self, path: Path, layout: Layout, tagging: Tagging, options: ReadOptions, log: ReadLog
    ) -> Document:
        """The document of a sentence in the file `path`."""
        rows = self.rows

        def place(row: int) -> str:
            return f"{path}:{self.lines[row]}"

        own, comments = read_comments(self.comments, path)
        layers = [[row[index] for row in rows] for index in layout.tags]
        spans = decode_layers(layers, tagging, options, log, place)
        surfaces, spans = without_empty_tokens([row[layout.token] for row in rows], spans, log)
        if len(surfaces) < len(rows):
            filled = [index for index, row in enumerate(rows) if row[layout.token]]
            self.lines = [self.lines[index] for index in filled]
            self.rows = rows = [rows[index] for index in filled]
        text, tokens = self._text(own, surfaces, layout, path, log)
        meta = dict(own.get("meta", {}))
        if not rows:
            meta.pop("columns", None)
        elif layout.width > 1 + len(layout.tags):
            used = (layout.token, *layout.tags)
            meta["columns"] = [[row[i] for i in range(len(row)) if i not in used] for row in rows]
        if self.docstart:
            meta["docstart"] = self.docstart
        if "universal" in own:
            comments = own["universal"]
        if comments:
            meta["comments"] = comments
        return Document(text, entities_from_spans(tokens, spans), tokens, own.get("id"), meta)

    def _text(
        self,
        own: dict[str, Any],
        surfaces: list[str],
        layout: Layout,
        path: Path,
        log: ReadLog,
    ) -> tuple[str, tuple[Token, ...]]:
        """The text and the tokens: from comments, or the tokens joined by spaces."""

        def place(row: int) -> str:
            return f"{path}:{self.lines[row]}"

        text = own.get("text")
        if text is None:
            return " ".join(surfaces), joined_tokens(surfaces)
        if "tokens" not in own:
            try:
                return text, locate_tokens(text, surfaces, place)
            except FormatError:
                if not any(line.startswith(_UNIVERSAL) for _, line in self.comments):
                    raise
            # the words of a multiword token of Universal Dependencies are not in its text
            log.add_remark("whose '# text' does not have their tokens: their text is the tokens")
            own["universal"] = [line for _, line in self.comments]
            return " ".join(surfaces), joined_tokens(surfaces)
        tokens = tuple(Token(start, end) for start, end in own["tokens"])
        covered = [text[each.start : each.end] for each in tokens]
        if [shown_token(each, layout.separator) for each in covered] != surfaces:
            raise FormatError(
                "the comment '# tokens' does not agree with the token column",
                place=f"{path}:{self.comments[0][0]}",
                expected=f"a range of the text for each of the {len(surfaces)} tokens below",
                hint="remove the comment if the tokens can be found in the text without it",
            )
        return text, tokens


def read(path: Path, options: ReadOptions, log: ReadLog) -> Iterator[tuple[str, Document]]:
    """The documents of a column file, each with the place of its first line."""
    layout = find_layout(path, options)

    def all_tags() -> Iterator[list[str]]:
        for sentence in _Reader(path, layout, options, log.unreadable is not None).sentences(
            ignore
        ):
            for index in layout.tags:
                yield [row[index] for row in sentence.rows]

    tagging = Tagging.detect(all_tags, options, log)
    layout = replace(layout, notation=tagging.notation)
    log.columns = (layout.width, layout.tags)
    is_stated = options.token_column is not None and options.tag_column is not None
    if layout.width and not layout.is_plain and not is_stated:
        log.add_note(layout.described(tagging.name))
    if layout.most:
        log.add_note("the columns of predicates and coreference, whose number varies, are left out")
    for sentence in _Reader(path, layout, options, log.unreadable is not None).sentences(
        log.refuse
    ):
        first = sentence.comments[0][0] if sentence.comments else sentence.line
        try:
            with errors_at(f"{path}:{first}"):
                document = sentence.document(path, layout, tagging, options, log)
        except FormatError as error:
            log.refuse(error)
            continue
        log.first_rows.append(sentence.line or first)
        yield f"{path}:{first}", document


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the sentences of a column file; lines that cannot be read are refused and left out.

    In a check empty tokens are among these, even if tags are repaired.
    """

    path: Path
    layout: Layout
    options: ReadOptions
    is_check: bool
    known: set[str] = field(default_factory=set)  # tags that have been checked

    def sentences(self, refuse: Refuse) -> Iterator[_Sentence]:
        """The sentences. Forms of tags are checked unless the lines refused are forgotten."""
        layout = self.layout
        sentence = _Sentence()
        for number, line in read_lines(self.path, refuse):
            is_blank = not line.strip()
            starts_article = not is_blank and line[0] == "-" and is_docstart(line)
            if (is_blank or starts_article) and sentence.is_complete:
                yield sentence
                sentence = _Sentence()
            if starts_article:
                sentence.docstart = docstart_columns(line)
                continue
            if is_blank or number == layout.header:
                continue
            sentence.size = grown(sentence.size, line, self.path, number, SENTENCE_END)
            if line[0] == "#" and layout.is_comment(line, is_first=not sentence.rows):
                sentence.comments.append((number, line))
            elif row := self._row(number, line, refuse):
                if sentence.ends_before(row, layout):
                    yield sentence
                    sentence = _Sentence(divided_by=sentence.divided_by)
                sentence.lines.append(number)
                sentence.rows.append(row)
        if sentence.is_complete:
            yield sentence

    def _row(self, number: int, line: str, refuse: Refuse) -> list[str] | None:
        """The columns of a line, or None if it was refused or is not that of a word."""
        layout = self.layout
        row = layout.split(line)
        is_usual = len(row) == layout.width and layout.counter is None and "\r" not in line
        if is_usual and row[layout.token] and row[layout.tag] in self.known:
            others = [row[each] for each in layout.tags[1:]]
            if not others or self.known.issuperset(others):
                return row
        return self._checked_row(number, line, refuse)

    def _checked_row(self, number: int, line: str, refuse: Refuse) -> list[str] | None:
        place = f"{self.path}:{number}"
        layout = self.layout
        try:
            if "\r" in line:
                raise carriage_return(line, place)
            row = layout.parse_row(line, place, repair=self.options.repair and not self.is_check)
            if layout.counter is not None and layout.is_no_word(row):
                return None
            if refuse is not ignore:
                for index in layout.tags:
                    layout.check_tag(row[index], place)
            self.known.update(row[index] for index in layout.tags)
        except FormatError as error:
            refuse(error)
            return None
        return row


def recognises(head: Head) -> bool:
    """Whether a file is surely a column file: some tags, and no doubt about any column."""
    lines = [line for line in head.lines if not line.isspace()]
    if any("\r" in line for line in lines) or "\0" in head.text[:1000] or head.has_json_line:
        return False
    sample = Sample.of(enumerate(head.lines, start=1))
    if not sample.rows:
        return False
    try:
        layout = layout_of(sample, str(head.path), ReadOptions())
    except FormatError:
        return False
    rows = [layout.fitted(layout.split(line)) for _, line in sample.rows]
    fitting = [row for row in rows if len(row) == layout.width]
    tags = {row[layout.tag] for row in fitting}
    is_regular = 10 * len(fitting) >= 9 * len(rows)
    return is_regular and (bool(tags - {"O"}) or len(fitting) >= _FEWEST_ROWS)
