"""The cases of transformers' own tests of `pipeline("ner")`, by the pipeline and by Nerine.

Each model is a dictionary model with the opinions that the case's model has, as far as its test
states them. `docs/pipeline-cases.md` shows the results.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from transformers import pipeline

from dictionary import Opinion, make_dictionary
from nerine.core.document import Document
from nerine.model.tagger import Tagger
from places import ROOT

PAGE = ROOT / "docs" / "pipeline-cases.md"
STRATEGIES = ("simple", "first", "average", "max")
TAGS = ("O", *(f"{kind}-{label}" for label in ("PER", "LOC", "ORG", "MISC") for kind in "BI"))

pytestmark = pytest.mark.filterwarnings("ignore:Tokenizer does not support real words")


@dataclass(frozen=True)
class Case:
    """A case: a dictionary model, a text, and what a reader marks in it."""

    name: str
    text: str | Sequence[str]
    opinions: Mapping[str, Opinion]
    right: Sequence[tuple[str, str]]
    kind: str = "bert"
    window: int = 512
    tags: Sequence[str] = TAGS
    id2label: Mapping[int, str] | None = None
    loading: Mapping[str, Any] = field(default_factory=dict)
    calling: Mapping[str, Any] = field(default_factory=dict)


CHUNKED = "The company, based in New York City was founded in 2016 by French entrepreneurs"
CITY: Mapping[str, Opinion] = {
    "New": "B-LOC",
    **dict.fromkeys(("York", "City"), "I-LOC"),
    "French": "B-MISC",
    **dict.fromkeys(("The", "company", "based", "in", "was", "founded", "2016", "by"), "O"),
    "entrepreneurs": "O",
}
CITIES = [("New York City", "LOC"), ("French", "MISC")]
CASES = (
    Case(
        "spanish_bert",
        "Consuelo Araújo Noguera con Andrés Pastrana y las Farc",
        {
            "Cons": "B-PER",
            "uelo": {"B-PER": 0.803, "I-PER": 0.19},
            **dict.fromkeys(("Araújo", "Noguera", "Pastrana"), "I-PER"),
            "Andrés": "B-PER",
            "Far": "B-ORG",
            "##c": {"O": 0.9, "B-ORG": 0.085},
        },
        [("Consuelo Araújo Noguera", "PER"), ("Andrés Pastrana", "PER"), ("Farc", "ORG")],
    ),
    Case(
        "dbmdz_english",
        "Enzo works at the UN",
        {"En": "I-PER", "zo": "I-PER", "UN": "I-ORG"},
        [("Enzo", "PER"), ("UN", "ORG")],
        loading={"scheme": "IOB1"},
    ),
    Case(
        "aggregation_strategy_byte_level_tokenizer",
        "Groenlinks praat over Schiphol.",
        {"Groen": "I-ORG", "links": "I-ORG", "Schip": "I-LOC", "hol": "I-LOC"},
        [("Groenlinks", "ORG"), ("Schiphol", "LOC")],
        kind="xlm-roberta",
        loading={"scheme": "IOB1"},
    ),
    Case(
        "aggregation_strategy_no_b_i_prefix",
        "Enzo and UN",
        {"En": "I-LOC", "zo": "I-LOC", "UN": "I-ORG"},
        [("Enzo", "LOC"), ("UN", "ORG")],
        tags=("O", "I-MISC", "I-PER", "I-ORG", "I-LOC"),
        id2label=dict(enumerate(("O", "MISC", "PER", "ORG", "LOC"))),
        loading={"tags": ["O", "I-MISC", "I-PER", "I-ORG", "I-LOC"]},
    ),
    Case(
        "aggregation_strategy",
        "Enzo and UN",
        {"En": "I-PER", "zo": "I-PER", "UN": "B-ORG"},
        [("Enzo", "PER"), ("UN", "ORG")],
        loading={"decoding": "argmax"},
    ),
    Case(
        "aggregation_strategy_example2",
        "Ramazotti",
        {
            "Ra": {"B-MISC": 0.55, "B-PER": 0.45},
            "ma": {"B-PER": 0.2, "B-LOC": 0.8},
            "zotti": {"B-PER": 0.4, "I-ORG": 0.6},
        },
        [("Ramazotti", "PER")],
    ),
    Case(
        "aggregation_strategy_offsets_with_leading_space",
        "We're from New York",
        {"New": "B-LOC", "York": "I-LOC"},
        [("New York", "LOC")],
        kind="camembert",
    ),
    Case(
        "word_heuristic_leading_space",
        "I play the theremin",
        {**dict.fromkeys(("I", "play", "the"), "O"), "there": "B-MISC", "min": "I-MISC"},
        [("theremin", "MISC")],
        kind="xlm-roberta",
    ),
    Case(
        "gather_pre_entities", "Hello there", {"Hello": "B-MISC", "there": "O"}, [("Hello", "MISC")]
    ),
    Case(
        "simple",
        "Hello Sarah Jessica Parker who Jessica lives in New York",
        {
            "Sarah": "B-PER",
            "Jessica": {"I-PER": 0.55, "B-PER": 0.44},
            "Parker": "I-PER",
            "New": "B-LOC",
            "York": "I-LOC",
        },
        [("Sarah Jessica Parker", "PER"), ("Jessica", "PER"), ("New York", "LOC")],
    ),
    Case("chunking_fast, no stride", CHUNKED, CITY, CITIES, window=12),
    Case("chunking_fast, stride 4", CHUNKED, CITY, CITIES, window=12, calling={"stride": 4}),
    Case("chunking_fast, stride 1", CHUNKED, CITY, CITIES, window=9, calling={"stride": 1}),
    Case(
        "split words",
        ["Hello", "Sarah", "lives", "in", "New", "York"],
        {"Sarah": "B-PER", "New": "B-LOC", "York": "I-LOC"},
        [("Sarah", "PER"), ("New York", "LOC")],
        calling={"is_split_into_words": True, "delimiter": " "},
    ),
    Case(
        "split words, with a sign inside",
        ["Mr.Smith", "left"],
        {"Mr": "O", "Smith": "B-PER", "left": "O"},
        [("Smith", "PER")],
        kind="roberta",
        calling={"is_split_into_words": True, "delimiter": " "},
    ),
)

Found = list[tuple[str, str]]


def by_pipeline(case: Case, folder: Path, strategy: str) -> Found:
    """The entities of the pipeline, as surfaces and labels."""
    classify: Any = pipeline("token-classification", str(folder), aggregation_strategy=strategy)
    words = case.text
    if isinstance(words, str):
        text, found = words, classify(words, **case.calling)
    else:
        text, found = " ".join(words), classify([list(words)], **case.calling)[0]
    return [(text[each["start"] : each["end"]], each["entity_group"]) for each in found]


def by_nerine(case: Case, folder: Path) -> Found:
    """Our entities, likewise."""
    tagger = Tagger.load(folder, **case.loading)
    text = case.text
    document = tagger(text if isinstance(text, str) else Document.from_tokens(text))
    return [(document.surface(entity), entity.label) for entity in document.entities]


def shown(found: Found) -> str:
    return " ".join(f"`{name}` {label}" for name, label in found) or "nothing"


def grouped(results: Mapping[str, Found]) -> str:
    """The results of the strategies; those with the same one together."""
    names: dict[str, list[str]] = {}
    for strategy, found in results.items():
        names.setdefault(shown(found), []).append(strategy)
    if len(names) == 1:
        return next(iter(names))
    return "; ".join(f"*{', '.join(strategies)}:* {found}" for found, strategies in names.items())


def verdict(case: Case, results: Mapping[str, Found], ours: Found) -> str:
    """Whose result is what a reader marks."""
    right = list(case.right)
    strategies = [strategy for strategy, found in results.items() if found == right]
    theirs = "all" if len(strategies) == len(STRATEGIES) else ", ".join(strategies)
    return ", ".join([*(["Nerine"] if ours == right else []), *([theirs] if theirs else [])])


@pytest.fixture(scope="module")
def results(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[Case], tuple[dict[str, Found], Found]]:
    """Runs a case, once."""
    known: dict[str, tuple[dict[str, Found], Found]] = {}

    def run(case: Case) -> tuple[dict[str, Found], Found]:
        if case.name not in known:
            folder = make_dictionary(
                tmp_path_factory.mktemp("case"),
                case.opinions,
                case.tags,
                kind=case.kind,
                texts=[" ".join(case.text)],
                window=case.window,
                id2label=case.id2label,
            )
            theirs = {strategy: by_pipeline(case, folder, strategy) for strategy in STRATEGIES}
            known[case.name] = theirs, by_nerine(case, folder)
        return known[case.name]

    return run


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_ours_is_what_a_reader_marks(case: Case, results: Any) -> None:
    theirs, ours = results(case)
    assert ours == list(case.right), theirs


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_page_shows_both_results(case: Case, results: Any) -> None:
    theirs, ours = results(case)
    text = case.text if isinstance(case.text, str) else " · ".join(case.text)
    cells = [case.name, text, grouped(theirs), shown(ours), verdict(case, theirs, ours)]
    row = f"| {' | '.join(cells)} |"
    assert row in PAGE.read_text(encoding="utf-8").splitlines()


def test_the_page_has_no_other_rows() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    table = [line for line in lines[: lines.index("## Cases without a table")] if line[:2] == "| "]
    names = [re.split(r" \| ", line.strip("| "))[0] for line in table[1:]]
    assert names == [case.name for case in CASES]
