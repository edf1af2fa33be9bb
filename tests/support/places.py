"""Paths of the repository, and of files next to it that are never committed."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"
WNUT = SHARED / "wnut17"
SUPPORT = Path(__file__).parent
