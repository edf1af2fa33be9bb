"""What a report holds, whatever it is shown as."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nerine.core.document import Document, Entity, surface_form, surface_forms
from nerine.evaluation.assessment import Evaluation, evaluate_predictions
from nerine.evaluation.calibration import Reliability, reliability
from nerine.evaluation.error_analysis import Analysis, Outcome
from nerine.evaluation.metrics import Counts, Scores
from nerine.evaluation.significance import ScoreIntervals
from nerine.evaluation.significance.intervals import FEW_DOCUMENTS

if TYPE_CHECKING:
    from nerine.evaluation.epochs import EpochRecord  # without torch, which a report does not need

FEW = f"With fewer than {FEW_DOCUMENTS} documents the intervals are too narrow."
NO_SCORES = (
    "There is no calibration to show: it needs predicted entities that all have a probability."
)
NO_TRAIN = (
    "Seen and unseen names are not told apart: there is no training split beside these documents."
)
NO_EPOCHS = (
    "Nothing is known of the training: the predictions come from a file, or the folder of the "
    "checkpoint has no epochs.json."
)


@dataclass(frozen=True)
class Report:
    """Everything that is known of predictions over a split of a corpus.

    - `checkpoint`, `corpus`, `split`: what was scored on what, as the user named them.
    - `assessment`: all scores and what explains them.
    - `gold`, `predicted`: documents side by side, with the same texts.
    - `reliability`: of the scores (DeGroot & Fienberg, 1983); None unless there are predicted
      entities and all have a score.
    - `epochs`: of the run that made the checkpoint; None where they are not known.
    - `seen`: surface forms of the training split, case-folded; None without such a split.
    - `places`: where each document stands, as `file:line`; empty where that is not known.
    - `notes`: what a reader should know of how the documents were read.
    """

    title: str
    checkpoint: str
    corpus: str
    split: str
    assessment: Evaluation
    gold: tuple[Document, ...]
    predicted: tuple[Document, ...]
    reliability: Reliability | None
    epochs: tuple[EpochRecord, ...] | None = None
    seen: frozenset[str] | None = None
    places: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def evaluation(self) -> Scores:
        """The scores."""
        return self.assessment.evaluation

    @property
    def intervals(self) -> ScoreIntervals:
        """How sure the scores are."""
        return self.assessment.intervals

    @property
    def breakdowns(self) -> Mapping[str, Mapping[str, Counts]]:
        """Counts by kinds of entity."""
        return self.assessment.breakdowns

    @property
    def analysis(self) -> Analysis:
        """What became of each entity."""
        return self.assessment.analysis

    @property
    def best_epoch(self) -> int | None:
        """Which of `epochs` the checkpoint keeps: the first one with the highest F1."""
        if not self.epochs:
            return None
        scores = [record.f1 for record in self.epochs]
        return scores.index(max(scores))

    def place(self, document: int) -> str:
        """Where a document stands; its number from 0 if nothing more is known."""
        return self.places[document] if self.places else f"document {document}"

    def is_seen(self, outcome: Outcome) -> bool | None:
        """Whether all gold surface forms, or else all predicted ones, are in training."""
        if self.seen is None:
            return None
        document = self.gold[outcome.document]
        entities = outcome.gold or outcome.predicted
        return all(surface_form(document, entity) in self.seen for entity in entities)

    @cached_property
    def remarks(self) -> tuple[str, ...]:
        """The notes, and what the report cannot show."""
        holds = {
            FEW: len(self.gold) < FEW_DOCUMENTS,
            NO_SCORES: self.reliability is None,
            NO_TRAIN: self.seen is None,
            NO_EPOCHS: self.epochs is None,
        }
        return (*self.notes, *(text for text, is_so in holds.items() if is_so))

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON holds it.

        Outcomes name their documents by number, from 0, and entities by their ranges in code
        points.
        """
        return {
            "title": self.title,
            "checkpoint": self.checkpoint,
            "corpus": self.corpus,
            "split": self.split,
            **self.assessment.to_dict(),
            "calibration": None if self.reliability is None else self.reliability.to_dict(),
            "epochs": None if self.epochs is None else [each.to_dict() for each in self.epochs],
            "remarks": list(self.remarks),
            "documents": [
                {
                    "place": self.place(number),
                    "text": gold.text,
                    "gold": _entities(gold.entities),
                    "predicted": _entities(predicted.entities),
                }
                for number, (gold, predicted) in enumerate(
                    zip(self.gold, self.predicted, strict=True)
                )
            ],
        }


def make_report(
    gold: Sequence[Document],
    predicted: Sequence[Document],
    *,
    title: str,
    checkpoint: str,
    corpus: str,
    split: str,
    scheme: str | None = None,
    train: Sequence[Document] | None = None,
    lenient: Sequence[Document] | None = None,
    epochs: Sequence[EpochRecord] | None = None,
    places: Sequence[str] = (),
    notes: Sequence[str] = (),
    **sampling: Any,
) -> Report:
    """Counts, compares and sorts everything that a report shows.

    `gold` and `predicted` stand side by side and have the same texts; else `CorpusError`.
    `scheme`, `train`, `lenient` and `sampling` are those of `evaluate_predictions`; `train` tells
    which names training has seen.
    """
    assessment = evaluate_predictions(
        gold,
        predicted,
        lenient=lenient,
        train=train,
        split=split,
        scheme=scheme,
        **sampling,
    )
    scores = [entity.score for each in predicted for entity in each.entities]
    return Report(
        title=title,
        checkpoint=checkpoint,
        corpus=corpus,
        split=split,
        assessment=assessment,
        gold=tuple(gold),
        predicted=tuple(predicted),
        reliability=reliability(gold, predicted) if scores and None not in scores else None,
        epochs=None if epochs is None else tuple(epochs),
        seen=None if train is None else frozenset(surface_forms(train)),
        places=tuple(places),
        notes=tuple(notes),
    )


def _entities(entities: Iterable[Entity]) -> list[dict[str, Any]]:
    return [
        {
            "start": entity.start,
            "end": entity.end,
            "label": entity.label,
            **({} if entity.score is None else {"score": entity.score}),
        }
        for entity in entities
    ]
