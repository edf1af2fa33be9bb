"""Text → words, the units that bear tags.

One rule cuts any text, in training and in use alike. A corpus's own tokens can take its place
(`words="tokens"`); they then bind the model to texts that somebody has cut in the same way.

The rule, in the order in which it is tried at each place:

1. A web or mail address stays whole, without the sign that ends the sentence around it.
2. A handle, a hashtag or a word: a run of letters, digits, marks and underscores, with single
   hyphens, apostrophes, dots, slashes and ampersands inside it (`rock'n'roll`, `v2.1`, `AT&T`),
   and with the last dot of an abbreviation (`U.S.`). One `@` or `#` may lead it. An English
   ending (`'s`, `'m`, `'re`, `'ve`, `'ll`, `'d`) is a word of its own, whether a space stands
   before it, as in many corpora, or not: a name's possessive is not part of the name.
3. One character is one word where a script has no spaces (Chinese, Japanese kana, Thai, …).
4. Any other sign is a word by itself, together with what modifies it: an emoji with its skin
   tone, joiners and variation selectors, a flag, a base with its combining marks.

White space separates words and is part of none. Every other character is in exactly one word.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from operator import attrgetter
from typing import Literal

import regex

from nerine.core.document import Document, Token
from nerine.core.tags import Span

Words = Literal["rule", "tokens"]

_START, _END = attrgetter("start"), attrgetter("end")

_UNSPACED = (
    r"\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}"
    r"\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Tibetan}"
)
_LETTER = rf"[\p{{L}}\p{{N}}_--[{_UNSPACED}]]"
_RUN = rf"{_LETTER}[\p{{M}}{_LETTER}]*+"
_CLITIC = r"['’](?i:s|m|re|ve|ll|d)(?![\p{L}\p{N}\p{M}_])"
_BLANK = r"\s\x1c-\x1f"  # as str.isspace: \s of regex lacks the separators of ASCII
_INNER = r"[-‐‑'’ʼ.·/&]"
# Possessive quantifiers (`*+`) and bounds on addresses keep the time linear on any input.
_WORD = regex.compile(
    rf"""
      \s++
    | (?:https?://|www\.)[^{_BLANK}<>"“”«»]*[^{_BLANK}<>"“”«»'.,;:!?)\]}}…]
    | [\p{{L}}\p{{N}}_.+-]{{1,64}}+@(?:[\p{{L}}\p{{N}}-]{{1,63}}+\.){{1,8}}\p{{L}}{{2,63}}+
    | [@\#]?{_RUN}(?:(?!{_CLITIC}){_INNER}{_RUN})*+(?:(?<=\b\p{{L}}\.\p{{L}})\.)?+
    | {_CLITIC}
    | [\U0001F1E6-\U0001F1FF]{{1,2}}+
    | \X
    """,
    regex.VERBOSE | regex.V1,
)


def rule_words(text: str) -> list[Token]:
    """The words of `text` by the rule. Time and memory are linear in its length."""
    return [Token(start, end) for start, end in _rule_bounds(text)]


def _rule_bounds(text: str) -> list[tuple[int, int]]:
    bounds = [match.span() for match in _WORD.finditer(text)]
    return [each for each in bounds if not text[each[0]].isspace()]


def word_bounds(document: Document, words: Words) -> list[tuple[int, int]]:
    """Start and end of each word of `document` under a model's setting `words`.

    With `"tokens"`, a document that has tokens uses them; plain text is cut by the rule.
    """
    if words == "tokens" and document.tokens is not None:
        return [(token.start, token.end) for token in document.tokens]
    return _rule_bounds(document.text)


def word_spans(document: Document, words: Sequence[Token]) -> tuple[list[Span], int]:
    """The entities of `document` as spans of `words`, and how many had to be adapted.

    An entity that begins or ends inside a word takes the whole word; one whose words another
    entity has taken already, or that holds no word, has no span. Both count as adapted. Scores
    of entities never use these spans: they compare code points.
    """
    spans: list[Span] = []
    adapted = 0
    for entity in document.entities:
        first = bisect_right(words, entity.start, key=_END)
        last = bisect_left(words, entity.end, key=_START)
        free = first < last and (not spans or spans[-1].end <= first)
        if free:
            spans.append(Span(first, last, entity.label))
        if not free or (words[first].start, words[last - 1].end) != (entity.start, entity.end):
            adapted += 1
    return spans, adapted
