"""Gold and predicted entities → thresholds that meet a target.

Between two scores that occur nothing changes, so there is one candidate for each score: the
threshold that keeps it and drops the next lower one. It stands halfway between the two, since the
last digits of a score change with the other texts in its batch, and a score must not fall with
them; the candidate that keeps everything is 0. One pass over the entities, sorted by score, counts
what each candidate keeps.

The best F1 with a threshold for each label is a choice over all labels at once, since F1 is a
quotient of sums over labels,

::

    F1 = Σ 2·correct_l / (Σ predicted_l + gold).

Fitting each label for its own F1 does not maximise it. Dinkelbach's method (1967) does: for a
given value v, each label alone maximises 2·correct_l - v·predicted_l; the F1 of these choices is
the next v; when v stays as it is, no choice of candidates has a higher F1. A label's own candidates
keep its highest score: only the threshold that all labels share may drop a label altogether.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from nerine.core.document import Document
from nerine.core.errors import CorpusError
from nerine.evaluation.calibration.bins import Judged, by_label, judged
from nerine.evaluation.calibration.thresholds import Calibration, Target, Thresholds, apply
from nerine.evaluation.metrics import Counts, score

LEAST_ENTITIES = 30
"""A label with fewer gold entities than this is not given a threshold of its own."""

_ALL = "all labels"
_FOLDS = 5


@dataclass(frozen=True, slots=True)
class _Point:
    """A candidate, and the counts of what it keeps."""

    threshold: float
    counts: Counts


def fit_thresholds(
    gold: Sequence[Document],
    predicted: Sequence[Document],
    *,
    target: Target | str = "f1",
    per_label: bool = False,
    least_entities: int = LEAST_ENTITIES,
) -> Thresholds:
    """The thresholds with which `predicted`, a tagger's documents, meet `target` best.

    - `f1`: the highest F1 over all entities; of equals the lowest threshold.
    - `precision=p`: the lowest threshold, so the highest recall, with a precision of at least p.
    - `recall=r`: the highest threshold with a recall of at least r.

    With `per_label`, labels with `least_entities` gold entities or more get thresholds of their
    own. `f1` is still that of all labels together; precision and recall are those of each such
    label. All other labels, and for `f1` and `precision` labels that were never predicted, take
    the threshold that is best for all labels together; a precision or recall that each label with
    its own threshold reaches may therefore be missed, by a little, over all of them.

    Raises `CorpusError` if nothing is gold or predicted, and if the target is out of reach.
    """
    aim = Target.parse(target) if isinstance(target, str) else target
    found = judged(gold, predicted)
    gold_counts = Counter(entity.label for document in gold for entity in document.entities)
    _check_any(found, gold_counts)
    value = _best(_points(found, gold_counts.total()), aim, _ALL).threshold
    if not per_label:
        return Thresholds(value)
    of_label = by_label(found)
    own = {
        label: of_label.get(label, [])
        for label, count in sorted(gold_counts.items())
        if count >= least_entities and (label in of_label or aim.measure == "recall")
    }
    if aim.measure == "f1":
        others = [each for each in found if each.label not in own]
        rest = gold_counts.total() - sum(gold_counts[label] for label in own)
        return Thresholds(value, _best_f1(own, gold_counts, value, _kept(others, value, rest)))
    return Thresholds(
        value,
        {
            label: _best(_points(members, gold_counts[label]), aim, label).threshold
            for label, members in own.items()
        },
    )


def calibrate(
    gold: Sequence[Document],
    predicted: Sequence[Document],
    *,
    split: str,
    corpus: str,
    target: Target | str = "f1",
    per_label: bool = False,
) -> Calibration:
    """Fits thresholds as `fit_thresholds` does, and records what they change.

    `split` and `corpus`, the hash of a corpus, say what `gold` is.
    """
    aim = Target.parse(target) if isinstance(target, str) else target
    thresholds = fit_thresholds(gold, predicted, target=aim, per_label=per_label)
    return Calibration(
        thresholds=thresholds,
        target=aim,
        per_label=per_label,
        split=split,
        corpus=corpus,
        before=score(gold, predicted).overall,
        after=score(gold, list(apply(predicted, thresholds))).overall,
        held_out=held_out_counts(gold, predicted, target=aim, per_label=per_label),
    )


def held_out_counts(
    gold: Sequence[Document],
    predicted: Sequence[Document],
    *,
    target: Target | str = "f1",
    per_label: bool = False,
) -> Counts | None:
    """What thresholds for `target` do to documents that they were not fitted on.

    Every fifth document is held out, thresholds are fitted on the others and used on it, and so
    on in turn; the counts are summed (cross-validation: Stone, 1974). The gain that only comes of
    choosing the best threshold for these very documents is not in them. None where a part is too
    small to reach the target.
    """
    least = LEAST_ENTITIES * (_FOLDS - 1) // _FOLDS
    total = Counts()
    for fold in range(_FOLDS):
        inside = [index % _FOLDS != fold for index in range(len(gold))]
        outside = [not each for each in inside]
        try:
            thresholds = fit_thresholds(
                list(itertools.compress(gold, inside)),
                list(itertools.compress(predicted, inside)),
                target=target,
                per_label=per_label,
                least_entities=least,
            )
        except CorpusError:
            return None
        kept = apply(itertools.compress(predicted, outside), thresholds)
        total += score(list(itertools.compress(gold, outside)), list(kept)).overall
    return total


def _check_any(found: Sequence[Judged], gold_counts: Mapping[str, int]) -> None:
    if not gold_counts:
        raise CorpusError("there is no gold entity to fit thresholds on")
    if not found:
        raise CorpusError(
            "no entity was predicted, so there are no scores to fit thresholds on",
            hint="a model that finds nothing needs more training, not thresholds",
        )


def _points(found: Sequence[Judged], gold: int) -> list[_Point]:
    """All candidates, the lowest first."""
    kept: dict[float, Counts] = {}
    counts = Counts(gold=gold)
    for each in sorted(found, key=lambda each: -each.score):
        counts += Counts(correct=int(each.correct), predicted=1)
        kept[each.score] = counts  # the last one of equal scores stays
    pairs = itertools.pairwise(reversed(kept))
    cuts = [_Point(_between(below, value), kept[value]) for below, value in pairs]
    return [_Point(0.0, counts), *cuts]


def _between(below: float, value: float) -> float:
    """Halfway, but above `below` even where no number lies between the two."""
    middle = (below + value) / 2
    return middle if middle > below else value


def _kept(found: Iterable[Judged], threshold: float, gold: int) -> Counts:
    kept = [each.correct for each in found if each.score >= threshold]
    return Counts(sum(kept), len(kept), gold)


def _best(points: Sequence[_Point], target: Target, label: str) -> _Point:
    """The point that meets `target` best, of points in ascending order."""
    highest = max(points, key=lambda point: target.value(point.counts))  # the first one of equals
    if target.least is None:
        return highest
    if target.value(highest.counts) < target.least:
        at = f"at {highest.threshold:.4f}" if highest.threshold else "where all entities are kept"
        raise CorpusError(
            f"no threshold reaches a {target.measure} of {target.least:g} for {label}",
            expected=f"{target.value(highest.counts):.4f} at the most, {at}",
            hint="ask for less"
            + ("" if label == _ALL else ", or for one threshold for all labels together"),
        )
    ordered = points if target.measure == "precision" else points[::-1]
    return next(point for point in ordered if target.value(point.counts) >= target.least)


def _best_f1(
    own: Mapping[str, Sequence[Judged]],
    gold_counts: Mapping[str, int],
    value: float,
    fixed: Counts,
) -> dict[str, float]:
    """Thresholds of the labels in `own` with the highest F1 of them and `fixed` together.

    The threshold `value` is a candidate for each label too, so that the result is no worse than
    with `value` for all. Of equals, each label gets its lowest threshold.
    """
    curves = {}
    for label, members in own.items():
        common = _Point(value, _kept(members, value, gold_counts[label]))
        points = [*_points(members, gold_counts[label]), common]
        curves[label] = sorted(points, key=lambda point: point.threshold)
    reached = Fraction(0)
    while True:
        worth = _worth(reached)
        chosen = {label: max(points, key=worth) for label, points in curves.items()}
        total = sum((point.counts for point in chosen.values()), fixed)
        f1 = Fraction(2 * total.correct, total.predicted + total.gold)
        if f1 == reached:
            return {label: point.threshold for label, point in chosen.items()}
        reached = f1


def _worth(f1: Fraction) -> Callable[[_Point], int]:
    """2·correct - f1·predicted of a point, in whole numbers so that equals are equal."""

    def worth(point: _Point) -> int:
        counts = point.counts
        return 2 * counts.correct * f1.denominator - f1.numerator * counts.predicted

    return worth
