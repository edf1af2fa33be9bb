"""Everything that can be said of one prediction: scores, how sure they are, why they are so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nerine.core.document import Document
from nerine.evaluation.error_analysis import Analysis, analyse
from nerine.evaluation.metrics import Counts, Scores, Signature, breakdowns, score
from nerine.evaluation.significance import ScoreIntervals, score_intervals
from nerine.evaluation.significance.intervals import LEVEL, SAMPLES


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The scores of one prediction and what explains them.

    Attributes:
        evaluation: Strict and partial scores, over all labels and for each.
        lenient: What conlleval's reading (Tjong Kim Sang & Buchholz, 2000) finds in predicted tags
            that break their scheme; None where there are none.
        intervals: How sure the strict scores are.
        breakdowns: Counts by kinds of entity: a title, then the kinds.
        analysis: What became of each entity.
        signature: What was counted over, in one line.
    """

    evaluation: Scores
    lenient: Counts | None
    intervals: ScoreIntervals
    breakdowns: Mapping[str, Mapping[str, Counts]]
    analysis: Analysis
    signature: Signature

    def to_dict(self) -> dict[str, Any]:
        """For JSON: scores from 0 to 1."""
        return {
            **self.evaluation.to_dict(),
            "lenient": None if self.lenient is None else self.lenient.to_dict(),
            "intervals": self.intervals.to_dict(),
            "breakdowns": {
                title: {name: counts.to_dict() for name, counts in kinds.items()}
                for title, kinds in self.breakdowns.items()
            },
            "analysis": self.analysis.to_dict(),
            "signature": str(self.signature),
        }


def evaluate_predictions(
    gold: Sequence[Document],
    predicted: Sequence[Document],
    *,
    lenient: Sequence[Document] | None = None,
    train: Sequence[Document] | None = None,
    split: str = "all",
    scheme: str | None = None,
    level: float = LEVEL,
    samples: int = SAMPLES,
    seed: int = 0,
) -> Evaluation:
    """Scores documents that stand side by side and have the same texts.

    Args:
        gold: The documents with the right entities.
        predicted: The same documents with those that were found.
        lenient: The predicted documents by conlleval's reading (Tjong Kim Sang & Buchholz, 2000),
            where it differs.
        train: The documents whose entities count as seen; without them nothing is said of that.
        split: The split's name, for the signature.
        scheme: The tag scheme, for the signature; None where entities never were tags.
        level: The probability with which an interval is to hold the true score, between 0 and 1.
        samples: How many resamples of the documents the intervals are made of.
        seed: The seed of the resamples.

    Returns:
        The scores, their intervals, and what explains them.

    Raises:
        CorpusError: Where the documents do not belong to each other.
        SettingsError: For a level or a number of samples out of its range.
    """
    return Evaluation(
        evaluation=score(gold, predicted),
        lenient=None if lenient is None else score(gold, lenient).overall,
        intervals=score_intervals(gold, predicted, level=level, samples=samples, seed=seed),
        breakdowns=breakdowns(gold, predicted, train),
        analysis=analyse(gold, predicted),
        signature=Signature.of(gold, split=split, scheme=scheme),
    )
