"""Alignment of any system's file with gold documents.

Small faults in a system's file are repaired and counted; what cannot be aligned is an error with
both places.

================  ====================================================================
module            content
================  ====================================================================
`align`           `align_file`, `align_columns` → `Alignment`
`detection`       the format of a system's file, by its content
`rows`            a tolerant reader of column files
`columns`         rows of a column file, aligned with gold documents
`changed_tokens`  rows with other tokens, aligned sentence by sentence
`texts`           predicted documents, aligned with gold documents
`characters`      two texts that differ in white space, HTML escapes and Unicode forms
`repairs`         the repairs, counted, with the first place of each
================  ====================================================================
"""

from nerine.evaluation.alignment.align import Alignment, align_columns, align_file
from nerine.evaluation.alignment.repairs import Repair

__all__ = ["Alignment", "Repair", "align_columns", "align_file"]
