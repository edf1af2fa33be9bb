"""Training recipes, and settings from TOML files."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

from nerine.core.arguments import checked
from nerine.core.errors import SettingsError
from nerine.training.settings import TrainingSettings


class Changeable(Protocol):
    """Settings that a TOML file can change."""

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """A copy with changes; raises `SettingsError` for an unknown setting."""


Settings = TypeVar("Settings", bound=Changeable)
"""Any such settings."""

RECIPES: Mapping[str, TrainingSettings] = {
    "default": TrainingSettings(),
    "four-epochs": TrainingSettings(
        epochs=4,
        learning_rate=2e-4,
        masking=0.2,
        freeze_embeddings=True,
        precision="fp32",
        crf=False,
    ),
    "notebook": TrainingSettings(
        words="tokens",
        decoding="argmax",
        crf=False,
        max_length=512,
        epochs=2,
        learning_rate=2e-5,
        layer_decay=1.0,
        warmup=0.0,
        averaging=0.0,
        masking=0.0,
        freeze_embeddings=False,
        tag_prior=False,
        batching="random",
        precision="fp32",
        seed=42,
    ),
}
"""Named settings.

`default` leaves the numbers that depend on the corpus to the plan. `four-epochs` was the default
before, for small encoders. `notebook` is the recipe of the course notebook that Nerine started
from.
"""


@checked
def recipe(name: str) -> TrainingSettings:
    """The settings that `nerine train --recipe NAME` uses, for `settings` of `train`.

    Args:
        name: "default" leaves the numbers to the plan, "four-epochs" is the fixed recipe of
            earlier versions, "notebook" that of the course notebook.

    Raises:
        ArgumentError: If the name is not a string.
        SettingsError: If no recipe has this name.
    """
    if name not in RECIPES:
        raise SettingsError(f"unknown recipe {name!r}", expected=f"one of {', '.join(RECIPES)}")
    return RECIPES[name]


def read_settings(path: Path, base: Settings) -> Settings:
    """`base` with the changes in the TOML file at `path`; raises `SettingsError`."""
    try:
        return base.changed(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise SettingsError(f"cannot be read: {error.strerror}", place=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"not valid TOML: {error}", place=str(path)) from error
    except SettingsError as error:
        raise error.at(str(path)) from error
