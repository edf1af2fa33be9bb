"""Settings by name, and from files."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

from nerine.core.errors import SettingsError
from nerine.training.settings import TrainingSettings


class Changeable(Protocol):
    """What a file of TOML can change."""

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """The same with others; raises `SettingsError` for one that does not exist."""


Settings = TypeVar("Settings", bound=Changeable)
"""Settings of one kind of run."""

RECIPES: Mapping[str, TrainingSettings] = {
    "default": TrainingSettings(),
    "notebook": TrainingSettings(
        words="tokens",
        decoding="argmax",
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
        seed=42,
    ),
}
"""Named settings. `notebook` is the recipe of the course notebook that Nerine grew out of."""

CROSS_VALIDATION = TrainingSettings(epochs=3)
"""For models that only judge a fold of the corpus: the default ones, an epoch shorter."""


def recipe(name: str) -> TrainingSettings:
    """The settings called `name`."""
    if name not in RECIPES:
        raise SettingsError(
            f"no recipe is called {name!r}", expected=f"one of {', '.join(RECIPES)}"
        )
    return RECIPES[name]


def read_settings(path: Path, base: Settings) -> Settings:
    """`base` with what the TOML file at `path` changes."""
    try:
        return base.changed(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise SettingsError(f"cannot be read: {error.strerror}", place=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"this is no TOML: {error}", place=str(path)) from error
    except SettingsError as error:
        raise error.at(str(path)) from error
