"""Contamination: how many of the scored texts a checkpoint has seen.

A checkpoint records hashes of the texts that it was made from (`core.sketches`). Scores on texts
that it was trained on say how well it remembers them, and scores on texts that chose its epoch or
its thresholds are somewhat too high. Whatever shows a score of a checkpoint shows this first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from nerine.core.document import Document
from nerine.core.sketches import is_complete, numbers_known
from nerine.evaluation.calibration import Calibration, Thresholds

UNRECORDED = (
    "the predictions come without a checkpoint: whether their system has seen these texts is "
    "unknown"
)
_SAME_SPLIT = 0.5
"""From this share of common texts on, texts count as those of a split."""
FITTED = "thresholds"
"""The name of the documents that thresholds were fitted on, next to those of splits."""


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


_GRAVITY = (Role.UNSEEN, Role.READ, Role.UNKNOWN, Role.CHOSE, Role.TRAINED)
_BY_SPLIT = {
    "train": Role.TRAINED,
    "validation": Role.CHOSE,
    FITTED: Role.CHOSE,
    "unlabelled": Role.READ,
}
_BY_NAME = {"train": Role.TRAINED, "validation": Role.CHOSE, "test": Role.UNSEEN}


def role_of_split(name: str) -> Role:
    """The role of a recorded split; that of `earlier train` is the one of `train`."""
    return _BY_SPLIT.get(name.rpartition(" ")[2], Role.UNKNOWN)


def role_of_shares(shares: Mapping[str, float]) -> Role:
    """The gravest role of the recorded splits that hold at least half of the texts."""
    roles = {role_of_split(name) for name, share in shares.items() if share >= _SAME_SPLIT}
    return max(roles, key=_GRAVITY.index, default=Role.UNSEEN)


def role_by_name(split: str, corpus: str | None, provenance: Mapping[str, Any]) -> Role:
    """The role of a split for an older checkpoint, which has no record of its texts.

    The hash of its corpus, before or after a validation split was held out, and the name of the
    split decide.
    """
    own = provenance.get("corpus") or {}
    is_own = corpus is not None and corpus in (own.get("hash"), own.get("given"))
    return _BY_NAME.get(split, Role.UNKNOWN) if is_own else Role.UNKNOWN


@dataclass(frozen=True, slots=True)
class Contamination:
    """How many of the scored texts had a part in making the checkpoint.

    `str` says it in a sentence.

    Attributes:
        documents: The number of scored documents.
        role: What most of their texts were to the checkpoint; `Role.UNKNOWN` without a record.
        numbers: The number of documents by name of the recorded splits, such as `train`, whose
            texts they have. A text may be in several splits.
        is_estimate: Whether numbers are estimated from a sample of a very large split.
    """

    documents: int
    role: Role
    numbers: Mapping[str, int] = field(default_factory=dict)
    is_estimate: bool = False

    @property
    def trained(self) -> int | None:
        """The number of documents that the checkpoint was trained on; None if unknown."""
        return self._number(Role.TRAINED)

    @property
    def chose(self) -> int | None:
        """The number of documents that chose its epoch or its thresholds; None if unknown."""
        return self._number(Role.CHOSE)

    @property
    def read(self) -> int | None:
        """The number of documents that it learned from without labels; None if unknown."""
        return self._number(Role.READ)

    @property
    def shares(self) -> dict[str, float]:
        """The share of the documents, from 0 to 1, by name of the recorded splits."""
        known = self.numbers if self.documents else {}
        return {name: number / self.documents for name, number in known.items()}

    @property
    def is_grave(self) -> bool:
        """Whether the checkpoint was trained on at least half of the texts."""
        return self.role is Role.TRAINED

    def __str__(self) -> str:
        these = "this text" if self.documents == 1 else f"these {self.documents:,} texts"
        if self.role is Role.UNKNOWN:
            return f"no record says whether the checkpoint has seen {these}"
        about = "about " if self.is_estimate else ""

        def part(number: int) -> str:
            return these if self.documents == 1 else f"{about}{number:,} of {these}"

        said = []
        if self.trained:
            said.append(f"the checkpoint was trained on {part(self.trained)}")
        if self.chose:
            said.append(f"{part(self.chose)} chose its epoch or its thresholds")
        if self.read:
            said.append(f"it learned from {part(self.read)} without labels")
        if not said:
            none = f"not seen {these}" if self.documents == 1 else f"seen none of {these}"
            return f"the checkpoint has {none} in training or in choosing its epoch or thresholds"
        effect = {
            Role.TRAINED: ": the scores say how well it remembers them, and nothing of other texts",
            Role.CHOSE: ": the scores are somewhat too high",
            Role.READ: ": the scores may be too high",
        }
        return "; ".join(said) + effect.get(self.role, "")

    def to_dict(self) -> dict[str, Any]:
        """The numbers and the sentence for JSON."""
        return {
            "documents": self.documents,
            "role": self.role.value,
            "trained": self.trained,
            "chose": self.chose,
            "read": self.read,
            "estimated": self.is_estimate,
            "text": str(self),
        }

    def _number(self, role: Role) -> int | None:
        if self.role is Role.UNKNOWN:
            return None
        named = self.numbers.items()
        return max((number for name, number in named if role_of_split(name) is role), default=0)


def gravest(found: Iterable[Contamination]) -> Contamination | None:
    """The contamination with the gravest role, and with most texts among equals; None of none."""
    return max(
        found,
        key=lambda each: (_GRAVITY.index(each.role), each.trained or 0, each.chose or 0),
        default=None,
    )


@dataclass(frozen=True, slots=True)
class TrainingTexts:
    """The record of the texts that a checkpoint was made from.

    Attributes:
        provenance: The provenance in `nerine.json`; empty for a model that Nerine did not make.
        calibration: The thresholds that were fitted for it, if there are any.
    """

    provenance: Mapping[str, Any] = field(default_factory=dict)
    calibration: Calibration | None = None

    def contamination(
        self,
        documents: Sequence[Document],
        *,
        thresholds: Thresholds | None = None,
        corpus: str | None = None,
        split: str = "",
    ) -> Contamination:
        """How many of `documents` had a part in making the checkpoint.

        Args:
            documents: The documents that are scored.
            thresholds: The thresholds that are applied.
            corpus: The hash of their corpus, for a checkpoint that has no record of its texts.
            split: The name of their split, likewise.
        """
        number, fitted = len(documents), self.calibration
        splits = dict(self.provenance.get("splits") or {})
        if not splits:
            role = role_by_name(split, corpus, self.provenance)
            is_own = role in (Role.TRAINED, Role.CHOSE)
            return Contamination(number, role, {split: number} if is_own else {})
        chose: dict[str, int] = {}
        if fitted is not None and thresholds == fitted.thresholds:
            if fitted.texts:
                splits[FITTED] = fitted.texts
            elif (fitted.corpus, fitted.split) == (corpus, split):
                chose = {FITTED: number}
        numbers = numbers_known(documents, splits) | chose
        role = role_of_shares({name: each / number for name, each in numbers.items() if number})
        sampled = any("sketch" in each and not is_complete(each) for each in splits.values())
        return Contamination(number, role, numbers, sampled)
