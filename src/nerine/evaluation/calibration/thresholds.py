"""Thresholds: which scores are kept, what they were chosen for, and what they changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from nerine.core.document import Document, Entity
from nerine.core.errors import NerineError, SettingsError
from nerine.evaluation.calibration.bins import score_of
from nerine.evaluation.metrics import Counts

Measure = Literal["f1", "precision", "recall"]


@dataclass(frozen=True, slots=True)
class Target:
    """What a threshold is to bring: the best F1, or a precision or recall of at least so much.

    Attributes:
        measure: `f1`, `precision` or `recall`.
        least: The least precision or recall, above 0 and 1 at the most; None for `f1`.

    Raises:
        SettingsError: For a measure that there is not, or a number out of its range.
    """

    measure: Measure = "f1"
    least: float | None = None

    def __post_init__(self) -> None:
        if self.measure not in get_args(Measure) or (self.measure == "f1") != (self.least is None):
            raise _no_target(str(self))
        if self.least is not None and not 0 < self.least <= 1:
            raise SettingsError(
                f"the {self.measure} {self.least!r}",
                place="target",
                expected="a number above 0, and 1 at the most",
            )

    @classmethod
    def parse(cls, text: str) -> Target:
        """The target that a text names.

        Args:
            text: `f1`, or such as `precision=0.9` or `recall=0.6`.

        Returns:
            The target.

        Raises:
            SettingsError: For any other text.
        """
        name, _, value = text.partition("=")
        try:
            measure: Any = name.strip()
            return cls(measure, float(value) if "=" in text else None)
        except ValueError:
            raise _no_target(text) from None

    def value(self, counts: Counts) -> float:
        """What counts have of the measure: a precision, recall or F1 from 0 to 1.

        Args:
            counts: The counts.
        """
        return float(getattr(counts, self.measure))

    def __str__(self) -> str:
        return self.measure if self.least is None else f"{self.measure}={self.least!r}"


def _no_target(text: str) -> SettingsError:
    return SettingsError(
        f"{text!r} is no target", place="target", expected="f1, precision=0.9 or recall=0.6"
    )


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Entities whose score is at least the threshold of their label are kept.

    Attributes:
        value: The least probability of an entity whose label is not in `labels`, from 0, which
            keeps everything, to 1.
        labels: That of some labels.

    Raises:
        SettingsError: For a threshold out of its range.
    """

    value: float
    labels: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in (("thresholds", self.value), *self.labels.items()):
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not is_number or not 0 <= value <= 1:
                raise SettingsError(
                    f"{value!r} is no threshold", place=name, expected="a number from 0 to 1"
                )

    def of(self, label: str) -> float:
        """The threshold of a label, a probability from 0 to 1.

        Args:
            label: The label.
        """
        return self.labels.get(label, self.value)

    def kept(self, entities: Iterable[Entity], place: str) -> Iterator[Entity]:
        """The entities that reach their thresholds, in order.

        Args:
            entities: Entities with scores.
            place: Where they stand, for the error.

        Raises:
            CorpusError: For an entity without a score.
        """
        return (each for each in entities if score_of(each, place) >= self.of(each.label))

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"value": self.value, "labels": dict(self.labels)}


def apply(documents: Iterable[Document], thresholds: Thresholds) -> Iterator[Document]:
    """The documents without the entities that are below their thresholds. Nothing else changes."""
    for index, document in enumerate(documents):
        place = f"document {document.id or index}"
        yield document.with_entities(thresholds.kept(document.entities, place))


@dataclass(frozen=True, slots=True)
class Calibration:
    """Fitted thresholds with what they were fitted for and on, as `nerine.json` keeps them.

    Being the best of many on its split, `after` is better than what other texts will show.

    Attributes:
        thresholds: The thresholds.
        target: What they were to bring.
        per_label: Whether each label has one of its own.
        split: The split that they were fitted on.
        corpus: The hash of its corpus.
        before: The counts over all entities of the split without thresholds.
        after: Those with them.
        held_out: Those with thresholds that were fitted on other documents of the split; None where
            there are too few.
    """

    thresholds: Thresholds
    target: Target
    per_label: bool
    split: str
    corpus: str
    before: Counts
    after: Counts
    held_out: Counts | None = None

    @property
    def gold(self) -> int:
        """How many gold entities the thresholds were fitted on."""
        return self.before.gold

    @property
    def holds(self) -> bool:
        """Whether the target is met on documents that were held out; for F1, whether it rises."""
        if self.held_out is None:
            return False
        least = self.target.least
        if least is None:
            return self.held_out.f1 > self.before.f1
        return self.target.value(self.held_out) >= least

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            **self.thresholds.to_dict(),
            "target": str(self.target),
            "per_label": self.per_label,
            "split": self.split,
            "corpus": self.corpus,
            "gold": self.gold,
            "before": _counts_to_dict(self.before),
            "after": _counts_to_dict(self.after),
            "held_out": None if self.held_out is None else _counts_to_dict(self.held_out),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Calibration:
        """The calibration that `to_dict` gave.

        Args:
            values: What `nerine.json` has of it.

        Returns:
            The calibration.

        Raises:
            SettingsError: For anything else.
        """
        try:
            held_out = values["held_out"]
            return cls(
                Thresholds(values["value"], dict(values["labels"])),
                Target.parse(values["target"]),
                bool(values["per_label"]),
                str(values["split"]),
                str(values["corpus"]),
                _counts_from_dict(values["before"]),
                _counts_from_dict(values["after"]),
                None if held_out is None else _counts_from_dict(held_out),
            )
        except NerineError:
            raise
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise SettingsError(
                f"no thresholds can be read: {error!r}", expected="what nerine calibrate saves"
            ) from error


def _counts_to_dict(counts: Counts) -> dict[str, float]:
    return {
        "correct": counts.correct,
        "predicted": counts.predicted,
        "gold": counts.gold,
        "precision": counts.precision,
        "recall": counts.recall,
        "f1": counts.f1,
    }


def _counts_from_dict(values: Mapping[str, Any]) -> Counts:
    return Counts(*(int(values[name]) for name in ("correct", "predicted", "gold")))
