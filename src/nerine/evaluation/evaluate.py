"""`evaluate` a tagger, or the predictions of any system: scores, intervals, error analysis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, get_args, runtime_checkable

from nerine.core.arguments import checked
from nerine.core.document import Document
from nerine.core.errors import SettingsError
from nerine.core.shown import Grid, Shown
from nerine.core.tags import Reading
from nerine.evaluation.calibration import Thresholds
from nerine.evaluation.contamination import Contamination, TrainingTexts
from nerine.evaluation.error_analysis import ErrorAnalysis, analyse_errors
from nerine.evaluation.metrics import Counts, Scores, Signature, breakdowns, score
from nerine.evaluation.metrics.counts import measures
from nerine.evaluation.plots import plot_confusion, plot_groups, plot_intervals
from nerine.evaluation.significance import ScoreIntervals, score_intervals
from nerine.evaluation.significance.intervals import LEVEL, SAMPLES, Interval

PlotKind = Literal["labels", "confusion", "lengths", "seen"]

READINGS: tuple[Reading, ...] = get_args(Reading)


@dataclass(frozen=True, slots=True)
class Evaluation(Shown):
    """Scores of one prediction over gold documents, their intervals and the error analysis.

    `str`, and a notebook, show how many of the texts the checkpoint has seen, if there is one, and
    a table of the strict scores of each label.

    Attributes:
        scores: Strict and partial scores, over all labels and for each.
        intervals: Confidence intervals of the strict scores.
        breakdowns: Strict counts by title of the breakdown and name of the group.
        analysis: The outcome of each entity.
        signature: The conditions of the scores. `signature.reading` is the reading of tags that
            all of these speak of.
        readings: The scores by each reading of the predicted tags; empty if no tag breaks its
            scheme, and both readings find the same entities.
        is_conlleval: Whether the lenient reading is that of the script conlleval.pl (Tjong Kim Sang
            & Buchholz, 2000), as it is for tags with `B-` and `I-` alone.
        contamination: How many of the texts the checkpoint has seen; None for predictions without
            a checkpoint.
    """

    scores: Scores
    intervals: ScoreIntervals
    breakdowns: Mapping[str, Mapping[str, Counts]]
    analysis: ErrorAnalysis
    signature: Signature
    readings: Mapping[Reading, Scores] = field(default_factory=dict)
    is_conlleval: bool = False
    contamination: Contamination | None = None

    @property
    def lenient(self) -> Counts | None:
        """Counts over all labels by the lenient reading; None if no tag breaks its scheme."""
        return self.readings["lenient"].overall if self.readings else None

    @property
    def other_reading(self) -> tuple[str, Counts] | None:
        """Name and counts of the reading that the scores do not speak of, if it differs."""
        for reading, scores in self.readings.items():
            if reading != self.signature.reading:
                by_conlleval = reading == "lenient" and self.is_conlleval
                by = "conlleval's" if by_conlleval else reading
                return f"{by} reading of tags", scores.overall
        return None

    @property
    def surfaces(self) -> list[tuple[str, Counts]]:
        """Names of ways to count surface forms, and the counts.

        The shared task WNUT 2017 reads tags leniently. If the strict reading differs, it has a row
        of its own.
        """
        by_reading: Mapping[Reading, Scores] = self.readings or {"lenient": self.scores}
        names: dict[Reading, str] = {
            "lenient": "surface forms (WNUT 2017)",
            "strict": "surface forms, strict reading",
        }
        return [
            (name, counts)
            for reading, name in names.items()
            if reading in by_reading and (counts := by_reading[reading].surface) is not None
        ]

    @property
    def overall(self) -> Counts:
        """Strict counts over all labels (micro average): those of `scores`."""
        return self.scores.overall

    @property
    def rows(self) -> list[tuple[str, Counts, Interval]]:
        """Name, strict counts and interval of F1: of each label, then of all labels."""
        intervals = self.intervals
        labels = self.scores.labels.items()
        rows = [(label, counts, intervals.labels[label].f1) for label, counts in labels]
        return [*rows, ("all labels", self.overall, intervals.overall.f1)]

    def shown_parts(self) -> list[Grid | str]:
        """What the checkpoint has seen, a table of each label's strict scores, the signature."""
        rows = []
        for label, counts, f1 in self.rows:
            scores = (f"{value:.4f}" for value in measures(counts).values())
            interval = f"{f1.low:.4f} to {f1.high:.4f}"
            rows.append((label, *scores, interval, f"{counts.gold:,}"))
        columns = ("label", "precision", "recall", "F1", "F1 interval", "support")
        seen = [] if self.contamination is None else [str(self.contamination)]
        return [*seen, Grid("", columns, rows), str(self.signature)]

    @checked
    def plot(self, kind: PlotKind = "labels", *, ax: Any = None) -> Any:
        """Draws the scores.

        Args:
            kind: `"labels"`: F1 of each label with its interval. `"confusion"`: how often each
                label was predicted for each. `"lengths"`: F1 by the number of words of entities.
                `"seen"`: F1 of names that are in the training texts, and of those that are not,
                for an evaluation with `train`.
            ax: Matplotlib's axes to draw on; by default those of a new figure.

        Returns:
            The axes.

        Raises:
            SettingsError: If the kind is unknown, or has nothing to show.
            MissingExtraError: If matplotlib is not installed.
        """
        if kind == "labels":
            return plot_intervals([(name, c.f1, f1.low, f1.high) for name, c, f1 in self.rows], ax)
        if kind == "confusion":
            return plot_confusion(self.analysis.confusion, ax)
        title = "length of the entity" if kind == "lengths" else "surface form in training"
        groups = self.breakdowns.get(title)
        if groups is None:
            raise SettingsError(
                "the training texts are unknown, so that no name is known to be seen or unseen",
                place="kind",
                hint="evaluate(…, train=corpus.train)",
            )
        return plot_groups(title, {name: (c.f1, c.gold) for name, c in groups.items()}, ax)

    def to_dict(self) -> dict[str, Any]:
        """Scores from 0 to 1 and everything else, for JSON."""
        seen = self.contamination
        return {
            "contamination": None if seen is None else seen.to_dict(),
            **self.scores.to_dict(),
            "reading": self.signature.reading,
            **{reading: self._by_reading(reading) for reading in READINGS},
            "intervals": self.intervals.to_dict(),
            "breakdowns": {
                title: {name: counts.to_dict() for name, counts in groups.items()}
                for title, groups in self.breakdowns.items()
            },
            "analysis": self.analysis.to_dict(),
            "signature": str(self.signature),
        }

    def _by_reading(self, reading: Reading) -> dict[str, Any] | None:
        if not self.readings:
            return None
        scores = self.readings[reading]
        surface = None if scores.surface is None else scores.surface.to_dict()
        return {**scores.overall.to_dict(), "surface": surface}


