"""The classes of characters that the word rules and tokenizers use, for patterns of JavaScript.

The tables of Unicode differ between versions, and those of a browser from Python's. So the classes
are computed here, by the libraries that cut the training texts, and go along with the model: as
what stands in a pattern between `[` and `]`, such as `0-9\\u{b2}-\\u{b3}`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

import regex

from nerine.core.characters import BLANK, UNSPACED
from nerine.core.fine_words import SINGLE

CODE_POINTS = 0x110000

_PATTERNS = {
    "letter": r"[\p{L}]",
    "number": r"[\p{N}]",
    "mark": r"[\p{M}]",
    "any": r"[\w]",
    "blank": rf"[{BLANK}]",
    "inWord": rf"[\p{{L}}\p{{N}}_--[{UNSPACED}]]",
    "inFineWord": rf"[\p{{L}}\p{{N}}_--[{SINGLE}]]",
    **{each: rf"[\p{{GCB={each}}}]" for each in ("L", "V", "T", "LV", "LVT")},
    "regional": r"[\p{GCB=RI}]",
    "extend": r"[\p{GCB=Extend}]",
    "spacing": r"[\p{GCB=SpacingMark}]",
    "prepend": r"[\p{GCB=Prepend}]",
    "control": r"[\p{GCB=Control}\r\n]",
    "pictograph": r"[\p{Extended_Pictographic}]",
    "consonant": r"[\p{InCB=Consonant}]",
    "linker": r"[\p{InCB=Linker}]",
    "joiner": r"[\p{InCB=Extend}]",
}
_METHODS: Mapping[str, Callable[[str], bool]] = {
    "upper": str.isupper,
    "lower": str.islower,
    "title": lambda each: each.istitle() and not each.isupper(),
    "digit": str.isdigit,
    "alpha": str.isalpha,
    "alnum": str.isalnum,
}


def word_classes(rule: str) -> Mapping[str, str]:
    """The classes of characters that a version of the word rule needs, by their names."""
    return _classes(rule == "rule-2")


def class_of(codes: Iterable[int]) -> str:
    """The class of rising code points."""
    spans: list[list[int]] = []
    for code in codes:
        if spans and spans[-1][1] == code:
            spans[-1][1] = code + 1
        else:
            spans.append([code, code + 1])
    return _joined(spans)


@functools.cache
def every_character() -> str:
    """All code points, surrogates among them, in order."""
    return "".join(map(chr, range(CODE_POINTS)))


@functools.cache
def _classes(is_fine: bool) -> Mapping[str, str]:
    every = every_character()
    found = {
        name: _joined(match.span() for match in regex.finditer(f"{pattern}+", every, regex.V1))
        for name, pattern in _PATTERNS.items()
    }
    if is_fine:
        found |= {
            name: class_of(code for code, each in enumerate(every) if holds(each))
            for name, holds in _METHODS.items()
        }
    return MappingProxyType(found)


def _joined(spans: Iterable[Sequence[int]]) -> str:
    """The class of half-open ranges of code points."""
    ends = ((start, end - 1) for start, end in spans)
    return "".join(
        _escaped(first) if first == last else f"{_escaped(first)}-{_escaped(last)}"
        for first, last in ends
    )


def _escaped(code: int) -> str:
    return chr(code) if chr(code).isalnum() and code < 0x80 else f"\\u{{{code:x}}}"
