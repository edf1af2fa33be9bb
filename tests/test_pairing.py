"""Any system's files beside gold documents: what is repaired, what is an error, what is a score."""

from __future__ import annotations

import html
import itertools
import json
import random
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerine.document import Document, Entity, Token
from nerine.errors import CorpusError, FormatError, NerineError, SettingsError
from nerine.formats import ReadOptions, WriteOptions, read_documents, write_documents
from nerine.metrics import Counts, score
from nerine.pairing import Pairing, pair, pair_columns
from nerine.schemes import TagScheme
from strategies import ranges

GOLD_TAGS = [
    [("Mira", "B-p"), ("Okonjo", "I-p"), ("left", "O"), ("R&D", "B-o")],
    [("Zoë", "B-p"), ("met", "O"), ("Ann", "B-p")],
    [("rain", "O"), ("in", "O"), ("Rio", "B-l"), (".", "O")],
]
CLEAN = "".join("".join(f"{w}\t{t}\n" for w, t in rows) + "\n" for rows in GOLD_TAGS)


def column_document(rows: Sequence[tuple[str, str]], scheme: TagScheme | None = None) -> Document:
    """A document of tokens and their tags."""
    found = Document.from_tokens(token for token, _ in rows)
    tokens = found.tokens or ()
    spans = (scheme or TagScheme.IOB2).decode([tag for _, tag in rows])
    return found.with_entities(
        Entity(tokens[start].start, tokens[end - 1].end, label) for start, end, label in spans
    )


GOLD = tuple(column_document(rows) for rows in GOLD_TAGS)
LAST = "whose last one is in the document at gold:10"
PLACES = tuple(f"gold:{number}" for number in (1, 6, 10))
BARE = tuple(Document(each.text, each.entities) for each in GOLD)
"""The same without tokens, as from span records."""


def paired(
    path: Path, content: str | bytes, gold: Sequence[Document] = GOLD, **options: Any
) -> Pairing:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    places = [*PLACES, *("gold" for _ in gold)][: len(gold)]
    return pair(gold, places, path, **options)


def repairs_of(pairing: Pairing) -> dict[str, tuple[int, str]]:
    """What was repaired: how often, and the line of the first one."""
    return {each.what: (each.count, each.first.rpartition(":")[2]) for each in pairing.repairs}


def ranges_in(documents: Sequence[Document]) -> list[list[tuple[int, int, str]]]:
    return [[(e.start, e.end, e.label) for e in each.entities] for each in documents]


@pytest.fixture
def conll(tmp_path: Path) -> Path:
    return tmp_path / "p.conll"


@pytest.fixture
def jsonl(tmp_path: Path) -> Path:
    return tmp_path / "p.jsonl"


def test_a_clean_file_needs_no_repair(conll: Path) -> None:
    pairing = paired(conll, CLEAN)
    assert pairing.repairs == ()
    assert pairing.predicted == pairing.lenient == pairing.gold == GOLD
    assert pairing.places == PLACES
    assert pairing.scheme is TagScheme.IOB2
    assert pairing.unknown_labels == ()


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
    pairing = paired(conll, content)
    assert repairs_of(pairing) == expected
    assert pairing.predicted == pairing.lenient == GOLD
    assert score(pairing.gold, pairing.predicted).overall == Counts(5, 5, 5)


@pytest.mark.parametrize("name", ["CRLF", "HTML escapes", "NFD", "other tokens", "tokens joined"])
def test_gold_without_tokens_is_aligned_by_characters(name: str, conll: Path) -> None:
    pairing = paired(conll, FAULTS[name][0](CLEAN), BARE)
    assert pairing.predicted == BARE
    known = {"HTML escapes": [(1, "1")], "NFD": [(1, "6")], "CRLF": [(14, "1")]}
    assert [*repairs_of(pairing).values()] == known.get(name, [])


