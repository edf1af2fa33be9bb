"""Tagging of files: any number of texts in constant memory, and runs that can be resumed.

=================================  =========================================================
module                             contents
=================================  =========================================================
`plan`, `options`                  `tag_files`: checks everything, then runs
`inputs`, `outputs`, `remote`      files to read, here or at URLs, and files to write
`run`, `pool`                      the shards of a run, in one process or several
`shards`, `receipts`, `parts`      pieces of the inputs, what is done of them, and by halves
`working`                          outputs as whole files
`sharded`, `attempts`, `lease`     outputs with a file for each shard, which many machines write
`verifying`                        the proof that such an output is whole
`blocks`                           the records of a shard through a tagger
`identity`, `durable`              the conditions of resuming, and files that are whole or missing
`text`, `tables`, `parquet`        readers of text and JSON lines; CSV and TSV; Parquet
`rows`                             rows of CSV and TSV, and lone quotes
`records`, `lines`, `compression`  what the readers have in common
=================================  =========================================================

::

    summary = tag_files(tagger, ["posts.jsonl.gz"], "tagged.jsonl.gz")
    print(summary.documents, summary.entities)

Entities are added to each record; all its other bytes stay the same. Outputs appear whole or not
at all. A run that was interrupted continues with `TaggingOptions(start="resume")`, and its output
is the same, byte for byte, as without the interruption. Records that cannot be read, or on which
the model fails, are written to `OUTPUT.failed.jsonl`, whole and with the reason, and to no output.
At the end the records of the outputs and the failures are counted.
"""

from nerine.serving.files.blocks import Listener, StreamTagger
from nerine.serving.files.options import Format, TaggingOptions
from nerine.serving.files.plan import TaggingPlan, TaggingSummary, plan_tagging, tag_files
from nerine.serving.files.verifying import Verification, verify_output

__all__ = [
    "Format",
    "Listener",
    "StreamTagger",
    "TaggingOptions",
    "TaggingPlan",
    "TaggingSummary",
    "Verification",
    "plan_tagging",
    "tag_files",
    "verify_output",
]