@checked
def evaluate_predictions(
    gold: Sequence[Document],
    predicted: Sequence[Document],
    *,
    lenient: Sequence[Document] | None = None,
    reading: Reading = "strict",
    is_conlleval: bool = False,
    train: Sequence[Document] | None = None,
    split: str = "all",
    scheme: str | None = None,
    level: float = LEVEL,
    samples: int = SAMPLES,
    seed: int = 0,
    contamination: Contamination | None = None,
    rules: str | None = None,
) -> Evaluation:
    """Evaluates predicted documents against gold documents with the same texts, in the same order.

    Args:
        gold: Documents with gold entities.
        predicted: The same documents with predicted entities.
        lenient: The predicted documents by the lenient reading of tags, if it differs.
        reading: The reading that everything but `Evaluation.readings` speaks of.
        is_conlleval: As in `Evaluation`.
        train: Training documents, whose surface forms count as seen; None leaves out the
            breakdowns by training.
        split: The name of the split, for the signature.
        scheme: The tag scheme, for the signature; None if no tags were read.
        level: The confidence level of the intervals, between 0 and 1.
        samples: The number of bootstrap samples for the intervals.
        seed: The seed of the bootstrap samples.
        contamination: How many of the texts the checkpoint that predicted them has seen, as in
            `tagger.training_texts.contamination(gold)`; None if there is no checkpoint.
        rules: The fingerprint of the rules that changed the predictions, for the signature; None
            for a model alone.

    Returns:
        The scores, their intervals, breakdowns and the error analysis.

    Raises:
        ArgumentError: If an argument has another type.
        CorpusError: If the numbers of documents or their texts differ.
        SettingsError: If the reading is unknown, or the level or the number of samples is out of
            range.
    """
    by_reading = {"strict": predicted, "lenient": predicted if lenient is None else lenient}
    read = by_reading[reading]
    scores = score(gold, read)
    return Evaluation(
        scores=scores,
        intervals=score_intervals(gold, read, level=level, samples=samples, seed=seed),
        breakdowns=breakdowns(gold, read, train),
        analysis=analyse_errors(gold, read),
        signature=Signature.of(gold, split=split, scheme=scheme, reading=reading, rules=rules),
        readings={}
        if lenient is None
        else {
            each: scores if each == reading else score(gold, by_reading[each]) for each in READINGS
        },
        is_conlleval=is_conlleval,
        contamination=contamination,
    )


class Predictor(Protocol):
    """Anything that predicts entities of documents, such as a `Tagger`."""

    def predict(self, texts: Iterable[str | Document], /) -> list[Document]:
        """The documents of `texts` with predicted entities, in the same order."""
        ...


@runtime_checkable
class RecordedPredictor(Protocol):
    """A predictor with the record of the texts that it was made from."""

    training_texts: TrainingTexts
    thresholds: Thresholds | None


def evaluate(tagger: Predictor, documents: Iterable[Document], **options: Any) -> Evaluation:
    """Tags documents as it would tag their texts, and compares with their gold entities.

    Args:
        tagger: A tagger; its thresholds and rules apply.
        documents: Documents with gold entities.
        options: Keyword arguments of `evaluate_predictions`, such as `train` or `seed`.

    Raises:
        CorpusError: If the predicted documents are not those of `documents`.
        CheckpointError: If the model's logits are not finite.
    """
    gold = list(documents)
    if isinstance(tagger, RecordedPredictor):
        seen = tagger.training_texts.contamination(gold, thresholds=tagger.thresholds)
        options = {"contamination": seen, **options}
    rules = getattr(tagger, "rules", None)
    if rules is not None:
        options = {"rules": rules.fingerprint, **options}
    return evaluate_predictions(gold, tagger.predict(gold), **options)
