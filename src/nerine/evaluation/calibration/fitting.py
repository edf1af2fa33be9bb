"""Thresholds that meet a target, fitted on predicted documents.

Counts change only at scores that occur, so each score has one candidate: the threshold that keeps
it and drops the next lower one. It lies halfway between the two, since the last digits of a score
depend on the other texts in its batch; the candidate that keeps everything is 0. One pass over the
entities, sorted by score, gives the counts of all candidates.

The best F1 with a threshold for each label is a choice over all labels at once, since F1 is a
quotient of sums over labels,

::

    F1 = Σ 2·correct_l / (Σ predicted_l + gold).

Fitting each label for its own F1 does not maximise it. Dinkelbach's method (1967) does: for a
given value v, each label alone maximises 2·correct_l - v·predicted_l; the F1 of these choices is
the next v; when v no longer changes, no choice of candidates has a higher F1. A label's own
candidates keep its highest score: only the common threshold may drop a label completely.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from nerine.core.arguments import checked
from nerine.core.document import Document, count_entities
from nerine.core.errors import CorpusError
from nerine.core.sketches import split_record
from nerine.evaluation.calibration.reliability import ScoredEntity, by_label, scored_entities
from nerine.evaluation.calibration.thresholds import (
    Calibration,
    Target,
    Thresholds,
    apply_thresholds,
)
from nerine.evaluation.metrics import Counts, score

MIN_ENTITIES = 30
"""A label with fewer gold entities takes the common threshold."""

_ALL = "all labels"
_FOLDS = 5


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A threshold, and the counts of the entities that it keeps."""

    threshold: float
    counts: Counts


@checked
def fit_thresholds(
    gold: Sequence[Document],
    predicted: Sequence[Document],
    *,
    target: Target | str = "f1",
    per_label: bool = False,
    min_entities: int = MIN_ENTITIES,
) -> Thresholds:
    """The thresholds with which predicted documents meet `target` best.

    - `f1`: the highest F1 over all entities; the lowest threshold of equals.
    - `precision=p`: the lowest threshold, so the highest recall, with a precision of at least p.
    - `recall=r`: the highest threshold with a recall of at least r.

    With `per_label`, labels with at least `min_entities` gold entities get thresholds of their
    own. `f1` is still that of all labels together; precision and recall are those of each such
    label. All other labels, and for `f1` and `precision` labels that were never predicted, take
    the common threshold, the best for all labels together. The precision or recall over all labels
    may therefore miss the target by a little.

    Raises:
        CorpusError: If there are no gold or no predicted entities, or the target is out of reach.
    """
    target = Target.parse(target) if isinstance(target, str) else target
    entities = scored_entities(gold, predicted)
    gold_counts = count_entities(gold)
    if not gold_counts:
        raise CorpusError("no gold entities to fit thresholds on", expected="at least one")
    if not entities:
        raise CorpusError(
            "no predicted entities to fit thresholds on",
            expected="at least one",
            hint="a model that predicts nothing needs more training, not thresholds",
        )
    value = _best(_candidates(entities, gold_counts.total()), target, _ALL)
    if not per_label:
        return Thresholds(value)
    members = by_label(entities)
    own = {
        label: members.get(label, [])
        for label, count in sorted(gold_counts.items())
        if count >= min_entities and (label in members or target.measure == "recall")
    }
    candidates = {label: _candidates(own[label], gold_counts[label]) for label in own}
    if target.measure != "f1":
        best = {label: _best(each, target, label) for label, each in candidates.items()}
        return Thresholds(value, best)
    # the common threshold is a candidate too, so the result is at least as good as with it alone
    for label, each in candidates.items():
        each.append(_Candidate(value, _kept(own[label], value, gold_counts[label])))
        each.sort(key=lambda candidate: candidate.threshold)
    others = [each for each in entities if each.label not in own]
    rest = gold_counts.total() - sum(gold_counts[label] for label in own)
    return Thresholds(value, _best_f1(candidates, _kept(others, value, rest)))


