"""What this machine's processor can do."""

from __future__ import annotations

import platform
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_VNNI = ("avx512_vnni", "avx_vnni")


def adds_bytes_exactly() -> bool:
    """Whether products of 8-bit numbers are summed in 32 bits.

    Processors of x86 without VNNI sum pairs of them in 16 bits, where two large products
    saturate. What is not known to be exact counts as if it were not.
    """
    if platform.machine().lower() in ("arm64", "aarch64"):
        return True
    try:
        text = _CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:  # no Linux
        return False
    flags = {
        flag for line in text.splitlines() if line.startswith("flags") for flag in line.split()
    }
    return not flags.isdisjoint(_VNNI)
