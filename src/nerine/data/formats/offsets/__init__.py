"""How the offsets of a file count, found out from its entities, and their ranges in code points."""

from __future__ import annotations

from nerine.data.formats.offsets.checker import OffsetChecker
from nerine.data.formats.offsets.counting import Counting
from nerine.data.formats.offsets.evidence import CANDIDATES, Evidence, StatedRange, agrees

__all__ = ["CANDIDATES", "Counting", "Evidence", "OffsetChecker", "StatedRange", "agrees"]
