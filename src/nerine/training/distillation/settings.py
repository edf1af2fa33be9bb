"""Settings of distillation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nerine.core.errors import SettingsError
from nerine.core.settings import has_type, setting, with_field_docs
from nerine.training.settings import RunSettings, other_default

Confidence = Literal["none", "words"]


@with_field_docs
@dataclass(frozen=True, slots=True)
class DistillationSettings(RunSettings):
    """The settings of `distill`.

    The student has the tags, words and windows of its teacher, and its tokenizer too unless it has
    an encoder of its own. The temperature and the weight of the gold labels are those of Hinton,
    Vinyals & Dean (2015), the confidence that of Iscen et al. (2019).

    Raises:
        SettingsError: If a value has the wrong type or is out of its range, or `layers` and
            `keep_layers` contradict each other.
    """

    layers: int | None = setting(
        None,
        "number of the student's layers; by default half of its teacher's, or all of its own "
        "encoder's",
        least=1,
    )
    keep_layers: tuple[int, ...] = setting(
        (), "the layers to keep, counted from 0, as in 0,2,5; by default the lowest"
    )
    epochs: int | None = other_default(
        "epochs",
        None,
        "passes over the training split; by default 7, or planned for an encoder of its own",
    )
    learning_rate: float | None = other_default(
        "learning_rate",
        None,
        "peak learning rate; by default 4e-4 for a small teacher, 1e-4 for a base-sized one, and "
        "planned for an encoder of its own",
    )
    layer_decay: float | None = other_default(
        "layer_decay",
        None,
        "learning rate of a layer as a fraction of that of the layer above it; by default 1, or "
        "0.8 for an encoder of its own",
    )
    temperature: float = setting(
        2.0, "how much the teacher's probabilities are smoothed before they are learned", least=0.1
    )
    gold_weight: float = setting(
        0.5, "weight of the corpus's labels in the loss; the teacher has the rest", least=0, most=1
    )
    averaging: float = other_default("averaging", 0.995)
    masking: float = other_default("masking", 0.1)
    crf: bool | None = other_default(
        "crf",
        None,
        "learn scores of pairs of tags together with the student (a CRF), for viterbi; by default "
        "planned, but those of a single teacher stay in a student made of its layers",
    )
    replacing: float = setting(
        0.3,
        "mean share of words replaced by random subwords, so that the student learns what the "
        "teacher predicts for words that the texts lack; from none to twice as many in a window",
        least=0,
        most=0.5,
    )
    encoder: str | None = setting(
        None,
        "the student's own encoder: hub id, folder, or package:NAME; by default the student is "
        "made of its teacher's layers",
    )
    encoder_revision: str | None = setting(
        None, "branch, tag or commit of the student's encoder on the hub"
    )
    confidence: Confidence = setting(
        "none",
        "whether words of unlabelled texts count less, the less certain the teachers are: none, or "
        "words, by their entropy",
    )
    unlabelled_per_gold: float | None = setting(
        None,
        "unlabelled windows in a pass for each window of the corpus, others in each pass; by "
        "default all",
        least=0.01,
    )
    drop_near_duplicates: bool = setting(
        True,
        "leave out unlabelled texts that are equal or nearly equal to one of the validation or "
        "test split",
    )

    def __post_init__(self) -> None:
        RunSettings.__post_init__(self)
        if self.encoder_revision is not None and self.encoder is None:
            raise SettingsError(
                f"the revision {self.encoder_revision!r} of no encoder",
                place="encoder_revision",
                expected="encoder too, the name of the student's encoder",
            )
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
