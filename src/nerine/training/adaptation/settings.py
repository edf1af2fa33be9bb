"""Settings of adaptation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from nerine.core.settings import (
    as_toml,
    check,
    check_values,
    setting,
    values_of,
    with_changes,
    with_field_docs,
)
from nerine.training.settings import Precision, Schedule, check_length


@with_field_docs
@dataclass(frozen=True, slots=True)
class AdaptationSettings:
    """The settings of `adapt`.

    Each field is a flag of `nerine adapt`, and a key of the TOML file that `--settings` reads.

    Raises:
        SettingsError: If a value has the wrong type or is out of its range.
    """

    revision: str | None = setting(None, "branch, tag or commit of a hub encoder")
    max_length: int = setting(
        256, "maximum of subwords in a window, special tokens included", least=8
    )
    steps: int | None = setting(
        None, "steps of the optimizer; by default three passes over the texts", least=1
    )
    epochs: int | None = setting(
        None, "passes over the texts, instead of a number of steps", least=1
    )
    validate_every: int | None = setting(
        None,
        "steps between measurements of the held-out loss; by default a tenth of all steps",
        least=1,
    )
    held_out: float = setting(
        0.05,
        "share of the texts on which the loss is measured, which are not trained on; at most 2,000",
        least=0,
        most=0.5,
    )
    save_steps: int | None = setting(
        None,
        "save the training state every so many steps, in addition to each measurement",
        least=1,
    )
    learning_rate: float | None = setting(
        None,
        "peak learning rate; by default 5e-4 for a small encoder, 1e-4 for a base-sized one",
        least=0,
    )
    schedule: Schedule = setting("linear", "how the learning rate decreases after the warm-up")
    warmup: float = setting(
        0.1, "share of all steps in which the learning rate increases", least=0, most=1
    )
    weight_decay: float = setting(0.01, "AdamW's weight decay", least=0)
    max_gradient_norm: float = setting(
        1.0, "maximum norm of the gradient, which is scaled down to it", least=0
    )
    masking: float = setting(
        0.15, "share of the words that are to be predicted", least=0.01, most=0.9
    )
    batch_size: int = setting(32, "windows in a batch", least=1)
    token_budget: int = setting(4096, "maximum of subwords in a batch, padding included", least=8)
    gradient_accumulation: int = setting(1, "batches per step of the optimizer", least=1)
    precision: Precision | None = setting(
        None, "bf16 or fp16: mixed precision; by default bf16 if the device has it, else fp32"
    )
    report_to: tuple[str, ...] = setting(
        (), "experiment trackers, by their names in transformers' Trainer"
    )
    seed: int = setting(
        0, "random seed of a new head, the order of batches, masking and dropout", least=0
    )

    def __post_init__(self) -> None:
        check_values(self)
        check_length(self.steps, self.epochs)

    def to_dict(self) -> dict[str, Any]:
        """The settings by name, for JSON and TOML."""
        return values_of(self)

    def to_toml(self) -> str:
        """A TOML file with a line for each setting that is not None."""
        return as_toml(self.to_dict())

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """A copy with some settings changed.

        Args:
            changes: New values by name; lists become tuples. A new number of steps replaces a
                number of epochs, and the other way round.

        Raises:
            SettingsError: If a setting is unknown or a value is invalid.
        """
        check("changes", changes, Mapping)
        replaced: dict[str, Any] = {}
        if changes.get("steps") is not None:
            replaced = {"epochs": None}
        elif changes.get("epochs") is not None:
            replaced = {"steps": None, "validate_every": None}
        return with_changes(self, {**replaced, **changes}, "setting")
