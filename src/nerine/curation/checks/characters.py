"""Rules about characters: invisible ones, damaged ones, and ones that look like another letter.

A finding concerns one character in one document. It stands at the first occurrence and names the
code point.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import lru_cache, partial
from typing import Any

import regex

from nerine.core.display import HTML_REFERENCE, quoted
from nerine.curation.checks.findings import Remark, Spot
from nerine.curation.checks.mojibake import repaired_runs
from nerine.curation.checks.rule import Rule
from nerine.curation.checks.view import View, listed, times

Applies = Callable[[str, int], bool]

_AROUND = 15
_MOST_LETTERS = 3

_CONTROL = regex.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_REPLACEMENT = regex.compile("\ufffd")
_PRIVATE = regex.compile(r"\p{Co}")
_NO_CHARACTER = regex.compile(r"[\p{Cn}\p{Cs}]")
_ZERO_WIDTH = regex.compile(
    "[\u00ad\u034f\u115f\u1160\u180e\u200b-\u200d\u2060-\u2064\u3164\ufeff\U000e0000-\U000e007f]"
)
_DIRECTION = regex.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SPACE = regex.compile("[\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f]")
_JOINED = regex.compile(
    r"[\p{L}\p{M}--[\p{Latin}\p{Greek}\p{Cyrillic}\p{Han}\p{Hangul}]]", regex.V1
)
_RIGHT_TO_LEFT = regex.compile(r"[\p{Bidi_Class=R}\p{Bidi_Class=AL}--[\u061c\u200f]]", regex.V1)
_FLAG = regex.compile("🏴[\U000e0020-\U000e007e]*$")
_HTML = regex.compile(
    HTML_REFERENCE + r"|& ?(?:amp|lt|gt|quot|apos|nbsp|#\d{1,7}) ?;"  # cut into tokens
)
_OTHER_ALPHABET = regex.compile(r"[\p{Cyrillic}\p{Greek}]")
_LETTERS = regex.compile(r"\p{L}[\p{L}\p{M}]*")
_LATIN = regex.compile(r"[\p{Latin}&&\p{L}]", regex.V1)
_FOREIGN = regex.compile(r"[[\p{Cyrillic}\p{Greek}]&&\p{L}]", regex.V1)
_GREEK = regex.compile(r"\p{Greek}")
_LATIN_LOOKING_GREEK = frozenset("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧονιρυ")

_CONTROL_NAMES = (
    *("NULL", "START OF HEADING", "START OF TEXT", "END OF TEXT", "END OF TRANSMISSION"),
    *("ENQUIRY", "ACKNOWLEDGE", "ALERT", "BACKSPACE", "CHARACTER TABULATION", "LINE FEED"),
    *("LINE TABULATION", "FORM FEED", "CARRIAGE RETURN", "SHIFT OUT", "SHIFT IN"),
    *("DATA LINK ESCAPE", "DEVICE CONTROL ONE", "DEVICE CONTROL TWO", "DEVICE CONTROL THREE"),
    *("DEVICE CONTROL FOUR", "NEGATIVE ACKNOWLEDGE", "SYNCHRONOUS IDLE"),
    *("END OF TRANSMISSION BLOCK", "CANCEL", "END OF MEDIUM", "SUBSTITUTE", "ESCAPE"),
    *("INFORMATION SEPARATOR FOUR", "INFORMATION SEPARATOR THREE"),
    *("INFORMATION SEPARATOR TWO", "INFORMATION SEPARATOR ONE"),
)


def code_point(char: str) -> str:
    """The number and name of a character: `U+200B ZERO WIDTH SPACE`."""
    number = ord(char)
    kinds = {"Cc": "control character", "Co": "private use", "Cs": "half of a surrogate pair"}
    kind = kinds.get(unicodedata.category(char), "no character of Unicode")
    name = _CONTROL_NAMES[number] if number < len(_CONTROL_NAMES) else ""
    return f"U+{number:04X} {name or unicodedata.name(char, '') or f'({kind})'}"


def spelled(characters: Collection[str]) -> str:
    """The numbers and names of the first few characters, and the number of the others."""
    shown = [code_point(char) for char in characters]
    return listed(shown[:_MOST_LETTERS], len(shown))


def characters(view: View, *, pattern: Any, applies: Applies | None = None) -> Iterator[Remark]:
    """Characters that `pattern` finds, if the rule `applies` to their text and position."""
    for split, index, document in view.documents():
        text = document.text
        places: dict[str, list[int]] = {}
        for match in pattern.finditer(text):
            if applies is None or applies(text, match.start()):
                places.setdefault(match[0], []).append(match.start())
        for char, found in places.items():
            more = f", {times(len(found))}" if len(found) > 1 else ""
            message = f"{code_point(char)} in {_around(text, found[0])}{more}"
            yield Remark(message, Spot(split, index, found[0], found[0] + 1))


def _around(text: str, start: int, end: int | None = None) -> str:
    """The text around a place, in quotes."""
    first, last = max(0, start - _AROUND), (start + 1 if end is None else end) + _AROUND
    head, tail = "…" if first else "", "…" if last < len(text) else ""
    return f"{head}{text[first:last]!r}{tail}"


def is_useless_invisible(text: str, position: int) -> bool:
    """Whether an invisible character has no use; joiners have one in emoji and some scripts."""
    char = text[position]
    if "\U000e0020" <= char <= "\U000e007f":  # the letters of a flag such as Scotland's
        return _FLAG.search(text[max(0, position - _AROUND) : position]) is None
    if char not in "\u200c\u200d":
        return True
    before, after = text[max(0, position - 1) : position], text[position + 1 : position + 2]
    if char == "\u200d" and _is_emoji(before) and _is_emoji(after):
        return False
    return _JOINED.match(before) is None


def _is_emoji(char: str) -> bool:
    return bool(char) and (char == "\ufe0f" or unicodedata.category(char) in ("So", "Sk", "Sm"))


def is_useless_direction_mark(text: str, position: int) -> bool:
    """Whether a direction mark has no use; in Hebrew or Arabic, all but overrides have one."""
    return text[position] in "\u202d\u202e" or not _has_right_to_left(text)


@lru_cache(maxsize=1)
def _has_right_to_left(text: str) -> bool:
    return _RIGHT_TO_LEFT.search(text) is not None


def not_composed(view: View) -> Iterator[Remark]:
    """Characters that are not in the normal form NFC: two spellings of `é` are two texts."""
    for split, index, document in view.documents():
        text = document.text
        if unicodedata.is_normalized("NFC", text):
            continue
        clusters = [
            match
            for match in regex.finditer(r"\X", text)
            if not unicodedata.is_normalized("NFC", match[0])
        ]
        start, end = clusters[0].span() if clusters else (0, len(text))
        now, then = text[start:end], unicodedata.normalize("NFC", text[start:end])
        message = (
            f"{spelled(now)} would be {spelled(then)} in NFC, in {_around(text, start)}"
            f"{_more(clusters)}"
        )
        yield Remark(message, Spot(split, index, start, end))


def mixed_scripts(view: View) -> Iterator[Remark]:
    """Words of Latin letters with Cyrillic ones, or with Greek ones that look Latin."""
    for split, index, document in view.documents():
        if document.text.isascii() or not _OTHER_ALPHABET.search(document.text):
            continue
        for match in _LETTERS.finditer(document.text):
            letters = dict.fromkeys(_FOREIGN.findall(match[0]))
            greek = set(_GREEK.findall(match[0]))
            if letters and _LATIN.search(match[0]) and greek <= _LATIN_LOOKING_GREEK:
                message = f"{quoted(match[0])} holds {spelled(letters)} among Latin letters"
                yield Remark(message, Spot(split, index, *match.span()))


def misread(
    view: View, *, find: Callable[[str], Iterator[tuple[int, int, str]]], how: str
) -> Iterator[Remark]:
    """Ranges that `find` gives with the text that was meant; one remark for each document."""
    for split, index, document in view.documents():
        text = document.text
        found = list(find(text))
        if found:
            start, end, meant = found[0]
            message = (
                f"{quoted(text[start:end])} is {quoted(meant)} {how}, "
                f"in {_around(text, start, end)}{_more(found)}"
            )
            yield Remark(message, Spot(split, index, start, end))


def html_references(text: str) -> Iterator[tuple[int, int, str]]:
    """Character references of HTML, also if cut into tokens: their ranges and characters."""
    for match in _HTML.finditer(text):
        meant = html.unescape(match[0].replace(" ", ""))
        if meant != match[0].replace(" ", ""):
            yield *match.span(), meant


def _more(found: Sequence[object]) -> str:
    return f", and {len(found) - 1:,} more" if len(found) > 1 else ""


def _of(pattern: Any, applies: Applies | None = None) -> Callable[[View], Iterator[Remark]]:
    return partial(characters, pattern=pattern, applies=applies)


_INVISIBLE = _of(_ZERO_WIDTH, is_useless_invisible)
_DIRECTION_MARKS = _of(_DIRECTION, is_useless_direction_mark)
_MOJIBAKE = partial(misread, find=repaired_runs, how="in UTF-8, read wrongly")
_HTML_ENTITIES = partial(misread, find=html_references, how="in HTML")

RULES = (
    Rule("control-character", "error", "a character that steers devices", _of(_CONTROL)),
    Rule("mojibake", "error", "UTF-8 that was read in another encoding", _MOJIBAKE),
    Rule(
        "replacement-character",
        "warning",
        "a character that was lost when the text was decoded",
        _of(_REPLACEMENT),
    ),
    Rule("zero-width-character", "warning", "a character without width", _INVISIBLE),
    Rule("direction-mark", "warning", "a character that turns the text", _DIRECTION_MARKS),
    Rule("private-character", "warning", "a character without a public meaning", _of(_PRIVATE)),
    Rule("no-character", "warning", "a code point that is no character", _of(_NO_CHARACTER)),
    Rule("mixed-scripts", "warning", "a word of letters of two scripts", mixed_scripts),
    Rule("html-entity", "warning", "a sign that is written as in HTML", _HTML_ENTITIES),
    Rule("not-composed", "note", "a text that is not in the normal form NFC", not_composed),
    Rule("unusual-space", "note", "a space that is not the usual one", _of(_SPACE)),
)