def test_escapes_may_be_on_the_gold_side(conll: Path) -> None:
    gold = [column_document([("R&amp;D", "B-o"), ("&lt;3", "O")])]
    pairing = paired(conll, "R&D\tB-o\n<3\tO\n", gold)
    assert pairing.predicted == tuple(gold)
    assert repairs_of(pairing) == {"HTML-escaped tokens": (2, "1")}
    twice = paired(conll, "R&amp;amp;D\tB-o\n&amp;lt;3\tO\n", gold)
    assert twice.predicted == tuple(gold)


def test_the_sentence_breaks_of_gold_bound_entities(conll: Path) -> None:
    gold = [column_document([("Mira", "B-p")]), column_document([("Ann", "B-p")])]
    pairing = paired(conll, "Mira\tB-p\nAnn\tI-p\n", gold)
    assert ranges_in(pairing.predicted) == [[(0, 4, "p")], []]
    assert ranges_in(pairing.lenient) == [[(0, 4, "p")], [(0, 3, "p")]]
    assert repairs_of(pairing) == {
        "sentence breaks in other places": (1, "1"),
        "tags that break IOB2": (1, "2"),
    }


def test_orphans_are_no_entities_but_to_conlleval(conll: Path) -> None:
    content = CLEAN.replace("B-o", "I-o").replace("Ann\tB-p", "Ann\tI-p")
    pairing = paired(conll, content)
    assert repairs_of(pairing) == {"tags that break IOB2": (2, "4")}
    assert score(pairing.gold, pairing.predicted).overall == Counts(3, 3, 5)
    assert score(pairing.gold, pairing.lenient).overall == Counts(5, 5, 5)


def test_a_system_that_writes_no_begin_tag_has_written_bad_iob2(conll: Path, jsonl: Path) -> None:
    content = CLEAN.replace("B-", "I-")
    columns = paired(conll, content, gold_scheme=TagScheme.IOB2)
    write_words(jsonl, [[(w, t.replace("B-", "I-")) for w, t in rows] for rows in GOLD_TAGS])
    words = pair(GOLD, PLACES, jsonl, gold_scheme=TagScheme.IOB2)
    for pairing in (columns, words):
        assert score(pairing.gold, pairing.predicted).overall == Counts(0, 0, 5)
        assert score(pairing.gold, pairing.lenient).overall == Counts(5, 5, 5)
        assert [(each.what, each.count) for each in pairing.repairs] == [
            ("tags that break IOB2", 5)
        ]
    # with no word on the gold scheme, or another word on the predicted one, it is good IOB1
    assert paired(conll, content).predicted == GOLD
    stated = ReadOptions(scheme=TagScheme.IOB1)
    assert paired(conll, content, gold_scheme=TagScheme.IOB2, options=stated).predicted == GOLD


def test_iob2_may_be_predicted_for_gold_in_iob1(conll: Path) -> None:
    assert paired(conll, CLEAN, gold_scheme=TagScheme.IOB1).predicted == GOLD
    in_iob1 = CLEAN.replace("B-", "I-")
    assert paired(conll, in_iob1, gold_scheme=TagScheme.IOB1).predicted == GOLD
    one_orphan = CLEAN.replace("B-l", "I-l")
    pairing = paired(conll, one_orphan, gold_scheme=TagScheme.IOB1)
    assert pairing.scheme is TagScheme.IOB2
    assert repairs_of(pairing) == {"tags that break IOB2": (1, "12")}


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
    assert paired(conll, content, gold, gold_scheme=gold_scheme).predicted == tuple(gold)


def test_labels_that_gold_lacks_are_named_and_count_as_wrong(conll: Path) -> None:
    pairing = paired(conll, CLEAN.replace("-o", "-org").replace("-l", "-loc"))
    assert pairing.unknown_labels == ("loc", "org")
    assert score(pairing.gold, pairing.predicted).overall == Counts(3, 5, 5)


