"""The results that a card reports, in their order.

The best score does not decide the order. First come texts that had no part in making the
checkpoint, then the corpus that it was made from, the split `test`, and results without thresholds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nerine.core.errors import CheckpointError
from nerine.core.filenames import EVALUATIONS_FILE, INFO_FILE
from nerine.data.corpus import SAMPLE
from nerine.evaluation.contamination import Role
from nerine.model.provenance.sources import shown_name
from nerine.publishing.evaluation_record import EvaluationRecord
from nerine.publishing.evaluations import trained_on_error
from nerine.publishing.roles import role_of

_ORDER = (Role.UNSEEN, Role.READ, Role.CHOSE, Role.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Result:
    """Scores of the checkpoint on a split.

    Attributes:
        split: The split's name.
        source: The source of its corpus.
        kind: The kind of `source`, such as a data set on the hub.
        role: The part that the texts had in making the checkpoint.
        own: Whether they are of the corpus that the checkpoint was made from.
        scores: As in `Evaluation.to_dict`; only `overall` and `accuracy` if training recorded them.
        record: The evaluation; None if training recorded the scores.
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
        """Strict precision, recall and F1 over all labels; `support` if it is known."""
        found: Mapping[str, Any] = self.scores["overall"]
        return found

    @property
    def way(self) -> str:
        """Backend and thresholds, such as `onnx-int8, thresholds`; empty for the defaults."""
        if self.record is None:
            return ""
        kept = ["thresholds"] if self.record.thresholds else []
        ran = [] if self.record.backend == "pytorch" else [self.record.backend]
        return ", ".join([*ran, *kept])


def results_of(
    info: Mapping[str, Any], evaluations: Sequence[EvaluationRecord]
) -> tuple[Result, ...]:
    """The results of a checkpoint, in the order of a card.

    The scores that training recorded are among them if no evaluation is of the texts that chose
    the checkpoint.

    Raises:
        CheckpointError: If an evaluation is of texts that the checkpoint was trained on, or
            training recorded no valid scores.
    """
    corpus = (info.get("provenance") or {}).get("corpus") or {}
    found = []
    for record in evaluations:
        role = role_of(record, info)
        if role is Role.TRAINED:
            raise trained_on_error(f"{record.split} of {record.corpus.source}", EVALUATIONS_FILE)
        kind = record.corpus.kind
        source = shown_name(record.corpus.source, kind)
        own = record.corpus.hash in (corpus.get("hash"), corpus.get("given"))
        found.append(Result(record.split, source, kind, role, own, record.scores, record))
    recorded = (info.get("scores") or {}).get("validation")
    if recorded and all(result.role is not Role.CHOSE for result in found):
        try:
            overall = {name: float(recorded[name]) for name in ("precision", "recall", "f1")}
            scores = {"overall": overall, "accuracy": float(recorded["accuracy"])}
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"the scores of the validation split cannot be read: {error!r}",
                place=f"{INFO_FILE}, scores",
                expected="precision, recall, f1 and accuracy",
            ) from error
        made_from = shown_name(str(corpus.get("source", "its corpus")), corpus.get("kind"))
        chose = Result(
            "validation", made_from, corpus.get("kind"), Role.CHOSE, own=True, scores=scores
        )
        found.append(chose)
    found.sort(
        key=lambda result: (
            _ORDER.index(result.role),
            not result.own,
            result.split != "test",
            len(result.way),
            result.way,
            result.source,
            result.split,
            result.record.texts if result.record else "",
        )
    )
    return tuple(found)


def corpus_title(source: str, kind: str | None) -> str:
    """A corpus's name on a card, not escaped; says of the bundled sample that it is bundled."""
    bundled = kind == "bundled" or (kind is None and source == SAMPLE)
    return f"{source}, bundled with Nerine" if bundled else source
