"""Tagging in a pipeline of Ray Data, and files on a cluster of Ray.

::

    tagged = dataset.map_batches(
        TagTexts,
        fn_constructor_args=("/models/wnut",),
        fn_constructor_kwargs={"text": "body"},
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=8),
    )

    tag_files("/models/wnut", "/shared/posts/", "/shared/tagged/", workers=64, address="auto")

Ray Data makes one object for each actor, so that a model is loaded once for each. Files are divided
into shards, and the first attempt at one that is done counts. Needs the extra `ray`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from nerine.core.arguments import checked
from nerine.core.errors import SettingsError
from nerine.core.extras import import_extra
from nerine.model.given import CheckpointLike
from nerine.model.tagger import Tagger
from nerine.serving.cluster.ray_driver import tag_on_ray
from nerine.serving.columns import ColumnTagger
from nerine.serving.files.blocks import Listener, StreamTagger
from nerine.serving.files.identity import model_of
from nerine.serving.files.options import TaggingOptions
from nerine.serving.files.plan import TaggingSummary, plan_tagging


class TagTexts(ColumnTagger):
    """Tags the texts in a column of the batches of Ray Data.

    It is a `nerine.ColumnTagger` that is made in an actor. A folder has to be the same one on each
    node, as an absolute path, and a repository of the hub is named with its commit: otherwise an
    actor that starts later might load another state of its branch. A loaded `Tagger` in place of
    the name is sent by its source and the hash of its files, which each actor compares.

    It takes the arguments of `nerine.ColumnTagger`, and raises its errors.

    Raises:
        SettingsError: Also if a repository is named without its commit.
    """

    def _opened(self, checkpoint: CheckpointLike) -> Tagger:
        tagger = super()._opened(checkpoint)
        snapshot = tagger.source.snapshot if tagger.source else None
        if isinstance(checkpoint, str) and snapshot and snapshot.commit not in checkpoint:
            raise SettingsError(
                "the repository is named without its commit, so that actors could load different "
                "models",
                place=checkpoint,
                expected="owner/name@commit, or a loaded tagger",
                hint=f"{tagger.name} is its present state",
            )
        return tagger


@checked
def tag_files(
    tagger: StreamTagger | str | Path,
    inputs: str | Path | Sequence[str | Path],
    output: str | Path,
    options: TaggingOptions | None = None,
    *,
    workers: int | None = None,
    address: str | None = None,
    listener: Listener | None = None,
) -> TaggingSummary:
    """Tags files by workers on a cluster of Ray, into a folder with a file for each shard.

    The output is the same, byte for byte, as that of `nerine.tag_files` with `shards=True` in one
    process that has as many threads as a worker. Names of inputs and output have to mean the same
    files on each machine.

    Args:
        tagger: A tagger, or what `Tagger.load` loads, then with one thread. A worker has as many
            threads as the tagger was loaded for, and asks Ray for as many CPUs.
        inputs: A file, a folder, a pattern such as `"posts/*.jsonl"`, or several of these.
        output: The folder.
        options: How the inputs are tagged; by default `TaggingOptions()`.
        workers: The number of workers; None for as many as the cluster has CPUs for.
        address: The address of a cluster, `"auto"` for the one that runs here, `"local"` for a new
            one on this machine; None for the one of RAY_ADDRESS or that runs here, else a new one.
            Without effect if this program has called `ray.init`.
        listener: Receives the progress, counted in shards.

    Returns:
        What was tagged, and what failed.

    Raises:
        ArgumentError: If an argument has another type.
        CheckpointError: If the checkpoint cannot be loaded.
        FormatError: If an input cannot be read or has no text.
        MissingExtraError: If Ray is not installed.
        ProcessError: If the tagger was made in memory, or its checkpoint has changed since.
        SettingsError: If the options do not fit several machines, or the tagger is not on a CPU.
        TaggingError: If the run cannot start, the cluster cannot be reached, an input has changed,
            shards could not be tagged, or all workers fail.
    """
    import_extra("ray", "ray", "tagging on Ray")
    options = replace(options or TaggingOptions(), shards=True)
    plan = plan_tagging(inputs, output, options)
    if isinstance(tagger, str | Path):
        tagger = Tagger.load(tagger, device="cpu", threads=1)
    if isinstance(tagger, Tagger):
        plan = plan.with_model(options.model or model_of(tagger))
    return tag_on_ray(plan, tagger, workers=workers, address=address, listener=listener)
