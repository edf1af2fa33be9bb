"""Tagging in a pipeline of Ray Data: a class for `Dataset.map_batches`.

::

    tagged = dataset.map_batches(
        TagTexts,
        fn_constructor_args=("/models/wnut",),
        fn_constructor_kwargs={"text": "body"},
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=8),
    )

Ray makes one object for each actor, so that a model is loaded once for each. Needs the extra `ray`.
"""

from __future__ import annotations

from nerine.core.errors import SettingsError
from nerine.model.given import CheckpointLike
from nerine.model.tagger import Tagger
from nerine.serving.columns import ColumnTagger


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
