"""Models as users name them → models that are served."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from nerine.core.display import visible
from nerine.core.errors import SettingsError
from nerine.model.loading.sources import short_name
from nerine.model.tagger import Tagger
from nerine.serving.http.logs import logger
from nerine.serving.http.service import ServedModel

Checkpoint = str | Path
Named = Tagger | Checkpoint | ServedModel
Models = Named | Mapping[str, Tagger | Checkpoint] | Iterable[Named]
"""A tagger, a folder or a hub id, several of them, or several by their names."""


def served_models(
    models: Models, load: Callable[[str], Tagger] = Tagger.load
) -> tuple[ServedModel, ...]:
    """Models that are served, the first one by default; each has tagged some texts by then.

    Args:
        models: The models. Those without a name have that of their folder or repository.
        load: Loads a checkpoint; those that are named by a folder or a hub id can be loaded again.

    Raises:
        SettingsError: If one is neither a tagger nor a name of a checkpoint.
        NerineError: If one cannot be loaded, or fails on an ordinary text.
    """
    if isinstance(models, Mapping):
        return tuple(_served(name, each, load) for name, each in models.items())
    if not isinstance(models, Iterable) or isinstance(models, str | Tagger | ServedModel):
        models = [models]
    return tuple(_served(None, each, load) for each in models)


def _served(name: str | None, model: Any, load: Callable[[str], Tagger]) -> ServedModel:
    if isinstance(model, ServedModel):
        return model
    if isinstance(model, Tagger):
        source = model.source
        found = short_name(source.name) if source is not None else "model"
        return ServedModel.of(name or found, model)
    if not isinstance(model, str | Path):
        raise SettingsError(
            f"a {type(model).__name__} cannot be served",
            expected="a tagger, a folder or a hub id",
        )
    checkpoint = str(model)
    served = ServedModel.of(
        name or short_name(checkpoint), load(checkpoint), lambda: load(checkpoint)
    )
    for note in served.tagger.notes:
        logger.info("%s: %s", visible(served.name), visible(note))
    return served
