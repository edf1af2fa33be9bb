"""A checkpoint as users give it."""

from __future__ import annotations

import copy
from pathlib import Path

from nerine.core.errors import ArgumentError
from nerine.model.loading.sources import Source
from nerine.model.loading.thresholds import ThresholdChoice, chosen_thresholds
from nerine.model.tagger import Tagger

CheckpointLike = Tagger | str | Path | Source
"""A tagger, or what `Tagger.load` loads: a folder, a hub id, or a source."""


def as_tagger(checkpoint: CheckpointLike) -> Tagger:
    """The tagger itself, or the one that `Tagger.load` loads by its name."""
    return checkpoint if isinstance(checkpoint, Tagger) else Tagger.load(checkpoint)


def with_thresholds(tagger: Tagger, thresholds: ThresholdChoice) -> Tagger:
    """A tagger with the same model, and with other thresholds unless they are None.

    Raises `CheckpointError` if none are saved with its checkpoint, and `SettingsError` for one
    outside 0 to 1.
    """
    tagger = copy.copy(tagger)
    if thresholds is not None:
        tagger.thresholds = chosen_thresholds(thresholds, tagger.saved_thresholds, tagger.name)
    return tagger


def name_of(checkpoint: CheckpointLike) -> str | Path | Source:
    """The name of a checkpoint, or the source that a tagger was loaded from.

    Raises `ArgumentError` for a tagger that was made in memory.
    """
    if not isinstance(checkpoint, Tagger):
        return checkpoint
    if checkpoint.source is None:
        raise ArgumentError(
            "a tagger that was made in memory has no checkpoint",
            expected="a tagger that was loaded from a folder or the hub",
            hint="save_checkpoint(folder, checkpoint), and name the folder",
        )
    return checkpoint.source
