"""Escapes of WebAnno TSV 3, and the places of its tokens in their sentence."""

from __future__ import annotations

import re
from collections.abc import Callable

from nerine.core.errors import FormatError
from nerine.data.formats.offsets import Counting
from nerine.data.formats.options import Offsets

RawToken = tuple[str, int, int, str]
"""A token as a file has it: its place, start, end and form."""

_NUMBERED = re.compile(r"((?:\\.|[^\\])*?)\[(\d{1,18})\]", re.DOTALL)
_VALUE_ESCAPE = re.compile(r"\\(->|[\\\[\]|_;*tn])")
_TEXT_ESCAPE = re.compile(r"\\([\\tnfrb\x00-\x07\x0e-\x1f])")
_JAVA_ESCAPE = re.compile(r"\\(u+[0-9a-fA-F]{4}|[0-3]?[0-7]{1,2}|.)", re.DOTALL)
_SURROGATES = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_CONTROLS = {"t": "\t", "n": "\n", "f": "\f", "r": "\r", "b": "\b"}


def token_places(
    text: str,
    tokens: list[RawToken],
    shift: int,
    unit: Offsets,
    unescape: Callable[[str], str],
) -> tuple[list[tuple[int, int]], bool] | None:
    """The ranges of tokens in code points, and whether some differ from the text in case.

    Args:
        text: The text of the sentence.
        tokens: Its tokens as the file has them.
        shift: The offset of the sentence's beginning.
        unit: The unit of offsets.
        unescape: How forms are unescaped, if they are escaped at all.

    Returns:
        None if another text than a token's form is in its place.
    """
    locate = Counting(unit).of(text)
    ranges, differs = [], False
    for _, token_start, token_end, form in tokens:
        start, end = locate(token_start - shift, token_end - shift)
        if not (0 <= start <= len(text) and 0 <= end <= len(text)):
            return None
        covered = text[start:end]
        if covered not in (form, unescape(form), unescape_value(form)):
            if covered.casefold() != form.casefold():
                return None
            differs = True
        ranges.append((start, end))
    return ranges, differs


def misplaced_token(
    text: str,
    tokens: list[RawToken],
    shift: int,
    unit: Offsets,
    unescape: Callable[[str], str],
) -> FormatError:
    """The error for the first token with another text in its place; arguments as before."""
    index = next(
        index
        for index in range(len(tokens))
        if token_places(text, [tokens[index]], shift, unit, unescape) is None
    )
    locate = Counting(unit).of(text)
    place, token_start, token_end, form = tokens[index]
    start, end = locate(token_start - shift, token_end - shift)
    covered = text[start:end] if start >= 0 and end >= 0 else ""
    return FormatError(
        f"the token {form[:60]!r} is not at {token_start}-{token_end}",
        place=place,
        expected=f"{covered[:60]!r}, the text there"
        if covered
        else f"a range of the text {text[:60]!r}, which begins at {shift}",
        hint="the text may have been changed since it was annotated: export it again",
    )


def joined(text: str) -> str:
    """A text with the pairs of surrogates that its escapes stated as one character each."""
    return _SURROGATES.sub(
        lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), text
    )


def split_number(part: str) -> tuple[str, int | None]:
    """A value and the number of its annotation, if any: `PER[1]` → `PER`, 1."""
    match = _NUMBERED.fullmatch(part)
    return (match[1], int(match[2])) if match else (part, None)


def unescape_value(value: str) -> str:
    """The value of a feature."""
    return _VALUE_ESCAPE.sub(lambda match: {"t": "\t", "n": "\n"}.get(match[1], match[1]), value)


def unescape_text(text: str) -> str:
    """A text as escaped by versions 3.2 and 3.3."""
    return _TEXT_ESCAPE.sub(lambda match: _CONTROLS.get(match[1], match[1]), text)


def unescape_java(text: str) -> str:
    """A text as escaped by versions 3.0 and 3.1, like a string of Java."""

    def character(match: re.Match[str]) -> str:
        escape = match[1]
        if escape[0] == "u" and len(escape) > 1:
            return chr(int(escape[-4:], 16))
        if escape[0] in "01234567":
            return chr(int(escape, 8))
        return _CONTROLS.get(escape, escape if escape in "\\\"'/" else match[0])

    return _JAVA_ESCAPE.sub(character, text)
