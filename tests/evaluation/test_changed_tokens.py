"""Files of systems whose tokens were changed, but which have the same sentences."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignments import CLEAN, GOLD, aligned, column_document, place_of, ranges_in, repairs_of
from nerine.core.errors import CorpusError, NerineError, SettingsError
from nerine.evaluation.alignment import Alignment
from nerine.evaluation.alignment.changed_tokens import CHANGED_TOKENS, _edit_pairs, token_difference

OTHER = "tokens that differ from the gold ones"
MISSING = "gold tokens without a row, read as O"
LEFT_OUT = "rows without a gold token, left out"


@pytest.fixture
def system(tmp_path: Path) -> Path:
    return tmp_path / "system.pred"


CHANGES: dict[str, tuple[Callable[[str], str], dict[str, tuple[int, str]]]] = {
    "spelling": (
        lambda text: text.replace("rain", "raining").replace("left", "lft"),
        {OTHER: (2, "3")},
    ),
    "lower case": (str.lower, {"tokens in another case": (6, "1")}),
    "upper case of escapes": (
        lambda text: text.replace("R&D", "r&amp;d"),
        {"tokens in another case": (1, "4")},
    ),
    "escapes of its own": (lambda text: text.replace(".\t", "-DOT-\t"), {OTHER: (1, "13")}),
    "all of these, and no escapes": (
        lambda text: text.lower().replace("zoë", "zo?").replace("r&d", "r&amp;d"),
        {"tokens in another case": (5, "1"), OTHER: (1, "6")},
    ),
    "an empty token": (lambda text: text.replace("met\t", "\t"), {OTHER: (1, "7")}),
    "a token of two words": (lambda text: text.replace("met\t", "met up\t"), {OTHER: (1, "7")}),
}


def tags_in(text: str) -> list[str]:
    return [line.rpartition("\t")[2] for line in text.split("\n") if line]


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_sentences_of_equal_length_are_aligned_by_position(
    name: str, line_end: str, system: Path
) -> None:
    change, expected = CHANGES[name]
    # the tags are those of gold in their own case
    words = [line.partition("\t")[0] for line in change(CLEAN).split("\n")]
    tags = [line.partition("\t")[2] for line in CLEAN.split("\n")]
    rows = (f"{word}\tNN\t{tag}" if tag else "" for word, tag in zip(words, tags, strict=True))
    alignment = aligned(system, line_end.join(rows))
    assert alignment.predicted == GOLD
    repairs = repairs_of(alignment)
    repairs.pop("lines that end with a carriage return", None)
    assert repairs == expected


def notes_of(alignment: Alignment) -> str:
    return "\n".join(alignment.notes)


def test_differences_are_counted_and_shown(system: Path) -> None:
    content = CLEAN.replace("rain", "raining").replace("left", "lft").replace("Ann", "Anne")
    notes = notes_of(aligned(system, content))
    assert f"tolerated: {OTHER}: 3, first at {system}:3, such as 'lft' for 'left', " in notes
    assert "'Anne' for 'Ann', 'raining' for 'rain'" in notes


def test_long_tokens_are_shown_where_they_differ(system: Path) -> None:
    link = "https://example.org/a/long/way/to/a/page"
    gold = [column_document([(link, "O"), *[("on", "O")] * 3])]
    content = f"{link}s\tO\n" + "on\tO\n" * 3
    assert "'…/to/a/pages' for '…/to/a/page'" in notes_of(aligned(system, content, gold))


def test_tags_are_read_where_tokens_differ(system: Path) -> None:
    content = CLEAN.replace("Ann\tB-p", "anna\tB-l").replace("rain\tO", "rayn\tB-l")
    predicted = ranges_in(aligned(system, content).predicted)
    assert predicted[1:] == [[(0, 3, "p"), (8, 11, "l")], [(0, 4, "l"), (8, 11, "l")]]


LENGTHS: dict[str, tuple[Callable[[str], str], dict[str, tuple[int, str]]]] = {
    "a row less": (lambda text: text.replace("met\tO\n", ""), {MISSING: (1, "6")}),
    "a first row less": (lambda text: text.replace("rain\tO\n", ""), {MISSING: (1, "10")}),
    "a row more": (lambda text: text.replace("met\tO\n", "met\tO\nup\tO\n"), {LEFT_OUT: (1, "8")}),
    "a last row more": (lambda text: f"{text.rstrip()}\n!\tO\n", {LEFT_OUT: (1, "14")}),
    "a row less, a token changed": (
        lambda text: text.replace("met\tO\n", "").replace("Zoë", "Zoey"),
        {OTHER: (1, "6"), MISSING: (1, "6")},
    ),
    "a token as two": (
        lambda text: text.replace("rain\tO\n", "it\tO\nrained\tO\n"),
        {LEFT_OUT: (1, "10"), OTHER: (1, "11")},
    ),
    "other tokens in one sentence, changed ones in another": (
        lambda text: text.replace("R&D\tB-o", "R\tB-o\n&\tI-o\nD\tI-o").replace("met", "meets"),
        {"sentences cut into other tokens": (1, "1"), OTHER: (1, "9")},
    ),
}


@pytest.mark.parametrize("name", LENGTHS)
def test_sentences_of_other_lengths_are_aligned_where_they_differ(name: str, system: Path) -> None:
    change, expected = LENGTHS[name]
    content = change(CLEAN)
    assert content != CLEAN
    alignment = aligned(system, content)
    assert alignment.predicted == GOLD
    assert repairs_of(alignment) == expected


def test_sentence_breaks_may_be_in_other_places_too(system: Path) -> None:
    content = CLEAN.replace("met", "saw").replace("\n\nrain", "\nrain")
    alignment = aligned(system, content)
    assert alignment.predicted == GOLD
    expected = {"sentence breaks in other places": (1, "9"), OTHER: (1, "7")}
    assert repairs_of(alignment) == expected
    content = content.replace("met\tO\n", "met\tO\n\n").replace("saw\tO\n", "saw\tO\n\n")
    assert aligned(system, f"{content}\n").predicted == GOLD


def test_a_row_that_is_left_out_takes_its_tag_with_it(system: Path) -> None:
    alignment = aligned(system, CLEAN.replace("met\tO\n", "met\tO\nMia\tB-p\n"))
    assert alignment.predicted == GOLD
    alignment = aligned(system, CLEAN.replace("Rio\tB-l\n", ""))
    assert ranges_in(alignment.predicted)[2] == []


def test_too_many_differences_are_an_error_whose_hint_helps(system: Path) -> None:
    content = CLEAN
    for word in ("left", "met", "rain", "in"):
        content = content.replace(f"{word}\t", f"x{word}x\t")
    with pytest.raises(CorpusError) as caught:
        aligned(system, content)
    error = caught.value
    assert place_of(error) == "system.pred:3"
    assert error.found.startswith("4 of 11 tokens differ from the gold ones: 'xleftx' for 'left'")
    assert error.expected is not None
    assert "a share of at most 0.3" in error.expected
    stated = re.search(r"changed_tokens=([\d.]+)", error.hint or "")
    assert stated is not None
    assert aligned(system, content, changed_tokens=float(stated[1])).predicted == GOLD


def test_all_may_differ_and_the_hint_still_helps(system: Path) -> None:
    content = "x\tO\n" * 9 + "\n" + "x\tO\n" * 8 + "\n" + "x\tO\n" * 9
    with pytest.raises(CorpusError) as caught:
        aligned(system, content)
    stated = re.search(r"changed_tokens=([\d.]+)", caught.value.hint or "")
    assert stated is not None
    assert (
        ranges_in(aligned(system, content, changed_tokens=float(stated[1])).predicted) == [[]] * 3
    )


def test_the_share_is_a_share(system: Path) -> None:
    content = CLEAN.replace("met", "saw")
    assert aligned(system, content, changed_tokens=1 / 11).predicted == GOLD
    with pytest.raises(CorpusError, match="1 of 11 tokens differ"):
        aligned(system, content, changed_tokens=0.09)
    with pytest.raises(CorpusError, match="1 of 11 tokens differ"):
        aligned(system, content, changed_tokens=0.0)
    for share in (-0.1, 1.1):
        with pytest.raises(SettingsError, match="is not a valid share"):
            aligned(system, content, changed_tokens=share)
    assert 0 < CHANGED_TOKENS < 0.5


@pytest.mark.parametrize(
    "content",
    [
        # another number of sentences: a row less, or half of a sentence in other words
        CLEAN.replace("met", "saw").replace("\n\nrain\tO", ""),
        CLEAN.replace("met", "saw").replace("Ann", "Mia").replace("\n\nrain", "\nrain"),
        CLEAN.replace("met", "saw")[: CLEAN.index("in\tO")],  # cut short in the last sentence
        "O\nO\nO\n\nB-p\nO\nO\n\nO\nO\nO\nO\n",  # no tokens, and a row less in the first sentence
    ],
)
def test_what_is_not_certain_is_not_aligned(content: str, system: Path) -> None:
    with pytest.raises(NerineError):
        aligned(system, content)


def test_another_text_with_sentences_of_the_same_lengths_is_refused(system: Path) -> None:
    content = re.sub(r"^\S+\t", "word\t", CLEAN, flags=re.MULTILINE)
    with pytest.raises(CorpusError, match="11 of 11 tokens differ"):
        aligned(system, content)


words = st.lists(st.sampled_from(["a", "b", "ab", "B", "&amp;", "&", "c"]), max_size=7)


@given(words, words)
def test_edits_are_the_fewest(gold: list[str], written: list[str]) -> None:
    pairs = _edit_pairs(gold, written)
    assert pairs is not None
    for side, length in ((0, len(gold)), (1, len(written))):
        assert [pair[side] for pair in pairs if pair[side] is not None] == [*range(length)]
    edits = sum(
        one is None or other is None or token_difference(written[other], gold[one]) == OTHER
        for one, other in pairs
    )
    assert edits == _levenshtein(gold, written)


def _levenshtein(gold: list[str], written: list[str]) -> int:
    """The number of edits by its definition, without a table."""
    if not gold or not written:
        return len(gold) + len(written)
    same = token_difference(written[0], gold[0]) != OTHER
    kept = _levenshtein(gold[1:], written[1:])
    if same:
        return kept
    return 1 + min(kept, _levenshtein(gold[1:], written), _levenshtein(gold, written[1:]))
