"""A corpus: documents in splits, and their labels."""

from __future__ import annotations

from nerine.corpus.groups import groups_of
from nerine.corpus.loading import SAMPLE, is_hub_id, load_corpus, near_miss
from nerine.corpus.splits import Corpus

__all__ = ["SAMPLE", "Corpus", "groups_of", "is_hub_id", "load_corpus", "near_miss"]
