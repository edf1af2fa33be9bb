"""Which evaluations a card reports, and which of them comes first.

Never the one with the best score: first come texts that had no part in making the checkpoint,
then those of the corpus that it was made from, the split called `test`, and every entity kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nerine.core.errors import CheckpointError
from nerine.core.filenames import EVALUATIONS_FILE
from nerine.model.provenance.sources import shown_name
from nerine.publishing.evaluations import EvaluationRecord, trained_on_error
from nerine.publishing.roles import Role, role_of

_ORDER = (Role.UNSEEN, Role.READ, Role.CHOSE, Role.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Result:
    """Scores to be reported, and what they are scores of.

    Attributes:
        split: The name of the split that was scored.
        source: Where its corpus is from.
        kind: What `source` names, such as a data set on the hub.
        role: What part the texts had in making the checkpoint.
        own: Whether they are of the corpus that the checkpoint was made from.
        scores: Those of `Evaluation.to_dict`; where they are the ones that training itself wrote
            down, `overall` and `accuracy` alone.
        record: The evaluation that they come from; None where training wrote them down.
    """

    split: str
    source: str
    kind: str | None
    role: Role
    own: bool
    scores: Mapping[str, Any]
    record: EvaluationRecord | None = None

    @property
    def overall(self) -> Mapping[str, Any]:
        """Strict precision, recall and F1 over all labels; `support` where it is known."""
        found: Mapping[str, Any] = self.scores["overall"]
        return found

    @property
    def way(self) -> str:
        """How the checkpoint was run, in words; nothing where it was run as it is by default."""
        if self.record is None:
            return ""
        kept = ["thresholds"] if self.record.thresholds else []
        ran = [] if self.record.backend == "pytorch" else [self.record.backend]
        return ", ".join([*ran, *kept])


def results_of(
    info: Mapping[str, Any], evaluations: Sequence[EvaluationRecord]
) -> tuple[Result, ...]:
    """All that may be reported, what comes first before the others.

    Where no evaluation is of the texts that chose the checkpoint, the scores that training noted
    stand in. Raises `CheckpointError` for an evaluation of texts that it was trained on.
    """
    found = [_result(each, info) for each in evaluations]
    if all(result.role is not Role.CHOSE for result in found):
        found += _noted(info)
    return tuple(sorted(found, key=_rank))


def _rank(result: Result) -> tuple[Any, ...]:
    return (
        _ORDER.index(result.role),
        not result.own,
        result.split != "test",
        len(result.way),
        result.way,
        result.source,
        result.split,
        result.record.texts if result.record else "",
    )


def _result(record: EvaluationRecord, info: Mapping[str, Any]) -> Result:
    role = role_of(record, info)
    if role is Role.TRAINED:
        raise trained_on_error(f"{record.split} of {record.corpus.source}", EVALUATIONS_FILE)
    kind = record.corpus.kind
    source = shown_name(record.corpus.source, kind)
    corpus = _corpus(info)
    own = record.corpus.hash in (corpus.get("hash"), corpus.get("given"))
    return Result(record.split, source, kind, role, own, record.scores, record)


def _corpus(info: Mapping[str, Any]) -> Mapping[str, Any]:
    """What `nerine.json` says of the corpus; nothing where it does not."""
    return (info.get("provenance") or {}).get("corpus") or {}


def _noted(info: Mapping[str, Any]) -> list[Result]:
    """The scores of the validation split that training wrote into `nerine.json`, if any."""
    noted = (info.get("scores") or {}).get("validation")
    if not noted:
        return []
    corpus = _corpus(info)
    try:
        overall = {name: float(noted[name]) for name in ("precision", "recall", "f1")}
        scores = {"overall": overall, "accuracy": float(noted["accuracy"])}
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"the scores of the validation split cannot be read: {error!r}",
            place="nerine.json, scores",
            expected="precision, recall, f1 and accuracy",
        ) from error
    kind = corpus.get("kind")
    source = shown_name(str(corpus.get("source", "its corpus")), kind)
    return [Result("validation", source, kind, Role.CHOSE, own=True, scores=scores)]
