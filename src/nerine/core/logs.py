"""What long functions tell Python's `logging`: the loggers below `nerine`.

They tell INFO and DEBUG only, which Python shows nobody unless a program asks for it. Texts of a
corpus are never told.

==================  ==========================================================================
logger              tells
==================  ==========================================================================
`nerine.load`       each checkpoint that is loaded, with the notes on it
`nerine.hub`        each file that is needed from the hub
`nerine.train`      plan, notes, validations and end of a run, of distillation too; DEBUG: steps
`nerine.tune`       each run of a search, and its result
`nerine.suspects`   each fold of a cross-validation
`nerine.tag`        each input of `tag_files`; DEBUG: each block of it
`nerine.optimize`   each step of an optimisation
`nerine.push`       each step of a push
`nerine.serve`      each request, and what goes wrong
==================  ==========================================================================
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