def test_tags_of_an_unknown_form_are_outside_and_counted(conll: Path) -> None:
    pairing = paired(conll, CLEAN.replace("B-o", "B_o").replace("I-p", "X-p"))
    assert repairs_of(pairing) == {"tags of an unknown form, read as O": (2, "2")}
    assert score(pairing.gold, pairing.predicted).overall == Counts(3, 4, 5)


def test_tags_alone_may_lack_sentence_breaks(conll: Path) -> None:
    tags = [tag for rows in GOLD_TAGS for _, tag in rows]
    pairing = paired(conll, "\n".join(tags))
    assert pairing.predicted == GOLD
    assert repairs_of(pairing)["sentence breaks in other places"] == (2, "1")


def test_hashes_may_be_tokens_and_comments(conll: Path) -> None:
    gold = [column_document([("#", "O"), ("#Rio", "B-l"), ("2016", "O")])] * 2
    rows = "#\tO\n#Rio\tB-l\n2016\tO\n\n"
    for separator in ("\t", " ", "\tNN\t"):
        content = "# a comment\n" + rows.replace("\t", separator) + "# text = # #Rio 2016\n" + rows
        assert paired(conll, content, gold).predicted == tuple(gold)


def test_a_carriage_return_may_stand_in_a_token(conll: Path) -> None:
    gold = [Document("a\rb c", (Entity(0, 3, "p"),), (Token(0, 3), Token(4, 5)))]
    assert paired(conll, "a\rb\tB-p\nc\tO\n", gold).predicted == tuple(gold)


def test_documents_without_text_have_no_rows(conll: Path) -> None:
    blank = Document("", tokens=())
    assert paired(conll, CLEAN, [GOLD[0], blank, *GOLD[1:]]).predicted[1] == blank
    bare = [BARE[0], Document(" \n"), *BARE[1:]]
    assert paired(conll, CLEAN, bare).predicted == tuple(bare)


def test_tokens_that_column_files_cannot_hold_are_aligned(conll: Path) -> None:
    text = "New York is on"
    odd = Document(text, (Entity(0, 8, "l"),), (Token(0, 8), Token(9, 11), Token(12, 14)))
    for separator in ("tab", "space"):
        write_documents([odd], conll, options=WriteOptions(separator=separator))
        assert pair([odd], ["gold"], conll).predicted == (odd,)


def write_words(path: Path, sentences: Sequence[Sequence[tuple[str, str]]]) -> None:
    records = (
        {"tokens": [w for w, _ in rows], "ner_tags": [t for _, t in rows]} for rows in sentences
    )
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def test_word_records_with_illegal_tags_have_two_readings(jsonl: Path) -> None:
    write_words(jsonl, [*GOLD_TAGS[:2], [("rain", "O"), ("in", "O"), ("Rio", "I-l"), (".", "O")]])
    pairing = pair(GOLD, PLACES, jsonl, gold_scheme=TagScheme.IOB2)
    assert score(pairing.gold, pairing.predicted).overall == Counts(4, 4, 5)
    assert score(pairing.gold, pairing.lenient).overall == Counts(5, 5, 5)
    (repair,) = pairing.repairs
    assert repair.to_dict() == {
        "what": "tags that break IOB2",
        "count": 1,
        "first": f"{jsonl}:3, token 2",
    }


def span_records(**changes: Any) -> list[dict[str, Any]]:
    return [
        {
            "id": f"d{number}",
            "text": each.text,
            "entities": [[e.start, e.end, e.label] for e in each.entities],
            **changes,
        }
        for number, each in enumerate(GOLD)
    ]


