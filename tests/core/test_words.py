"""The rule that cuts texts into words, and entities as spans of words."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nerine.core.document import Document, Entity, Token
from nerine.core.tags import Span
from nerine.core.words import rule_words, word_bounds, word_spans
from strategies import documents, texts

# What the rule looks at: parts of addresses, handles, inner signs, endings, scripts, modifiers.
PIECES = st.sampled_from(
    [
        *("a", "Mira", "v2", "http://", "https://", "www.", "x@y.org", "@", "#", "_", "7"),
        *(".", ",", "-", "‑", "'", "’", "'s", "'LL", "’re", "/", "&", "·", "(", ")", "…", "!"),
        *("北京", "かな", "ไทย", "한국", "é", "e\u0301", "\u0301", "\u200d", "\ufe0f", "👩", "🏽"),
        *("🇵", "🇹", " ", "\n", "\u00a0", "\u2028", "\u3000", "\x00", "\x1c", "\ud800"),
    ]
)
PIECED = st.lists(PIECES, max_size=20).map("".join)
SIZE = 200_000


def surfaces(text: str) -> list[str]:
    return [text[word.start : word.end] for word in rule_words(text)]


@given(texts() | PIECED)
def test_words_are_ordered_and_disjoint(text: str) -> None:
    words = rule_words(text)
    assert all(word.start < word.end for word in words)
    assert all(left.end <= right.start for left, right in itertools.pairwise(words))


@example("http://\x1f")
@example("www.a\x1cb")
@given(texts() | PIECED)
def test_each_character_but_white_space_is_in_one_word(text: str) -> None:
    covered = [place for word in rule_words(text) for place in range(word.start, word.end)]
    assert covered == [place for place, char in enumerate(text) if not char.isspace()]


@given(PIECED, PIECED)
def test_white_space_separates(left: str, right: str) -> None:
    assert surfaces(f"{left}\n{right}") == surfaces(left) + surfaces(right)


@given(
    st.text("abcXYZé", min_size=1, max_size=8),
    st.sampled_from(["'s", "'m", "'re", "'ve", "'ll", "'d", "’s", "'S"]),
)
def test_an_english_ending_is_a_word_with_or_without_a_space(word: str, ending: str) -> None:
    assert surfaces(word + ending) == surfaces(f"{word} {ending}") == [word, ending]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n\t", []),
        ("See https://a.b/c?d=(e), now.", ["See", "https://a.b/c?d=(e", ")", ",", "now", "."]),
        ("Visit www.nerine.org!", ["Visit", "www.nerine.org", "!"]),
        ("to mira.o+x@tandem-labs.co.uk.", ["to", "mira.o+x@tandem-labs.co.uk", "."]),
        ("@paulwalk #now @ # ##x", ["@paulwalk", "#now", "@", "#", "#", "#x"]),
        ("rock'n'roll v2.1 AT&T and/or", ["rock'n'roll", "v2.1", "AT&T", "and/or"]),
        ("twenty-one snake_case", ["twenty-one", "snake_case"]),
        ("a--b x... -y", ["a", "-", "-", "b", "x", ".", ".", ".", "-", "y"]),
        ("the U.S. won. He did.", ["the", "U.S.", "won", ".", "He", "did", "."]),
        ("Lisbon's I'm we’ve", ["Lisbon", "'s", "I", "'m", "we", "’ve"]),
        ("don't o'sullivan", ["don't", "o'sullivan"]),
        ("北京 in ไทย", ["北", "京", "in", "ไ", "ท", "ย"]),
        ("한국어 и русский", ["한국어", "и", "русский"]),
        ("👍🏽👩‍👩‍👧🇵🇹🇫🇷❤️", ["👍🏽", "👩‍👩‍👧", "🇵🇹", "🇫🇷", "❤️"]),
        ("cafe\u0301 n\u0303", ["cafe\u0301", "n\u0303"]),
        ("$5 50%", ["$", "5", "50", "%"]),
        ("a\x00b", ["a", "\x00", "b"]),
        ("שלום, עולם", ["שלום", ",", "עולם"]),
    ],
)
def test_examples_of_the_rule(text: str, expected: list[str]) -> None:
    assert surfaces(text) == expected


@pytest.mark.timeout(30)  # anything worse than linear takes hours at this size
@pytest.mark.parametrize(
    "unit",
    [
        *(
            "a",
            "a.",
            "a@",
            "a.a@",
            "@",
            "#",
            "-",
            "a-",
            "'",
            "a'",
            "'s",
            "http://",
            "www.",
            "(",
            ")",
        ),
        *(
            "https://.",
            ".",
            "a.b.",
            "1.",
            "&",
            "\u0301",
            "\u200d",
            "🇵",
            "👩‍",
            "北",
            "_",
            "\x00",
            "'’",
        ),
    ],
)
def test_time_is_linear(unit: str) -> None:
    text = unit * (SIZE // len(unit))
    assert sum(word.end - word.start for word in rule_words(text)) == len(text)


def test_tokens_are_words_where_there_are_some() -> None:
    document = Document("Mira's", tokens=(Token(0, 6),))
    assert word_bounds(document, "tokens") == [(0, 6)]
    assert word_bounds(document, "rule") == [(0, 4), (4, 6)]
    assert word_bounds(Document("Mira's"), "tokens") == [(0, 4), (4, 6)]


def test_an_entity_inside_a_word_takes_the_whole_word() -> None:
    document = Document("New-York-based Ana", (Entity(0, 8, "place"), Entity(15, 18, "person")))
    spans = [Span(0, 1, "place"), Span(1, 2, "person")]
    assert word_spans(document, rule_words(document.text)) == (spans, 1)


def test_an_entity_whose_word_is_taken_has_no_span() -> None:
    document = Document("Rome-Oslo", (Entity(0, 4, "place"), Entity(5, 9, "place")))
    assert word_spans(document, rule_words(document.text)) == ([Span(0, 1, "place")], 2)


def test_an_entity_of_white_space_has_no_span() -> None:
    document = Document("a  b", (Entity(1, 3, "place"),))
    assert word_spans(document, rule_words(document.text)) == ([], 1)


@given(documents())
def test_spans_are_ordered_and_hold_their_entities(document: Document) -> None:
    words = rule_words(document.text)
    spans, adapted = word_spans(document, words)
    assert all(left.end <= right.start for left, right in itertools.pairwise(spans))
    assert all(0 <= span.start < span.end <= len(words) for span in spans)
    found = {(words[span.start].start, words[span.end - 1].end, span.label) for span in spans}
    exact = found & {(each.start, each.end, each.label) for each in document.entities}
    assert len(exact) == len(document.entities) - adapted
