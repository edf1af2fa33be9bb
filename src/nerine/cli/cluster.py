"""The options of `nerine tag` for a cluster, and how it runs there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from nerine.cli.flags import Decorator, gathered
from nerine.core.errors import SettingsError
from nerine.core.extras import import_extra

if TYPE_CHECKING:
    from nerine.model.tagger import Tagger
    from nerine.serving.files.blocks import Listener
    from nerine.serving.files.plan import TaggingPlan, TaggingSummary


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """Where the shards are tagged.

    Attributes:
        on: The engine; None for this process and those that it starts.
        workers: The number of workers; None for as many as there are CPUs for.
        address: The address of the cluster.
    """

    on: str | None = None
    workers: int | None = None
    address: str | None = None

    def divided(self, division: dict[str, Any]) -> dict[str, Any]:
        """The options of dividing a run: on a cluster, into shards.

        Raises `SettingsError` or `MissingExtraError` if the options cannot be used.
        """
        if self.on is None:
            for name in ("workers", "address"):
                if getattr(self, name) is not None:
                    raise SettingsError(
                        "this is an option for a cluster",
                        place=f"--{name}",
                        hint="--on ray tags on one",
                    )
            return division
        if division["processes"] > 1:
            raise SettingsError(
                "a cluster has workers in place of processes",
                place="--processes",
                hint="--workers says how many",
            )
        import_extra("ray", "ray", "tagging on Ray")
        return {**division, "shards": True}

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


def _gathered(values: dict[str, Any]) -> ClusterOptions:
    return ClusterOptions(values["on"], values["workers"], values["address"])


cluster_options: Decorator = gathered(
    [
        click.option(
            "--on",
            type=click.Choice(("ray",)),
            help="Tag on a cluster of Ray, whose machines all see the files; implies --shards.",
        ),
        click.option(
            "--workers",
            type=click.IntRange(1),
            metavar="N",
            help="Number of workers on the cluster, each with --threads CPUs.  [default: as many "
            "as there are CPUs for]",
        ),
        click.option(
            "--address",
            metavar="ADDRESS",
            help="Address of the cluster; local for a new one on this machine.  [default: that of "
            "RAY_ADDRESS or the one that runs here, else a new one]",
        ),
    ],
    "cluster",
    _gathered,
)