def calibrate(
    gold: Sequence[Document],
    predicted: Sequence[Document],
    *,
    split: str,
    corpus: str,
    target: Target | str = "f1",
    per_label: bool = False,
) -> Calibration:
    """Fits thresholds like `fit_thresholds`, and records their effect.

    `split` is the name of the split of `gold`, `corpus` the hash of its corpus.
    """
    target = Target.parse(target) if isinstance(target, str) else target
    thresholds = fit_thresholds(gold, predicted, target=target, per_label=per_label)
    return Calibration(
        thresholds=thresholds,
        target=target,
        per_label=per_label,
        split=split,
        corpus=corpus,
        before=score(gold, predicted).overall,
        after=score(gold, list(apply_thresholds(predicted, thresholds))).overall,
        held_out=cross_validated_counts(gold, predicted, target, per_label=per_label),
        texts=split_record(gold),
    )


def cross_validated_counts(
    gold: Sequence[Document],
    predicted: Sequence[Document],
    target: Target,
    *,
    per_label: bool = False,
) -> Counts | None:
    """Strict counts with thresholds that were fitted on other documents (cross-validation).

    Every fifth document is held out in turn; thresholds are fitted on the others and applied to
    it. None if a part is too small to reach the target.
    """
    min_entities = MIN_ENTITIES * (_FOLDS - 1) // _FOLDS
    total = Counts()
    for fold in range(_FOLDS):
        others = [
            [each for index, each in enumerate(side) if index % _FOLDS != fold]
            for side in (gold, predicted)
        ]
        try:
            thresholds = fit_thresholds(
                *others, target=target, per_label=per_label, min_entities=min_entities
            )
        except CorpusError:
            return None
        kept = apply_thresholds(predicted[fold::_FOLDS], thresholds)
        total += score(gold[fold::_FOLDS], list(kept)).overall
    return total


def _candidates(entities: Sequence[ScoredEntity], gold: int) -> list[_Candidate]:
    """All candidates in ascending order, with their counts for `gold` gold entities."""
    kept: dict[float, Counts] = {}
    counts = Counts(gold=gold)
    for each in sorted(entities, key=lambda each: -each.score):
        counts += Counts(correct=int(each.correct), predicted=1)
        kept[each.score] = counts  # the last one of equal scores stays
    candidates = [_Candidate(0.0, counts)]
    for below, value in itertools.pairwise(reversed(kept)):
        middle = (below + value) / 2
        threshold = middle if middle > below else value  # if no number lies between the two
        candidates.append(_Candidate(threshold, kept[value]))
    return candidates


def _kept(entities: Iterable[ScoredEntity], threshold: float, gold: int) -> Counts:
    kept = [each.correct for each in entities if each.score >= threshold]
    return Counts(sum(kept), len(kept), gold)


def _best(candidates: Sequence[_Candidate], target: Target, label: str) -> float:
    """The threshold that meets `target` best, from candidates in ascending order."""
    highest = max(candidates, key=lambda each: target.value(each.counts))  # the first of equals
    if target.minimum is None:
        return highest.threshold
    if target.value(highest.counts) < target.minimum:
        at = f"at {highest.threshold:.4f}" if highest.threshold else "with all entities kept"
        raise CorpusError(
            f"no threshold reaches a {target.measure} of {target.minimum:g} for {label}",
            expected=f"a {target.measure} of at most {target.value(highest.counts):.4f}, {at}",
            hint="choose a lower target"
            + ("" if label == _ALL else ", or one threshold for all labels"),
        )
    ordered = candidates if target.measure == "precision" else candidates[::-1]
    return next(each.threshold for each in ordered if target.value(each.counts) >= target.minimum)


def _best_f1(candidates: Mapping[str, Sequence[_Candidate]], others: Counts) -> dict[str, float]:
    """The threshold of each label with the highest F1 over all labels (Dinkelbach's method).

    `candidates` are in ascending order; of equals, a label takes the lowest. `others` are the
    counts of all other labels.
    """
    f1 = Fraction(0)
    while True:
        # 2·correct - f1·predicted in whole numbers, so that equals are equal
        above, below = f1.numerator, f1.denominator
        chosen = {
            label: max(
                each,
                key=lambda c: 2 * c.counts.correct * below - above * c.counts.predicted,
            )
            for label, each in candidates.items()
        }
        total = sum((each.counts for each in chosen.values()), others)
        reached = Fraction(2 * total.correct, total.predicted + total.gold)
        if reached == f1:
            return {label: each.threshold for label, each in chosen.items()}
        f1 = reached
