"""The CPU time that Linux's control groups allow this process, as containers limit it.

A container that was started with `--cpus 2` sees all processors of its host; the limit is a quota
of CPU time in the files of its control group: `cpu.max` in version 2, `cpu.cfs_quota_us` and
`cpu.cfs_period_us` in version 1. Processors that are forbidden altogether, as by `--cpuset-cpus`,
are missing from `os.sched_getaffinity`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_PROCESS = Path("/proc/self")


def cpu_quota(process: Path = _PROCESS) -> float | None:
    """The CPUs whose time this process may use, such as 1.5; None where there is no limit.

    That is the least quota of its control group and the groups around it. `process` is its folder
    in `/proc`.
    """
    quotas = [
        quota
        for top, group in _groups(process)
        for folder in (group, *group.parents)
        if folder.is_relative_to(top) and (quota := _quota(folder)) is not None
    ]
    return min(quotas, default=None)


def _groups(process: Path) -> Iterator[tuple[Path, Path]]:
    """The folders of the control groups for CPU time: the uppermost visible, the process's own."""
    try:
        lines = (process / "cgroup").read_text(encoding="utf-8").splitlines()
        mounts = (process / "mountinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    # hierarchy:controllers:path, without controllers in version 2
    own = {
        name: path
        for _, controllers, path in (line.split(":", 2) for line in lines)
        for name in controllers.split(",")
        if name in ("", "cpu")
    }
    for mount in mounts:
        before, _, after = mount.partition(" - ")
        kind, _, rest = after.partition(" ")
        controller = {"cgroup2": "", "cgroup": "cpu"}.get(kind)
        options = rest.rpartition(" ")[2].split(",")
        if controller not in own or (controller and controller not in options):
            continue
        root, point = before.split()[3:5]
        path = PurePosixPath(own[controller])
        inner = path.relative_to(root) if path.is_relative_to(root) else PurePosixPath()
        yield Path(point), Path(point) / inner


def _quota(folder: Path) -> float | None:
    """The CPUs of one control group; None if it has no limit."""
    try:
        if (limit := folder / "cpu.max").is_file():
            quota, period = limit.read_text(encoding="ascii").split()
        else:
            quota, period = (
                (folder / f"cpu.cfs_{name}_us").read_text(encoding="ascii").strip()
                for name in ("quota", "period")
            )
        return int(quota) / int(period) if int(quota) > 0 else None
    except (OSError, ValueError, ZeroDivisionError):  # "max", or no such files
        return None
