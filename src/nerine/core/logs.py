"""What long functions tell Python's `logging`: the loggers below `nerine`.

They tell INFO and DEBUG only, which Python shows nobody unless a program asks for it. Texts of a
corpus are never told. `docs/how-to/logging.md` lists the loggers, and a test compares.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from nerine.core.display import visible

Say = Callable[[str], None]
"""Receives messages about the progress."""


def log_notes(logger: logging.Logger, message: str, notes: Iterable[str]) -> None:
    """Tells a logger a message, and each note for the user."""
    for line in (message, *notes):
        logger.info("%s", visible(line))


def logged(logger: logging.Logger, say: Say) -> Say:
    """A function that tells a message to a logger, too."""

    def tell(message: str) -> None:
        logger.info("%s", visible(message))
        say(message)

    return tell
