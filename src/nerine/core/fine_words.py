"""Text → words by the second, finer version of the rule (`words="rule-2"`).

It cuts as the first version (`nerine.core.words`) does, except that `@` and `#` are words of their
own, that each syllable of Hangul is one, and that the signs of Hebrew abbreviations join. Then it
divides words with signs inside, because an annotator may mark a part of them:

==========  =============================================  =====================================
sign        divided                                        whole
==========  =============================================  =====================================
hyphen      `pro-Trump`, `London-based`, `tumour-specific`  `Jean-Claude`, `Stoke-on-Trent`,
                                                           `al-Qaeda`, `COVID-19`, `X-linked`
slash       `John/Jane`, `and/or`                          `9/11`
dot         `Mr.Smith`, `Paris.He`                         `U.S.`, `v2.1`, `Ph.D.`, `nerine.org`
ampersand   `John&Jane`                                    `AT&T`
apostrophe  `l'Oréal` after it, `Ankara'da` before it      `O'Brien`, `aujourd'hui`, `Qur'an`
==========  =============================================  =====================================

A hyphen, slash, dot or ampersand that divides is a word of its own. A hyphen divides unless both
parts at its sides begin with a capital letter, a digit, or a letter of a script without case.
Exceptions are parts of one or two small letters (`by-election`), one letter at the beginning
(`X-linked`), Arabic articles, and small words between capital letters (`Stoke-on-Trent`).
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterator, Sequence

import regex

from nerine.core.characters import ADDRESS, CLITIC, UNSPACED

SINGLE = rf"{UNSPACED}\p{{Hangul}}\u30fc\uff70"
_LETTER = rf"[\p{{L}}\p{{N}}_--[{SINGLE}]]"
_RUN = rf"{_LETTER}[\p{{M}}{_LETTER}]*+"
_SIGNS = "-‐‑'’.·/&\u05f3\u05f4"
_WORD = regex.compile(
    rf"""
      \s++
    | (?P<address>{ADDRESS})
    | {_RUN}(?:(?!{CLITIC})[{_SIGNS}]{_RUN})*+[\u05f3\u05f4]?+(?:(?<=\b\p{{L}}\.\p{{L}})\.)?+
    | {CLITIC}
    | [\U0001F1E6-\U0001F1FF]{{1,2}}+
    | \X
    """,
    regex.VERBOSE | regex.V1,
)
_SIGN = regex.compile(rf"[{_SIGNS}]")
_APOSTROPHES = "'’"
_ELIDED = regex.compile(
    r"[ldjmtsnc]|(?:lors|puis|jus|quoi|pres)?qu|(?:ness|ciasc|qualc)?un|"
    r"[dn]?all|[dn]ell|[sc]ull|coll|quell|bell|(?:[ad]?a|[dn]e|su)?gl|sant|quest|tutt|cos|com|"
    r"dov|anch|senz|mezz|nient"
)
"""What loses its vowel before a word in French, Italian and Catalan."""
_SUFFIX = regex.compile(
    r"[yns]?[ıiuüaeéo]|[yn]?[ıiuü]n|n?[dt][ae]n?|n?[dt][ae]ki\w*|y?l[ae]|l[ae]r\w*|[dt][ıiuü]r|"
    r"l[ıiuü]k?|s[ıiuü]z|[cç][ae]|n?c[ıiuü]|m[ıiuü]ş|y?ken|y?[ds][ıiuüae]|[ıiuü]m\w{0,4}|"
    r"[ıiuü]n[dıiuü]\w{0,5}|s[ıiuü]n\w{0,5}|"  # Turkish and Azerbaijani
    r"ego|emu|em|owi|ów|y|ie|im|ą|ę|"  # Polish
    r"ers?"  # Dutch
)
_ARTICLES = regex.compile(r"[ae]l|ul|a[dnrstz]|ash|ez|bin|ibn|abu|ben")
_SMALL_LETTERS, _SMALL_WORDS = 4, 3
"""The most letters of a small word inside a name, and the most of them: Villeneuve-sur-le-Lot."""


def fine_bounds(text: str) -> list[tuple[int, int]]:
    """Start and end of each word, in time and memory linear in the length of the text."""
    bounds: list[tuple[int, int]] = []
    for match in _WORD.finditer(text):
        start, end = match.span()
        if text[start].isspace():
            continue
        if end - start > 2 and not match["address"] and text[start].isalnum():
            bounds.extend(_divided(text, start, end))
        else:
            bounds.append((start, end))
    return bounds


def _divided(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The words of a word with signs inside."""
    signs = [match.start() for match in _SIGN.finditer(text, start, end - 1)]
    edges = [start - 1, *signs, end]
    parts = [text[left + 1 : right] for left, right in itertools.pairwise(edges)]
    for index, place in enumerate(signs):
        before, after = parts[index], parts[index + 1]
        if text[place] in _APOSTROPHES:
            if start == edges[index] + 1 and _is_elided(before, after):
                yield start, place + 1
                start = place + 1
            elif index == len(signs) - 1 and _is_suffix(before, after):
                yield start, place
                start = place
        elif _divides(text[place], parts, index):
            if start < place:
                yield start, place
            yield place, place + 1
            start = place + 1
    if start < end:
        yield start, end


def _is_elided(before: str, after: str) -> bool:
    """Whether a word that has lost its vowel stands before an apostrophe, and a vowel after it."""
    first = unicodedata.normalize("NFD", after[:1]).lower()[:1]
    return _ELIDED.fullmatch(before.lower()) is not None and first in set("aeiouyhœæ")


def _is_suffix(name: str, suffix: str) -> bool:
    """Whether a case or a particle follows the apostrophe of a name or a number."""
    if len(name) < 2 or not (name[0].isupper() or name[-1].isdigit()):
        return False
    is_cased_alike = suffix.islower() or (suffix.isupper() and name.isupper())
    return is_cased_alike and _SUFFIX.fullmatch(suffix.lower()) is not None


def _divides(sign: str, parts: Sequence[str], index: int) -> bool:
    """Whether a sign other than an apostrophe divides the parts before and after it."""
    before, after = parts[index], parts[index + 1]
    if sign == "/":
        return not (before[-1].isdigit() and after[0].isdigit())
    if sign in ".&":
        is_word = len(before) > 1 and before[-1].islower() and after[0].isupper()
        return is_word and (sign == "&" or after[1:2].islower())
    return sign in "-‐‑" and _divides_hyphenated(parts, index)


def _divides_hyphenated(parts: Sequence[str], index: int) -> bool:
    """Whether the hyphen after the part at `index` divides."""
    before, after = parts[index], parts[index + 1]
    is_letter = index == 0 and len(before) == 1 and before.isalpha()
    if is_letter and (before.isupper() or after[0].islower()):
        return False
    if before[0].islower() and after[0].islower():
        return min(len(before), len(after)) > 2
    if before[0].islower():
        earlier = parts[max(index - _SMALL_WORDS, 0) : index + 1][::-1]
        return not (_ARTICLES.fullmatch(before) or _is_in_name(earlier))
    return after[0].islower() and not _is_in_name(parts[index + 1 : index + 2 + _SMALL_WORDS])


def _is_in_name(parts: Sequence[str]) -> bool:
    """Whether some small words are followed by a capital letter."""
    following = itertools.dropwhile(
        lambda part: part.islower() and len(part) <= _SMALL_LETTERS, parts
    )
    return next(following, "")[:1].isupper()