def write_records(path: Path, records: Sequence[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def with_ids(documents: Sequence[Document]) -> list[Document]:
    return [Document(d.text, d.entities, d.tokens, f"d{n}") for n, d in enumerate(documents)]


def test_span_records_may_stand_in_another_order(jsonl: Path) -> None:
    records = span_records()
    write_records(jsonl, [records[0], records[2], records[1]])
    pairing = pair(GOLD, PLACES, jsonl)  # by their texts
    assert pairing.predicted == GOLD
    assert repairs_of(pairing) == {"documents in another order": (2, "2")}


def test_ids_say_the_order_where_texts_are_not_the_same(jsonl: Path) -> None:
    gold = [*with_ids(GOLD)]
    records = span_records()
    records[0]["text"] += " "
    write_records(jsonl, records[::-1])
    pairing = pair(gold, PLACES, jsonl)
    assert pairing.predicted == tuple(gold)
    assert repairs_of(pairing) == {
        "documents in another order": (2, "1"),
        "texts with other white space, HTML escapes or Unicode forms": (1, "3"),
    }


def test_ids_that_were_numbered_anew_do_not_hide_the_texts(jsonl: Path) -> None:
    records = span_records()[::-1]
    for number, record in enumerate(records):
        record["id"] = f"d{number}"
    write_records(jsonl, records)
    assert pair(with_ids(GOLD), PLACES, jsonl).predicted == tuple(with_ids(GOLD))


def test_equal_texts_are_told_apart_by_their_ids(jsonl: Path) -> None:
    gold = with_ids([Document("Rio", (Entity(0, 3, "l"),)), Document("Rio")])
    records: list[dict[str, Any]] = [
        {"id": "d1", "text": "Rio", "entities": []},
        {"id": "d0", "text": "Rio", "entities": [[0, 3, "l"]]},
    ]
    write_records(jsonl, records)
    # documents with the same texts in the same order are what they seem, whatever their ids
    assert [len(each.entities) for each in pair(gold, PLACES[:2], jsonl).predicted] == [0, 1]
    records[0]["text"] = "Rio "
    write_records(jsonl, records)
    assert pair(gold, PLACES[:2], jsonl).predicted == tuple(gold)


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("  Mira   Okonjo left\nR&D ", [(2, 15), (21, 24)]),
        ("Mira Okonjo left R&amp;D", [(0, 11), (17, 24)]),
        ("MiraOkonjoleftR&#38;D", [(0, 10), (14, 21)]),
        ("Mira Okonjo left R&D", [(0, 12), (16, 20)]),  # with the blanks beside an entity
    ],
)
def test_texts_may_differ_in_white_space_and_escapes(
    text: str, bounds: list[tuple[int, int]], jsonl: Path
) -> None:
    entities = [[*bound, label] for bound, label in zip(bounds, "po", strict=True)]
    write_records(jsonl, [{"text": text, "entities": entities}])
    pairing = pair(BARE[:1], PLACES[:1], jsonl)
    if text == BARE[0].text:  # nothing is moved where nothing differs
        assert ranges_in(pairing.predicted) == [[(0, 12, "p"), (16, 20, "o")]]
        return
    assert pairing.predicted == BARE[:1]
    assert sum(each.count for each in pairing.repairs) == 1


def test_texts_may_be_in_another_unicode_form(jsonl: Path) -> None:
    decomposed = unicodedata.normalize("NFD", BARE[1].text)
    assert len(decomposed) == len(BARE[1].text) + 1
    write_records(jsonl, [{"text": decomposed, "entities": [[0, 4, "p"], [9, 12, "p"]]}])
    assert pair(BARE[1:2], PLACES[:1], jsonl).predicted == BARE[1:2]


def test_records_without_entities_are_predictions_of_none(jsonl: Path) -> None:
    write_records(jsonl, [{"text": each.text} for each in GOLD])
    pairing = pair(GOLD, PLACES, jsonl)
    assert ranges_in(pairing.predicted) == [[], [], []]
    assert [each.tokens for each in pairing.predicted] == [each.tokens for each in GOLD]


def test_scores_of_entities_are_kept(jsonl: Path) -> None:
    entity = {"start": 0, "end": 4, "label": "p", "score": 0.5}
    write_records(jsonl, [{"text": "Mira  left", "entities": [entity]}])
    pairing = pair([Document("Mira left")], ["gold"], jsonl)
    assert pairing.predicted[0].entities == (Entity(0, 4, "p", 0.5),)


