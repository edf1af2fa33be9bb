"""Records: pieces of an input that pass through untouched, with entities added to them."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from nerine.core.document import Entity
from nerine.core.errors import FormatError, NerineError
from nerine.core.files import json_line


class Position(NamedTuple):
    """Where a record begins: after so many bytes (in Parquet: rows), in a line or row from 1."""

    offset: int = 0
    line: int = 1


BEGIN = Position()


@dataclass(frozen=True, slots=True)
class Record:
    """A piece of an input, as it stands there.

    `raw` are its bytes with its line end, `number` is its line or row from 1, `after` where the
    next record begins. `text` is what is to be tagged. Without one, `fault` says why it cannot be
    read; without both, nothing is to be tagged, as in an empty line between records.
    """

    raw: bytes
    number: int
    after: Position
    text: str | None = None
    fault: str | None = None


class RecordReader(Protocol):
    """An input of some format, and what its output looks like."""

    name: str
    """What it is called in messages."""
    dropped: bytes
    """What is rendered for a record that failed."""

    @property
    def size(self) -> int | None:
        """How much there is to read, in bytes or rows; None where nobody knows."""

    def done(self, position: Position) -> int:
        """How much of this is done at `position`."""

    def check(self) -> None:
        """Raises `FormatError` if it cannot be read, or has no text where one is looked for."""

    def records(self, start: Position) -> Iterator[Record]:
        """The records from `start` on."""

    def rendered(self, record: Record, entities: Sequence[Entity]) -> bytes:
        """A record with its entities."""

    def assemble(self, rendered: Path, output: Path) -> None:
        """Makes the file `output` of all that was rendered, which may be gone then."""


def entities_json(entities: Sequence[Entity]) -> str:
    """Entities as a JSON array, scores with six digits behind the point.

    >>> entities_json([Entity(0, 4, "person", 0.98)])
    '[{"start": 0, "end": 4, "label": "person", "score": 0.980000}]'
    """
    return f"[{', '.join(map(_entity_json, entities))}]"


def _entity_json(entity: Entity) -> str:
    score = "" if entity.score is None else f', "score": {entity.score:.6f}'
    label = _quoted(entity.label)
    return f'{{"start": {entity.start}, "end": {entity.end}, "label": {label}{score}}}'


@functools.lru_cache(maxsize=1024)
def _quoted(label: str) -> str:
    return json_line(label)


def spliced(record: bytes, name: bytes, value: str) -> bytes:
    """A JSON object, which is not empty, with a member more; all its own bytes stay as they are.

    `name` is quoted already.

    >>> spliced(b'{"id": 1.0e5, "text": "Oslo" }\\n', b'"entities"', "[]")
    b'{"id": 1.0e5, "text": "Oslo" , "entities": []}\\n'
    """
    brace = record.rindex(b"}")
    return b"%b, %b: %b%b" % (record[:brace], name, value.encode(), record[brace:])


def reason(error: BaseException) -> str:
    """Why something failed, in a line or few."""
    if isinstance(error, NerineError):
        return error.found
    return f"{type(error).__name__}: {error}"


def taken(name: str, place: str, what: str = "field") -> FormatError:
    """The error for a name that the entities cannot have."""
    return FormatError(
        f"there is a {what} {name!r} already, which the entities would hide",
        place=place,
        hint="--into NAME (into=…) puts them into another one",
    )


def missing(name: str, known: Sequence[str], place: str, what: str = "field") -> FormatError:
    """The error for a text that is looked for where there is none."""
    return FormatError(
        f"there is no {what} {name!r}",
        place=place,
        expected=f"one of {', '.join(map(repr, known))}" if known else None,
        hint=f"--{what} NAME ({what}=…) says where the text stands",
    )
