"""CoNLL-U and CoNLL-U Plus, read; words with ids, ten columns or those of `# global.columns`.

The tags are in a column called `NER` or the like, or in MISC under a key, as in `name=B-person`
(NorNE, DaNE). A sentence is a `Document`. Its id is `sent_id`; its text is that of `# text`, or its
words with a space after each but those with `SpaceAfter=No`. Words inside a multiword token (`1-2`)
are not in `# text`: then the text is made of the words.

In `Document.meta`: `conllu`, the names of the other columns, their values for each word, and the
lines of multiword tokens and empty nodes; `source_text`, a `# text` that is not the document's;
`comments`, the other comments.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nerine.core.document import Document, Token
from nerine.core.errors import FormatError
from nerine.core.files import errors_at, read_lines
from nerine.core.json_values import Refuse, ignore
from nerine.data.formats.columns import reading
from nerine.data.formats.columns.comments import read_comments, states_text
from nerine.data.formats.columns.conllu_tags import (
    NO_VALUE,
    Source,
    find_source,
    is_tag,
    stated_source,
)
from nerine.data.formats.columns.detection import MOST_OF_SAMPLE, carriage_return
from nerine.data.formats.columns.layout import SENTENCE_END, TAB
from nerine.data.formats.columns.writing import shown_token
from nerine.data.formats.head import Head
from nerine.data.formats.options import ReadLog, ReadOptions
from nerine.data.formats.sizes import grown
from nerine.data.formats.tagged_words import (
    Tagging,
    decode_layers,
    entities_from_spans,
    locate_tokens,
)

EXTENSIONS = (".conllu", ".conllup")
GLOBAL_COLUMNS = "# global.columns ="
SENTENCE_ID = "# sent_id = "
NO_SPACE = "SpaceAfter=No"

COLUMNS = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")
"""The columns of CoNLL-U."""

_ID = re.compile(r"\d+", re.ASCII)
NO_WORD = re.compile(r"\d{1,9}-\d{1,9}|\d+\.\d+", re.ASCII)
_MOST_LINES = 20_000
_SURE = 0.89


@dataclass(slots=True)
class _Sentence:
    """The rows of words, other rows with the number of words before each, and the comments."""

    lines: list[int] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    others: list[tuple[int, list[str]]] = field(default_factory=list)
    comments: list[tuple[int, str]] = field(default_factory=list)
    size: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether this is a document: without words or a text, comments belong to the next one."""
        return bool(self.rows) or states_text(self.comments)

    def document(
        self, path: Path, source: Source, tagging: Tagging, options: ReadOptions, log: ReadLog
    ) -> Document:
        """The document of the sentence."""

        def place(row: int) -> str:
            return f"{path}:{self.lines[row]}"

        own, comments = read_comments(self.comments, path)
        layers = source.layers(self.rows)
        for tags in layers:
            tagging.check(tags, place)
        spans = decode_layers(layers, tagging, options, log, place)
        surfaces = [row[source.form] for row in self.rows]
        text, tokens = self._text(own, surfaces, source, log, place)
        meta: dict[str, Any] = dict(own.get("meta", {}))
        if kept := self._kept(source, tokens):
            meta["conllu"] = kept
        ids = [line for line in comments if line.startswith(SENTENCE_ID)]
        comments = [line for line in comments if line not in ids[:1]]
        if comments:
            meta["comments"] = comments
        if "source_text" in own:
            meta["source_text"] = own["source_text"]
        name = ids[0].removeprefix(SENTENCE_ID).strip() if ids else None
        return Document(text, entities_from_spans(tokens, spans), tokens, own.get("id", name), meta)

    def _text(
        self,
        own: dict[str, Any],
        surfaces: list[str],
        source: Source,
        log: ReadLog,
        place: Callable[[int], str],
    ) -> tuple[str, tuple[Token, ...]]:
        text = own.get("text")
        if text is not None and "tokens" in own:
            tokens = tuple(Token(start, end) for start, end in own["tokens"])
            shown = [shown_token(text[each.start : each.end], TAB) for each in tokens]
            if shown != surfaces:
                raise FormatError(
                    "the comment '# tokens' does not agree with the words",
                    expected=f"a range of the text for each of {len(surfaces)} words",
                )
            return text, tokens
        ranges = [columns[0] for _, columns in self.others if "-" in columns[0]]
        if text is not None and not ranges:
            return text, locate_tokens(text, surfaces, place)
        if ranges:
            log.add_remark("with multiword tokens: their text is made of the words inside")
        if text is not None:
            own["source_text"] = text
        return self._joined(surfaces, source)

    def _joined(self, surfaces: list[str], source: Source) -> tuple[str, tuple[Token, ...]]:
        """The words with spaces between them, but after `SpaceAfter=No`."""
        misc = source.misc
        ends: dict[int, bool] = {}
        for before, columns in self.others:
            first, dash, last = columns[0].partition("-")
            if dash and misc is not None:
                number = min(int(last) - int(first) + 1, len(surfaces))
                has_space = NO_SPACE not in columns[misc].split("|")
                ends |= {before + index: True for index in range(number - 1)}
                ends[before + number - 1] = has_space
        text, tokens = "", []
        for index, surface in enumerate(surfaces):
            tokens.append(Token(len(text), len(text) + len(surface)))
            is_apart = misc is None or NO_SPACE not in self.rows[index][misc].split("|")
            text += surface + " " * ends.get(index, is_apart)
        return text[: tokens[-1].end] if tokens else text, tuple(tokens)

    def _kept(self, source: Source, tokens: Sequence[Token]) -> dict[str, Any] | None:
        """The other columns, without what the text and the tags say."""
        others = source.others
        values = [[row[index] for index in others] for row in self.rows]
        misc = None  # MISC itself may be the column of tags
        if source.misc is not None and source.misc in others:
            misc = others.index(source.misc)
        for number, row in enumerate(values):
            if misc is not None:
                touches = (
                    number + 1 < len(tokens) and tokens[number].end == tokens[number + 1].start
                )
                row[misc] = _rest_of_misc(row[misc], source.key, touches)
        lines: list[list[Any]] = [
            [before, columns[0], columns[source.form], *(columns[index] for index in others)]
            for before, columns in self.others
        ]
        if misc is not None and {row[-1] for row in [*values, *lines]} <= {NO_VALUE}:
            others = others[:-1]
            values, lines = [row[:-1] for row in values], [row[:-1] for row in lines]
        if not lines and all(value == NO_VALUE for row in values for value in row):
            return None
        return {
            "columns": [source.names[index] for index in others],
            "values": values,
            "lines": lines,
        }


