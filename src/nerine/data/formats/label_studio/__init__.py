"""Label Studio's exports: JSON, JSON-MIN, and the files of a storage. A task is a document.

::

    [{"id": 5, "data": {"text": "Mira left."}, "annotations": [{"result": [
        {"id": "x1", "from_name": "label", "to_name": "text", "type": "labels",
         "value": {"start": 0, "end": 4, "text": "Mira", "labels": ["person"]}}]}]}]

Tasks are in one array, or objects one after another, a line each or indented. In JSON-MIN and in
the files that Label Studio writes to a storage, each annotation is a record (`{"id": 31, "task":
{"data": …}, "result": […]}`); those of one task become one document. A folder of such files is read
like one file.

Regions: entities are the regions of type `labels`; overlapping regions are entities like any other.
A region of several labels is several entities, and equal ones are one. A region's `score` is the
entity's. A region without a label is an error, unless `ReadOptions.skip` has "no-label". Choices,
relations, taxonomies and other results are not entities; a note counts them.

Text and control: the text is the field of `data` that `ReadOptions.text_field` names, else the one
that the regions stand on, else `text` or the only string. A region's `to_name` is the name of a
text in the labelling configuration, which may be another one than the field's: the regions' own
texts tell, over all the file. If several texts are labelled, the field `text` is read, and a note
counts the others; without it, and if several controls (`from_name`) label the text, the option must
choose. `ReadOptions.control` may also name a control of choices or of a taxonomy that stands on
ranges: its names are the labels then, `place/city` for a path.

Annotations: predictions and drafts do not count. A task whose annotations were cancelled, or that
has none, is an error, or is skipped or kept ("cancelled", "unlabelled"). Of several annotations
`ReadOptions.annotations` chooses; "first" is the first in the file, "latest" the one that was
changed or made last, and an annotator's NAME is an address or an id.

Offsets: Label Studio counts code points today and counted UTF-16 code units before (its issues
1347 and 1008). The regions' own texts show what all offsets of a file count, unless
`ReadOptions.offsets` states it, and whether a line end of two characters counts as one, or one as
two. If that leaves it open and it matters, they are read as code points and the log has a remark.
White space is not compared, as browsers change it.

The other fields of `data` are the document's `meta`. Its id is `data["id"]`, or else the task's id;
its tokens are `data["tokens"]` as [start, end]. `meta["label_studio"]` holds the task without its
data, so that predictions, relations and choices are written back, and under `nerine` what was read
of it; it is missing if the task has only what is written for any document. Offsets are written in
code points, and all layouts as an array of tasks.

With `WriteOptions.predictions_of` the entities become one more prediction of their task, by that
model, to be reviewed by an annotator; annotations and other predictions stay unchanged.
"""

from __future__ import annotations

from nerine.data.formats.label_studio.read import read
from nerine.data.formats.label_studio.tasks import is_storage, recognises
from nerine.data.formats.label_studio.write import write

EXTENSIONS = (".json",)

__all__ = ["EXTENSIONS", "is_storage", "read", "recognises", "write"]
