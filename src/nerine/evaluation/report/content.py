"""The content of a report, and the report as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from nerine.core.document import Document, Entity, surface_form, surface_forms
from nerine.core.tags import Reading
from nerine.evaluation.calibration import ReliabilityDiagram, reliability_diagram
from nerine.evaluation.contamination import UNRECORDED, Contamination
from nerine.evaluation.epochs import EpochRecord, best_record
from nerine.evaluation.error_analysis import Outcome
from nerine.evaluation.evaluate import Evaluation, evaluate_predictions
from nerine.evaluation.metrics import Scores
from nerine.evaluation.significance.intervals import FEW_DOCUMENTS

FEW = f"With fewer than {FEW_DOCUMENTS} documents the intervals are too narrow."
NO_SCORES = (
    "There is no calibration to show: it needs predicted entities that all have a probability."
)
NO_TRAIN = "Names seen and unseen in training are not told apart: the corpus has no training split."
NO_EPOCHS = (
    "Nothing is known of the training: the predictions come from a file, or the folder of the "
    "checkpoint has no epochs.json."
)


@dataclass(frozen=True)
class Report:
    """Scores, documents and training history that a report shows.

    Attributes:
        title: The report's title.
        checkpoint: The checkpoint or file that the predictions come from, as the user named it.
        corpus: The corpus, as the user named it.
        split: The split's name.
        evaluation: Scores, intervals, breakdowns and error analysis.
        gold: The documents with their gold entities.
        predicted: The same documents with the predicted entities.
        reliability: Calibration of the entities' scores (DeGroot & Fienberg, 1983); None unless
            there are predicted entities and all have a score.
        epochs: Epochs of the run that made the checkpoint; None if they are unknown.
        seen: Case-folded surface forms of the training split; None without such a split.
        places: Each document's place, as `file:line`; empty if the places are unknown.
        notes: How the documents were read, as far as the reader should know.
    """

    title: str
    checkpoint: str
    corpus: str
    split: str
    evaluation: Evaluation
    gold: tuple[Document, ...]
    predicted: tuple[Document, ...]
    reliability: ReliabilityDiagram | None
    epochs: tuple[EpochRecord, ...] | None = None
    seen: frozenset[str] | None = None
    places: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def scores(self) -> Scores:
        """Strict and partial scores."""
        return self.evaluation.scores

    @property
    def best_epoch(self) -> int | None:
        """Index in `epochs` of the record whose weights the checkpoint keeps."""
        return self.epochs.index(best_record(self.epochs)) if self.epochs else None

    def place(self, document: int) -> str:
        """A document's place, or its number from 0 if the places are unknown."""
        return self.places[document] if self.places else f"document {document}"

    def is_seen(self, outcome: Outcome) -> bool | None:
        """Whether training has seen all names of an outcome; None if that is unknown.

        The names are the gold surface forms, or the predicted ones if no entity is gold.
        """
        if self.seen is None:
            return None
        document = self.gold[outcome.document]
        entities = outcome.gold or outcome.predicted
        return all(surface_form(document, entity) in self.seen for entity in entities)

    @property
    def seen_texts(self) -> str:
        """How many of the texts the checkpoint has seen, as a sentence."""
        return str(self.evaluation.contamination or UNRECORDED)

    @property
    def is_contaminated(self) -> bool:
        """Whether the checkpoint was trained on at least half of the texts."""
        return self.evaluation.contamination is not None and self.evaluation.contamination.is_grave

    @cached_property
    def remarks(self) -> tuple[str, ...]:
        """The notes, and the parts that this report lacks."""
        holds = {
            FEW: len(self.gold) < FEW_DOCUMENTS,
            NO_SCORES: self.reliability is None,
            NO_TRAIN: self.seen is None,
            NO_EPOCHS: self.epochs is None,
        }
        return (*self.notes, *(text for text, is_so in holds.items() if is_so))

    def to_dict(self) -> dict[str, Any]:
        """The report for JSON.

        Outcomes refer to documents by index, from 0, and to entities by code points.
        """
        seen = self.evaluation.contamination
        return {
            "contamination": None if seen is None else seen.to_dict(),
            "title": self.title,
            "checkpoint": self.checkpoint,
            "corpus": self.corpus,
            "split": self.split,
            **self.evaluation.to_dict(),
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
    reading: Reading = "strict",
    is_conlleval: bool = False,
    epochs: Sequence[EpochRecord] | None = None,
    places: Sequence[str] = (),
    notes: Sequence[str] = (),
    contamination: Contamination | None = None,
    **sampling: Any,
) -> Report:
    """The report on predicted documents.

    Args:
        gold: The documents with their gold entities.
        predicted: The same documents with the predicted entities.
        title: As in `Report`, like the other arguments that are not named here.
        scheme, train, lenient, reading, is_conlleval, contamination, sampling: As in
            `evaluate_predictions`.

    Raises:
        CorpusError: If the texts of `gold` and `predicted` differ.
    """
    evaluation = evaluate_predictions(
        gold,
        predicted,
        lenient=lenient,
        reading=reading,
        is_conlleval=is_conlleval,
        train=train,
        split=split,
        scheme=scheme,
        contamination=contamination,
        **sampling,
    )
    if reading == "lenient" and lenient is not None:
        predicted = lenient
    scores = [entity.score for each in predicted for entity in each.entities]
    return Report(
        title=title,
        checkpoint=checkpoint,
        corpus=corpus,
        split=split,
        evaluation=evaluation,
        gold=tuple(gold),
        predicted=tuple(predicted),
        reliability=reliability_diagram(gold, predicted) if scores and None not in scores else None,
        epochs=None if epochs is None else tuple(epochs),
        seen=None if train is None else frozenset(surface_forms(train)),
        places=tuple(places),
        notes=tuple(notes),
    )


def _entities(entities: Iterable[Entity]) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in asdict(entity).items() if value is not None}
        for entity in entities
    ]
