"""The options for a cluster, of tagging and of training several models."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from nerine.cli.flags import Decorator, gathered, processes_option
from nerine.cli.help import options_in
from nerine.core.errors import SettingsError
from nerine.core.extras import import_extra
from nerine.core.ray_cluster import RayCluster

if TYPE_CHECKING:
    from nerine.model.tagger import Tagger
    from nerine.serving.files.blocks import Listener
    from nerine.serving.files.plan import TaggingPlan, TaggingSummary


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """Where the work is done.

    Attributes:
        on: The engine; None for this process and those that it starts.
        workers: The number of workers; None for as many as there are CPUs for.
        address: The address of the cluster.
    """

    on: str | None = None
    workers: int | None = None
    address: str | None = None

    def check(self, processes: int, purpose: str) -> None:
        """Raises `SettingsError` or `MissingExtraError` if the options cannot be used."""
        if self.on is None:
            for name in ("workers", "address"):
                if getattr(self, name) is not None:
                    raise SettingsError(
                        "this is an option for a cluster",
                        place=f"--{name}",
                        hint="--on ray names one",
                    )
            return
        if processes > 1:
            raise SettingsError(
                "a cluster has workers in place of processes",
                place="--processes",
                hint="--workers says how many",
            )
        import_extra("ray", "ray", purpose)

    def divided(self, division: dict[str, Any]) -> dict[str, Any]:
        """The options of dividing a run of tagging, after a check: on a cluster, into shards."""
        self.check(division["processes"], "tagging on Ray")
        return {**division, "shards": True} if self.on else division

    def run(
        self, planned: TaggingPlan, tagger: Tagger, listener: Listener | None
    ) -> TaggingSummary:
        """Runs the plan, here or on the cluster."""
        if self.on is None:
            return planned.run(tagger, listener)
        from nerine.serving.cluster.ray_driver import tag_on_ray

        return tag_on_ray(
            planned, tagger, workers=self.workers, address=self.address, listener=listener
        )


@dataclass(frozen=True, slots=True)
class Spread:
    """Where several models are trained at the same time.

    Attributes:
        processes: The number of processes of this machine.
        cluster: The cluster in place of them.
    """

    processes: int = 1
    cluster: RayCluster | None = None


def _options_of_cluster(text: str, option: Callable[..., Decorator]) -> list[Decorator]:
    return [
        option("--on", type=click.Choice(("ray",)), help=text),
        option(
            "--workers",
            type=click.IntRange(1),
            metavar="N",
            help="Number of workers on the cluster, each with --threads CPUs.  [default: as many "
            "as there are CPUs for]",
        ),
        option(
            "--address",
            metavar="ADDRESS",
            help="Address of the cluster; local for a new one on this machine.  [default: that of "
            "RAY_ADDRESS or the one that runs here, else a new one]",
        ),
    ]


def _gathered(values: dict[str, Any]) -> ClusterOptions:
    return ClusterOptions(values["on"], values["workers"], values["address"])


def _spread(values: dict[str, Any]) -> Spread:
    processes: int = values.pop("processes")
    options = _gathered(values)
    options.check(processes, "training on Ray")
    if options.on is None:
        return Spread(processes)
    from nerine.model.backends.hardware import THREADS_VARIABLE, number_of_threads

    threads = number_of_threads() if THREADS_VARIABLE in os.environ else 1
    return Spread(1, RayCluster(options.address, options.workers, threads))


cluster_options: Decorator = gathered(
    _options_of_cluster(
        "Tag on a cluster of Ray, whose machines all see the files; implies --shards.",
        click.option,
    ),
    "cluster",
    _gathered,
)


def spread_options(text: str) -> Decorator:
    """The options for training several models at the same time.

    Args:
        text: The help of `--processes`.
    """
    option = options_in("Several models at the same time")
    on_ray = "Train on a cluster of Ray, whose machines all see the files."
    return gathered(
        [processes_option(text, option), *_options_of_cluster(on_ray, option)], "spread", _spread
    )
