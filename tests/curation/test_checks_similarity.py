"""Near copies against all pairs counted out, and damaged text against the damage done."""

from __future__ import annotations

import random
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerine.core.document import Document
from nerine.curation.checks.mojibake import repaired_runs
from nerine.curation.checks.similarity import _KEPT, NearCopies, own_words
from nerine.data.near_duplicates import FEWEST_WORDS, THRESHOLD, masked

_WORDS = [f"{a}{b}" for a in "abcdefgh" for b in "klmn"]


def texts(seed: int, number: int) -> list[str]:
    """Texts of which many are others with a word or two exchanged, dropped or doubled."""
    draw = random.Random(seed)
    found = [" ".join(draw.choices(_WORDS, k=draw.randint(3, 14))) for _ in range(number // 3)]
    while len(found) < number:
        words = draw.choice(found).split()
        for _ in range(draw.randint(0, 3)):
            place = draw.randrange(len(words))
            words[place : place + 1] = draw.choice([[], [draw.choice(_WORDS)], [words[place]] * 2])
            words = words or ["x"]
        found.append(" ".join(words))
    return found


def jaccard(one: str, other: str) -> Fraction:
    """Shared words over all words, each as often as it occurs: straight from the definition."""
    here, there = Counter(one.split()), Counter(other.split())
    return Fraction((here & there).total(), (here | there).total())


@pytest.mark.parametrize("seed", range(5))
def test_the_most_similar_earlier_text_is_found_as_by_counting_out_all_pairs(seed: int) -> None:
    given_texts = texts(seed, 120)
    placed = [
        ("train" if index < 80 else "test", index % 80, Document(text))
        for index, text in enumerate(given_texts)
    ]
    best: dict[tuple[str, int, bool], Fraction] = {}
    for index, (split, number, document) in enumerate(placed):
        for other_split, _, other in placed[:index]:
            key = (split, number, split != other_split)
            if min(len(document.text.split()), len(other.text.split())) >= FEWEST_WORDS:
                best[key] = max(best.get(key, Fraction(0)), jaccard(document.text, other.text))
    expected = {key: similarity for key, similarity in best.items() if similarity >= THRESHOLD}
    pairs = list(NearCopies(placed).pairs())
    assert {(*near.here, near.leaks): near.similarity for near in pairs} == expected
    assert len(expected) > 40
    by_place = {(split, number): document.text for split, number, document in placed}
    for near in pairs:
        assert jaccard(by_place[near.here], by_place[near.there]) == near.similarity
        assert near.is_masked_copy == (by_place[near.here] == by_place[near.there])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("See  YOU at 10:30", "see you\tat 9:15"),
        ("@mira look https://a.b/c now", "@otto look www.d.e now"),
        ("ΟΔΟΣ 7", "οδος 8"),
    ],
)
def test_masks_hide_what_copies_differ_in(one: str, other: str) -> None:
    assert masked(one) == masked(other)


@pytest.mark.parametrize(
    ("one", "other"), [("a@b.c", "a@d.c"), ("one", "two"), ("a b", "ab"), ("7", "seven")]
)
def test_masks_hide_no_more(one: str, other: str) -> None:
    assert masked(one) != masked(other)


def test_own_words_are_counted() -> None:
    assert own_words("no no no, Mira 7", "No mira 8 left") == ["no", "no"]


def test_words_of_scripts_without_spaces_are_characters() -> None:
    one, other = Document("我们今天去北京看长城"), Document("我们今天去北京看长江")
    (near,) = NearCopies([("train", 0, one), ("train", 1, other)]).pairs()
    assert near.similarity == Fraction(9, 11)


def test_thousands_of_like_sentences_are_each_compared_with_a_few() -> None:
    texts = [f"the team from a{'b' * n} met the other team today" for n in range(1000)]
    near = NearCopies(("train", n, Document(text)) for n, text in enumerate(texts))
    found = list(near.pairs())
    assert len(found) > 900
    assert {each.similarity for each in found} == {THRESHOLD}
    holders = near._index._holders["train"].values()
    assert max(map(len, holders)) == _KEPT < len(texts)


def read_wrongly(text: str, encoding: str) -> str:
    """UTF-8 read as another encoding; where that has nothing for a byte, as Latin-1."""
    return "".join(
        bytes([byte]).decode(encoding, errors="ignore") or chr(byte) for byte in text.encode()
    )


@given(st.sampled_from(["cp1252", "latin-1"]), st.text("éàüñçßÉ“”’–…€😂®", min_size=1, max_size=4))
def test_text_read_wrongly_is_found_and_turned_back(encoding: str, text: str) -> None:
    wrong = f"so {read_wrongly(text, encoding)} it is"
    turned = wrong
    for start, end, meant in reversed(list(repaired_runs(wrong))):
        turned = turned[:start] + meant + turned[end:]
    assert turned == f"so {text} it is"


@given(st.text("abc éàüñçåî“”’–…€»°\u00a0😂Дмиαβ", max_size=20))
def test_text_that_was_read_rightly_is_let_pass(text: str) -> None:
    assert list(repaired_runs(text)) == []
