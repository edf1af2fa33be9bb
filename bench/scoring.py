"""Speed of scoring: Nerine against seqeval, on random corpora.

python -m bench.scoring [tokens] [rounds]

Sentences have 5 to 35 tokens; an entity of one to three tokens begins at one token in twenty; of
the predicted tags, three in a hundred were replaced at random. seqeval reports in its strict
mode, and so do both sides of Nerine, which count more besides: boundaries, partial schemas and,
of documents, surface forms. All run in one thread, in turn, timed in processor time; the first
round is a warm-up.
"""

from __future__ import annotations

import platform
import random
import sys
import time
from collections.abc import Callable
from importlib.metadata import version

from seqeval.metrics import classification_report
from seqeval.scheme import IOB2

from bench.timing import print_rates, processor, rates
from nerine.core.document import Document
from nerine.core.tags import TagScheme
from nerine.data.formats.tagged_words import entities_from_spans
from nerine.evaluation.metrics import score, score_tags

PEER = "seqeval"
_LABELS = ("person", "location", "corporation", "product", "creative-work", "group")
_TAGS = TagScheme.IOB2.tags(_LABELS)

Tags = list[list[str]]


def random_tags(tokens: int, dice: random.Random) -> tuple[Tags, Tags]:
    """Gold and predicted tags of about `tokens` tokens."""
    gold: Tags = []
    predicted: Tags = []
    while tokens > 0:
        gold.append(_sentence(dice.randint(5, 35), dice))
        predicted.append([_replaced(tag, dice) for tag in gold[-1]])
        tokens -= len(gold[-1])
    return gold, predicted


def _sentence(length: int, dice: random.Random) -> list[str]:
    tags: list[str] = []
    while len(tags) < length:
        if dice.random() < 0.05:
            label = dice.choice(_LABELS)
            tags += [f"B-{label}"] + [f"I-{label}"] * dice.randrange(3)
        else:
            tags.append("O")
    return tags[:length]


def _replaced(tag: str, dice: random.Random) -> str:
    return dice.choice(_TAGS) if dice.random() < 0.03 else tag


def documents(sentences: Tags) -> list[Document]:
    """Documents of tokens, with the entities that the tags mean."""
    found = []
    for tags in sentences:
        blank = Document.from_tokens([f"word{index}" for index in range(len(tags))])
        entities = entities_from_spans(blank.tokens or (), TagScheme.IOB2.decode(tags))
        found.append(blank.with_entities(entities))
    return found


def main() -> None:
    """Prints how fast each side is, and how often the peer's rate that is."""
    numbers = [int(argument) for argument in sys.argv[1:]]
    tokens, rounds = [*numbers, *(1_000_000, 5)[len(numbers) :]]
    gold, predicted = random_tags(tokens, random.Random(0))
    sides = [documents(each) for each in (gold, predicted)]
    _check(gold, predicted, sides)
    work: dict[str, Callable[[], object]] = {
        PEER: lambda: _report(gold, predicted),
        "nerine, score (documents)": lambda: score(*sides),
        "nerine, score_tags (tags)": lambda: score_tags(gold, predicted),
    }
    count = sum(len(tags) for tags in gold)
    measured = rates(
        {name: _ready(each) for name, each in work.items()}, count, rounds, time.process_time
    )
    packages = ("nerine", "seqeval", "numpy", "scikit-learn")
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    print(f"{processor()}, Python {platform.python_version()}, {versions}")
    title = f"Scoring {count:,} tokens in {len(gold):,} sentences, {rounds} rounds"
    print_rates(title, "tokens a second of processor time", measured, PEER)


def _report(gold: Tags, predicted: Tags) -> dict[str, dict[str, float]]:
    report: dict[str, dict[str, float]] = classification_report(
        gold, predicted, mode="strict", scheme=IOB2, output_dict=True, zero_division=0
    )
    return report


def _ready(work: Callable[[], object]) -> Callable[[], Callable[[], object]]:
    return lambda: work


def _check(gold: Tags, predicted: Tags, sides: list[list[Document]]) -> None:
    """All three give the same figures, or there is nothing to compare."""
    expected = _report(gold[:2000], predicted[:2000])["micro avg"]["f1-score"]
    for result in (
        score(*(each[:2000] for each in sides)),
        score_tags(gold[:2000], predicted[:2000]),
    ):
        if abs(result.overall.f1 - expected) > 1e-12:
            sys.exit(f"F1 is {result.overall.f1}, and {expected} by seqeval")


if __name__ == "__main__":
    main()
