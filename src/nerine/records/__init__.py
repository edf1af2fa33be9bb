"""What was measured of a checkpoint, kept beside it, and under which conditions.

=============  ========================================================================
module         what lives there
=============  ========================================================================
`conditions`   hardware and versions, without names of users, machines and folders
`sources`      where a corpus or an encoder came from, and how it is named to others
`sketches`     a few hashes of a split's texts (Broder, 1997), to know such texts again
`evaluations`  `EvaluationRecord`, and the file `evaluations.json`
`roles`        what the texts of an evaluation were to the checkpoint
=============  ========================================================================
"""

from nerine.records.conditions import hardware, versions
from nerine.records.evaluations import (
    EvaluationRecord,
    evaluation_of,
    read_evaluations,
    refused,
    save_evaluation,
)
from nerine.records.roles import Role, role_of, trained_on
from nerine.records.sketches import split_record, used_splits
from nerine.records.sources import corpus_kind, encoder_origin, shown_name, without_paths

__all__ = [
    "EvaluationRecord",
    "Role",
    "corpus_kind",
    "encoder_origin",
    "evaluation_of",
    "hardware",
    "read_evaluations",
    "refused",
    "role_of",
    "save_evaluation",
    "shown_name",
    "split_record",
    "trained_on",
    "used_splits",
    "versions",
    "without_paths",
]
