"""Alignment: combinations of harmless faults in a column file change no entity."""

from __future__ import annotations

import html
import itertools
import random
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignments import (
    column_document,
    repairs_of,
)
from nerine.evaluation.alignment import align_file
from strategies import ranges

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
    """The content of a column file: tokens and tags of its rows, and what separates them."""

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
    """Adds faults that change no entity to a sheet, and returns their names."""
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
    alignment = align_file(gold, ["gold"] * len(gold), path)
    assert alignment.predicted == alignment.lenient == tuple(gold)
    counted = repairs_of(alignment)
    assert ("last lines that are missing, read as O" in counted) == ("last line" in done)
    assert ("lines that end with a carriage return" in counted) == (
        "\r" in sheet.end and sheet.content().count(b"\r") > 0
    )
    breaks = sheet.breaks - {0} != set(first) - {0}
    assert ("sentence breaks in other places" in counted) == breaks
