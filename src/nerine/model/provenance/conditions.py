"""On what machine and with which packages something was made.

These go out with a checkpoint, so that they name neither users nor machines nor folders.
"""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

_CPUINFO = Path("/proc/cpuinfo")
_PACKAGES = ("nerine", "torch", "transformers", "tokenizers")


def versions(*further: str) -> dict[str, str]:
    """The versions of Python, of what Nerine stands on, and of `further` packages if installed."""
    found = {package: version(package) for package in _PACKAGES}
    for package in further:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return {"python": platform.python_version(), **found}


def hardware(device: str) -> dict[str, Any]:
    """The processor, how many cores this process may use, and the accelerator, if `device` is one.

    `device` is torch's name for where the model ran, such as `cpu` or `cuda`.
    """
    kind = torch.device(device).type
    return {
        "processor": _processor(),
        "cores": _cores(),
        "device": kind,
        "accelerator": torch.cuda.get_device_name(device) if kind == "cuda" else None,
    }


def _processor() -> str:
    """The processor's name where Linux tells it, else its architecture."""
    try:
        lines = _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # no Linux
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(filter(None, named), platform.machine())


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
