"""Alignment of column files with gold documents: repairs and errors."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from alignments import (
    BARE,
    CLEAN,
    GOLD,
    GOLD_TAGS,
    PLACES,
    aligned,
    column_document,
    place_of,
    ranges_in,
    repairs_of,
)
from nerine.core.document import Document, Entity, Token
from nerine.core.errors import CorpusError, FormatError, SettingsError
from nerine.core.tags import TagScheme
from nerine.data.formats import ReadOptions, WriteOptions, write_documents
from nerine.evaluation.alignment import align_file
from nerine.evaluation.metrics import Counts, score


@pytest.fixture
def conll(tmp_path: Path) -> Path:
    return tmp_path / "p.conll"


def test_a_clean_file_needs_no_repair(conll: Path) -> None:
    alignment = aligned(conll, CLEAN)
    assert alignment.repairs == ()
    assert alignment.predicted == alignment.lenient == alignment.gold == GOLD
    assert alignment.places == PLACES
    assert alignment.scheme is TagScheme.IOB2
    assert alignment.unknown_labels == ()


FAULTS: dict[str, tuple[Callable[[str], str | bytes], dict[str, tuple[int, str]]]] = {
    "CRLF": (
        lambda text: text.replace("\n", "\r\n"),
        {"lines that end with a carriage return": (14, "1")},
    ),
    "one CRLF": (
        lambda text: text.replace("met\tO\n", "met\tO\r\n"),
        {"lines that end with a carriage return": (1, "7")},
    ),
    "CR alone": (
        lambda text: text.replace("\n", "\r"),
        {"lines that end with a carriage return": (14, "1")},
    ),
    "byte order mark": (lambda text: text.encode("utf-8-sig"), {}),
    "no last line end": (lambda text: text.rstrip("\n"), {}),
    "no last line": (
        lambda text: text.replace(".\tO\n\n", ""),
        {"last lines that are missing, read as O": (1, "12")},
    ),
    "more empty lines": (lambda text: f"\n \n{text}".replace("\n\n", "\n\t\n\n") + "\n", {}),
    "a column between": (lambda text: text.replace("\t", "\tNN\t"), {}),
    "runs of spaces": (lambda text: text.replace("\t", "   "), {}),
    "spaces in one line": (lambda text: text.replace("met\tO", "met O"), {}),
    "white space after tags": (lambda text: text.replace("\tO\n", "\tO \t\n"), {}),
    "HTML escapes": (
        lambda text: text.replace("R&D", "R&amp;D"),
        {"HTML-escaped tokens": (1, "4")},
    ),
    "NFD": (
        lambda text: unicodedata.normalize("NFD", text),
        {"tokens in another Unicode form": (1, "6")},
    ),
    "another scheme": (lambda text: text.replace("B-l", "S-l").replace("B-o", "S-o"), {}),
    "no tokens": (
        lambda text: "\n".join(line.rpartition("\t")[2] for line in text.split("\n")),
        {"lines with a tag and no token": (11, "1")},
    ),
    "-DOCSTART- lines": (lambda text: f"-DOCSTART- -X- O O\n\n{text}-DOCSTART-\tO\n\n", {}),
    "comments": (
        lambda text: (
            "# id = 1\n#\n# Text one\n# sent = 2\n" + text.replace("\nZoë", "\n# nothing\nZoë")
        ),
        {},
    ),
    "a sentence break lost": (
        lambda text: text.replace("\n\nZoë", "\nZoë"),
        {"sentence breaks in other places": (1, "1")},
    ),
    "a sentence break more": (
        lambda text: text.replace("met", "\nmet"),
        {"sentence breaks in other places": (1, "6")},
    ),
    "no sentence breaks": (
        lambda text: text.replace("\n\n", "\n"),
        {"sentence breaks in other places": (2, "1")},
    ),
    "other tokens": (
        lambda text: text.replace("R&D\tB-o", "R\tB-o\n&\tI-o\nD\tI-o"),
        {"sentences cut into other tokens": (1, "1")},
    ),
    "tokens joined": (
        lambda text: text.replace("in\tO\nRio\tB-l\n.\tO", "in\tO\nRio\tB-l\n.\tO").replace(
            "Mira\tB-p\nOkonjo\tI-p", "MiraOkonjo\tB-p"
        ),
        {"sentences cut into other tokens": (1, "1")},
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_harmless_fault_is_repaired_and_counted(name: str, conll: Path) -> None:
    make, expected = FAULTS[name]
    content = make(CLEAN)
    assert content != CLEAN
    if name == "another scheme":
        content = CLEAN.replace("\tB-", "\tS-").replace("S-p\nOkonjo\tI", "B-p\nOkonjo\tE")
    alignment = aligned(conll, content)
    assert repairs_of(alignment) == expected
    assert alignment.predicted == alignment.lenient == GOLD
    assert score(alignment.gold, alignment.predicted).overall == Counts(5, 5, 5)


@pytest.mark.parametrize("name", ["CRLF", "HTML escapes", "NFD", "other tokens", "tokens joined"])
def test_gold_without_tokens_is_aligned_by_characters(name: str, conll: Path) -> None:
    alignment = aligned(conll, FAULTS[name][0](CLEAN), BARE)
    assert alignment.predicted == BARE
    known = {"HTML escapes": [(1, "1")], "NFD": [(1, "6")], "CRLF": [(14, "1")]}
    assert [*repairs_of(alignment).values()] == known.get(name, [])


def test_escapes_may_be_on_the_gold_side(conll: Path) -> None:
    gold = [column_document([("R&amp;D", "B-o"), ("&lt;3", "O")])]
    alignment = aligned(conll, "R&D\tB-o\n<3\tO\n", gold)
    assert alignment.predicted == tuple(gold)
    assert repairs_of(alignment) == {"HTML-escaped tokens": (2, "1")}
    twice = aligned(conll, "R&amp;amp;D\tB-o\n&amp;lt;3\tO\n", gold)
    assert twice.predicted == tuple(gold)


def test_the_sentence_breaks_of_gold_bound_entities(conll: Path) -> None:
    gold = [column_document([("Mira", "B-p")]), column_document([("Ann", "B-p")])]
    alignment = aligned(conll, "Mira\tB-p\nAnn\tI-p\n", gold)
    assert ranges_in(alignment.predicted) == [[(0, 4, "p")], []]
    assert ranges_in(alignment.lenient) == [[(0, 4, "p")], [(0, 3, "p")]]
    assert repairs_of(alignment) == {
        "sentence breaks in other places": (1, "1"),
        "tags that break IOB2": (1, "2"),
    }


def test_orphans_are_no_entities_but_in_the_lenient_reading(conll: Path) -> None:
    content = CLEAN.replace("B-o", "I-o").replace("Ann\tB-p", "Ann\tI-p")
    alignment = aligned(conll, content)
    assert repairs_of(alignment) == {"tags that break IOB2": (2, "4")}
    assert score(alignment.gold, alignment.predicted).overall == Counts(3, 3, 5)
    assert score(alignment.gold, alignment.lenient).overall == Counts(5, 5, 5)


def test_iob2_may_be_predicted_for_gold_in_iob1(conll: Path) -> None:
    assert aligned(conll, CLEAN, gold_scheme=TagScheme.IOB1).predicted == GOLD
    in_iob1 = CLEAN.replace("B-", "I-")
    assert aligned(conll, in_iob1, gold_scheme=TagScheme.IOB1).predicted == GOLD
    one_orphan = CLEAN.replace("B-l", "I-l")
    alignment = aligned(conll, one_orphan, gold_scheme=TagScheme.IOB1)
    assert alignment.scheme is TagScheme.IOB2
    assert repairs_of(alignment) == {"tags that break IOB2": (1, "12")}


@pytest.mark.parametrize("scheme", list(TagScheme))
@pytest.mark.parametrize("gold_scheme", [None, *TagScheme])
def test_any_scheme_reads_the_same(
    scheme: TagScheme, gold_scheme: TagScheme | None, conll: Path
) -> None:
    rows = [["O", "B-p", "B-p", "I-p", "I-q", "O"], ["B-q", "O", "O", "B-p", "I-p", "I-p"]]
    rows[0][4] = "B-q"
    gold = [column_document([*zip("abcdef", tags, strict=True)]) for tags in rows]
    content = ""
    for tags in rows:
        again = scheme.encode(TagScheme.IOB2.decode(tags), len(tags))
        content += "".join(f"{w} {t}\n" for w, t in zip("abcdef", again, strict=True)) + "\n"
    if gold_scheme is TagScheme.IOB2 and scheme is TagScheme.IOB1:
        return  # read as bad IOB2, as above
    assert aligned(conll, content, gold, gold_scheme=gold_scheme).predicted == tuple(gold)


def test_labels_that_gold_lacks_are_named_and_count_as_wrong(conll: Path) -> None:
    alignment = aligned(conll, CLEAN.replace("-o", "-org").replace("-l", "-loc"))
    assert alignment.unknown_labels == ("loc", "org")
    assert score(alignment.gold, alignment.predicted).overall == Counts(3, 5, 5)


def test_tags_of_an_unknown_form_are_outside_and_counted(conll: Path) -> None:
    alignment = aligned(conll, CLEAN.replace("B-o", "B_o").replace("I-p", "X-p"))
    assert repairs_of(alignment) == {"tags of an unknown form, read as O": (2, "2")}
    assert score(alignment.gold, alignment.predicted).overall == Counts(3, 4, 5)


def test_tags_alone_may_lack_sentence_breaks(conll: Path) -> None:
    tags = [tag for rows in GOLD_TAGS for _, tag in rows]
    alignment = aligned(conll, "\n".join(tags))
    assert alignment.predicted == GOLD
    assert repairs_of(alignment)["sentence breaks in other places"] == (2, "1")


def test_hashes_may_be_tokens_and_comments(conll: Path) -> None:
    gold = [column_document([("#", "O"), ("#Rio", "B-l"), ("2016", "O")])] * 2
    rows = "#\tO\n#Rio\tB-l\n2016\tO\n\n"
    for separator in ("\t", " ", "\tNN\t"):
        content = "# a comment\n" + rows.replace("\t", separator) + "# text = # #Rio 2016\n" + rows
        assert aligned(conll, content, gold).predicted == tuple(gold)


def test_a_token_may_look_like_a_comment(conll: Path) -> None:
    gold = [Document("#x = y z", (Entity(0, 6, "p"),), (Token(0, 6), Token(7, 8)))]
    assert aligned(conll, "#x = y\tB-p\nz\tO\n", gold).predicted == tuple(gold)
    assert aligned(conll, "#a = b\t3\n#x = y\tB-p\nz\tO\n", gold).predicted == tuple(gold)


def test_a_carriage_return_may_stand_in_a_token(conll: Path) -> None:
    gold = [Document("a\rb c", (Entity(0, 3, "p"),), (Token(0, 3), Token(4, 5)))]
    assert aligned(conll, "a\rb\tB-p\nc\tO\n", gold).predicted == tuple(gold)


def test_documents_without_text_have_no_rows(conll: Path) -> None:
    blank = Document("", tokens=())
    assert aligned(conll, CLEAN, [GOLD[0], blank, *GOLD[1:]]).predicted[1] == blank
    bare = [BARE[0], Document(" \n"), *BARE[1:]]
    assert aligned(conll, CLEAN, bare).predicted == tuple(bare)


def test_tokens_that_column_files_cannot_hold_are_aligned(conll: Path) -> None:
    text = "New York is on"
    odd = Document(text, (Entity(0, 8, "l"),), (Token(0, 8), Token(9, 11), Token(12, 14)))
    for separator in ("tab", "space"):
        write_documents([odd], conll, options=WriteOptions(separator=separator))
        assert align_file([odd], ["gold"], conll).predicted == (odd,)


@pytest.mark.parametrize(
    ("content", "place", "found", "expected"),
    [
        (  # a sentence is missing in the middle
            CLEAN.replace("Zoë\tB-p\nmet\tO\nAnn\tB-p\n\n", ""),
            "p.conll:6",
            "the token 'rain' differs from the gold token 'Zoë'",
            "'Zoë', token 1 of the document at gold:6",
        ),
        (  # two of three tokens, and a sentence break in another place
            CLEAN.replace("met\tO\nAnn", "saw\tO\nMia").replace("\n\nrain", "\nrain"),
            "p.conll:7",
            "the token 'saw' differs from the gold token 'met'",
            "'met', token 2 of the document at gold:6",
        ),
        (
            CLEAN + "more\tO\n",
            "p.conll:15",
            "the row 'more' comes after the last gold token",
            "11 rows, one for each gold token, the last one in the document at gold:10",
        ),
        (  # cut short by two lines
            CLEAN[: CLEAN.index("Rio")],
            "p.conll:11",
            "the file ends after 9 rows",
            "11 rows; the next one is 'Rio', token 3 of the document at gold:10",
        ),
        (  # without tokens any line may be missing, so that the last one cannot be made up
            "\n".join(tag for rows in GOLD_TAGS for _, tag in rows[1:]) + "\nO\nO\n",
            "p.conll:10",
            "the file ends after 10 rows",
            "11 rows; the next one is '.', token 4 of the document at gold:10",
        ),
        (  # without tokens, a line moved from one sentence to the next
            "B-p\nI-p\nO\n\nB-o\nB-p\nO\nB-p\n\nO\nO\nB-l\nO\n",
            "p.conll:3",
            "a sentence of tags without tokens ends after 3 of 4 rows",
            "4 rows, for the document at gold:1",
        ),
        ("", "p.conll", "no rows", "a token and a tag in each line"),
        ("\n# id = 3\n\n", "p.conll", "no rows", "a token and a tag in each line"),
        (
            CLEAN.replace("met\tO", "met"),
            "p.conll:7",
            "one column, 'met', which is not a tag",
            "a token and its tag, or a tag alone",
        ),
        (
            CLEAN.replace("\t", "\tO\t").replace("\n", "\t0.9\n").replace("\n\t0.9", "\n"),
            "p.conll:1",
            "the last column has no tags, and columns 1 and 2 have",
            "one column of tags",
        ),
        (
            CLEAN.replace("\t", "\t?").replace("\n", "\t0.9\n").replace("\n\t0.9", "\n"),
            "p.conll:1",
            "no line has a tag in column -1",
            "'O', or tags such as 'B-person'",
        ),
        (  # labels without a prefix are not taken for O
            CLEAN.replace("\tB-", "\t").replace("\tI-", "\t"),
            "p.conll:1",
            "6 of 6 tags other than O have an unknown form, such as 'p'",
            "'O', or tags such as 'B-person'",
        ),
        (
            CLEAN.encode("utf-16"),
            "p.conll:1",
            "byte 0xff at position 0 of the line is not UTF-8: the file is in UTF-16",
            "a file in UTF-8",
        ),
    ],
)
def test_rows_that_cannot_be_aligned_are_an_error(
    content: str, place: str, found: str, expected: str, conll: Path
) -> None:
    with pytest.raises((CorpusError, FormatError)) as caught:
        aligned(conll, content)
    error = caught.value
    assert (place_of(error), error.found, error.expected) == (place, found, expected)


@pytest.mark.parametrize(
    ("content", "place", "found", "expected"),
    [
        (
            CLEAN.replace("\n\nZoë", "\nZoë"),
            "p.conll:12",
            "2 sentences for 3 gold documents",
            "the same number of both; the last gold document is at gold:10",
        ),
        (
            CLEAN.replace("met", "saw"),
            "p.conll:6",
            "the tokens 'Zoë saw Ann' are not those of the gold document",
            "the characters of 'Zoë met Ann', as at gold:6",
        ),
        (
            "O\nO\n\nO\n\nO\n",
            "p.conll:1",
            "tags without tokens, for a gold document without tokens",
            "a token next to each tag, for 'Mira Okonjo left R&D', as at gold:1",
        ),
    ],
)
def test_rows_that_are_not_those_of_gold_texts_are_an_error(
    content: str, place: str, found: str, expected: str, conll: Path
) -> None:
    with pytest.raises(CorpusError) as caught:
        aligned(conll, content, BARE)
    error = caught.value
    assert (place_of(error), error.found, error.expected) == (place, found, expected)


def test_a_missing_file_and_a_bad_column_are_errors(conll: Path) -> None:
    with pytest.raises(FormatError, match="there is no such file"):
        align_file(GOLD, PLACES, conll)
    with pytest.raises(FormatError, match=r"p\.conll:1: there is no column 2"):
        aligned(conll, CLEAN, options=ReadOptions(tag_column=2))
    with pytest.raises(SettingsError, match="tag_column is 'tags'"):
        aligned(conll, CLEAN, options=ReadOptions(tag_column="tags"))
