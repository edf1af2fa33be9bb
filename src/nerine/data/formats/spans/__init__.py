"""Span records: JSON with a text and the ranges of its entities, by Nerine and by other tools.

Nerine's own form, with tokens only if the corpus has some::

    {"id": "7", "text": "Mira left.", "entities": [{"start": 0, "end": 4, "label": "person"}],
     "tokens": [[0, 4], [5, 9], [9, 10]]}

The forms of other tools are read too, recognised record by record; the first two are written with
`WriteOptions.style`:

- doccano: `"label": [[0, 4, "person"]]` (or `labels`; `data` for the text), in newer versions
  `"entities": [{"id": 1, "label": "person", "start_offset": 0, "end_offset": 4}]`. The first form
  is written, or the second if entities have more than their range.
- Prodigy: `"spans"` with `token_start` and `token_end` as well as `start` and `end`, `"tokens"`
  with their text, `"answer"`. Records that were rejected or ignored are of the kind "rejected"
  (`ReadOptions.skip`). A record that accepts one suggestion (`_is_binary`) may lack the others: the
  log has a remark.
- Dataturks: `"annotation": [{"label": ["person"], "points": [{"start": 0, "end": 3}]}]` with the
  text in `content`; an end is the last character, and is read so.
- SageMaker Ground Truth: a manifest with the text in `source`.
- PubAnnotation: `"denotations": [{"span": {"begin": 0, "end": 4}, "obj": "person"}]`.
- Others with the entities in `annotations`, `ents` or `mentions`, the text in `content`, `document`
  or `sentence`, the label in `tag`, `type`, `entity`, the range in `span` or `offsets` and similar
  fields (`LABEL`, `START`, `END` and `PAIR` in `items`), such as the exports of LightTag and UBIAI,
  Rasa's training data and rows of data sets on the hub. Entities may be one list for each field.
  `ReadOptions.tag_column` names the field of the entities.

Offsets are checked against the entities' own texts, by which their unit is found out
(`nerine.data.formats.offsets`); a record may state it as `"offsets": "code-points"`, and does so
when Nerine writes entities after an emoji. Entities may be listed in any order, overlap and be
nested; one that is listed twice is read once, with a remark. An entity's `score` is optional. Other
fields of the record are kept in `Document.meta`; those of an entity in `meta["entity_fields"]`, as
[start, end, label, fields], and those of tokens in `meta["token_fields"]`. An entity's `text` is
not kept if it is the text of its range; `WriteOptions.entity_texts` writes it.
"""

from __future__ import annotations

from nerine.data.formats.spans.read import read, recognises
from nerine.data.formats.spans.write import write

__all__ = ["read", "recognises", "write"]
