"""Signs of failure of a finished training run, each with what to try.

A model has learned nothing if its kept weights have a validation F1 below `LEAST_F1`. Where the
validation split has too few entities to tell, they must also miss those of training documents.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nerine.core.display import counted, listed
from nerine.core.errors import CheckpointError
from nerine.evaluation.epochs import EpochRecord, best_record
from nerine.evaluation.metrics import Scores

LEAST_F1 = 0.05
"""F1 below which a model has learned nothing."""
FEW_ENTITIES = 20
"""Number of validation entities below which their F1 says little."""
LEARNED_NOTHING = "learned-nothing"

_FEW_TRAINING_ENTITIES = 10
_LOSS_RISE, _LOSS_FALL = 0.25, 0.05
"""Relative changes of a loss that count as a rise and as a fall."""
_CLEAR_GAIN = 0.01
"""F1 by which a validation is clearly better than those before."""
_LEAST_STEPS = 300
"""Steps that are worth trying if fewer were not enough."""
_MOST_LABELS = 8


@dataclass(frozen=True, slots=True)
class Sign:
    """A sign that a training run has failed, or that its scores cannot be trusted.

    Attributes:
        kind: `learned-nothing`, `late-start`, `training-loss-stays`, `validation-loss-rises`,
            `label-never-predicted`, `label-rare`, `no-validation-entities`,
            `none-found`, `few-validation-entities` or `best-is-last`.
        message: The problem, with its numbers.
        hint: What to try.
    """

    kind: str
    message: str
    hint: str

    def to_dict(self) -> dict[str, str]:
        """The sign for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a finished training run is judged by.

    Attributes:
        records: The validations of the run, at least one.
        scores: The scores of the kept weights on all of the validation split.
        entities: The number of training entities of each label.
        learning_rate: The peak learning rate.
        training: The scores of the kept weights on some training documents, if those on the
            validation split cannot tell whether the model has learned anything.
    """

    records: Sequence[EpochRecord]
    scores: Scores
    entities: Mapping[str, int]
    learning_rate: float
    training: Scores | None = None

    @property
    def learned_nothing(self) -> bool:
        """Whether the kept weights find next to no entity."""
        known = [self.scores, *([self.training] if self.training else [])]
        return all(scores.overall.f1 < LEAST_F1 for scores in known)

    @property
    def longer(self) -> str:
        """The option for a run with clearly more steps."""
        return f"--steps {max(2 * self.records[-1].step, _LEAST_STEPS)}"


def signs_of_failure(outcome: Outcome) -> tuple[Sign, ...]:
    """The signs of failure of a run, the gravest first.

    Args:
        outcome: The run's validations and the scores of its kept weights.
    """
    return (
        *_learned_nothing(outcome),
        *_late_start(outcome),
        *_losses(outcome),
        *_validation_entities(outcome),
        *_labels(outcome),
        *_best_is_last(outcome),
    )


def learned_nothing(signs: Sequence[Sign]) -> Sign | None:
    """The sign that a model has learned nothing, if it is among these.

    Args:
        signs: The signs of a run or a checkpoint.
    """
    return next((sign for sign in signs if sign.kind == LEARNED_NOTHING), None)


def saved_signs(info: Mapping[str, Any]) -> tuple[Sign, ...] | None:
    """The signs of failure in the content of `nerine.json`; None if it does not tell.

    Checkpoints of older versions have no signs; their validation F1 tells of one kind.

    Args:
        info: The content of the file.

    Raises:
        CheckpointError: If the signs have another form.
    """
    if "signs" in info:
        try:
            signs = tuple(Sign(**each) for each in info["signs"])
        except TypeError as error:
            raise CheckpointError(
                "the signs of failure cannot be read", expected="a list of objects"
            ) from error
        if any(not isinstance(text, str) for sign in signs for text in asdict(sign).values()):
            raise CheckpointError("a sign of failure has a field that is not a text")
        return signs
    validation = (info.get("scores") or {}).get("validation")
    f1 = validation.get("f1") if isinstance(validation, Mapping) else None
    if not isinstance(f1, int | float) or f1 >= LEAST_F1:
        return None
    message = f"the model has learned nothing: its validation F1 is {f1:.4f}"
    return (Sign(LEARNED_NOTHING, message, "train it for longer, with more --steps"),)


def _learned_nothing(outcome: Outcome) -> Iterator[Sign]:
    if not outcome.learned_nothing:
        return
    counts = outcome.scores.overall
    of_all = f"{counts.correct:,} of {counts.gold:,}"
    message = f"the model has learned nothing: it finds {of_all} validation entities"
    if outcome.training:
        counts = outcome.training.overall
        message += f", and {counts.correct:,} of {counts.gold:,} entities of training documents"
    elif counts.correct:
        message += f", F1 {counts.f1:.4f}"
    validations = len(outcome.records)
    if validations > 1 and not any(record.f1 for record in outcome.records):
        message += (
            f"; F1 is 0 at all {validations} validations, so the weights with the lowest "
            "validation loss are kept"
        )
    hint = f"train longer: {outcome.longer}; nerine check CORPUS looks for faults of the labels"
    yield Sign(LEARNED_NOTHING, message, hint)


def _late_start(outcome: Outcome) -> Iterator[Sign]:
    """F1 near 0 at the first validation after a third of the run, and before."""
    records, steps = outcome.records, outcome.records[-1].step
    early = [record for record in records if 3 * record.step < steps]
    early = list(records[: len(early) + 1])
    is_late = all(record.f1 < LEAST_F1 for record in early)
    if is_late and outcome.scores.overall.f1 >= LEAST_F1:
        last = early[-1]
        message = f"F1 was still {last.f1:.4f} after {last.step:,} of {steps:,} steps"
        yield Sign("late-start", message, f"train longer: {outcome.longer}")


def _losses(outcome: Outcome) -> Iterator[Sign]:
    first, last = outcome.records[0], outcome.records[-1]
    rate = outcome.learning_rate
    if first is not last and last.training_loss > (1 - _LOSS_FALL) * first.training_loss:
        message = (
            f"the training loss does not fall: {first.training_loss:.4f} at step {first.step:,}, "
            f"{last.training_loss:.4f} at the end"
        )
        hint = f"try --learning-rate {rate / 2:g}, and higher ones such as {3 * rate:g}"
        yield Sign("training-loss-stays", message, hint)
    for series in _series(outcome.records):
        lowest, last = min(series, key=lambda each: each.validation_loss), series[-1]
        better = max(each.f1 for each in series[series.index(lowest) :]) - lowest.f1
        limit = (1 + _LOSS_RISE) * lowest.validation_loss
        if last.validation_loss > limit and better < _CLEAR_GAIN:
            message = (
                f"the validation loss rises: {lowest.validation_loss:.4f} at step "
                f"{lowest.step:,}, {last.validation_loss:.4f} at step {last.step:,}; F1 does not "
                "rise any more"
            )
            hint = f"train more slowly, --learning-rate {rate / 2:g}, or --steps {lowest.step}"
            yield Sign("validation-loss-rises", message, hint)
            return


def _validation_entities(outcome: Outcome) -> Iterator[Sign]:
    counts, documents = outcome.scores.overall, outcome.scores.documents
    in_all = f"in {counted(documents, 'document')}"
    hint = (
        "put more documents with entities into the validation split: nerine split CORPUS -o FOLDER "
        "--validation 0.3; or --validation-fraction 0.3, if the corpus has none of its own"
    )
    if not counts.gold:
        message = (
            f"the validation split has no entities {in_all}: its F1 means nothing, and the weights "
            "with the lowest validation loss are kept"
        )
        yield Sign("no-validation-entities", message, hint)
    elif not counts.correct and not outcome.learned_nothing:
        missed = counted(counts.gold, "entity", "entities")
        message = (
            f"the kept weights find none of the validation split's {missed} {in_all}, but some of "
            "training documents"
        )
        longer = f"train longer: {outcome.longer}; nerine check CORPUS compares the splits"
        yield Sign("none-found", message, longer)
    if 0 < counts.gold < FEW_ENTITIES:
        entities = counted(counts.gold, "entity", "entities")
        grain = 200 / (counts.gold + counts.predicted)
        message = (
            f"the validation split has only {entities} {in_all}: its F1 means little, as one more "
            f"or less is {grain:.0f} points"
        )
        yield Sign("few-validation-entities", message, hint)


def _labels(outcome: Outcome) -> Iterator[Sign]:
    found = outcome.scores.labels
    never = {label: each.gold for label, each in found.items() if not each.predicted}
    if never and outcome.scores.overall.predicted:
        message = f"labels of the validation split that are never predicted: {_numbered(never)}"
        hint = f"more documents with such entities, or train longer: {outcome.longer}"
        yield Sign("label-never-predicted", message, hint)
    counts = outcome.entities.items()
    rare = {label: number for label, number in counts if number < _FEW_TRAINING_ENTITIES}
    if rare:
        message = (
            f"{counted(len(rare), 'label')} with fewer than {_FEW_TRAINING_ENTITIES} training "
            f"entities: {_numbered(rare)}"
        )
        hint = "label more of them, or make one label of several; nerine describe CORPUS has counts"
        yield Sign("label-rare", message, hint)


def _best_is_last(outcome: Outcome) -> Iterator[Sign]:
    """F1 clearly rose until the end, by more than two validation entities make up."""
    if outcome.learned_nothing or best_record(outcome.records) is not outcome.records[-1]:
        return
    clear = max(_CLEAR_GAIN, 2 / max(outcome.scores.overall.gold, 1))
    series = next(_series(outcome.records), [])
    before = max((each.f1 for each in series[:-1]), default=1.0)
    if series and series[-1].f1 - before >= clear:
        message = (
            f"the best validation is the last one, and F1 was still rising: from {before:.4f} to "
            f"{series[-1].f1:.4f}"
        )
        yield Sign("best-is-last", message, f"train longer: {outcome.longer}")


def _series(records: Sequence[EpochRecord]) -> Iterator[list[EpochRecord]]:
    """Records that scored the same documents, two or more, those with the most documents first."""

    def size(record: EpochRecord) -> int:
        return -(record.documents or 0)

    for _, group in itertools.groupby(sorted(records, key=size), size):
        series = list(group)
        if len(series) > 1:
            yield series


def _numbered(labels: Mapping[str, int]) -> str:
    fewest = sorted(labels.items(), key=lambda each: (each[1], each[0]))
    return listed((f"{label} ({number:,})" for label, number in fewest), _MOST_LABELS)
