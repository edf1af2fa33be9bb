"""For tests of reports: random and hostile documents, reports, and pages in a browser."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nerine.core.document import Document, Entity
from nerine.evaluation.epochs import EpochRecord
from nerine.evaluation.report import Report, make_report

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, ViewportSize

DESKTOP: ViewportSize = {"width": 1280, "height": 900}

LABELS = ("group", "location", "person", "product")
HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(2)>",
    "</script><script>alert(3)</script>",
    '"onmouseover=alert(4) x="',
    "'-alert(5)-'",
    "\u202egnirts\u2066",
    "nul\x00esc\x1b[31m",
    "</script x",
    "<!--<script x",
    "]]>",
    "&lt;b&gt;",
    "\ud800 half",
    "\uffff",
    "|a|`b`|<br>\n\n# c",
    "javascript:alert(6)",
    "\u2028line\u2029",
    "عنوان",
    "x" * 300,
)
_NAMES = ("Mira Okonjo", "Lisbon", "Quill 3", "Tandem Labs", "Oslo", "Ana", "The Long Road")
_WORDS = ("so", "she", "left", "the", "house", "and", "went", "on", "to", "see", "new", "towns")


def documents(count: int, seed: int = 0) -> tuple[list[Document], list[Document]]:
    """Random gold and predicted documents with several kinds of mistakes."""
    dice = random.Random(seed)
    gold = [_sentence(dice) for _ in range(count)]
    return gold, [_tagged(document, dice) for document in gold]


def _sentence(dice: random.Random) -> Document:
    parts = [dice.choice(_NAMES if dice.random() < 0.1 else _WORDS) for _ in range(20)]
    text = " ".join(parts)
    entities = []
    position = 0
    for part in parts:
        if part in _NAMES:
            label = LABELS[_NAMES.index(part) % len(LABELS)]
            entities.append(Entity(position, position + len(part), label))
        position += len(part) + 1
    return Document(text, tuple(entities))


def _tagged(document: Document, dice: random.Random) -> Document:
    found: list[Entity] = []
    for entity in document.entities:
        start, end, label, score = entity.start, entity.end, entity.label, dice.random()
        chance = dice.random()
        if chance < 0.3:
            continue
        if chance < 0.45:
            label = dice.choice(LABELS)
        if chance > 0.85:
            end = start + 2
        found.append(Entity(start, end, label, score))
    if dice.random() < 0.1 and not any(entity.start < 2 for entity in found):
        found.insert(0, Entity(0, 2, "group", 0.25))
    return document.with_entities(found)


def hostile_documents() -> tuple[list[Document], list[Document]]:
    """Texts and labels that try to be markup; each document has one wrong label."""
    gold, predicted = [], []
    for index, text in enumerate(HOSTILE):
        other = HOSTILE[(index + 1) % len(HOSTILE)]
        whole = f"see {text} there"
        end = 4 + len(text)
        gold.append(Document(whole, (Entity(4, end, text),)))
        predicted.append(Document(whole, (Entity(4, end, other, 0.5),)))
    return gold, predicted


def report(gold: list[Document], predicted: list[Document], **changes: Any) -> Report:
    """A report with all its sections."""
    given: dict[str, Any] = {
        "title": "a run",
        "checkpoint": "runs/a",
        "corpus": "a corpus",
        "split": "test",
        "train": gold[: len(gold) // 4],
        "epochs": epochs(3),
        "samples": 50,
    }
    return make_report(gold, predicted, **{**given, **changes})


def epochs(count: int) -> list[EpochRecord]:
    """Epochs of a run; the second one is the best."""
    return [
        EpochRecord(
            epoch=float(index + 1),
            step=10 * (index + 1),
            training_loss=1.0 / (index + 1),
            validation_loss=0.5,
            precision=0.7,
            recall=0.6,
            f1=0.65 if index == 1 else 0.6,
            accuracy=0.9,
            seconds=60.0 * (index + 1),
        )
        for index in range(count)
    ]


@contextlib.contextmanager
def opened(browser: Browser, path: Path, **options: Any) -> Iterator[Page]:
    """A page; asserts at the end that it logged nothing and requested no other file."""
    context = browser.new_context(**{"viewport": DESKTOP, "offline": True, **options})
    page = context.new_page()
    surprises: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: surprises.append(message.text))
    page.on("pageerror", lambda error: surprises.append(str(error)))
    page.on("dialog", lambda dialog: surprises.append(dialog.message))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    yield page
    assert surprises == []
    assert {*requests} == {path.as_uri()}
    context.close()