def place_of(error: NerineError) -> str:
    return (error.place or "").rpartition("/")[2]


@pytest.mark.parametrize(
    ("content", "place", "found", "expected"),
    [
        (  # a sentence is missing in the middle
            CLEAN.replace("Zoë\tB-p\nmet\tO\nAnn\tB-p\n\n", ""),
            "p.conll:6",
            "the token 'rain' stands where gold has 'Zoë'",
            "'Zoë', token 1 of the document at gold:6",
        ),
        (  # another token
            CLEAN.replace("met", "saw"),
            "p.conll:7",
            "the token 'saw' stands where gold has 'met'",
            "'met', token 2 of the document at gold:6",
        ),
        (  # another case is another token
            CLEAN.replace("Ann", "ANN"),
            "p.conll:8",
            "the token 'ANN' stands where gold has 'Ann'",
            "'Ann', token 3 of the document at gold:6",
        ),
        (
            CLEAN + "more\tO\n",
            "p.conll:15",
            "the gold tokens end before the row 'more'",
            f"11 rows, as many as there are gold tokens, {LAST}",
        ),
        (  # cut short by two lines
            CLEAN[: CLEAN.index("Rio")],
            "p.conll:11",
            "the rows end here, and gold goes on with 'Rio'",
            "11 rows; the next one is token 3 of the document at gold:10",
        ),
        (  # without tokens any line may be missing, so that the last one cannot be made up
            "\n".join(tag for rows in GOLD_TAGS for _, tag in rows[1:]) + "\nO\nO\n",
            "p.conll:10",
            "the rows end here, and gold goes on with '.'",
            "11 rows; the next one is token 4 of the document at gold:10",
        ),
        (  # without tokens, a line moved from one sentence to the next
            "B-p\nI-p\nO\n\nB-o\nB-p\nO\nB-p\n\nO\nO\nB-l\nO\n",
            "p.conll:3",
            "a sentence ends here, after 3 of 4 gold tokens, and its rows have tags alone",
            "4 rows, for the document at gold:1",
        ),
        ("", "p.conll", "there is no row", "a token and a tag a line"),
        ("\n# id = 3\n\n", "p.conll", "there is no row", "a token and a tag a line"),
        (
            CLEAN.replace("met\tO", "met"),
            "p.conll:7",
            "there is one column, 'met', and it is no tag",
            "a token and its tag, or a tag alone",
        ),
        (
            CLEAN.replace("\t", "\tO\t").replace("\n", "\t0.9\n").replace("\n\t0.9", "\n"),
            "p.conll:1",
            "no line has a tag in column -1",
            "'O', or tags such as 'B-person'",
        ),
        (
            CLEAN.encode("utf-16"),
            "p.conll:1",
            "byte 0xff at position 0 of the line is not UTF-8",
            "a file in UTF-8",
        ),
    ],
)
def test_rows_that_cannot_be_aligned_are_an_error(
    content: str, place: str, found: str, expected: str, conll: Path
) -> None:
    with pytest.raises((CorpusError, FormatError)) as caught:
        paired(conll, content)
    error = caught.value
    assert (place_of(error), error.found, error.expected) == (place, found, expected)


@pytest.mark.parametrize(
    ("content", "place", "found", "expected"),
    [
        (
            CLEAN.replace("\n\nZoë", "\nZoë"),
            "p.conll:12",
            "there are 2 sentences and 3 gold documents",
            "as many of one as of the other; the last gold document stands at gold:10",
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
            "there are tags without tokens, and the gold document has no tokens either",
            "a token beside each tag, for 'Mira Okonjo left R&D', as at gold:1",
        ),
    ],
)
def test_rows_that_are_not_those_of_gold_texts_are_an_error(
    content: str, place: str, found: str, expected: str, conll: Path
) -> None:
    with pytest.raises(CorpusError) as caught:
        paired(conll, content, BARE)
    error = caught.value
    assert (place_of(error), error.found, error.expected) == (place, found, expected)


