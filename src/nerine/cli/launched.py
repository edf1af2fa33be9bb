"""Commands that torchrun or `accelerate launch` has started, in several processes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from contextlib import AbstractContextManager

from nerine.training.parallel.launched import launched_processes


def launched_together() -> AbstractContextManager[None]:
    """A context in which the first error of any process ends them all; it joins them."""
    if launched_processes() == 1:
        return contextlib.nullcontext()
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # torch warns of what Trainer sets
    from nerine.training.parallel.group import together

    return together()


def in_first_process(action: Callable[[], None]) -> None:
    """Runs `action` in the first process alone; the others wait, and raise its error too."""
    if launched_processes() == 1:
        action()
        return
    from nerine.training.parallel.group import in_first

    in_first(action)
