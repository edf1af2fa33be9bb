"""Text → words, the units that bear tags.

One rule cuts any text, in training and in use alike. A corpus's own tokens can be used instead
(`words="tokens"`), but then the model needs texts that are cut into tokens in the same way.

At each place of the text, the first of these that applies is a word:

1. A web or mail address, without the punctuation mark that ends the sentence around it.
2. A handle, a hashtag or a word: a run of letters, digits, marks and underscores, with single
   hyphens, apostrophes, dots, slashes and ampersands inside it (`rock'n'roll`, `v2.1`, `AT&T`),
   and with the last dot of an abbreviation (`U.S.`). It may begin with one `@` or `#`. An English
   ending (`'s`, `'m`, `'re`, `'ve`, `'ll`, `'d`) is a word of its own, with a space before it, as
   in many corpora, or without: the possessive of a name is not part of the name.
3. One character of a script without spaces (Chinese, Japanese kana, Thai, …).
4. Any other character with its modifiers: an emoji with its skin tone, joiners and variation
   selectors, a flag, a base with its combining marks.

White space separates words and is part of none. Every other character is in exactly one word.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from operator import attrgetter
from typing import Literal

import regex

from nerine.core.document import Document, Token, check_no_overlap
from nerine.core.tags import Span

Words = Literal["rule", "rule-2", "tokens", "tokenizer", "subwords"]

_START, _END = attrgetter("start"), attrgetter("end")

UNSPACED = (
    r"\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}"
    r"\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Tibetan}"
)
_LETTER = rf"[\p{{L}}\p{{N}}_--[{UNSPACED}]]"
_RUN = rf"{_LETTER}[\p{{M}}{_LETTER}]*+"
_CLITIC = r"['’](?i:s|m|re|ve|ll|d)(?![\p{L}\p{N}\p{M}_])"
BLANK = r"\s\x1c-\x1f"  # as str.isspace: \s of regex lacks the ASCII separators
_INNER = r"[-‐‑'’ʼ.·/&]"
# Possessive quantifiers (`*+`) and bounds on addresses keep the time linear on any input.
_WORD = regex.compile(
    rf"""
      \s++
    | (?:https?://|www\.)[^{BLANK}<>"“”«»]*[^{BLANK}<>"“”«»'.,;:!?)\]}}…]
    | [\p{{L}}\p{{N}}_.+-]{{1,64}}+@(?:[\p{{L}}\p{{N}}-]{{1,63}}+\.){{1,8}}\p{{L}}{{2,63}}+
    | [@\#]?{_RUN}(?:(?!{_CLITIC}){_INNER}{_RUN})*+(?:(?<=\b\p{{L}}\.\p{{L}})\.)?+
    | {_CLITIC}
    | [\U0001F1E6-\U0001F1FF]{{1,2}}+
    | \X
    """,
    regex.VERBOSE | regex.V1,
)


def rule_words(text: str) -> list[Token]:
    """The words of `text` by the rule, in time and memory linear in its length."""
    return [Token(start, end) for start, end in _rule_bounds(text)]


def _rule_bounds(text: str) -> list[tuple[int, int]]:
    bounds = (match.span() for match in _WORD.finditer(text))
    return [(start, end) for start, end in bounds if not text[start].isspace()]


def word_bounds(document: Document, words: Words) -> list[tuple[int, int]]:
    """Start and end of each word of `document` by a model's setting `words`.

    With `"tokens"`, the words are the document's tokens if it has some. Otherwise they follow the
    rule.
    """
    if words == "tokens" and document.tokens is not None:
        return [(token.start, token.end) for token in document.tokens]
    return _rule_bounds(document.text)


def word_spans(document: Document, words: Sequence[Token]) -> tuple[list[Span], int]:
    """The entities of `document` as spans of `words`, and how many had to be adapted.

    An entity that begins or ends inside a word takes the whole word; one whose words another
    entity has taken already, or that holds no word, has no span. Both count as adapted. Scores
    of entities never use these spans: they compare code points. Raises `DocumentError` if entities
    overlap.
    """
    check_no_overlap(document)
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
