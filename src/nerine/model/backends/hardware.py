"""The processor and the accelerators of this machine, found without importing torch."""

from __future__ import annotations

import math
import os
import platform
import re
import sys
from importlib.util import find_spec
from pathlib import Path

from nerine.core.errors import SettingsError
from nerine.core.settings import check
from nerine.model.backends.cgroups import cpu_quota

THREADS_VARIABLE = "NERINE_THREADS"
"""The environment variable with the number of threads."""

_CPUINFO = Path("/proc/cpuinfo")
_TOPOLOGY = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
_VNNI = ("avx512_vnni", "avx_vnni")
_BFLOAT16 = ("avx512_bf16", "amx_bf16", "bf16")
_BUILT_FOR = re.compile(r"^(cuda|hip|xpu)\b.*= *['\"]", re.MULTILINE)
_DRIVERS = {
    "cuda": ("/dev/nvidiactl", "/dev/nvmap", "/dev/dxg"),
    "hip": ("/dev/kfd", "/dev/dxg"),
    "xpu": ("/dev/dri", "/dev/dxg"),
}
"""The accelerator that torch is built for → files that a driver for it creates on Linux."""


def adds_bytes_exactly() -> bool:
    """Whether the processor sums products of 8-bit numbers in 32 bits.

    x86 processors without VNNI sum pairs of products in 16 bits, where two large ones saturate.
    False for an unknown processor.
    """
    if platform.machine().lower() in ("arm64", "aarch64"):
        return True
    flags = {flag for line in cpu_info("flags") for flag in line.split()}
    return not flags.isdisjoint(_VNNI)


def multiplies_bfloat16() -> bool:
    """Whether the processor has instructions for products of 16-bit numbers in bfloat16.

    False for an unknown processor.
    """
    flags = {
        flag for name in ("flags", "Features") for line in cpu_info(name) for flag in line.split()
    }
    return not flags.isdisjoint(_BFLOAT16)


def cpu_info(field: str) -> list[str]:
    """The values of a field of `/proc/cpuinfo`, one for each processor; none outside of Linux."""
    try:
        lines = _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [line.partition(":")[2].strip() for line in lines if line.startswith(field)]


def available_cpus() -> int:
    """The CPUs that this process may use, by its affinity and, in a container, its quota of time.

    A part of a CPU counts as a whole one.
    """
    has_affinity = hasattr(os, "sched_getaffinity")
    cpus = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    quota = cpu_quota()
    return cpus if quota is None else min(cpus, math.ceil(quota))


def number_of_threads(stated: int | None = None) -> int:
    """The threads that a model should use on the CPU, with any backend.

    `stated`, or NERINE_THREADS, or as many as torch uses if the program has imported it, or else
    OMP_NUM_THREADS, or else one for each physical core. Where OMP_NUM_THREADS is not set, they are
    at most `available_cpus`. Raises `SettingsError` if one of the first two is not a number from 1.
    """
    if stated is not None:
        check("threads", stated, int, least=1)
        return stated
    if named := os.environ.get(THREADS_VARIABLE):
        if not (named.isascii() and named.isdecimal() and int(named)):
            raise SettingsError(
                f"{named!r} is not a number of threads",
                place=THREADS_VARIABLE,
                expected="a whole number from 1",
            )
        return int(named)
    torch = sys.modules.get("torch")
    by_openmp = os.environ.get("OMP_NUM_THREADS", "")
    if by_openmp.isdecimal() and int(by_openmp):
        return int(torch.get_num_threads()) if torch else int(by_openmp)
    cores = int(torch.get_num_threads()) if torch else _physical_cores()
    return min(cores, available_cpus())


def _physical_cores() -> int:
    """The number of cores that this process may use; two CPUs can share one."""
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    cpus = os.sched_getaffinity(0)
    try:
        return len({Path(_TOPOLOGY.format(cpu)).read_text(encoding="ascii") for cpu in cpus})
    except OSError:
        return len(cpus)


def may_have_accelerator() -> bool:
    """Whether torch could find an accelerator; only torch itself knows if it can be used.

    False without torch, for a torch that is built for CPUs, and on Linux without a driver.
    """
    torch = find_spec("torch")
    if torch is None or torch.origin is None:
        return False
    if "torch" in sys.modules or sys.platform != "linux":
        return True
    try:
        text = Path(torch.origin).with_name("version.py").read_text(encoding="utf-8")
    except OSError:
        return True
    kinds = _BUILT_FOR.findall(text)
    return any(Path(driver).exists() for kind in kinds for driver in _DRIVERS[kind])
