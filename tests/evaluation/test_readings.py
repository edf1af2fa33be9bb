"""The two readings of tags: which one scores speak of, and what their rows are called."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from alignments import CLEAN, GOLD, PLACES, aligned
from nerine.core.document import Document, Entity
from nerine.core.errors import SettingsError
from nerine.core.tags import TagScheme
from nerine.data.corpus import load_corpus
from nerine.data.formats import ReadOptions
from nerine.evaluation.alignment import Alignment, align_columns, align_file
from nerine.evaluation.evaluate import Evaluation, evaluate_predictions
from nerine.evaluation.metrics import Counts
from nerine.evaluation.report import make_report, to_markdown
from places import WNUT

Chunk = tuple[int, int, str]
ORPHANS = CLEAN.replace("Ann\tB-p", "Ann\tI-p").replace("Rio\tB-l", "Rio\tI-l")

# pairs of a tag and the next one of the same label between which conlleval.pl lets a phrase begin
# or end; it knows no others, so that none begins at an S, or at a B after an E
STARTS = {"OB", "OI", "OE", "BB", "IB", "EI", "EE"}
ENDS = {"BO", "IO", "EO", "BB", "IB", "EI", "EE"}


def phrases(tags: Sequence[str]) -> list[Chunk]:
    """The phrases of a sentence as conlleval.pl finds them, label and all."""
    found: list[Chunk] = []
    start = None
    for index, (before, tag) in enumerate(pairwise(["O", *tags, "O"])):
        pair, change = before[0] + tag[0], before[2:] != tag[2:]
        if start is not None and (pair in ENDS or (before != "O" and change)):
            found.append((start, index, before[2:]))
            start = None
        if pair in STARTS or (tag != "O" and change):
            start = index
    return found


def random_file(dice: random.Random, letters: str) -> list[list[tuple[str, str, str]]]:
    """Sentences of tokens, gold tags and predicted tags, legal or not."""
    tags = ["O", *(f"{letter}-{label}" for letter in letters for label in ("a", "b-c"))]
    weights = [len(tags) // 2, *(1 for _ in tags[1:])]
    sentences = []
    for _ in range(dice.randint(1, 4)):
        gold = dice.choices(tags, weights, k=dice.randint(1, 8))
        predicted = [tag if dice.random() < 0.6 else dice.choice(tags) for tag in gold]
        sentences.append(
            [(dice.choice("xyXz"), *pair) for pair in zip(gold, predicted, strict=True)]
        )
    return sentences


def random_alignments(
    letters: str, number: int, path: Path
) -> Iterator[tuple[list[list[tuple[str, str, str]]], Alignment]]:
    dice = random.Random(letters)
    for _ in range(number):
        sentences = random_file(dice, letters)
        path.write_text("".join("".join(f"{' '.join(r)}\n" for r in s) + "\n" for s in sentences))
        yield sentences, align_columns(path, -2, -1, ReadOptions(repair=True))


def by_conlleval(sentences: Sequence[Sequence[tuple[str, str, str]]]) -> Counts:
    sides = [
        {
            (number, chunk)
            for number, rows in enumerate(sentences)
            for chunk in phrases([row[column] for row in rows])
        }
        for column in (1, 2)
    ]
    return Counts(len(sides[0] & sides[1]), len(sides[1]), len(sides[0]))


def evaluated(alignment: Alignment, **options: Any) -> Evaluation:
    return evaluate_predictions(alignment.gold, samples=2, **alignment.arguments(), **options)


def test_the_row_of_conlleval_is_that_of_conlleval(tmp_path: Path) -> None:
    rows = 0
    for sentences, alignment in random_alignments("BI", 200, tmp_path / "both.conll"):
        evaluation = evaluated(alignment)
        if evaluation.other_reading is not None:
            expected = ("conlleval's reading of tags", by_conlleval(sentences))
            assert evaluation.other_reading == expected
            rows += 1
    assert rows > 100


@pytest.mark.parametrize("letters", ["BIES", "BILU", "BIE"])
def test_where_conlleval_reads_otherwise_the_row_has_another_name(
    letters: str, tmp_path: Path
) -> None:
    different = 0
    for sentences, alignment in random_alignments(letters, 50, tmp_path / "both.conll"):
        tags = {tag[0] for rows in sentences for _, *pair in rows for tag in pair}
        if evaluated(alignment).other_reading is not None and tags > {"B", "I", "O"}:
            name, counts = evaluated(alignment).other_reading or ("", Counts())
            assert name == "lenient reading of tags"
            different += letters != "BILU" and counts != by_conlleval(sentences)
    assert different > 5 or letters == "BILU"


def test_tags_that_conlleval_does_not_know_take_its_name_away(tmp_path: Path) -> None:
    path = tmp_path / "p.conll"
    orphan = aligned(path, ORPHANS)
    assert orphan.is_conlleval
    assert not aligned(path, ORPHANS.replace("met\tO", "met\t?")).is_conlleval
    assert not aligned(path, ORPHANS, gold_scheme=TagScheme.BIOES).is_conlleval
    nested = GOLD[0].with_entities([Entity(0, 4, "p"), Entity(0, 11, "p")])
    assert not aligned(path, ORPHANS, [nested, *GOLD[1:]]).is_conlleval


def test_the_reading_is_that_of_all_scores(tmp_path: Path) -> None:
    alignment = aligned(tmp_path / "p.conll", ORPHANS)
    strict, lenient = evaluated(alignment), evaluated(alignment, reading="lenient")
    assert strict.overall == strict.readings["strict"].overall == Counts(3, 3, 5)
    assert lenient.overall == lenient.readings["lenient"].overall == Counts(5, 5, 5)
    assert strict.lenient == lenient.lenient == Counts(5, 5, 5)
    assert strict.other_reading == ("conlleval's reading of tags", Counts(5, 5, 5))
    assert lenient.other_reading == ("strict reading of tags", Counts(3, 3, 5))
    assert lenient.scores.labels["l"] == Counts(1, 1, 1)
    assert lenient.intervals.labels["l"].f1.high > 0.9
    assert strict.intervals.labels["l"].f1.high == 0.0
    assert lenient.breakdowns["length of the entity"]["1 word"] == Counts(4, 4, 4)
    assert lenient.analysis.by_kind["missed"] == 0
    assert strict.analysis.by_kind["missed"] == 2
    assert "|reading:strict|" in str(strict.signature)
    assert "|reading:lenient|" in str(lenient.signature)
    found = lenient.to_dict()
    assert found["reading"] == "lenient"
    assert (found["strict"]["f1"], found["lenient"]["f1"]) == (0.75, 1.0)
    assert found["strict"]["surface"]["support"] == 5


def test_legal_tags_have_one_reading(tmp_path: Path) -> None:
    alignment = aligned(tmp_path / "p.conll", CLEAN)
    strict, lenient = evaluated(alignment), evaluated(alignment, reading="lenient")
    assert strict.scores == lenient.scores
    for each in (strict, lenient):
        assert each.other_reading is None
        assert each.to_dict()["strict"] is each.to_dict()["lenient"] is None
        assert [name for name, _ in each.surfaces] == ["surface forms (WNUT 2017)"]
    with pytest.raises(SettingsError, match="'exact' is not known"):
        evaluated(alignment, reading="exact")


def test_a_report_speaks_of_the_stated_reading(tmp_path: Path) -> None:
    alignment = aligned(tmp_path / "p.conll", ORPHANS)
    about: dict[str, Any] = {"title": "t", "checkpoint": "c", "corpus": "d", "split": "test"}
    made = make_report(
        alignment.gold, **alignment.arguments(), **about, reading="lenient", samples=5
    )
    assert made.scores.overall == Counts(5, 5, 5)
    assert made.predicted == alignment.lenient == alignment.read("lenient")
    page = to_markdown(made)
    assert re.search(r"\| strict reading of tags +\|.*\| +0\.750 \|", page)
    assert "reading:lenient" in page
    strict = make_report(alignment.gold, **alignment.arguments(), **about, samples=5)
    assert strict.predicted == alignment.predicted == alignment.read("strict")
    assert "conlleval's reading of tags" in to_markdown(strict)


def surface_of_wnut(sentences: Sequence[Sequence[tuple[str, str, str]]]) -> Counts:
    """Surface forms as the shared task counts them, from tokens: tuples of words and their label.

    Its script takes an `I-` of another label, or after `O`, as a beginning.
    """
    sides: list[set[tuple[int, int, tuple[str, ...], str]]] = [set(), set()]
    for number, rows in enumerate(sentences):
        for side, column in zip(sides, (1, 2), strict=True):
            for start, end, label in phrases([row[column] for row in rows]):
                words = tuple(row[0] for row in rows[start:end])
                side.add((number, start, words, label))
    forms = [{each[2:] for each in entities} for entities in (sides[0] & sides[1], *sides[::-1])]
    return Counts(*map(len, forms))


def test_surface_forms_are_counted_as_in_the_shared_task(tmp_path: Path) -> None:
    differs = 0
    for sentences, alignment in random_alignments("BI", 200, tmp_path / "both.conll"):
        evaluation = evaluated(alignment)
        expected = surface_of_wnut(sentences)
        assert dict(evaluation.surfaces)["surface forms (WNUT 2017)"] == expected
        assert evaluated(alignment, reading="lenient").scores.surface == expected
        differs += evaluation.scores.surface != expected
    assert differs > 50  # the strict reading, whose row has another name


@pytest.mark.skipif(not WNUT.is_dir(), reason="needs ../shared/wnut17")
@pytest.mark.parametrize("name", ["system", "system.txt", "system.json", "system.out"])
def test_files_like_those_of_the_shared_task_are_scored(name: str, tmp_path: Path) -> None:
    dice = random.Random(name)
    corpus = load_corpus(WNUT)
    gold = corpus.test
    places = [corpus.place("test", index) for index in range(len(gold))]
    sentences, lines = [], []
    for document in gold:
        tags = tags_of(document)
        guessed = [
            dice.choice(["O", "I-person", "B-location", "I-group"]) if dice.random() < 0.1 else tag
            for tag in tags
        ]
        words = [document.surface(token) for token in document.tokens or ()]
        sentences.append(list(zip(words, tags, guessed, strict=True)))
        lines += [f"{changed(word)}\tX\t{tag}" for word, tag in zip(words, guessed, strict=True)]
        lines.append("")
    path = tmp_path / name
    path.write_bytes("\r\n".join(lines).encode())
    alignment = align_file(gold, places, path, gold_scheme=TagScheme.IOB2)
    evaluation = evaluated(alignment, reading="lenient")
    assert evaluation.is_conlleval
    assert evaluation.overall == by_conlleval(sentences)
    assert evaluation.scores.surface == surface_of_wnut(sentences)
    assert evaluation.scores.surface.gold == 955  # as the corpus says of itself
    kinds = {each.what: each.count for each in alignment.repairs}
    assert kinds["tokens that differ from the gold ones"] == sum(
        word.lower() != changed(word) for rows in sentences for word, _, _ in rows
    )


def tags_of(document: Document) -> list[str]:
    tokens = document.tokens or ()
    tags = ["O"] * len(tokens)
    for entity in document.entities:
        inside = [i for i, t in enumerate(tokens) if entity.start <= t.start < entity.end]
        tags[inside[0]] = f"B-{entity.label}"
        for index in inside[1:]:
            tags[index] = f"I-{entity.label}"
    return tags


def changed(word: str) -> str:
    """A token as a system for tweets may write it."""
    if word.startswith("@"):
        return "<user>"
    return re.sub(r"\d", "0", "<url>" if word.startswith("http") else word.lower())


def test_a_file_without_tags_has_one_reading(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(
        "".join(f'{{"text": "{each.text}", "entities": [[0, 3, "p"]]}}\n' for each in GOLD)
    )
    alignment = align_file(GOLD, PLACES, path)
    assert alignment.read("strict") == alignment.read("lenient")
    assert evaluated(alignment, reading="lenient").other_reading is None
