"""Files in, files out: any number of texts, in memory that does not grow with them.

=================================  =========================================================
module                             what lives there
=================================  =========================================================
`options`, `inputs`, `targets`     what is chosen, what is read, and where it goes
`compression`, `lines`, `records`  bytes, lines, and pieces that pass through untouched
`plain`, `tables`, `parquet`       text and JSON lines; CSV and TSV; Parquet
`identity`, `journal`, `sinks`     what a run is of, how far it is trusted, where bytes go
`running`, `plan`                  blocks of records through a tagger; a run that can begin
=================================  =========================================================

::

    summary = tag_files(tagger, ["posts.jsonl.gz"], "tagged.jsonl.gz")
    print(summary.documents, summary.entities)

What is added is the entities; every other byte of a record is as it was. Outputs are whole or not
there. A run that was killed goes on where it stood, with `TaggingOptions(start="resume")`, and its
output is that of a run which nothing disturbed, byte for byte. Records that cannot be read, or on
which the model fails, lie in `OUTPUT.failed.jsonl` with their reasons, and in no output.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from nerine.serving.files.identity import model_identity
from nerine.serving.files.options import Format, TaggingOptions
from nerine.serving.files.plan import TaggingPlan, TaggingSummary, plan_tagging
from nerine.serving.files.running import Listener, Tagging

__all__ = [
    "Format",
    "Listener",
    "Tagging",
    "TaggingOptions",
    "TaggingPlan",
    "TaggingSummary",
    "model_identity",
    "plan_tagging",
    "tag_files",
]


def tag_files(
    tagger: Tagging,
    inputs: Sequence[str | Path],
    output: str | Path | BinaryIO,
    options: TaggingOptions | None = None,
    listener: Listener | None = None,
) -> TaggingSummary:
    """Tags files, in bounded memory; a run that is cut short can be gone on with.

    Args:
        tagger: What finds the entities.
        inputs: Files, folders, patterns such as `"posts/*.jsonl"`, or `"-"` for standard input.
        output: A file for one file, a folder for all else, or a stream of bytes.
        options: How they are tagged; by default `TaggingOptions()`.
        listener: Whoever shows the progress.

    Returns:
        What was done, and what failed.

    Raises:
        FormatError: For an input that cannot be read or has no text where one is looked for, and
            for an output that cannot be.
        SettingsError: For options that do not fit the inputs or the output.
        MissingExtraError: For Parquet without the extra `datasets`.
        TaggingError: Where an output stands already, or an interrupted run; where the disk or the
            journal stand in the way.
    """
    return plan_tagging(inputs, output, options).run(tagger, listener)