def _rest_of_misc(misc: str, key: str | None, touches: bool) -> str:
    parts = [
        part
        for part in misc.split("|")
        if not (part == NO_SPACE and touches)
        and not (key and part.startswith(f"{key}="))
        and not (key == "" and is_tag(part))
    ]
    return "|".join(parts) or NO_VALUE


def read(path: Path, options: ReadOptions, log: ReadLog) -> Iterator[tuple[str, Document]]:
    """The documents of a CoNLL-U file; one of other columns, but with its extension, is one too."""
    names = _names(_first_lines(path), 0.5 if path.suffix.lower() in EXTENSIONS else _SURE)
    if names is None:
        yield from reading.read(path, options, log)
        return
    if options.tag_column is not None:
        source = stated_source(names, options.tag_column, str(path))
    else:
        sentences = _sentences(path, names, ignore)
        rows = (row for sentence in sentences for row in sentence.rows)
        source = find_source(names, itertools.islice(rows, _MOST_LINES), str(path))

    def all_tags() -> Iterator[list[str]]:
        for sentence in _sentences(path, source.names, ignore):
            yield from source.layers(sentence.rows)

    tagging = Tagging.detect(all_tags, options, log)
    where = ", ".join(source.names[index] for index in source.columns)
    where = where or (f"MISC under {source.key!r}" if source.key else "MISC")
    log.add_note(f"columns: FORM token, {where} tag ({tagging.name})")
    for sentence in _sentences(path, source.names, log.refuse):
        first = sentence.comments[0][0] if sentence.comments else sentence.lines[0]
        try:
            with errors_at(f"{path}:{first}"):
                document = sentence.document(path, source, tagging, options, log)
        except FormatError as error:
            log.refuse(error)
            continue
        log.first_rows.append(sentence.lines[0] if sentence.lines else first)
        yield f"{path}:{first}", document


def _first_lines(path: Path) -> list[str]:
    lines: list[str] = []
    size = 0
    for number, line in read_lines(path, ignore):
        size += len(line)
        if number > _MOST_LINES or (lines and size > MOST_OF_SAMPLE):
            break
        lines.append(line)
    return lines


def _names(lines: Sequence[str], share: float = _SURE) -> tuple[str, ...] | None:
    """The columns that the first line names, or the ten of CoNLL-U; None if it is neither.

    More than this share of the rows must have the ten columns, as others are errors.
    """
    first = next((line for line in lines if line.strip()), "")
    if first.startswith(GLOBAL_COLUMNS):
        names = tuple(first.partition("=")[2].upper().split())
        is_valid = names[:1] == ("ID",) and "FORM" in names and len(set(names)) == len(names)
        return names if is_valid else None
    rows = [line.split(TAB) for line in lines if line.strip() and not line.startswith("#")]
    fitting = sum(
        len(row) == len(COLUMNS) and bool(_ID.fullmatch(row[0]) or NO_WORD.fullmatch(row[0]))
        for row in rows
    )
    return COLUMNS if rows and fitting > share * len(rows) else None


def _sentences(path: Path, names: Sequence[str], refuse: Refuse) -> Iterator[_Sentence]:
    sentence = _Sentence()
    for number, line in read_lines(path, refuse):
        if not line.strip():
            if sentence.is_complete:
                yield sentence
                sentence = _Sentence()
            continue
        sentence.size = grown(sentence.size, line, path, number, SENTENCE_END)
        if line.startswith("#"):
            if not line.startswith(GLOBAL_COLUMNS):
                sentence.comments.append((number, line))
        else:
            try:
                columns = _columns(line, names, f"{path}:{number}")
            except FormatError as error:
                refuse(error)
                continue
            if NO_WORD.fullmatch(columns[0]):
                sentence.others.append((len(sentence.rows), columns))
            else:
                sentence.lines.append(number)
                sentence.rows.append(columns)
    if sentence.is_complete:
        yield sentence


def _columns(line: str, names: Sequence[str], place: str) -> list[str]:
    if "\r" in line:
        raise carriage_return(line, place)
    columns = line.split(TAB)
    if len(columns) != len(names):
        raise FormatError(
            f"{len(columns)} columns: {line[:60]!r}",
            place=place,
            expected=f"{len(names)} columns with a TAB between them: {' '.join(names)}",
        )
    if not _ID.fullmatch(columns[0]) and not NO_WORD.fullmatch(columns[0]):
        raise FormatError(f"the id is {columns[0][:60]!r}", place=place, expected="a number")
    if not columns[names.index("FORM")]:
        raise FormatError("the word is empty", place=place, expected="a word, or '_'")
    return columns


def recognises(head: Head) -> bool:
    """Whether a file is surely CoNLL-U: by `# global.columns`, or ids and ten columns."""
    return _names(head.lines) is not None
