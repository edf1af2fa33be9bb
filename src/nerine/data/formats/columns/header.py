"""The first line of a column file that names its columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from nerine.core.errors import SchemeError
from nerine.core.tags import parse_tag

_PUNCTUATION = re.compile(r"[\s_.:#\"'-]+")
_TOKENS = {"token", "tokens", "word", "words", "form", "text", "surface", "wordform", "tok"}
_TAGS = re.compile(
    r"(ne|ner|nes|iob|iob2|bio|entity|entities|named entity)( .*)?|ner? ?tags?|.* ner"
)
_OTHER_TAGS = {"tag", "tags", "label", "labels", "gold", "class", "y", "annotation"}
_POS = {"pos", "upos", "xpos", "postag", "pos tag", "pos tags", "part of speech", "cpos"}
_SENTENCES = {
    *("sentence", "sentence id", "sent id", "sentid", "sentence idx", "sentence number", "sid"),
    *("doc", "doc id", "docid", "document", "document id", "sentence no"),
}
_OTHERS = {
    *("id", "idx", "index", "i", "n", "no", "number", "token id", "word id", "position", ""),
    *("lemma", "lemmas", "chunk", "chunks", "chunk tag", "feats", "head", "deprel", "deps", "misc"),
    *("score", "confidence", "prob", "probability", "start", "end", "shape", "offset"),
}
_KNOWN = _TOKENS | _OTHER_TAGS | _POS | _SENTENCES | _OTHERS


@dataclass(frozen=True, slots=True)
class Header:
    """The columns that a header names.

    Attributes:
        token: The column of the tokens.
        tags: The columns that may hold the tags, the likeliest first.
        sentences: The columns whose values name sentences or documents.
        others: The columns with other names that are known.
    """

    token: int | None
    tags: tuple[int, ...]
    sentences: tuple[int, ...]
    others: tuple[int, ...]


def header_of(row: Sequence[str]) -> Header | None:
    """The header that a row is, if it names tokens and tags, and most of its names are known."""
    names = [_PUNCTUATION.sub(" ", name).strip().casefold() for name in row]
    token = next((index for index, name in enumerate(names) if name in _TOKENS), None)
    likely = [index for index, name in enumerate(names) if _TAGS.fullmatch(name)]
    possible = [index for index, name in enumerate(names) if name in _OTHER_TAGS]
    if token is None or not (likely or possible):
        return None
    known = sum(name in _KNOWN or bool(_TAGS.fullmatch(name)) for name in names)
    if 2 * known <= len(names):
        return None
    sentences = [index for index, name in enumerate(names) if name in _SENTENCES]
    others = [index for index, name in enumerate(names) if name in _KNOWN - _SENTENCES]
    return Header(token, (*likely, *possible), tuple(sentences), tuple(others))


def missing_header(line: str) -> str | None:
    """The hint on a CSV file of tokens and tags without a header; None if a line has neither."""
    mark = next((each for each in ",;|" if line.count(each) == 1), "")
    try:
        parse_tag(line.partition(mark)[2].strip() if mark else "")
    except SchemeError:
        return None
    return f"this writes a header for CSV: (echo 'token{mark}tag'; cat FILE) > NEW"
