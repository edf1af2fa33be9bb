"""Settings: how a model is used, and how it is trained.

Both are frozen, checked when made, and saved: `ModelSettings` in a checkpoint's `nerine.json`,
`TrainingSettings` with the run and, if the user likes, in a TOML file.
"""

from __future__ import annotations

from nerine.settings.checks import with_changes, with_meanings
from nerine.settings.model import Decoding, ModelSettings
from nerine.settings.recipes import CROSS_VALIDATION, RECIPES, Settings, read_settings, recipe
from nerine.settings.runs import (
    DEFAULT_ENCODER,
    Batching,
    DistillationSettings,
    Precision,
    RunSettings,
    Schedule,
    TrainingSettings,
)

__all__ = [
    "CROSS_VALIDATION",
    "DEFAULT_ENCODER",
    "RECIPES",
    "Batching",
    "Decoding",
    "DistillationSettings",
    "ModelSettings",
    "Precision",
    "RunSettings",
    "Schedule",
    "Settings",
    "TrainingSettings",
    "read_settings",
    "recipe",
    "with_changes",
    "with_meanings",
]
