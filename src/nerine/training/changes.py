"""Settings as keyword arguments, for type checkers and editors.

Each dictionary has the fields of its dataclass, and a test compares the two.
"""

from __future__ import annotations

from typing import TypedDict

from nerine.core.words import TrainingWords
from nerine.model.settings import Decoding
from nerine.training.distillation.settings import Confidence
from nerine.training.settings import Batching, HeadStart, Precision, Schedule


class RunChanges(TypedDict, total=False):
    """Settings that `train` and `distill` share, by name, as in `RunSettings`."""

    steps: int | None
    epochs: int | None
    validate_every: int | None
    validation_sample: int | None
    whole_validations: int
    learning_rate: float | None
    layer_decay: float | None
    schedule: Schedule
    warmup: float
    batching: Batching
    batch_size: int
    token_budget: int
    gradient_accumulation: int
    weight_decay: float
    max_gradient_norm: float
    averaging: float
    dropout: float | None
    masking: float
    freeze_embeddings: bool
    crf: bool | None
    crf_learning_rate: float | None
    crf_weight: float
    early_stopping: int | None
    validation_fraction: float | None
    precision: Precision | None
    save_steps: int | None
    report_to: tuple[str, ...] | list[str]
    seed: int
    fit_bias: bool
    gradient_checkpointing: bool


class TrainingChanges(RunChanges, total=False):
    """Settings of `train` by name, as in `TrainingSettings`."""

    encoder: str
    revision: str | None
    words: TrainingWords | None
    scheme: str
    decoding: Decoding
    max_length: int
    overlap: int
    head_seed: int | None
    tag_prior: bool
    case_marks: bool
    head_start: HeadStart
    label_descriptions: tuple[str, ...] | list[str]
    variants: int
    swapping: float
    case_noise: float
    symbol_noise: float
    r_drop: float
    lora_rank: int | None
    lora_alpha: int | None
    lora_dropout: float
    context: int


class AdaptationChanges(TypedDict, total=False):
    """Settings of `adapt` by name, as in `AdaptationSettings`."""

    revision: str | None
    max_length: int
    steps: int | None
    epochs: int | None
    validate_every: int | None
    held_out: float
    save_steps: int | None
    learning_rate: float | None
    schedule: Schedule
    warmup: float
    weight_decay: float
    max_gradient_norm: float
    masking: float
    batch_size: int
    token_budget: int
    gradient_accumulation: int
    precision: Precision | None
    report_to: tuple[str, ...] | list[str]
    seed: int


class DistillationChanges(RunChanges, total=False):
    """Settings of `distill` by name, as in `DistillationSettings`."""

    layers: int | None
    keep_layers: tuple[int, ...] | list[int]
    temperature: float
    gold_weight: float
    replacing: float
    encoder: str | None
    encoder_revision: str | None
    confidence: Confidence
    unlabelled_per_gold: float | None
    drop_near_duplicates: bool
