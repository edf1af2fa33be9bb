"""The hardware and the versions of packages that a checkpoint or an evaluation was made with.

They are published, so that they name neither users nor hosts nor folders.
"""

from __future__ import annotations

import contextlib
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_CPUINFO = Path("/proc/cpuinfo")
_PACKAGES = ("nerine", "torch", "transformers", "tokenizers")


def versions(*further: str) -> dict[str, str]:
    """The versions of Python, of Nerine's main packages and of `further`, if installed."""
    found = {"python": platform.python_version()}
    for package in (*_PACKAGES, *further):
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def hardware(device: str) -> dict[str, Any]:
    """The processor, the number of cores that this process may use, and the accelerator.

    `device` is torch's name for where the model ran, such as `cpu` or `cuda:0`; without an
    accelerator, that is None.
    """
    kind = device.partition(":")[0]
    accelerator = None
    if kind == "cuda":
        import torch

        accelerator = torch.cuda.get_device_name(device)
    try:
        lines = _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    has_affinity = hasattr(os, "sched_getaffinity")
    return {
        "processor": next(filter(None, named), platform.machine()),
        "cores": len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1,
        "device": kind,
        "accelerator": accelerator,
    }
