"""The role of an evaluation's texts: what they were to the checkpoint that was evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from nerine.core.document import digest_of, parts_of
from nerine.data.corpus import Corpus
from nerine.model.provenance.sketches import shares_known
from nerine.publishing.evaluation_record import EvaluationRecord

_SAME_SPLIT = 0.5
"""From this share of common texts on, texts count as those of a split."""


class Role(Enum):
    """What texts were to a checkpoint, the best first.

    - `UNSEEN`: they had no part in making it.
    - `READ`: it learned from them without their labels.
    - `CHOSE`: they chose the epoch or the thresholds, so that scores on them are too good.
    - `UNKNOWN`: the records do not say.
    - `TRAINED`: it was trained on them, so that scores on them mean nothing.
    """

    UNSEEN = "unseen"
    READ = "read"
    CHOSE = "chose"
    UNKNOWN = "unknown"
    TRAINED = "trained"


_BY_SPLIT = {"train": Role.TRAINED, "validation": Role.CHOSE, "unlabelled": Role.READ}
_BY_NAME = {"train": Role.TRAINED, "validation": Role.CHOSE, "test": Role.UNSEEN}


def role_of(record: EvaluationRecord, info: Mapping[str, Any]) -> Role:
    """The role of the evaluation's texts according to the checkpoint's `nerine.json`.

    Texts are compared, whatever their split is called. For an older checkpoint, which has no
    record of its texts, the corpus and the name of the split decide.
    """
    corpus, split = record.corpus.hash, record.split
    role = _role(record.texts, record.shared, corpus, split, info)
    fitted = info.get("thresholds") or {}
    used = record.thresholds is not None
    if used and (fitted.get("corpus"), fitted.get("split")) == (corpus, split):
        return Role.CHOSE if role in (Role.UNSEEN, Role.READ) else role
    return role


def trained_on(corpus: Corpus, split: str, info: Mapping[str, Any]) -> bool:
    """Whether the checkpoint was trained on a split of `corpus` according to its records."""
    documents = corpus.split(split)
    shared = shares_known(documents, (info.get("provenance") or {}).get("splits") or {})
    texts = digest_of(parts_of(documents))
    return _role(texts, shared, corpus.hash, split, info) is Role.TRAINED


def _role(
    texts: str, shared: Mapping[str, float], corpus: str, split: str, info: Mapping[str, Any]
) -> Role:
    provenance = info.get("provenance") or {}
    if splits := provenance.get("splits"):
        for name, role in _BY_SPLIT.items():
            same = splits.get(name, {}).get("texts") == texts
            if same or shared.get(name, 0.0) >= _SAME_SPLIT:
                return role
        return Role.UNSEEN
    is_own = corpus == (provenance.get("corpus") or {}).get("hash")
    return _BY_NAME.get(split, Role.UNKNOWN) if is_own else Role.UNKNOWN
