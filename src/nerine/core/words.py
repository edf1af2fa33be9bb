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

A second version of the rule (`words="rule-2"`, `nerine.core.fine_words`) cuts finer. The first one
stays as it is, since models were trained on it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from operator import attrgetter
from typing import Literal, get_args

import regex

from nerine.core.arguments import check_type, checked
from nerine.core.characters import ADDRESS, CLITIC, UNSPACED
from nerine.core.document import Document, Entity, Token, check_no_overlap
from nerine.core.fine_words import fine_bounds
from nerine.core.tags import Span

Rule = Literal["rule", "rule-2"]
"""The two versions of the rule."""

TrainingWords = Literal["rule", "rule-2", "tokens"]
"""The words that a model can be trained on."""

Words = Literal["rule", "rule-2", "tokens", "tokenizer", "subwords"]
"""The words of a model: those of the last two come from its tokenizer."""

_START, _END = attrgetter("start"), attrgetter("end")

_LETTER = rf"[\p{{L}}\p{{N}}_--[{UNSPACED}]]"
_RUN = rf"{_LETTER}[\p{{M}}{_LETTER}]*+"
_INNER = r"[-‐‑'’ʼ.·/&]"
# Possessive quantifiers (`*+`) keep the time linear on any input.
_WORD = regex.compile(
    rf"""
      \s++
    | {ADDRESS}
    | [@\#]?{_RUN}(?:(?!{CLITIC}){_INNER}{_RUN})*+(?:(?<=\b\p{{L}}\.\p{{L}})\.)?+
    | {CLITIC}
    | [\U0001F1E6-\U0001F1FF]{{1,2}}+
    | \X
    """,
    regex.VERBOSE | regex.V1,
)


def rule_words(text: str, rule: Rule = "rule") -> list[Token]:
    """The words of a text by a version of the rule, in time and memory linear in its length.

    Args:
        text: The text.
        rule: The version of the rule.

    Raises:
        ArgumentError: If `text` is not a string, or the version is unknown.
    """
    if not isinstance(text, str) or rule not in get_args(Rule):
        check_type("text", text, str, "rule_words")
        check_type("rule", rule, Rule, "rule_words")
    return [Token(start, end) for start, end in _bounds_by(rule, text)]


def _bounds_by(rule: Rule, text: str) -> list[tuple[int, int]]:
    if rule == "rule-2":
        return fine_bounds(text)
    bounds = (match.span() for match in _WORD.finditer(text))
    return [(start, end) for start, end in bounds if not text[start].isspace()]


def word_bounds(document: Document, words: Words) -> list[tuple[int, int]]:
    """Start and end of each word of `document` by a model's setting `words`.

    With `"tokens"`, the words are the document's tokens if it has some. Otherwise they follow the
    rule. The words of a tokenizer are not known here: `Encoder` makes them.

    Args:
        document: The document.
        words: The setting.

    Raises:
        ArgumentError: If `document` is not one, or the setting is unknown.
    """
    if not isinstance(document, Document) or words not in get_args(Words):
        check_type("document", document, Document, "word_bounds")
        check_type("words", words, Words, "word_bounds")
    if words == "tokens" and document.tokens is not None:
        return [(token.start, token.end) for token in document.tokens]
    return _bounds_by("rule-2" if words == "rule-2" else "rule", document.text)


def cut_words(document: Document, rule: Rule = "rule") -> list[tuple[Entity, Token]]:
    """The entities that begin or end inside a word by a version of the rule, with that word."""
    words = rule_words(document.text, rule) if document.entities else []
    found = []
    for entity in document.entities:
        for bound in (entity.start, entity.end):
            before = bisect_left(words, bound, key=_START) - 1
            if before >= 0 and bound < words[before].end:
                found.append((entity, words[before]))
                break
    return found


@checked
def word_spans(document: Document, words: Sequence[Token]) -> tuple[list[Span], int]:
    """The entities of `document` as spans of `words`, and how many had to be adapted.

    An entity that begins or ends inside a word takes the whole word; one whose words another
    entity has taken already, or that holds no word, has no span. Both count as adapted. Scores
    of entities never use these spans: they compare code points.

    Args:
        document: The document.
        words: The words of its text, in order.

    Raises:
        ArgumentError: If an argument has another type.
        OverlapError: If entities overlap.
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
