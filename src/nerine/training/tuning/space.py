"""The settings that a search tunes, their ranges, and the settings of a trial."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import optuna

from nerine.core.errors import SettingsError
from nerine.data.corpus import Corpus
from nerine.training.callbacks import validations
from nerine.training.plan import plan_training
from nerine.training.settings import TrainingSettings


@dataclass(frozen=True, slots=True)
class Range:
    """The values of a setting in a search: `choices`, or numbers from `low` to `high`.

    Attributes:
        name: The setting.
        reason: Why it is tuned.
        low: The smallest number.
        high: The largest number.
        choices: The values, instead of numbers.
        is_factor: Whether the numbers are multiples of the plan's value, on a logarithmic scale.
        is_usual: Whether it is tuned if the user names no settings.
    """

    name: str
    reason: str
    low: float = 0.0
    high: float = 0.0
    choices: tuple[Any, ...] = ()
    is_factor: bool = False
    is_usual: bool = True

    def including(self, value: Any) -> Range:
        """The range, widened if it lacks this value."""
        if self.choices:
            return self if value in self.choices else replace(self, choices=(*self.choices, value))
        return replace(self, low=min(self.low, value), high=max(self.high, value))

    def suggest(self, trial: optuna.Trial) -> Any:
        """The sampler's value for a trial, or the one that the trial has already."""
        if self.choices:
            return trial.suggest_categorical(self.name, self.choices)
        return trial.suggest_float(self.name, self.low, self.high, log=self.is_factor)

    def __str__(self) -> str:
        """The values in words."""
        if self.choices:
            return ", ".join(
                "the encoder's" if each is None else f"{each}" for each in self.choices
            )
        unit = " times the plan's" if self.is_factor else ""
        return f"{self.low:g} to {self.high:g}{unit}"


RANGES = {
    each.name: each
    for each in (
        Range("learning_rate", "the setting that usually matters most", 0.25, 4, is_factor=True),
        Range("steps", "too few learn little, too many fit noise", 0.5, 2, is_factor=True),
        Range("batch_size", "more steps with noise, or fewer without", choices=(8, 16, 32)),
        Range("masking", "helps with unseen names, less with known ones", 0, 0.4),
        Range("freeze_embeddings", "as masking; needs less memory", choices=(True, False)),
        Range("layer_decay", "how much the lower layers may change", 0.6, 1),
        Range(
            "averaging",
            "smooths the weights; short runs allow less",
            choices=(0.0, 0.9, 0.97, 0.99, 0.995),
            is_usual=False,
        ),
        Range("warmup", "helps high learning rates", 0, 0.3, is_usual=False),
        Range(
            "dropout",
            "regularizes long runs on few texts",
            choices=(None, 0.0, 0.2, 0.3),
            is_usual=False,
        ),
        Range("weight_decay", "keeps the weights small", 0, 0.1, is_usual=False),
    )
}
"""All settings that can be tuned. The learning rate and the steps are multiples of the plan's."""


@dataclass(frozen=True)
class Space:
    """The settings of the trials on a corpus.

    Attributes:
        corpus: The corpus, with a validation split and without a test split.
        base: The settings that the user gave; None for those to be planned.
        default: The settings of the plan for these: those of the first trial.
        ranges: The settings that are tuned.
        notes: Notes of the plan.
    """

    corpus: Corpus
    base: TrainingSettings
    default: TrainingSettings
    ranges: tuple[Range, ...]
    notes: tuple[str, ...] = ()

    @property
    def start(self) -> TrainingSettings:
        """The settings that the user gave, with the share that was held out."""
        return replace(self.base, validation_fraction=self.default.validation_fraction)

    def first(self) -> dict[str, Any]:
        """Optuna's parameters of the first trial, whose settings are the default ones."""
        return {
            each.name: 1.0 if each.is_factor else getattr(self.default, each.name)
            for each in self.ranges
        }

    def settings(self, parameters: Mapping[str, Any]) -> TrainingSettings:
        """The settings of the trial with these parameters of Optuna.

        All trials validate about equally often, on the same documents: what a run keeps is the best
        of its validations, so more of them would be an advantage.
        """
        if parameters == self.first():
            return self.default
        values = {
            each.name: _rounded(parameters[each.name]) for each in self.ranges if not each.is_factor
        }
        planned = plan_training(self.corpus, self.start.changed(values)).settings
        changes: dict[str, Any] = {}
        if "learning_rate" in parameters and planned.learning_rate is not None:
            rate = planned.learning_rate * parameters["learning_rate"]
            changes = {"learning_rate": _rounded(rate)}
        if planned.steps is not None:
            steps = max(1, round(planned.steps * parameters.get("steps", 1.0)))
            changes |= {"steps": steps, **self._validations(steps)}
        return replace(planned, **changes)

    def _validations(self, steps: int) -> dict[str, Any]:
        """As many validations in so many steps as those of the default settings."""
        default = self.default
        if self.base.validate_every is not None or not default.steps:
            return {"validate_every": default.validate_every}
        return {
            "validate_every": math.ceil(steps / len(validations(default, default.steps))),
            "validation_sample": default.validation_sample,
            "whole_validations": default.whole_validations,
        }


def make_space(
    corpus: Corpus,
    settings: TrainingSettings,
    names: Sequence[str] | None,
    fixed: Mapping[str, Any],
) -> Space:
    """The space of a search for the settings called `names`, by default the usual ones.

    The test split of the corpus is dropped. Raises `SettingsError` if a name is unknown or among
    the `fixed` settings, or if no setting is left to tune.
    """
    base = settings.changed(fixed)
    implied = {"steps": "epochs"} if base.epochs is not None else {}
    if base.lora_rank is not None:
        implied["freeze_embeddings"] = "lora_rank"
    for name in names or ():
        if name not in RANGES:
            raise SettingsError(
                f"the setting {name!r} cannot be tuned", expected=f"some of {', '.join(RANGES)}"
            )
        if name in fixed or name in implied:
            raise SettingsError(
                f"the setting {name} is to be tuned, and {implied.get(name, name)} is given",
                expected="one of the two",
            )
    given = {*fixed, *implied}
    usual = [each.name for each in RANGES.values() if each.is_usual and each.name not in given]
    chosen = [each for each in RANGES.values() if each.name in (names or usual)]
    if not chosen:
        raise SettingsError("all settings are given, none is left to tune")
    splits = {name: split for name, split in corpus.splits.items() if name != "test"}
    plan = plan_training(replace(corpus, splits=splits), base)
    ranges = tuple(
        each if each.is_factor else each.including(getattr(plan.settings, each.name))
        for each in chosen
    )
    return Space(plan.corpus, base, plan.settings, ranges, plan.notes)


def _rounded(value: Any) -> Any:
    """A float with three digits, other values as they are."""
    return float(f"{value:.3g}") if isinstance(value, float) else value
