"""Everything that can be said of one prediction: scores, how sure they are, why they are so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nerine.analysis import Analysis, analyse
from nerine.certainty import ScoreIntervals, score_intervals
from nerine.certainty.intervals import LEVEL, SAMPLES
from nerine.document import Document
from nerine.metrics import Counts, Evaluation, Signature, breakdowns, score


@dataclass(frozen=True, slots=True)
class Assessment:
    """The scores of one prediction and what explains them.

    `lenient` counts what conlleval's reading finds in predicted tags that break their scheme;
    None where there are none. `breakdowns` are counts by kinds of entity.
    """

    evaluation: Evaluation
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


def assess(
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
) -> Assessment:
    """Scores documents that stand side by side and have the same texts.

    `lenient` are the predicted documents by conlleval's reading, where it differs; `train` are
    those whose entities count as seen; `split` and `scheme` go into the signature.
    """
    return Assessment(
        evaluation=score(gold, predicted),
        lenient=None if lenient is None else score(gold, lenient).overall,
        intervals=score_intervals(gold, predicted, level=level, samples=samples, seed=seed),
        breakdowns=breakdowns(gold, predicted, train),
        analysis=analyse(gold, predicted),
        signature=Signature.of(gold, split=split, scheme=scheme),
    )
