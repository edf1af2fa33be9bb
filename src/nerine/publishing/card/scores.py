"""The card's section on how good a checkpoint is, and where it fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nerine.core.display import counted, markdown_table
from nerine.evaluation.significance.intervals import FEW_DOCUMENTS
from nerine.publishing.card.results import Result
from nerine.publishing.card.text import corpus_title, shown
from nerine.publishing.roles import Role

_SCORES = ("precision", "recall", "f1")
_NAMES = ("precision", "recall", "F1")
_SEEN = "surface form in training"
_MOST = 10

_ROLES = {
    Role.UNSEEN: "These texts had no part in making the checkpoint.",
    Role.READ: (
        "**The checkpoint learned from these texts, without their labels:** figures may flatter."
    ),
    Role.CHOSE: (
        "**These texts chose the checkpoint:** among the epochs of training, or the thresholds, "
        "the ones were kept that score best on them. The figures flatter: expect less on other "
        "texts."
    ),
    Role.UNKNOWN: "**Whether the checkpoint has seen these texts before is not recorded.**",
}
_SPLITS = {
    "train": "in the training split",
    "validation": "in the validation split",
    "unlabelled": "among those that it learned from without labels",
}
_SHORT_ROLES = {
    Role.UNSEEN: "no part in the making",
    Role.READ: "learned from without labels",
    Role.CHOSE: "chose the checkpoint",
    Role.UNKNOWN: "not recorded",
}


def score_sections(results: Sequence[Result]) -> Iterator[str]:
    """All that is said of scores: the first result in full, the others in a table."""
    yield "## How good it is\n"
    if not results:
        yield "Open: it has not been evaluated.\n"
        return
    first = results[0]
    yield from _first(first)
    yield from _labels(first)
    yield from _seen(first)
    yield from _failures(first)
    yield from _others(results)


def _first(result: Result) -> Iterator[str]:
    title = shown(corpus_title(result.source, result.kind))
    what = f"Scores on the split **{shown(result.split)}** of {title}"
    if result.record is not None:
        what += (
            f": {counted(result.record.documents, 'document')} with "
            f"{counted(int(result.overall['support']), 'entity', 'entities')}"
        )
    yield f"{what}. {_ROLES[result.role]}\n"
    yield from _known(result)
    yield from _way(result)
    certain = (result.scores.get("intervals") or {}).get("overall")
    rows = [
        (name, f"**{_number(result.overall[key])}**", *_bounds(certain, key))
        for key, name in zip(_SCORES, _NAMES, strict=True)
    ]
    rows.append(("token accuracy", _number(result.scores["accuracy"]), *([""] if certain else [])))
    columns = ("", "score", *([_interval_title(result)] if certain else []))
    yield markdown_table(columns, rows)
    yield (
        "Strict scores, from 0 to 1 and rounded to four places: an entity is correct if its "
        f"start, its end and its label are.{_resampling(result)}\n"
    )


def _known(result: Result) -> Iterator[str]:
    """What is known of single texts that training has seen, where most of them are new."""
    shares = result.record.shared if result.record else {}
    if result.role in (Role.UNSEEN, Role.READ):
        for split, share in sorted(shares.items()):
            if share:
                which = _SPLITS.get(split, shown(split))
                yield f"Of these texts {share:.1%} are {which} as well.\n"


def _way(result: Result) -> Iterator[str]:
    if result.record is None:
        return
    if result.record.thresholds:
        yield f"Dropped were entities that score {_dropped(result.record.thresholds)}.\n"
    if result.record.backend != "pytorch":
        yield f"The model was run by {shown(result.record.backend)}.\n"


def _dropped(thresholds: Mapping[str, Any]) -> str:
    """Below which scores: of single labels, and of all others."""
    labels = thresholds["labels"].items()
    apart = [f"below {value:.4f} as {shown(label)}" for label, value in labels]
    rest = " as anything else" if apart else ""
    return ", ".join([*apart, f"below {thresholds['value']:.4f}{rest}"])


def _interval_title(result: Result) -> str:
    return f"{result.scores['intervals']['level']:.0%} interval"


def _resampling(result: Result) -> str:
    found = result.scores.get("intervals")
    if not found:
        return ""
    few = found["documents"] < FEW_DOCUMENTS
    return (
        f" Intervals are of {counted(found['samples'], 'resampling')} of the documents"
        f"{', and too narrow with so few of them' if few else ''}."
    )


def _bounds(intervals: Mapping[str, Any] | None, key: str) -> tuple[str, ...]:
    if intervals is None:
        return ()
    return (f"{_number(intervals[key]['low'])} to {_number(intervals[key]['high'])}",)


def _labels(result: Result) -> Iterator[str]:
    labels = result.scores.get("labels")
    if not labels:
        return
    yield "### By label\n"
    certain = (result.scores.get("intervals") or {}).get("labels")
    columns = ("label", *_NAMES, *(["F1 interval"] if certain else []), "entities")
    yield markdown_table(
        columns,
        [
            (
                shown(label),
                *_three(scores),
                *(_bounds(certain[label], "f1") if certain else ()),
                f"{scores['support']:,}",
            )
            for label, scores in labels.items()
        ],
    )


def _seen(result: Result) -> Iterator[str]:
    kinds = (result.scores.get("breakdowns") or {}).get(_SEEN)
    if not kinds:
        return
    yield "### Names seen in training, and new ones\n"
    yield (
        "A name counts as seen if the training split of the same corpus has an entity that is "
        "spelled alike, whatever its case and label.\n"
    )
    yield markdown_table(
        ("names", *_NAMES, "entities"),
        [(name, *_three(scores), f"{scores['support']:,}") for name, scores in kinds.items()],
    )


def _failures(result: Result) -> Iterator[str]:
    analysis = result.scores.get("analysis")
    if not analysis:
        return
    yield "### Where it fails\n"
    wrong = {kind: n for kind, n in analysis["outcomes"].items() if kind != "correct" and n}
    if not wrong:
        yield "Every entity of these texts was found as it is.\n"
        return
    counts = ", ".join(f"{kind} {number:,}" for kind, number in wrong.items())
    yield f"What became of the entities that are not correct: {counts}.\n"
    confused = _confusions(analysis["confusion"])
    if confused:
        yield "Labels taken for others, the most frequent first:\n"
        yield markdown_table(
            ("gold", "predicted", "times"),
            [(shown(gold), shown(found), f"{n:,}") for gold, found, n in confused[:_MOST]],
            texts=2,
        )


def _confusions(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, int]]:
    """Pairs of labels that are there on both sides and differ, most frequent first."""
    found = [(str(row["gold"]), str(row["predicted"]), int(row["count"])) for row in rows]
    wrong = [each for each in found if each[0] and each[1] and each[0] != each[1]]
    return sorted(wrong, key=lambda each: (-each[2], each))


def _others(results: Sequence[Result]) -> Iterator[str]:
    if len(results) == 1:
        return
    yield "### All evaluations\n"
    yield markdown_table(
        ("corpus", "split", "run with", "these texts", *_NAMES),
        [
            (
                shown(corpus_title(result.source, result.kind)),
                shown(result.split),
                shown(result.way or "pytorch"),
                _SHORT_ROLES[result.role],
                *_three(result.overall),
            )
            for result in results
        ],
        texts=4,
    )


def _three(scores: Mapping[str, Any]) -> list[str]:
    return [_number(scores[key]) for key in _SCORES]


def _number(value: float) -> str:
    return f"{value:.4f}"
