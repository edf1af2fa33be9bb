"""Rules about single entities: their first and last characters, and their length."""

from __future__ import annotations

import re
import statistics
import unicodedata
from collections import defaultdict
from collections.abc import Iterator

from nerine.core.display import quoted
from nerine.core.words import cut_words
from nerine.curation.checks.findings import Remark, Spot
from nerine.curation.checks.rule import Rule
from nerine.curation.checks.view import Mention, View

_LONG_WORDS, _LONG_RATIO, _TOO_LONG = 8, 4, 25
_RARELY = 0.1
_LEADING_HARMLESS = "@#¿¡/"
_TRAILING_HARMLESS = "!?%"
_PAIRS = {")": "(", "]": "[", "}": "{"}
_QUOTES = {'"': '"', "'": "'", "“": "”", "”": "“", "‘": "’", "’": "‘", "«": "»", "»": "«"}
"""Each quotation mark with the mark at the other end of the quotation."""
_HTML_AT_END = re.compile(r"&\w+;$")
_ABBREVIATION = 4
"""A word of at most so many letters before a dot may be an abbreviation."""


def signs_only(view: View) -> Iterator[Remark]:
    """Entities of punctuation and symbols alone."""
    for mention in view.mentions:
        visible = [each for each in mention.surface if not each.isspace()]
        if all(unicodedata.category(each)[0] in "PSCM" for each in visible):
            yield Remark(f"{_named(mention)} holds neither letter nor digit", mention.spot)


def digits_only(view: View) -> Iterator[Remark]:
    """Entities without letters but with digits, if they are rare for their label."""
    found: dict[str, list[Mention]] = defaultdict(list)
    numbers: dict[str, int] = defaultdict(int)
    for mention in view.mentions:
        numbers[mention.entity.label] += 1
        has_letters = any(each.isalpha() for each in mention.surface)
        if not has_letters and any(each.isnumeric() for each in mention.surface):
            found[mention.entity.label].append(mention)
    for label, mentions in found.items():
        if len(mentions) < _RARELY * numbers[label]:
            for mention in mentions:
                yield Remark(
                    f"{_named(mention)} holds no letter, as {len(mentions)} of "
                    f"{numbers[label]:,} entities of its label",
                    mention.spot,
                )


def outer_space(view: View) -> Iterator[Remark]:
    """Entities that begin or end with white space: no prediction can equal them."""
    for mention in view.mentions:
        if mention.surface != mention.surface.strip():
            begins = mention.surface[0].isspace()
            ends = mention.surface[-1].isspace()
            where = " and ".join(["begins"] * begins + ["ends"] * ends)
            yield Remark(f"{_named(mention)} {where} with white space", mention.spot)


def outer_punctuation(view: View) -> Iterator[Remark]:
    """Entities that begin or end with a quote, a comma, a bracket without its other half.

    Signs of names are allowed: a leading `@`, `#` or `/`, a trailing `!` or `?`, the dot of an
    abbreviation, brackets in pairs.
    """
    for mention in view.mentions:
        surface = mention.surface.strip()
        if not any(each.isalnum() for each in surface):
            continue
        signs = []
        if _is_foreign_lead(surface):
            signs.append(f"begins with {quoted(surface[0])}")
        if _is_foreign_tail(surface):
            signs.append(f"ends with {quoted(surface[-1])}")
        if signs:
            yield Remark(f"{_named(mention)} {' and '.join(signs)}", mention.spot)


def _is_foreign_lead(surface: str) -> bool:
    first = surface[0]
    if not _is_punctuation(first) or first in _LEADING_HARMLESS:
        return False
    closing = next((end for end, start in _PAIRS.items() if start == first), None)
    has_other_half = closing is not None and closing in surface
    if has_other_half or _is_quoted_inside(surface, first):
        return False
    return not (first == "." and surface[1:2].isalnum())


def _is_foreign_tail(surface: str) -> bool:
    last = surface[-1]
    if not _is_punctuation(last) or last in _TRAILING_HARMLESS:
        return False
    if last in _PAIRS:
        return _PAIRS[last] not in surface
    if _is_quoted_inside(surface, last) or _HTML_AT_END.search(surface):
        return False
    word = surface[:-1].split()[-1] if surface[:-1].split() else ""
    is_abbreviation = "." in word or 0 < len(word) <= _ABBREVIATION
    return last != "." or not is_abbreviation


def _is_quoted_inside(surface: str, sign: str) -> bool:
    """Whether the other half of a quotation mark at an end is inside: `BARCA "RIDE"`."""
    is_whole_quoted = surface[0] in _QUOTES and surface[-1] in _QUOTES
    return sign in _QUOTES and not is_whole_quoted and _QUOTES[sign] in surface[1:-1]


def _is_punctuation(char: str) -> bool:
    return unicodedata.category(char)[0] == "P"


def long_entities(view: View) -> Iterator[Remark]:
    """Entities of 8 words or more and over 4 times their label's median, or over 25 words."""
    lengths = [
        sum(any(char.isalnum() for char in piece) for piece in mention.surface.split())
        for mention in view.mentions
    ]
    by_label: dict[str, list[int]] = defaultdict(list)
    for mention, length in zip(view.mentions, lengths, strict=True):
        by_label[mention.entity.label].append(length)
    medians = {label: statistics.median_low(found) for label, found in by_label.items()}
    for mention, length in zip(view.mentions, lengths, strict=True):
        median = medians[mention.entity.label]
        if length > _TOO_LONG or (length >= _LONG_WORDS and length > _LONG_RATIO * median):
            yield Remark(
                f"{_named(mention)} has {length} words; the median of its label is {median}",
                mention.spot,
            )


def inside_words(view: View) -> Iterator[Remark]:
    """Entities that begin or end inside a word, which a model with `words="rule"` cannot mark.

    Where the finer rule divides the word, it is named.
    """
    for split, index, document in view.documents():
        cut = cut_words(document)
        still = [entity for entity, _ in cut_words(document, "rule-2")] if cut else []
        for entity, word in cut:
            hint = "" if entity in still else ", which nerine train --words rule-2 divides"
            yield Remark(
                f"{quoted(document.surface(entity))} begins or ends inside the word "
                f"{quoted(document.surface(word))}{hint}",
                Spot(split, index, entity.start, entity.end),
            )


def _named(mention: Mention) -> str:
    return f"the {quoted(mention.entity.label)} {quoted(mention.surface)}"


RULES = (
    Rule("entity-of-signs", "warning", "an entity of punctuation and symbols alone", signs_only),
    Rule("entity-of-digits", "note", "an entity without letters, rare for its label", digits_only),
    Rule("entity-outer-space", "error", "an entity with white space at its ends", outer_space),
    Rule(
        "entity-outer-punctuation",
        "warning",
        "an entity with a quote, a comma or the like at its ends",
        outer_punctuation,
    ),
    Rule("long-entity", "note", "an entity of many words, for its label or at all", long_entities),
    Rule("entity-inside-word", "note", "an entity that cuts a word of the rule", inside_words),
)
