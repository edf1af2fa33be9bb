"""CoNLL-U Plus, written: ids, words, the other columns, tags in NER, and `SpaceAfter` in MISC."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from nerine.core.document import Document, Token
from nerine.core.errors import FormatError
from nerine.core.files import json_line
from nerine.data.formats.columns.comments import UNFIT_FOR_A_LINE, own_key, string_comment
from nerine.data.formats.columns.conllu import (
    GLOBAL_COLUMNS,
    NO_SPACE,
    NO_WORD,
    SENTENCE_ID,
)
from nerine.data.formats.columns.conllu_tags import NO_VALUE, is_tag_column
from nerine.data.formats.columns.layout import TAB
from nerine.data.formats.columns.writing import is_strings, shown_token
from nerine.data.formats.options import WriteOptions
from nerine.data.formats.tagged_words import can_locate, tags_from_entities, words_to_tag


def write(documents: Iterable[Document], options: WriteOptions) -> Iterator[str]:
    """The text of a CoNLL-U Plus file, a piece for each document.

    The first document determines the columns; those of others that differ are in a comment.
    """
    names: list[str] | None = None
    for document in documents:
        words = words_to_tag(document)
        is_first = names is None
        if names is None:
            kept = document.meta.get("conllu")
            names = _names(kept) if _fits(kept, document, words) else []
        lines = [*_comments(document, words, names), *_rows(document, words, names, options), ""]
        if is_first:
            plain = [name for name in names if name != "MISC"]
            lines.insert(0, f"{GLOBAL_COLUMNS} {' '.join(['ID', 'FORM', *plain, 'NER', 'MISC'])}")
        yield "".join(f"{line}\n" for line in lines)


def _names(kept: Any) -> list[str]:
    return list(kept["columns"])


def _fits(kept: Any, document: Document, words: Sequence[Token]) -> bool:
    """Whether `meta["conllu"]` has the form that is read, for these words."""
    if not isinstance(kept, dict) or kept.keys() != {"columns", "values", "lines"}:
        return False
    names, values, lines = kept["columns"], kept["values"], kept["lines"]
    if not is_strings(names) or not isinstance(values, list) or not isinstance(lines, list):
        return False
    return (
        tuple(words) == document.tokens
        and len(values) == len(words)
        and bool(words)
        and len({*names}) == len(names)
        and all(re.fullmatch(r"[^\s=]+", name) and name == name.upper() for name in names)
        and not {"ID", "FORM"} & {*names}
        and not any(map(is_tag_column, names))
        and "MISC" not in names[:-1]
        and all(_is_row(row, len(names)) for row in values)
        and all(_is_line(line, len(names), len(words)) for line in lines)
        and [line[0] for line in lines] == sorted(line[0] for line in lines)
        and bool(lines or any(value != NO_VALUE for row in values for value in row))
    )


def _is_row(row: Any, width: int) -> bool:
    return is_strings(row) and len(row) == width and not any(map(UNFIT_FOR_A_LINE.search, row))


def _is_line(line: Any, width: int, words: int) -> bool:
    return (
        isinstance(line, list)
        and len(line) == width + 3
        and type(line[0]) is int
        and 0 <= line[0] <= words
        and _is_row(line[1:], width + 2)
        and NO_WORD.fullmatch(line[1]) is not None
        and line[2] != ""
    )


def _kept(document: Document, words: Sequence[Token], names: Sequence[str]) -> Any:
    """`meta["conllu"]` if the file has columns for it, with values in all of them."""
    kept = document.meta.get("conllu")
    if not isinstance(kept, dict) or not _fits(kept, document, words):
        return None
    if _names(kept) == [*names]:
        return kept
    if [*_names(kept), "MISC"] != [*names]:
        return None
    return {key: [[*row, NO_VALUE] for row in kept[key]] for key in ("values", "lines")}


def _comments(document: Document, words: Sequence[Token], names: Sequence[str]) -> Iterator[str]:
    identity, text = document.id, document.text
    if identity is not None:
        line = string_comment("sent_id", identity)
        yield line if line.startswith(SENTENCE_ID) else f"# id_json = {json_line(identity)}"
    yield string_comment("text", text)
    surfaces = [document.surface(word) for word in words]
    hidden = any(shown_token(surface, TAB) != surface for surface in surfaces)
    kept = _kept(document, words, names)
    has_ranges = kept and any("-" in line[1] for line in kept["lines"])
    if hidden or has_ranges or not can_locate(text, words):
        yield f"# tokens = {json_line([[word.start, word.end] for word in words])}"
    comments = document.meta.get("comments")
    is_native = bool(comments) and is_strings(comments) and all(map(_is_comment, comments))
    native = {"conllu"} if kept else set()
    native |= {"comments"} if is_native else set()
    rest = {key: value for key, value in document.meta.items() if key not in native}
    if rest:
        yield f"# meta = {json_line(rest)}"
    if is_native and is_strings(comments):
        yield from comments


def _is_comment(line: str) -> bool:
    return (
        line.startswith("#")
        and not UNFIT_FOR_A_LINE.search(line)
        and not own_key(line)
        and not line.startswith((SENTENCE_ID, GLOBAL_COLUMNS))
    )


def _rows(
    document: Document, words: Sequence[Token], names: Sequence[str], options: WriteOptions
) -> Iterator[str]:
    kept = _kept(document, words, names)
    tags = tags_from_entities(document.entities, words, options.scheme)
    touching = [a.end == b.start for a, b in itertools.pairwise(words)]
    misc = names.index("MISC") if "MISC" in names else None
    lines = list(kept["lines"]) if kept else []

    def line(number: str, form: str, values: Sequence[str], tag: str, touches: bool) -> str:
        plain = [value for index, value in enumerate(values) if index != misc]
        parts = [] if misc is None or values[misc] == NO_VALUE else [values[misc]]
        if touches:
            parts.append(NO_SPACE)
        return TAB.join([number, form, *plain, tag, "|".join(parts) or NO_VALUE])

    for index, word in enumerate(words):
        while lines and lines[0][0] == index:
            _, number, form, *values = lines.pop(0)
            yield line(number, form, values, NO_VALUE, touches=False)
        tag = tags[index]
        if tag != tag.strip() or UNFIT_FOR_A_LINE.search(tag):
            raise FormatError(
                f"the label {tag[2:]!r} would be read back as something else",
                expected="labels without line ends, TABs and outer spaces",
                hint="write JSON lines, which can hold any text",
            )
        values = kept["values"][index] if kept else [NO_VALUE] * len(names)
        touches = index < len(touching) and touching[index]
        yield line(str(index + 1), shown_token(document.surface(word), TAB), values, tag, touches)
    for _, number, form, *values in lines:
        yield line(number, form, values, NO_VALUE, touches=False)