@pytest.mark.parametrize(
    ("records", "place", "found", "expected"),
    [
        (
            span_records()[::2],
            "gold:6",
            "there are 2 predicted documents and 3 gold ones",
            "p.jsonl:2",
        ),
        (
            [*span_records(), {"text": "more"}],
            "p.jsonl:4",
            "there are 4 predicted documents and 3 gold ones",
            "gold:10",
        ),
        (
            [*span_records()[:2], {"text": "rain in Rom ."}],
            "p.jsonl:3",
            "the text 'rain in Rom .' is not that of the gold document",
            "'rain in Rio .', as at gold:10",
        ),
        (
            [{"text": "Mira  Okonjo left R&D", "entities": [[4, 6, "p"]]}, *span_records()[1:]],
            "p.jsonl:1",
            "the entity [4, 6) '  ' is blank",
            "an entity with a character that stands in the gold text too",
        ),
        ([], "gold:1", "there are 0 predicted documents and 3 gold ones", "nowhere"),
    ],
)
def test_texts_that_cannot_be_aligned_are_an_error(
    records: list[dict[str, Any]], place: str, found: str, expected: str, jsonl: Path
) -> None:
    write_records(jsonl, records)
    with pytest.raises(CorpusError) as caught:
        pair(GOLD, PLACES, jsonl)
    error = caught.value
    assert (place_of(error), error.found) == (place, found)
    assert expected in (error.expected or "")


def test_entities_that_fall_on_one_gold_character_are_an_error(jsonl: Path) -> None:
    write_records(jsonl, [{"text": "Zoe\u0308", "entities": [[2, 3, "p"], [3, 4, "q"]]}])
    with pytest.raises(FormatError, match=r"p\.jsonl:1: entity 1 .* begins before"):
        pair([Document("Zoë")], ["gold"], jsonl)


def test_a_missing_file_and_a_bad_column_are_errors(conll: Path) -> None:
    with pytest.raises(FormatError, match="cannot be read: No such file"):
        pair(GOLD, PLACES, conll)
    with pytest.raises(FormatError, match=r"p\.conll:1: there is no column 2, which tag_column"):
        paired(conll, CLEAN, options=ReadOptions(tag_column=2))
    with pytest.raises(SettingsError, match="tag_column is 'tags'"):
        paired(conll, CLEAN, options=ReadOptions(tag_column="tags"))


BOTH = "Mira NN B-p B-p\nleft VB O I-p\n\nRio NN B-l O\n"


def test_one_file_may_have_both_tags(conll: Path) -> None:
    conll.write_text(BOTH)
    pairing = pair_columns(conll, -2, -1)
    assert ranges_in(pairing.gold) == [[(0, 4, "p")], [(0, 3, "l")]]
    assert ranges_in(pairing.predicted) == [[(0, 9, "p")], []]
    assert pairing.places == (f"{conll}:1", f"{conll}:4")
    turned = pair_columns(conll, 3, 2)
    assert (turned.gold, turned.predicted) == (
        tuple(
            g.with_entities(p.entities) for g, p in zip(turned.gold, pairing.predicted, strict=True)
        ),
        tuple(
            p.with_entities(g.entities) for g, p in zip(pairing.gold, turned.predicted, strict=True)
        ),
    )


@pytest.mark.parametrize(("gold", "predicted"), [(2, 2), (-1, 3), (2, -2), (-2, 0), (3, -4)])
def test_a_column_is_not_compared_with_itself(gold: int, predicted: int, conll: Path) -> None:
    conll.write_text(BOTH)
    with pytest.raises(FormatError, match=r"p\.conll:1: column -?\d is named both for the"):
        pair_columns(conll, gold, predicted)


