"""Teams for tasks that train models of their own, at the same time."""

from __future__ import annotations

import torch

from nerine.core.errors import SettingsError
from nerine.core.ray_cluster import RayCluster
from nerine.core.settings import check
from nerine.training.parallel.group import check_alone
from nerine.training.parallel.process_team import ProcessTeam
from nerine.training.parallel.ray_team import RayTeam
from nerine.training.parallel.teams import Alone


def team_of(
    processes: int, cluster: RayCluster | None = None, most: int | None = None
) -> Alone | ProcessTeam | RayTeam:
    """The team of a cluster, or of so many processes of this machine.

    Args:
        processes: The number of processes; with 1, this one does the tasks.
        cluster: The cluster; None for this machine.
        most: The number of tasks, if it is known.

    Raises:
        SettingsError: If there cannot be so many processes.
        TrainingError: If this is one of the processes of a launcher.
    """
    check_alone()
    check("processes", processes, int, least=1)
    if cluster:
        if processes > 1:
            raise SettingsError(
                "a cluster has workers in place of processes",
                place="processes",
                hint="the workers of the cluster say how many",
            )
        return RayTeam(cluster)
    if processes > 1 and torch.accelerator.is_available():
        raise SettingsError(
            f"{processes} processes would share an accelerator",
            place="processes",
            expected="1, or a machine without an accelerator",
        )
    processes = min(processes, most or processes)
    return ProcessTeam(processes) if processes > 1 else Alone()
