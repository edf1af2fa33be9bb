"""Rules about how files were read: what could not be, and texts that are not texts."""

from __future__ import annotations

from collections.abc import Iterator

from nerine.core.display import quoted
from nerine.curation.checks.findings import Remark, Spot
from nerine.curation.checks.rule import Rule
from nerine.curation.checks.view import View
from nerine.data.corpus import shared_prefix_note

_FEWEST_NUMBERS = 2


def unreadable(view: View) -> Iterator[Remark]:
    """Each line and record that was left out because it cannot be read."""
    for split, log in view.corpus.logs.items():
        for error in log.unreadable or ():
            parts = {"": error.found, "expected: ": error.expected, "hint: ": error.hint}
            message = "; ".join(f"{name}{part}" for name, part in parts.items() if part)
            yield Remark(message, Spot(split, place=error.place))


def numbers(view: View) -> Iterator[Remark]:
    """Texts of two or more pieces, all of them numbers, as a column of ids or offsets gives."""
    for split, index, document in view.documents():
        pieces = document.text.split()
        if len(pieces) >= _FEWEST_NUMBERS and all(piece.isdecimal() for piece in pieces):
            yield Remark(
                f"the text is {quoted(document.text)}; --token-column names the column of the "
                "tokens if these are not",
                Spot(split, index),
            )


def shared_prefixes(view: View) -> Iterator[Remark]:
    """Splits whose words all begin alike."""
    for split in view.corpus.splits:
        if note := shared_prefix_note(view.corpus, split):
            yield Remark(note, Spot(split))


def overlaps(view: View) -> Iterator[Remark]:
    """Entities that share characters with an earlier one of their document."""
    for split, index, document in view.documents():
        overlapping = document.overlapping()
        for number, entity in enumerate(overlapping):
            other = next((each for each in overlapping[:number] if entity.start < each.end), None)
            if other is None:
                continue  # its partners come after it
            yield Remark(
                f"the {quoted(entity.label)} {quoted(document.surface(entity))} overlaps the "
                f"{quoted(other.label)} {quoted(document.surface(other))}",
                Spot(split, index, entity.start, entity.end),
                (Spot(split, index, other.start, other.end),),
            )


RULES = (
    Rule("unreadable", "error", "a line or record that cannot be read", unreadable),
    Rule("numbers", "warning", "a text that is made of numbers", numbers),
    Rule("shared-prefix", "error", "words that all begin alike", shared_prefixes),
    Rule(
        "overlap",
        "note",
        "entities that overlap, which one tag a word cannot hold (--overlaps)",
        overlaps,
    ),
)