def test_each_column_of_one_file_has_its_own_scheme(conll: Path) -> None:
    conll.write_text("Mira B-p B-p\nOkonjo I-p E-p\nleft O O\nRio B-l S-l\n")
    pairing = pair_columns(conll, -2, -1)
    assert pairing.predicted == pairing.gold
    assert pairing.scheme is TagScheme.BIOES
    conll.write_text("Mira I-p I-p\n")
    as_iob2 = pair_columns(conll, -2, -1, predicted_scheme=TagScheme.IOB2)
    assert ranges_in(as_iob2.gold) == [[(0, 4, "p")]]
    assert ranges_in(as_iob2.predicted) == [[]]


def test_broken_gold_tags_of_one_file_are_an_error_or_a_repair(conll: Path) -> None:
    conll.write_text("Mira B-p B-p\nleft O O\nRio I-l B-l\n")
    with pytest.raises(FormatError, match=r"p\.conll:3: 'I-l' cannot follow 'O'"):
        pair_columns(conll, -2, -1)
    pairing = pair_columns(conll, -2, -1, ReadOptions(repair=True))
    assert repairs_of(pairing) == {"gold tags that break IOB2": (1, "3")}
    assert pairing.predicted == pairing.gold


@pytest.mark.parametrize("content", ["", "# text =\n\n"])
def test_one_file_without_a_row_is_an_error(content: str, conll: Path) -> None:
    conll.write_text(content)
    with pytest.raises((CorpusError, FormatError), match=r"there is no (document|row)"):
        pair_columns(conll, -2, -1)


WORDS = (
    "Mira",
    "R&D",
    "Zoë",
    "#",
    "#Rio",
    "O",
    "B-p",
    "a&lt;b",
    "北京",
    "한국",
    "=",
    "'s",
    "\u200b",
)


@dataclass
class Sheet:
    """A column file that is to be: for each row the token and the tag, and what stands between."""

    rows: list[tuple[str, str]]
    breaks: set[int]
    comments: dict[int, str] = field(default_factory=dict)
    separators: list[str] = field(default_factory=list)
    end: str = "\n"
    mark: bool = False
    last_end: bool = True
    blank: str = ""

    def content(self) -> bytes:
        lines = []
        for index, (token, tag) in enumerate(self.rows):
            if index in self.breaks:
                lines += ["", *([self.blank] if self.blank else [])]
            if index in self.comments:
                lines.append(self.comments[index])
            separator = self.separators[index % len(self.separators)]
            lines.append(f"{token}{separator}{tag}")
        text = self.end.join(lines) + self.end * self.last_end
        return text.encode("utf-8-sig" if self.mark else "utf-8")


@st.composite
def tagged_sentences(draw: st.DrawFn) -> list[list[tuple[str, str]]]:
    """Sentences of tokens and legal IOB2 tags, the last of which is `O`."""
    sentences = []
    for _ in range(draw(st.integers(1, 4))):
        words = draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=5))
        tags = ["O"] * len(words)
        for start, end in draw(ranges(len(words))):
            label = draw(st.sampled_from("pl"))
            tags[start:end] = [f"B-{label}"] + [f"I-{label}"] * (end - start - 1)
        sentences.append([*zip(words, tags, strict=True)])
    sentences[-1] += [("x", "O"), ("y", "O")]
    return sentences


def harmless(sheet: Sheet, first: Sequence[int], dice: random.Random) -> set[str]:
    """Faults in a file that change nothing; gives back what was done."""
    done = {name for name in HARMLESS if dice.random() < 0.4}
    if "comments" in done:
        lines = ["#", "# id = 3", "# text = Mira O", "# some words", "# sent_id = 4 O"]
        sheet.comments = {index: dice.choice(lines) for index in first if dice.random() < 0.5}
    if "breaks" in done:
        # a comment that follows no break is a row
        sheet.breaks = {
            index
            for index in range(1, len(sheet.rows))
            if index in sheet.comments or dice.random() < 0.3
        }
    if "escapes" in done:
        sheet.rows = [(html.escape(w) if dice.random() < 0.5 else w, t) for w, t in sheet.rows]
    if "decomposed" in done:
        sheet.rows = [(unicodedata.normalize("NFD", w), t) for w, t in sheet.rows]
    if "last line" in done:
        sheet.rows.pop()
        sheet.breaks.discard(len(sheet.rows))
    if "blank" in done:
        sheet.blank = dice.choice(["", " ", "\t", "-DOCSTART- O", "-DOCSTART-\tX\tO"])
    sheet.separators = [dice.choice(["\t", " ", "   ", "\tNN\t", " 1 2 "]) for _ in range(3)]
    sheet.end = dice.choice(["\n", "\r\n", "\r"])
    sheet.mark, sheet.last_end = dice.random() < 0.5, dice.random() < 0.5
    return done


