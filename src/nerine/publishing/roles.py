"""The role of a saved evaluation's texts: what they were to the checkpoint that was evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nerine.evaluation.contamination import (
    FITTED,
    Role,
    role_by_name,
    role_of_shares,
)
from nerine.publishing.evaluation_record import EvaluationRecord


def role_of(record: EvaluationRecord, info: Mapping[str, Any]) -> Role:
    """The role of the evaluation's texts according to the checkpoint's `nerine.json`.

    Texts are compared, whatever their split is called. For an older checkpoint, which has no
    record of its texts, the corpus and the name of the split decide.
    """
    provenance = info.get("provenance") or {}
    corpus, split = record.corpus.hash, record.split
    splits, fitted = provenance.get("splits"), info.get("thresholds") or {}
    if not splits:
        return role_by_name(split, corpus, provenance)
    shares = dict(record.shared)
    shares |= {name: 1.0 for name, each in splits.items() if each.get("texts") == record.texts}
    used = record.thresholds is not None
    if used and (fitted.get("corpus"), fitted.get("split")) == (corpus, split):
        shares[FITTED] = 1.0
    return role_of_shares(shares)
