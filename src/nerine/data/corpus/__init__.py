"""A corpus: documents in splits, and their labels."""

from __future__ import annotations

from nerine.data.corpus.groups import groups_of
from nerine.data.corpus.loading import SAMPLE, is_hub_id, load_corpus, near_miss
from nerine.data.corpus.splits import Corpus

__all__ = ["SAMPLE", "Corpus", "groups_of", "is_hub_id", "load_corpus", "near_miss"]
