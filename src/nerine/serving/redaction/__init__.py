"""Texts and files without the names that a tagger finds.

============  ==========================================================================
module        content
============  ==========================================================================
`redactor`    what becomes of the entities of a text
`stand_ins`   invented names
`patterns`    cards, IBANs, mail addresses and phone numbers
`recall`      how much is replaced, by a labelled sample
`files`       the plan of a redaction of files, which `running` carries out
`rendering`   the records of one file, written again
`mapping`     the file that says what stood where
`restoring`   the way back
============  ==========================================================================
"""

from nerine.serving.redaction.files import plan_redaction, redact_files
from nerine.serving.redaction.recall import RedactionRecall, redaction_recall
from nerine.serving.redaction.redactor import Redacted, Redactor, Replacement, redact
from nerine.serving.redaction.restoring import Restoration, restore_files
from nerine.serving.redaction.running import RedactionPlan, RedactionSummary

__all__ = [
    "Redacted",
    "RedactionPlan",
    "RedactionRecall",
    "RedactionSummary",
    "Redactor",
    "Replacement",
    "Restoration",
    "plan_redaction",
    "redact",
    "redact_files",
    "redaction_recall",
    "restore_files",
]
