"""Commands that torchrun or `accelerate launch` has started, in several processes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from contextlib import AbstractContextManager


def is_launched() -> bool:
    """Whether this process is one of several that a launcher has started."""
    return os.environ.get("WORLD_SIZE", "1") != "1" and "RANK" in os.environ


def launched_together() -> AbstractContextManager[None]:
    """A context in which the first error of any process ends them all; it joins them."""
    if not is_launched():
        return contextlib.nullcontext()
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # torch warns of what Trainer sets
    from nerine.training.parallel.group import together

    return together()


def in_first_process(action: Callable[[], None]) -> None:
    """Runs `action` in the first process alone; the others wait, and raise its error too."""
    if not is_launched():
        action()
        return
    from nerine.training.parallel.group import in_first

    in_first(action)
