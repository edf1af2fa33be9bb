"""The JSON that spaCy 2 was trained with, read only. A paragraph is a document.

::

    [{"id": 0, "paragraphs": [{"raw": "Mira left.", "sentences": [{"tokens": [
        {"id": 0, "orth": "Mira", "ner": "U-person"}, {"id": 1, "orth": "left", "ner": "O"},
        {"id": 2, "orth": ".", "ner": "O"}]}]}]}]

The text is `raw`, in which the tokens are found in order, also quotes and brackets that are
written as in the Penn Treebank; without it the text is the tokens joined by one space. A token's
`ner` is a tag of BILOU, or of another scheme, which is detected as in word records; `-`
says that it is not known whether the token belongs to an entity: it is read as `O`, with a remark,
and a paragraph of such tokens only is of the kind "unlabelled". If a paragraph has `entities`
([start, end, label]), these are read and its tags are not. The parts of speech and the syntax of
tokens are not kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nerine.core.document import Document
from nerine.core.errors import FormatError
from nerine.core.files import errors_at, read_records
from nerine.core.json_values import Refuse, ignore
from nerine.data.formats.head import Head
from nerine.data.formats.options import ReadLog, ReadOptions
from nerine.data.formats.records import Record, shown
from nerine.data.formats.spans.read import read_spans
from nerine.data.formats.unusual import treat
from nerine.data.formats.words import TaggedRows, once

_MISSING = "-"
_PENN = {
    "``": '"',
    "''": '"',
    "-LRB-": "(",
    "-RRB-": ")",
    "-LSB-": "[",
    "-RSB-": "]",
    "-LCB-": "{",
    "-RCB-": "}",
}
_UNKNOWN = "with tokens whose entity is not known ('-'), read as O"


def recognises(head: Head) -> bool:
    """Whether a file holds spaCy's training data, by its first document."""
    paragraphs = head.first_record.get("paragraphs")
    if head.first_value is None:  # the first document is longer than the head
        beginning = head.text[:2000]
        return (
            '"paragraphs"' in beginning and '"sentences"' in beginning and '"tokens"' in beginning
        )
    return isinstance(paragraphs, list) and all(
        isinstance(each, dict) and "sentences" in each for each in paragraphs
    )


def read(path: Path, options: ReadOptions, log: ReadLog) -> Iterator[tuple[str, Document]]:
    """The documents of a file, each with its place: the line and the number of the paragraph."""
    refuse = once(log.refuse)
    asides: list[ReadLog] = []  # one for each pass over the file

    def records(refuse: Refuse | None = refuse) -> Iterator[tuple[str, Record]]:
        asides.append(ReadLog())
        return _records(path, options, asides[-1], refuse)

    _, first = next(records(ignore), ("", {}))
    if "entities" in first:
        yield from read_spans(records, options, log)
    else:
        yield from TaggedRows(records, options).documents(log)
    for kind, number in asides[-1].skipped.items():
        log.skipped[kind] = log.skipped.get(kind, 0) + number
    for kind, number in asides[-1].accepted.items():
        log.accepted[kind] = log.accepted.get(kind, 0) + number
    log.remarks |= asides[-1].remarks


def _records(
    path: Path, options: ReadOptions, log: ReadLog, refuse: Refuse | None
) -> Iterator[tuple[str, Record]]:
    """The paragraphs as span records if they have entities, else as word records."""
    for line, record in read_records(path, refuse):
        place = f"{path}:{line}"
        try:
            with errors_at(place):
                paragraphs = _list(record, "paragraphs")
            for number, paragraph in enumerate(paragraphs, start=1):
                place = f"{path}:{line}, paragraph {number}"
                with errors_at(place):
                    found = _record(paragraph, options, log)
                if found is None:
                    continue
                if "id" in record:
                    is_only = len(paragraphs) == 1
                    found["id"] = record["id"] if is_only else f"{record['id']}-{number}"
                yield place, found
        except FormatError as error:
            if refuse is None:
                raise
            refuse(error)


def _record(paragraph: Any, options: ReadOptions, log: ReadLog) -> Record | None:
    """A paragraph as a record; None if it is skipped."""
    tokens = [
        token for sentence in _list(paragraph, "sentences") for token in _list(sentence, "tokens")
    ]
    surfaces = [token.get("orth") if isinstance(token, dict) else None for token in tokens]
    if not all(isinstance(surface, str) for surface in surfaces):
        raise FormatError("a token has no text", expected='{"orth": "Mira", "ner": "U-person"}')
    words = [str(surface) for surface in surfaces]
    raw = paragraph.get("raw")
    record: Record = {}
    if isinstance(raw, str):
        ranges = _located(words, raw)
        words = [raw[start:end] for start, end in ranges]
        record = {"text": raw, "offsets": ranges}
    if paragraph.get("cats"):
        record["cats"] = paragraph["cats"]
    if isinstance(paragraph.get("entities"), list):
        text = raw if isinstance(raw, str) else " ".join(words)
        tokens = record.pop("offsets", None) or words
        return {**record, "text": text, "tokens": tokens, "entities": paragraph["entities"]}
    tags = [token.get("ner", _MISSING) for token in tokens]
    if not all(isinstance(tag, str) for tag in tags):
        raise FormatError("a token's 'ner' is not a string", expected="a tag such as 'U-person'")
    if tags and set(tags) == {_MISSING}:
        if not treat("unlabelled", "no token of the paragraph has a tag", options, log):
            return None
    elif _MISSING in tags:
        log.add_remark(_UNKNOWN)
    known = ["O" if tag == _MISSING else tag for tag in tags]
    return {**record, "tokens": words, "ner_tags": known}


def _located(words: list[str], text: str) -> list[list[int]]:
    """The ranges of words in a text, each at the first match after the word before it."""
    ranges = []
    position = 0
    for index, word in enumerate(words):
        spellings = [each for each in (word, _PENN.get(word)) if each]
        found = [(text.find(each, position), len(each)) for each in spellings]
        start, length = min((each for each in found if each[0] >= 0), default=(-1, 0))
        if start < 0:
            raise FormatError(
                f"the token {word[:60]!r} (number {index + 1}) is not in the text from character "
                f"{position} on",
                expected=f"the tokens in their order in the text {text[:80]!r}",
            )
        position = start + length
        ranges.append([start, position])
    return ranges


def _list(value: Any, name: str) -> list[Any]:
    found = value.get(name) if isinstance(value, dict) else None
    if not isinstance(found, list):
        raise FormatError(f"the field {name!r} holds {shown(found)}", expected="a list")
    return found
