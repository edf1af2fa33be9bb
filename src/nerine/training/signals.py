"""SIGINT and SIGTERM while a model is trained."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any


class SignalHandlers:
    """A context in which SIGINT and SIGTERM call `receive` with their number.

    Outside the main thread signals cannot be handled, and nothing changes.
    """

    def __init__(self, receive: Callable[[int], None]) -> None:
        self._receive = receive
        self._previous: dict[int, Callable[[int, FrameType | None], Any] | int | None] = {}

    def __enter__(self) -> SignalHandlers:
        if threading.current_thread() is threading.main_thread():
            for each in (signal.SIGINT, signal.SIGTERM):
                self._previous[each] = signal.signal(each, lambda number, _: self._receive(number))
        return self

    def __exit__(self, *_: object) -> None:
        self.restore()

    def restore(self) -> None:
        """Restores the handlers from before the context."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}
