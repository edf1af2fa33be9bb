"""Records: pieces of an input that are copied unchanged, with entities added to them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from nerine.core.document import Context, Entity
from nerine.core.errors import FormatError
from nerine.core.files import json_line


class Position(NamedTuple):
    """Where a record begins: its offset in bytes (in Parquet: rows), and its line or row from 1."""

    offset: int = 0
    line: int = 1


BEGIN = Position()


@dataclass(frozen=True, slots=True)
class Record:
    """A piece of an input.

    Attributes:
        raw: Its bytes, line end included.
        number: Its line or row, from 1.
        after: Where the next record begins.
        text: The text to tag; None if there is none.
        error: Why the text cannot be read. Without text and error, nothing is to be tagged, as in
            an empty line between records.
        is_null: Whether its text is null: then the entities are null, too.
        id: Its own id as JSON, if it is asked for; None if it has none.
        document: The document that it is a sentence of, as JSON, if it is asked for; None if it
            names none.
        context: The records around it in that document, for a model that sees them.
    """

    raw: bytes
    number: int
    after: Position
    text: str | None = None
    error: str | None = None
    is_null: bool = False
    id: str | None = None
    document: str | None = None
    context: Context | None = None


_label_json = functools.lru_cache(maxsize=1024)(json_line)


def entities_json(entities: Sequence[Entity], text: str | None = None) -> str:
    """Entities as a JSON array, scores with six decimals; with their texts if `text` is given.

    >>> entities_json([Entity(0, 4, "person", 0.98)], "Mira left")
    '[{"start": 0, "end": 4, "label": "person", "text": "Mira", "score": 0.980000}]'
    """
    members = []
    for entity in entities:
        score = "" if entity.score is None else f', "score": {entity.score:.6f}'
        own = "" if text is None else f', "text": {json_line(text[entity.start : entity.end])}'
        rest = f'"label": {_label_json(entity.label)}{own}{score}'
        members.append(f'{{"start": {entity.start}, "end": {entity.end}, {rest}}}')
    return f"[{', '.join(members)}]"


def add_member(record: bytes, name: bytes, value: str) -> bytes:
    """Adds a member to the end of a JSON object and leaves all its other bytes unchanged.

    The object must not be empty; `name` is quoted already.

    >>> add_member(b'{"id": 1.0e5, "text": "Oslo" }\\n', b'"entities"', "[]")
    b'{"id": 1.0e5, "text": "Oslo" , "entities": []}\\n'
    """
    brace = record.rindex(b"}")
    return b"%b, %b: %b%b" % (record[:brace], name, value.encode(), record[brace:])


def name_taken(name: str, place: str, what: str = "field") -> FormatError:
    """The error for an input that already has a field or column named as the entities' one."""
    return FormatError(
        f"the {what} {name!r} exists already, and the entities would hide it",
        place=place,
        hint="--into NAME (into=…) puts the entities into another one",
    )


def document_missing(
    name: str, known: Sequence[str], place: str, what: str = "field"
) -> FormatError:
    """The error for an input without the field or column that should hold the document."""
    return FormatError(
        f"the {what} {name!r}, which should say of which document a record is, is missing",
        place=place,
        expected=f"one of {', '.join(map(repr, known))}",
        hint=f"--document NAME (document=…) names the {what}; without it, records are tagged alone",
    )


def id_missing(name: str, known: Sequence[str], place: str, what: str = "field") -> FormatError:
    """The error for an input without the field or column that should hold the id."""
    return FormatError(
        f"the {what} {name!r}, which should hold the id, is missing",
        place=place,
        expected=f"one of {', '.join(map(repr, known))}",
        hint=f"--id NAME (id=…) names the {what} of the id; without it, records are numbered",
    )


def text_missing(
    name: str, known: Sequence[str], place: str, what: str = "field", more: str = ""
) -> FormatError:
    """The error for an input without the field or column that should hold the text.

    `more` is added to its hint.
    """
    return FormatError(
        f"the {what} {name!r} is missing",
        place=place,
        expected=f"one of {', '.join(map(repr, known))}" if known else None,
        hint=f"--text-field NAME (text_field=…) names the {what} that holds the text{more}",
    )
