"""What the texts of an evaluation were to the checkpoint that was evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nerine.records.evaluations import EvaluationRecord

_MOST = 0.5
"""From this share of known texts on, they are the split's own."""


class Role(Enum):
    """What texts were to a checkpoint, the best first.

    - `UNSEEN`: they had no part in making it.
    - `CHOSE`: they chose the epoch, or the thresholds, so that scores on them flatter.
    - `UNKNOWN`: the records do not tell.
    - `TRAINED`: it was trained on them, so that scores on them mean nothing.
    """

    UNSEEN = "unseen"
    CHOSE = "chose"
    UNKNOWN = "unknown"
    TRAINED = "trained"


def role_of(record: EvaluationRecord, info: Mapping[str, Any]) -> Role:
    """The role of the evaluation's texts, by the checkpoint's `nerine.json`.

    Texts are compared, whatever their split is called. A checkpoint of before these were
    recorded tells by the corpus and the name of the split.
    """
    provenance = info.get("provenance") or {}
    found = _by_texts(record, provenance) or _by_name(record, provenance)
    if found is Role.UNSEEN and _fitted_on(record, info.get("thresholds") or {}):
        return Role.CHOSE
    return found


def _by_texts(record: EvaluationRecord, provenance: Mapping[str, Any]) -> Role | None:
    splits = provenance.get("splits")
    if not splits:
        return None
    for name, role in (("train", Role.TRAINED), ("validation", Role.CHOSE)):
        same = splits.get(name, {}).get("texts") == record.texts
        if same or record.shared.get(name, 0.0) >= _MOST:
            return role
    return Role.UNSEEN


def _by_name(record: EvaluationRecord, provenance: Mapping[str, Any]) -> Role:
    corpus = provenance.get("corpus") or {}
    if not corpus.get("hash") or corpus["hash"] != record.corpus.hash:
        return Role.UNKNOWN
    roles = {"train": Role.TRAINED, "validation": Role.CHOSE, "test": Role.UNSEEN}
    return roles.get(record.split, Role.UNKNOWN)


def _fitted_on(record: EvaluationRecord, thresholds: Mapping[str, Any]) -> bool:
    """Whether the thresholds that were used were fitted on these texts."""
    same = (thresholds.get("corpus"), thresholds.get("split")) == (record.corpus.hash, record.split)
    return same and record.thresholds is not None
