"""How a loaded model is used: the words, the decoding and the windows that its user states."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from nerine.core.errors import SettingsError
from nerine.core.words import Words
from nerine.model.settings import Decoding, ModelSettings

MOST_SUBWORDS = 4096
"""The longest window of a model that Nerine did not make, whatever more it takes.

The memory of attention grows with the square of this number.
"""

_UNSTATED = 1_000_000
"""A limit above this is transformers' number for a tokenizer that states none."""

_UNSTATED_WINDOW = 512


@dataclass(frozen=True, slots=True)
class Usage:
    """What the user states about the use of a model; None leaves the model's own setting.

    Attributes:
        words: The units that bear a tag.
        decoding: How the best tags are found.
        max_length: The most subwords of a window, special tokens included; neighbouring windows
            share a quarter of it.
    """

    words: Words | None = None
    decoding: Decoding | None = None
    max_length: int | None = None


def used(
    own: ModelSettings,
    usage: Usage | None,
    longest: int,
    place: str,
    *,
    is_foreign: bool = False,
) -> tuple[ModelSettings, tuple[str, ...]]:
    """The settings with what the user states, and notes on what was guessed or changed.

    Args:
        own: The model's own settings.
        usage: What the user states.
        longest: The most subwords that the model takes at once.
        place: The checkpoint, for errors.
        is_foreign: Whether the model was not made by Nerine.

    Raises:
        SettingsError: If the words or the decoding is unknown, or the model takes no such window.
    """
    usage = usage or Usage()
    stated = {name: value for name, value in dataclasses.asdict(usage).items() if value is not None}
    length = usage.max_length
    if length is not None:
        if not 1 <= length <= longest:
            raise SettingsError(
                f"windows of {length} subwords",
                place=f"max_length of {place}",
                expected=f"from 1 to {longest}, the most that the model takes",
            )
        stated["overlap"] = length // 4
    settings = dataclasses.replace(own, **stated)
    notes = []
    if is_foreign and usage.words is None:
        notes.append(
            "the checkpoint does not state its words: its tokenizer's are taken; --words (words=…) "
            "states others"
        )
    if is_foreign and length is None and MOST_SUBWORDS == own.max_length < longest < _UNSTATED:
        notes.append(
            f"windows hold {MOST_SUBWORDS:,} of the {longest:,} subwords that the model takes; "
            "--max-length (max_length=…) states another length"
        )
    if not is_foreign and settings.words != own.words:
        made = "trained on" if own.outputs is None else "saved with"
        notes.append(f"the model was {made} the words {own.words!r}, not {settings.words!r}")
    return settings, tuple(notes)


def foreign_window(longest: int) -> int:
    """The longest window of a model that Nerine did not make.

    It is what the model takes, but at most `MOST_SUBWORDS`, and 512 subwords if nothing states a
    limit.

    Args:
        longest: The most subwords that the model takes at once.
    """
    return _UNSTATED_WINDOW if longest > _UNSTATED else min(longest, MOST_SUBWORDS)