HARMLESS = ("comments", "breaks", "escapes", "decomposed", "last line", "blank")


@given(sentences=tagged_sentences(), seed=st.integers(0, 2**32))
def test_harmless_faults_change_no_entity(
    sentences: list[list[tuple[str, str]]], seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    gold = [column_document(rows) for rows in sentences]
    first = [0, *itertools.accumulate(len(rows) for rows in sentences)][:-1]
    sheet = Sheet([row for rows in sentences for row in rows], set(first))
    done = harmless(sheet, first, random.Random(seed))
    path = tmp_path_factory.getbasetemp() / "harmless.conll"
    path.write_bytes(sheet.content())
    pairing = pair(gold, ["gold"] * len(gold), path)
    assert pairing.predicted == pairing.lenient == tuple(gold)
    counted = repairs_of(pairing)
    assert ("last lines that are missing, read as O" in counted) == ("last line" in done)
    assert ("lines that end with a carriage return" in counted) == (
        "\r" in sheet.end and sheet.content().count(b"\r") > 0
    )
    breaks = sheet.breaks - {0} != set(first) - {0}
    assert ("sentence breaks in other places" in counted) == breaks


PREDICTED = [
    [("Mira", "B-p"), ("Okonjo", "O"), ("left", "O"), ("R&D", "B-l")],
    [("Zoë", "B-p"), ("met", "O"), ("Ann", "B-p")],
    [("rain", "B-l"), ("in", "O"), ("Rio", "B-l"), (".", "O")],
]


@pytest.mark.parametrize("predicted_format", ["columns", "spans", "words"])
@pytest.mark.parametrize("gold_format", ["columns", "spans", "words"])
@pytest.mark.parametrize("with_tokens", [True, False])
def test_any_formats_give_the_same_scores(
    gold_format: str, predicted_format: str, with_tokens: bool, tmp_path: Path
) -> None:
    names = {"columns": "{}.conll", "spans": "{}.jsonl", "words": "{}.jsonl"}
    sides = []
    for side, documents, format_ in (
        ("gold", GOLD if with_tokens else BARE, gold_format),
        ("predicted", [column_document(rows) for rows in PREDICTED], predicted_format),
    ):
        path = tmp_path / names[format_].format(side)
        write_documents(documents, path, format_)
        sides.append(path)
    gold = list(read_documents(sides[0], gold_format))
    pairing = pair(gold, ["gold"] * len(gold), sides[1], format=predicted_format)
    result = score(pairing.gold, pairing.predicted)
    assert result.labels == {"l": Counts(1, 3, 1), "o": Counts(0, 0, 1), "p": Counts(2, 3, 3)}
    assert pairing.repairs == () or predicted_format != gold_format


def test_words_of_the_rule_are_aligned_with_raw_text(conll: Path) -> None:
    text = 'Mira: "I\'ve left\n(R&D)…"  Rio!'
    gold = [Document(text, (Entity(0, 4, "p"), Entity(18, 21, "o"), Entity(26, 29, "l")))]
    write_documents(gold, conll)
    assert pair(gold, ["gold"], conll).predicted == tuple(gold)
    rows = conll.read_text().split("\n")
    conll.write_text("\n".join(row for row in rows if not row.startswith("# ")))
    assert pair(gold, ["gold"], conll).predicted == tuple(gold)
