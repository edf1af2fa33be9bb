"""A corpus: documents in splits, and their labels."""

from __future__ import annotations

from nerine.data.corpus.corpus import Corpus, groups_of
from nerine.data.corpus.load import SAMPLE, is_hub_id, load_corpus
from nerine.data.corpus.notes import shared_prefix_note, similar_label, unseen_label_notes

__all__ = [
    "SAMPLE",
    "Corpus",
    "groups_of",
    "is_hub_id",
    "load_corpus",
    "shared_prefix_note",
    "similar_label",
    "unseen_label_notes",
]
