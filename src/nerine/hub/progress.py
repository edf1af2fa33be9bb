"""Progress bars of `huggingface_hub`."""

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
def progress_bars(*, shown: bool = True) -> Iterator[None]:
    """Draws progress bars on a terminal unless `shown` is False, and never into a pipe."""
    if are_progress_bars_disabled() or (shown and sys.stderr.isatty()):
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()
