"""Thresholds on entity scores, the targets they are fitted for, and the record of a fit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from nerine.core.arguments import check_type
from nerine.core.document import Document
from nerine.core.errors import NerineError, SettingsError
from nerine.core.settings import check
from nerine.evaluation.calibration.reliability import score_of
from nerine.evaluation.metrics.counts import Counts, measures

Measure = Literal["f1", "precision", "recall"]


@dataclass(frozen=True, slots=True)
class Target:
    """The target of thresholds: the best F1, or a minimum precision or recall.

    Attributes:
        measure: `f1`, `precision` or `recall`.
        minimum: The minimum precision or recall, above 0 and at most 1; None for `f1`.

    Raises:
        SettingsError: If the measure is unknown or the minimum out of range.
    """

    measure: Measure = "f1"
    minimum: float | None = None

    def __post_init__(self) -> None:
        check("measure", self.measure, str)
        check("minimum", self.minimum, float | None)
        is_f1 = self.measure == "f1"
        if self.measure not in get_args(Measure) or is_f1 != (self.minimum is None):
            raise _invalid_target(str(self))
        if self.minimum is not None and not 0 < self.minimum <= 1:
            raise SettingsError(
                f"{self.minimum!r} is not a valid {self.measure}",
                place="target",
                expected="a number above 0 and at most 1",
            )

    @classmethod
    def parse(cls, text: str) -> Target:
        """The target from a text such as `f1`, `precision=0.9` or `recall=0.6`.

        Raises:
            SettingsError: If the text is anything else.
        """
        check("target", text, str)
        name, _, value = text.partition("=")
        try:
            measure: Any = name.strip()
            return cls(measure, float(value) if "=" in text else None)
        except ValueError:
            raise _invalid_target(text) from None

    def value(self, counts: Counts) -> float:
        """The measured precision, recall or F1 of `counts`, from 0 to 1."""
        return float(getattr(counts, self.measure))

    def __str__(self) -> str:
        return self.measure if self.minimum is None else f"{self.measure}={self.minimum!r}"


def _invalid_target(text: str) -> SettingsError:
    return SettingsError(
        f"{text!r} is not a valid target",
        place="target",
        expected="f1, precision=0.9 or recall=0.6",
    )


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Minimum scores: entities below the threshold of their label are dropped.

    Attributes:
        value: The threshold of labels that are not in `labels`, from 0, which keeps everything,
            to 1.
        labels: The thresholds of some labels.

    Raises:
        SettingsError: If a threshold is not a number from 0 to 1.
    """

    value: float
    labels: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check("labels", self.labels, Mapping)
        for name, value in (("thresholds", self.value), *self.labels.items()):
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not is_number or not 0 <= value <= 1:
                raise SettingsError(
                    f"{value!r} is not a valid threshold",
                    place=name,
                    expected="a number from 0 to 1",
                )

    def of(self, label: str) -> float:
        """The threshold of a label, from 0 to 1."""
        return self.labels.get(label, self.value)

    def to_dict(self) -> dict[str, Any]:
        """The thresholds for JSON."""
        return {"value": self.value, "labels": dict(self.labels)}


def apply_thresholds(documents: Iterable[Document], thresholds: Thresholds) -> Iterator[Document]:
    """Documents without the entities below their thresholds; everything else stays the same.

    Args:
        documents: Documents with predicted entities.
        thresholds: The thresholds.

    Raises:
        ArgumentError: If an argument has another type.
        CorpusError: If an entity has no score.
    """
    check_type("documents", documents, Iterable, "apply_thresholds")
    check_type("thresholds", thresholds, Thresholds, "apply_thresholds")
    for index, document in enumerate(documents):
        place = f"document {document.id or index}"
        yield document.with_entities(
            each for each in document.entities if score_of(each, place) >= thresholds.of(each.label)
        )


@dataclass(frozen=True, slots=True)
class Calibration:
    """Fitted thresholds, their target and their effect, as saved in `nerine.json`.

    As the thresholds are the best of many for their split, `after` is better than the scores to
    expect on other texts; `held_out` is not.

    Attributes:
        thresholds: The thresholds.
        target: The target.
        per_label: Whether labels have thresholds of their own.
        split: The name of the split that the thresholds were fitted on.
        corpus: The hash of its corpus.
        before: Strict counts over all labels without thresholds.
        after: Strict counts over all labels with thresholds.
        held_out: Cross-validated strict counts, with thresholds fitted on other documents of the
            split; None if there are too few.
        texts: The record of the documents that they were fitted on, as in `core.sketches`; None
            if an earlier version wrote them.
    """

    thresholds: Thresholds
    target: Target
    per_label: bool
    split: str
    corpus: str
    before: Counts
    after: Counts
    held_out: Counts | None = None
    texts: Mapping[str, Any] | None = None

    @property
    def gold(self) -> int:
        """Number of gold entities that the thresholds were fitted on."""
        return self.before.gold

    @property
    def holds(self) -> bool:
        """Whether held-out documents meet the target; for F1, whether their F1 rises."""
        if self.held_out is None:
            return False
        if self.target.minimum is None:
            return self.held_out.f1 > self.before.f1
        return self.target.value(self.held_out) >= self.target.minimum

    def to_dict(self) -> dict[str, Any]:
        """The record for JSON."""
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
            **({} if self.texts is None else {"texts": dict(self.texts)}),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Calibration:
        """The record from the dictionary of `to_dict`.

        Raises:
            SettingsError: If the dictionary is anything else.
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
                None if values.get("texts") is None else dict(values["texts"]),
            )
        except NerineError:
            raise
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise SettingsError(
                f"invalid thresholds: {error!r}", expected="thresholds saved by nerine calibrate"
            ) from error


def _counts_to_dict(counts: Counts) -> dict[str, float]:
    return asdict(counts) | measures(counts)


def _counts_from_dict(values: Mapping[str, Any]) -> Counts:
    return Counts(*(int(values[name]) for name in ("correct", "predicted", "gold")))
