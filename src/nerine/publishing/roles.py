"""What the texts of an evaluation were to the checkpoint that was evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

from nerine.core.document import digest_of, parts_of
from nerine.data.corpus import Corpus
from nerine.model.provenance.sketches import shares_known

if TYPE_CHECKING:
    from nerine.publishing.evaluations import EvaluationRecord

_MOST = 0.5
"""From this share of known texts on, they are the split's own."""


class Role(Enum):
    """What texts were to a checkpoint, the best first.

    - `UNSEEN`: they had no part in making it.
    - `READ`: it learned from them without their labels.
    - `CHOSE`: they chose the epoch, or the thresholds, so that scores on them flatter.
    - `UNKNOWN`: the records do not tell.
    - `TRAINED`: it was trained on them, so that scores on them mean nothing.
    """

    UNSEEN = "unseen"
    READ = "read"
    CHOSE = "chose"
    UNKNOWN = "unknown"
    TRAINED = "trained"


_SPLITS = (
    ("train", Role.TRAINED),
    ("validation", Role.CHOSE),
    ("unlabelled", Role.READ),
)


def role_of(record: EvaluationRecord, info: Mapping[str, Any]) -> Role:
    """The role of the evaluation's texts, by the checkpoint's `nerine.json`.

    Texts are compared, whatever their split is called. A checkpoint of before these were
    recorded tells by the corpus and the name of the split.
    """
    provenance = info.get("provenance") or {}
    found = _by_texts(record.texts, record.shared, provenance)
    found = found or _by_name(record.corpus.hash, record.split, provenance)
    if found in (Role.UNSEEN, Role.READ) and _fitted_on(record, info.get("thresholds") or {}):
        return Role.CHOSE
    return found


def trained_on(corpus: Corpus, split: str, info: Mapping[str, Any]) -> bool:
    """Whether the records tell that the checkpoint was trained on a split of `corpus`."""
    documents, provenance = corpus.split(split), info.get("provenance") or {}
    shared = shares_known(documents, provenance.get("splits") or {})
    found = _by_texts(digest_of(parts_of(documents)), shared, provenance)
    return (found or _by_name(corpus.hash, split, provenance)) is Role.TRAINED


def _by_texts(
    texts: str, shared: Mapping[str, float], provenance: Mapping[str, Any]
) -> Role | None:
    splits = provenance.get("splits")
    if not splits:
        return None
    for name, role in _SPLITS:
        same = splits.get(name, {}).get("texts") == texts
        if same or shared.get(name, 0.0) >= _MOST:
            return role
    return Role.UNSEEN


def _by_name(corpus: str, split: str, provenance: Mapping[str, Any]) -> Role:
    """By the hash of a corpus and the name of its split."""
    if corpus != (provenance.get("corpus") or {}).get("hash"):
        return Role.UNKNOWN
    roles = {"train": Role.TRAINED, "validation": Role.CHOSE, "test": Role.UNSEEN}
    return roles.get(split, Role.UNKNOWN)


def _fitted_on(record: EvaluationRecord, thresholds: Mapping[str, Any]) -> bool:
    """Whether the thresholds that were used were fitted on these texts."""
    same = (thresholds.get("corpus"), thresholds.get("split")) == (record.corpus.hash, record.split)
    return same and record.thresholds is not None
