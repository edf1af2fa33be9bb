"""The progress bars of the hub's own library."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from huggingface_hub.utils import (
    are_progress_bars_disabled,
    disable_progress_bars,
    enable_progress_bars,
)


@contextlib.contextmanager
def bars(*, shown: bool = True) -> Iterator[None]:
    """Lets bars be drawn on a terminal, if they may be `shown`, and nothing in a pipe."""
    if are_progress_bars_disabled() or (shown and sys.stderr.isatty()):
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()
