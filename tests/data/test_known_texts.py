"""Known texts against all pairs counted out, and the records of splits that come one by one."""

from __future__ import annotations

import random
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerine.core.document import Document, Entity
from nerine.core.sketches import SplitRecorder, split_record
from nerine.data.near_duplicates import FEWEST_WORDS, THRESHOLD, KnownTexts

_WORDS = [f"{a}{b}" for a in "abcd" for b in "klmn"]


def changed(draw: random.Random, text: str) -> str:
    """The text with a few words exchanged, dropped or doubled."""
    words = text.split()
    for _ in range(draw.randint(0, 3)):
        place = draw.randrange(len(words))
        other = [draw.choice([*_WORDS, "unknown"])]
        words[place : place + 1] = draw.choice([[], other, [words[place]] * 2])
        words = words or ["x"]
    return " ".join(words)


def jaccard(one: str, other: str) -> Fraction:
    here, there = Counter(one.split()), Counter(other.split())
    return Fraction((here & there).total(), (here | there).total())


@pytest.mark.parametrize("seed", range(4))
def test_the_likest_known_text_is_that_of_counting_out_all_pairs(seed: int) -> None:
    draw = random.Random(seed)
    known = [" ".join(draw.choices(_WORDS, k=draw.randint(2, 14))) for _ in range(80)]
    texts = KnownTexts((("test", index), text) for index, text in enumerate(known))
    found = 0
    for text in (changed(draw, draw.choice(known)) for _ in range(150)):
        near = [
            jaccard(text, other)
            for other in known
            if min(len(text.split()), len(other.split())) >= FEWEST_WORDS
        ]
        best = max((each for each in near if each >= THRESHOLD), default=None)
        expected = Fraction(1) if text in known else best
        likeness = texts.like(text)
        assert (likeness and likeness.similarity) == expected
        if likeness is not None:
            found += 1
            assert jaccard(text, known[likeness.where[1]]) == likeness.similarity
    assert 50 < found < 150


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("in  Oslo\n", 0),
        ("In Oslo", None),
        ("@otto SAW 12 birds in oslo today https://x.y/z", 1),
        ("saw birds in oslo", None),
        ("", None),
    ],
)
def test_short_texts_have_equals_alone_and_long_ones_copies(
    text: str, expected: int | None
) -> None:
    known = ["in Oslo", "@mira saw 7 birds in Oslo today www.a.b", "nothing of this is there"]
    texts = KnownTexts((("test", index), each) for index, each in enumerate(known))
    likeness = texts.like(text)
    assert (None if likeness is None else likeness.where[1]) == expected
    assert KnownTexts([]).like(text) is None


@given(st.lists(st.text("ab\udc80", max_size=3)), st.integers(1, 5))
def test_the_record_of_a_stream_is_that_of_all_its_hashes(texts: list[str], size: int) -> None:
    documents = [Document(text, (Entity(0, 1, "a"),) if text else ()) for text in texts]
    recorder = SplitRecorder(size)
    for document in documents:
        recorder.add(document)
    record = recorder.record()
    everything = split_record(documents, 1000)
    hashes = str(everything["sketch"]).split()
    assert record == {
        **everything,
        "sketch": " ".join(sorted(hashes)[:size]),
        "complete": len(hashes) <= size,
    }
    assert len(hashes) == len({*texts})
    assert record == split_record(documents, size)
