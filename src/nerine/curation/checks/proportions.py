"""Rules about numbers: empty documents, missing splits, rare labels."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

from nerine.core.display import counted, quoted
from nerine.curation.checks.findings import Remark, Spot
from nerine.curation.checks.rule import Rule
from nerine.curation.checks.view import View
from nerine.data.split_files import SPLITS

FEWEST_OF_LABEL = 20
"""A label with fewer training entities is rare."""
FEWEST_TO_SCORE = 100
"""With fewer entities a score says little."""
_IMBALANCE = 20
_MOSTLY, _FAR_APART = 0.75, 0.15


def empty_documents(view: View) -> Iterator[Remark]:
    """Documents of white space alone."""
    for split, index, document in view.documents():
        if not document.text.strip():
            yield Remark(f"the text {quoted(document.text)} is empty", Spot(split, index))


def without_entities(view: View) -> Iterator[Remark]:
    """The share of documents without entities, if it is large or unlike that of training."""
    shares = {
        split: sum(not each.entities for each in documents) / len(documents)
        for split, documents in view.corpus.splits.items()
        if documents
    }
    for split, share in shares.items():
        if share == 1:
            continue  # another rule's finding
        if abs(share - shares.get("train", share)) > _FAR_APART:
            compared = f", {shares['train']:.0%} in the training split"
        elif share > _MOSTLY:
            compared = ""
        else:
            continue
        documents = view.corpus.splits[split]
        number = sum(not each.entities for each in documents)
        yield Remark(
            f"{number:,} of {len(documents):,} documents of the {split} split have no entity "
            f"({share:.0%}{compared})",
            Spot(split),
        )


def splits_without_labels(view: View) -> Iterator[Remark]:
    """Splits without entities or without documents."""
    for split, documents in view.corpus.splits.items():
        if not documents:
            yield Remark(f"the {split} split is empty", Spot(split))
        elif not any(each.entities for each in documents):
            yield Remark(f"no document of the {split} split has an entity", Spot(split))


def missing_splits(view: View) -> Iterator[Remark]:
    """Splits that the corpus does not have."""
    missing = [split for split in SPLITS if split not in view.corpus.splits]
    uses = {"train": "train on", "validation": "choose by", "test": "report scores on"}
    for split in missing:
        yield Remark(f"there is no {split} split to {uses[split]}", Spot())


def small_splits(view: View) -> Iterator[Remark]:
    """Splits with so few entities that their scores say little."""
    for split, documents in view.corpus.splits.items():
        number = sum(len(each.entities) for each in documents)
        if split != "train" and 0 < number < FEWEST_TO_SCORE:
            # half a 95 % interval of a share of one half, in its normal approximation
            points = 100 * 1.96 * math.sqrt(0.25 / number)
            yield Remark(
                f"the {split} split has {_entities(number)}: a recall of 0.5 is known to "
                f"within {points:.0f} points only",
                Spot(split),
            )


def rare_labels(view: View) -> Iterator[Remark]:
    """Labels with few entities to learn from."""
    learned = _learned_from(view)
    for label, number in _counts(view, learned).items():
        if 0 < number < FEWEST_OF_LABEL:
            where = f"the {learned} split" if learned else "the corpus"
            yield Remark(f"{quoted(label)} has {_entities(number)} in {where}", Spot(learned))


def imbalanced_labels(view: View) -> Iterator[Remark]:
    """A label that is far more frequent than another one."""
    learned = _learned_from(view)
    counts = {label: number for label, number in _counts(view, learned).items() if number}
    if len(counts) < 2:
        return
    most, least = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    if counts[most] > _IMBALANCE * counts[least]:
        message = (
            f"{quoted(most)} has {_entities(counts[most])}, {quoted(least)} has {counts[least]:,}"
        )
        yield Remark(message, Spot(learned))


def absent_labels(view: View) -> Iterator[Remark]:
    """Training labels that a split lacks: it cannot give scores for them."""
    for split, documents in view.corpus.splits.items():
        present = {entity.label for each in documents for entity in each.entities}
        for label in view.corpus.labels if present else ():
            if label not in present:
                yield Remark(f"the {split} split has no {quoted(label)}", Spot(split))


def _learned_from(view: View) -> str | None:
    return "train" if "train" in view.corpus.splits else None


def _counts(view: View, split: str | None) -> Counter[str]:
    return Counter(each.entity.label for each in view.mentions if split in (None, each.split))


def _entities(number: int) -> str:
    return counted(number, "entity", "entities")


RULES = (
    Rule("missing-split", "note", "a split that is not there", missing_splits),
    Rule("unlabelled-split", "error", "a split without any entity", splits_without_labels),
    Rule("small-split", "warning", "a split whose scores would say little", small_splits),
    Rule("empty-document", "warning", "a text of nothing but white space", empty_documents),
    Rule(
        "documents-without-entities",
        "note",
        "many documents without entities, or another share than in training",
        without_entities,
    ),
    Rule("rare-label", "warning", "a label with few entities to learn from", rare_labels),
    Rule("label-imbalance", "note", "a label far more frequent than another", imbalanced_labels),
    Rule("absent-label", "warning", "a training label that another split lacks", absent_labels),
)
