"""The hardware and the versions of packages that a checkpoint or an evaluation was made with.

They are published, so that they name neither users nor hosts nor folders.
"""

from __future__ import annotations

import contextlib
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from nerine.model.backends.hardware import available_cpus, cpu_info

_PACKAGES = ("nerine", "torch", "transformers", "tokenizers")


def versions(*further: str) -> dict[str, str]:
    """The versions of Python, of Nerine's main packages and of `further`, if installed."""
    found = {"python": platform.python_version()}
    for package in (*_PACKAGES, *further):
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def hardware(device: str) -> dict[str, Any]:
    """The processor, the number of CPUs that this process may use, and the accelerator.

    `device` is torch's name for where the model ran, such as `cpu` or `cuda:0`; without an
    accelerator, that is None.
    """
    kind = device.partition(":")[0]
    accelerator = None
    if kind == "cuda":
        import torch

        accelerator = torch.cuda.get_device_name(device)
    return {
        "processor": next(filter(None, cpu_info("model name")), platform.machine()),
        "cores": available_cpus(),
        "device": kind,
        "accelerator": accelerator,
    }
