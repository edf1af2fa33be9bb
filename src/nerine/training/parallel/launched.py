"""What a launcher says to the processes that it starts, without an import of torch."""

from __future__ import annotations

import os


def launched_processes() -> int:
    """The number of processes that the launcher of this one has started; 1 without a launcher."""
    world_size = os.environ.get("WORLD_SIZE", "")
    return int(world_size) if "RANK" in os.environ and world_size.isdecimal() else 1
