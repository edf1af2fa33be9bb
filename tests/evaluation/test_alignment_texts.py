"""Alignment of records of all formats, and of two columns of one file."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
from nerine.core.document import Document, Entity
from nerine.core.errors import CorpusError, FormatError
from nerine.core.tags import TagScheme
from nerine.data.formats import ReadOptions, read_documents, write_documents
from nerine.evaluation.alignment import Repair, align_columns, align_file
from nerine.evaluation.alignment.repairs import Repairs
from nerine.evaluation.alignment.texts import align_documents
from nerine.evaluation.metrics import Counts, score


@pytest.fixture
def conll(tmp_path: Path) -> Path:
    return tmp_path / "p.conll"


@pytest.fixture
def jsonl(tmp_path: Path) -> Path:
    return tmp_path / "p.jsonl"


def test_a_system_that_writes_no_begin_tag_has_written_bad_iob2(conll: Path, jsonl: Path) -> None:
    content = CLEAN.replace("B-", "I-")
    columns = aligned(conll, content, gold_scheme=TagScheme.IOB2)
    write_words(jsonl, [[(w, t.replace("B-", "I-")) for w, t in rows] for rows in GOLD_TAGS])
    words = align_file(GOLD, PLACES, jsonl, gold_scheme=TagScheme.IOB2)
    for alignment in (columns, words):
        assert score(alignment.gold, alignment.predicted).overall == Counts(0, 0, 5)
        assert score(alignment.gold, alignment.lenient).overall == Counts(5, 5, 5)
        assert [(each.what, each.count) for each in alignment.repairs] == [
            ("tags that break IOB2", 5)
        ]
    # without a gold scheme, or with a stated predicted scheme, it is valid IOB1
    assert aligned(conll, content).predicted == GOLD
    stated = ReadOptions(scheme=TagScheme.IOB1)
    assert aligned(conll, content, gold_scheme=TagScheme.IOB2, options=stated).predicted == GOLD


def write_words(path: Path, sentences: Sequence[Sequence[tuple[str, str]]]) -> None:
    records = (
        {"tokens": [w for w, _ in rows], "ner_tags": [t for _, t in rows]} for rows in sentences
    )
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def test_word_records_with_illegal_tags_have_two_readings(jsonl: Path) -> None:
    write_words(jsonl, [*GOLD_TAGS[:2], [("rain", "O"), ("in", "O"), ("Rio", "I-l"), (".", "O")]])
    alignment = align_file(GOLD, PLACES, jsonl, gold_scheme=TagScheme.IOB2)
    assert score(alignment.gold, alignment.predicted).overall == Counts(4, 4, 5)
    assert score(alignment.gold, alignment.lenient).overall == Counts(5, 5, 5)
    (repair,) = alignment.repairs
    assert repair == Repair("tags that break IOB2", 1, f"{jsonl}:3, token 2")


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
    alignment = align_file(GOLD, PLACES, jsonl)  # by their texts
    assert alignment.predicted == GOLD
    assert repairs_of(alignment) == {"documents in another order": (2, "2")}


def test_ids_say_the_order_where_texts_are_not_the_same(jsonl: Path) -> None:
    gold = [*with_ids(GOLD)]
    records = span_records()
    records[0]["text"] += " "
    write_records(jsonl, records[::-1])
    alignment = align_file(gold, PLACES, jsonl)
    assert alignment.predicted == tuple(gold)
    assert repairs_of(alignment) == {
        "documents in another order": (2, "1"),
        "texts with other white space, HTML escapes or Unicode forms": (1, "3"),
    }


def test_texts_are_matched_before_ids(jsonl: Path) -> None:
    records = span_records()[::-1]
    for number, record in enumerate(records):
        record["id"] = f"d{number}"
    write_records(jsonl, records)
    assert align_file(with_ids(GOLD), PLACES, jsonl).predicted == tuple(with_ids(GOLD))


def test_equal_texts_are_told_apart_by_their_ids(jsonl: Path) -> None:
    gold = with_ids([Document("Rio", (Entity(0, 3, "l"),)), Document("Rio")])
    records: list[dict[str, Any]] = [
        {"id": "d1", "text": "Rio", "entities": []},
        {"id": "d0", "text": "Rio", "entities": [[0, 3, "l"]]},
    ]
    write_records(jsonl, records)
    # documents with the same texts in the same order match, whatever their ids
    assert [len(each.entities) for each in align_file(gold, PLACES[:2], jsonl).predicted] == [0, 1]
    records[0]["text"] = "Rio "
    write_records(jsonl, records)
    assert align_file(gold, PLACES[:2], jsonl).predicted == tuple(gold)


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("  Mira   Okonjo left\nR&D ", [(2, 15), (21, 24)]),
        ("Mira Okonjo left R&amp;D", [(0, 11), (17, 24)]),
        ("MiraOkonjoleftR&#38;D", [(0, 10), (14, 21)]),
        ("Mira Okonjo left R&D", [(0, 12), (16, 20)]),  # including the blanks next to an entity
    ],
)
def test_texts_may_differ_in_white_space_and_escapes(
    text: str, bounds: list[tuple[int, int]], jsonl: Path
) -> None:
    entities = [[*bound, label] for bound, label in zip(bounds, "po", strict=True)]
    write_records(jsonl, [{"text": text, "entities": entities}])
    alignment = align_file(BARE[:1], PLACES[:1], jsonl)
    if text == BARE[0].text:  # nothing is moved where nothing differs
        assert ranges_in(alignment.predicted) == [[(0, 12, "p"), (16, 20, "o")]]
        return
    assert alignment.predicted == BARE[:1]
    assert sum(each.count for each in alignment.repairs) == 1


@pytest.mark.parametrize(
    ("gold", "other"),
    [
        ("a&lt;b", "a<b"),
        ("a&amp;lt;b", "a&lt;b"),
        ("a&lt;b", "a&amp;lt;b"),
        ("&eacute;&lt;", "e\u0301<"),
    ],
)
def test_escapes_may_be_on_either_side(gold: str, other: str, jsonl: Path) -> None:
    write_records(jsonl, [{"text": f"Jo {other} Mo", "entities": [[3, 3 + len(other), "p"]]}])
    alignment = align_file([Document(f"Jo {gold} Mo")], ["gold"], jsonl)
    assert ranges_in(alignment.predicted) == [[(3, 3 + len(gold), "p")]]


def test_texts_may_be_in_another_unicode_form(jsonl: Path) -> None:
    decomposed = unicodedata.normalize("NFD", BARE[1].text)
    assert len(decomposed) == len(BARE[1].text) + 1
    write_records(jsonl, [{"text": decomposed, "entities": [[0, 4, "p"], [9, 12, "p"]]}])
    assert align_file(BARE[1:2], PLACES[:1], jsonl).predicted == BARE[1:2]


def test_records_without_entities_are_predictions_of_none(jsonl: Path) -> None:
    write_records(jsonl, [{"text": each.text} for each in GOLD])
    alignment = align_file(GOLD, PLACES, jsonl)
    assert ranges_in(alignment.predicted) == [[], [], []]
    assert [each.tokens for each in alignment.predicted] == [each.tokens for each in GOLD]


def test_scores_of_entities_are_kept(jsonl: Path) -> None:
    entity = {"start": 0, "end": 4, "label": "p", "score": 0.5}
    write_records(jsonl, [{"text": "Mira  left", "entities": [entity]}])
    alignment = align_file([Document("Mira left")], ["gold"], jsonl)
    assert alignment.predicted[0].entities == (Entity(0, 4, "p", 0.5),)


@pytest.mark.parametrize(
    ("records", "place", "found", "expected"),
    [
        (
            span_records()[::2],
            "gold:6",
            "2 predicted documents for 3 gold ones",
            "p.jsonl:2",
        ),
        (
            [*span_records(), {"text": "more"}],
            "p.jsonl:4",
            "4 predicted documents for 3 gold ones",
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
            "an entity with at least one character of the gold text",
        ),
        ([], "gold:1", "0 predicted documents for 3 gold ones", "it has none"),
    ],
)
def test_texts_that_cannot_be_aligned_are_an_error(
    records: list[dict[str, Any]], place: str, found: str, expected: str, jsonl: Path
) -> None:
    write_records(jsonl, records)
    with pytest.raises(CorpusError) as caught:
        align_file(GOLD, PLACES, jsonl)
    error = caught.value
    assert (place_of(error), error.found) == (place, found)
    assert expected in (error.expected or "")


def test_entities_may_fall_on_one_gold_character_unless_they_are_one(jsonl: Path) -> None:
    write_records(jsonl, [{"text": "Zoe\u0308", "entities": [[2, 3, "p"], [3, 4, "q"]]}])
    alignment = align_file([Document("Zoë")], ["gold"], jsonl)
    assert ranges_in(alignment.predicted) == [[(2, 3, "p"), (2, 3, "q")]]
    write_records(jsonl, [{"text": "Zoe\u0308", "entities": [[2, 3, "p"], [3, 4, "p"]]}])
    with pytest.raises(FormatError, match=r"p\.jsonl:1: entity 1 .* comes after"):
        align_file([Document("Zoë")], ["gold"], jsonl)


def test_moved_entities_are_in_order() -> None:
    text = " Rio de Janeiro"
    predicted = Document(text, (Entity(0, 4, "p"), Entity(1, 4, "l")))
    (moved,) = align_documents(
        [("gold", Document(text.strip()))], [("predicted", predicted)], Repairs()
    )
    assert ranges_in([moved]) == [[(0, 3, "l"), (0, 3, "p")]]


BOTH = "Mira NN B-p B-p\nleft VB O I-p\n\nRio NN B-l O\n"


def test_one_file_may_have_both_tags(conll: Path) -> None:
    conll.write_text(BOTH)
    alignment = align_columns(conll, -2, -1)
    assert ranges_in(alignment.gold) == [[(0, 4, "p")], [(0, 3, "l")]]
    assert ranges_in(alignment.predicted) == [[(0, 9, "p")], []]
    assert alignment.places == (f"{conll}:1", f"{conll}:4")
    turned = align_columns(conll, 3, 2)
    assert (turned.gold, turned.predicted) == (
        tuple(
            g.with_entities(p.entities)
            for g, p in zip(turned.gold, alignment.predicted, strict=True)
        ),
        tuple(
            p.with_entities(g.entities)
            for g, p in zip(alignment.gold, turned.predicted, strict=True)
        ),
    )


@pytest.mark.parametrize(("gold", "predicted"), [(2, 2), (-1, 3), (2, -2), (-2, 0), (3, -4)])
def test_a_column_is_not_compared_with_itself(gold: int, predicted: int, conll: Path) -> None:
    conll.write_text(BOTH)
    with pytest.raises(
        FormatError, match=r"p\.conll:1: column -?\d is named (for both|both for) the"
    ):
        align_columns(conll, gold, predicted)


def test_each_column_of_one_file_has_its_own_scheme(conll: Path) -> None:
    conll.write_text("Mira B-p B-p\nOkonjo I-p E-p\nleft O O\nRio B-l S-l\n")
    alignment = align_columns(conll, -2, -1)
    assert alignment.predicted == alignment.gold
    assert alignment.scheme is TagScheme.BIOES
    conll.write_text("Mira I-p I-p\n")
    as_iob2 = align_columns(conll, -2, -1, predicted_scheme=TagScheme.IOB2)
    assert ranges_in(as_iob2.gold) == [[(0, 4, "p")]]
    assert ranges_in(as_iob2.predicted) == [[]]


def test_broken_gold_tags_of_one_file_are_an_error_or_a_repair(conll: Path) -> None:
    conll.write_text("Mira B-p B-p\nleft O O\nRio I-l B-l\n")
    with pytest.raises(FormatError, match=r"p\.conll:3: 'I-l' cannot follow 'O'"):
        align_columns(conll, -2, -1)
    alignment = align_columns(conll, -2, -1, ReadOptions(repair=True))
    assert repairs_of(alignment) == {"gold tags that break IOB2": (1, "3")}
    assert alignment.predicted == alignment.gold


@pytest.mark.parametrize("content", ["", "# text =\n\n"])
def test_one_file_without_a_row_is_an_error(content: str, conll: Path) -> None:
    conll.write_text(content)
    with pytest.raises((CorpusError, FormatError), match=r"no (documents|rows)"):
        align_columns(conll, -2, -1)


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
    alignment = align_file(gold, ["gold"] * len(gold), sides[1], format=predicted_format)
    result = score(alignment.gold, alignment.predicted)
    assert result.labels == {"l": Counts(1, 3, 1), "o": Counts(0, 0, 1), "p": Counts(2, 3, 3)}
    assert alignment.repairs == () or predicted_format != gold_format


def test_words_of_the_rule_are_aligned_with_raw_text(conll: Path) -> None:
    text = 'Mira: "I\'ve left\n(R&D)…"  Rio!'
    gold = [Document(text, (Entity(0, 4, "p"), Entity(18, 21, "o"), Entity(26, 29, "l")))]
    write_documents(gold, conll)
    assert align_file(gold, ["gold"], conll).predicted == tuple(gold)
    rows = conll.read_text().split("\n")
    conll.write_text("\n".join(row for row in rows if not row.startswith("# ")))
    assert align_file(gold, ["gold"], conll).predicted == tuple(gold)
