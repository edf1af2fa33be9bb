"""How much of what is to be replaced a redactor replaces, by a labelled sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nerine.core.arguments import checked
from nerine.core.document import Document, Entity
from nerine.core.errors import CorpusError
from nerine.evaluation.significance import Interval, share_interval
from nerine.serving.files.written import Change
from nerine.serving.redaction.redactor import Redactor


@dataclass(frozen=True, slots=True)
class RedactionRecall:
    """The share of gold entities that are replaced from their first to their last character.

    Their labels do not matter: a person that was taken for a location is gone as well.

    Attributes:
        replaced: How many gold entities are replaced.
        gold: How many there are.
        interval: The 95% confidence interval of their share in all texts of this kind.
        labels: The two numbers for each gold label.
        documents: The number of documents of the sample.
    """

    replaced: int
    gold: int
    interval: Interval
    labels: Mapping[str, tuple[int, int]]
    documents: int

    @property
    def recall(self) -> float:
        """The share, from 0 to 1."""
        return self.replaced / self.gold

    def to_dict(self) -> dict[str, Any]:
        """The figures for JSON."""
        pairs = {label: {"replaced": n, "gold": of} for label, (n, of) in self.labels.items()}
        return {
            "recall": self.recall,
            "interval": [self.interval.low, self.interval.high],
            "replaced": self.replaced,
            "gold": self.gold,
            "documents": self.documents,
            "labels": pairs,
        }


@checked
def redaction_recall(redactor: Redactor, documents: Sequence[Document]) -> RedactionRecall:
    """Estimates the recall of a redactor on a labelled sample.

    Entities with a label that the redactor keeps are left out. The interval is right for texts of
    the sample's kind, if the sample was drawn by chance and the model has not seen it.

    Args:
        redactor: The redactor.
        documents: Documents with their gold entities.

    Returns:
        The recall and its interval.

    Raises:
        ArgumentError: If an argument has another type.
        CorpusError: If the sample has no entity that is to be replaced.
        NerineError: As `Tagger.predict` does.
    """
    replaced: list[int] = []
    gold: list[int] = []
    labels: dict[str, tuple[int, int]] = {}
    for document, found in zip(documents, redactor.tagger.predict(documents), strict=True):
        changes = redactor.changes(found)
        due = [each for each in document.entities if redactor.how.get(each.label) != "keep"]
        gone = [_is_gone(document.text, each, changes) for each in due]
        for each, is_gone in zip(due, gone, strict=True):
            number, of = labels.get(each.label, (0, 0))
            labels[each.label] = number + is_gone, of + 1
        replaced.append(sum(gone))
        gold.append(len(due))
    if not sum(gold):
        raise CorpusError(
            "the sample has no entity that would be replaced",
            expected="labelled texts of the kind that is redacted",
        )
    interval = share_interval(replaced, gold)
    ordered = dict(sorted(labels.items()))
    return RedactionRecall(sum(replaced), sum(gold), interval, ordered, len(gold))


def _is_gone(text: str, entity: Entity, changes: Sequence[Change]) -> bool:
    """Whether nothing of an entity but white space is left."""
    at = entity.start
    for each in changes:
        if each.end <= at or each.start >= entity.end:
            continue
        if text[at : each.start].strip():
            return False
        at = each.end
    return not text[at : entity.end].strip()
