"""A bias of `O`, fitted on labelled documents.

A model trained by cross-entropy is sure of `O` on words that it does not know, and finds few of the
entities that F1 counts. A number below 0, added to the logit of `O`, trades precision for recall.
The one with the best F1 on labelled documents is taken, on which the model was not trained.
Thresholds (`nerine calibrate`) can only drop entities; this bias finds more of them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nerine.core.document import Document
from nerine.core.errors import CorpusError
from nerine.evaluation.metrics import Counts
from nerine.model.batching import look_aheads
from nerine.model.decoding import Decoder
from nerine.model.inference import Inference
from nerine.model.loading.checkpoint import Checkpoint
from nerine.model.logits import LogitArray
from nerine.model.ragged import IntArray

_GRID = tuple(step / 10 for step in range(-40, 21))
"""The biases that are tried, in nats."""
_SMOOTHED = 2
"""F1 of a bias is judged by its mean over so many neighbours on each side."""
_FOLDS = 5
RECORD = "outside_bias"
"""The name of the fit in a checkpoint's provenance."""
MIN_ENTITIES = 50
"""Gold entities from which on a bias is fitted; fewer say too little."""


@dataclass(frozen=True, slots=True)
class OutsideBias:
    """A fitted bias of `O`, and its effect on the documents that it was fitted on.

    Attributes:
        value: The number that is added to the logit of `O`; 0 if none helps on held-out documents.
        before: Strict counts without it.
        after: Strict counts with it.
        held_out: Strict counts of every fifth of the documents, with a bias that was fitted on the
            others.
    """

    value: float
    before: Counts
    after: Counts
    held_out: Counts

    def __str__(self) -> str:
        before, after, held_out = (
            f"{counts.f1:.4f}" for counts in (self.before, self.after, self.held_out)
        )
        if not self.value:
            return f"no bias of O: held out, F1 does not rise ({before} without, {held_out} with)"
        return (
            f"a bias of {self.value:+.1f} for O: F1 on the documents that it was fitted on rises "
            f"from {before} to {after}, and to {held_out} on held-out ones"
        )

    def to_dict(self) -> dict[str, Any]:
        """The bias, and F1 without it, with it, and held out, for JSON."""
        scores = {name: getattr(self, name).to_dict() for name in ("before", "after", "held_out")}
        return {"value": self.value, **scores}


def fit_outside_bias(inference: Inference, documents: Sequence[Document]) -> OutsideBias:
    """The bias of `O` with the best strict F1 on labelled documents.

    Each bias of a grid is judged by the mean F1 of it and its neighbours, since the best single one
    owes much to chance; of equals, the one nearest to 0 is taken. It is 0 unless F1 rises on
    documents that are held out.

    Raises:
        CorpusError: If the documents have fewer than 50 entities.
        CheckpointError: If a logit is infinite or not a number.
    """
    gold = sum(len(document.entities) for document in documents)
    if gold < MIN_ENTITIES:
        raise CorpusError(
            f"{gold} entities to fit a bias of O on", expected=f"at least {MIN_ENTITIES}"
        )
    base = dataclasses.replace(inference.settings, outside_bias=0.0)
    counts = _counts_of(inference.changed(settings=base), documents)
    folds = np.arange(len(documents)) % _FOLDS
    held_out = sum(
        (_total(counts[_best(counts[:, folds != fold]), folds == fold]) for fold in range(_FOLDS)),
        Counts(),
    )
    before, best = _total(counts[_GRID.index(0.0)]), _best(counts)
    helps = held_out.f1 > before.f1
    return OutsideBias(
        _GRID[best] if helps else 0.0, before, _total(counts[best]) if helps else before, held_out
    )


def with_fitted_bias(
    checkpoint: Checkpoint, inference: Inference, documents: Sequence[Document]
) -> tuple[Checkpoint, str]:
    """The checkpoint of the model that `inference` runs, with a fitted bias, and a note on it.

    The fit is recorded in the provenance. Documents with too few entities leave the bias at 0.
    Raises `CheckpointError` if a logit is infinite or not a number.
    """
    value, provenance = 0.0, dict(checkpoint.provenance)
    provenance.pop(RECORD, None)  # that of other weights, in a mean of several runs
    try:
        fitted = fit_outside_bias(inference, documents)
        value, note, provenance[RECORD] = fitted.value, str(fitted), fitted.to_dict()
    except CorpusError as error:
        note = f"no bias of O was fitted: the validation split has {error.found}"
    settings = dataclasses.replace(checkpoint.settings, outside_bias=value)
    return dataclasses.replace(checkpoint, settings=settings, provenance=provenance), note


def _counts_of(inference: Inference, documents: Sequence[Document]) -> IntArray:
    """Correct, predicted and gold entities of each document, `(biases, documents, 3)`."""
    parts = []
    for ahead in look_aheads(documents):
        logits = inference.word_logits(ahead)
        encoding, lengths = logits.encoding, logits.encoding.lengths
        outside = inference.head.tags.index("O")
        gold = {
            (index, entity.start, entity.end, entity.label)
            for index, document in enumerate(ahead)
            for entity in document.entities
        }
        part = np.zeros((len(_GRID), len(ahead), 3), dtype=np.int64)
        for index, *_ in gold:
            part[:, index, 2] += 1
        for number, bias in enumerate(_GRID):
            values = logits.values.copy()
            values[:, outside] += bias
            found = _entities(inference.head.decoder, values, lengths, encoding)
            for entity in found:
                part[number, entity[0], 1] += 1
                part[number, entity[0], 0] += entity in gold
        parts.append(part)
    return np.concatenate(parts, axis=1)


def _entities(
    decoder: Decoder, values: LogitArray, lengths: IntArray, encoding: Any
) -> list[tuple[int, int, int, str]]:
    """The document, code points and label of each decoded entity."""
    spans = decoder.spans(decoder.best_tags(values, lengths), lengths)
    first = encoding.word_splits[spans.sentences]
    starts = encoding.word_bounds[first + spans.starts, 0]
    ends = encoding.word_bounds[first + spans.ends - 1, 1]
    return [
        (sentence, start, end, decoder.labels[label])
        for sentence, start, end, label in zip(
            *(each.tolist() for each in (spans.sentences, starts, ends, spans.labels)), strict=True
        )
    ]


def _best(counts: IntArray) -> int:
    """The number of the best bias, by counts `(biases, documents, 3)`."""
    correct, predicted, gold = counts.sum(axis=1).T
    f1 = 2 * correct / np.maximum(predicted + gold, 1)
    width = 2 * _SMOOTHED + 1
    mean = np.convolve(np.pad(f1, _SMOOTHED, mode="edge"), np.full(width, 1 / width), "valid")
    equal = np.flatnonzero(mean >= mean.max() - 1e-12)
    return int(min(equal, key=lambda number: abs(_GRID[number])))


def _total(counts: IntArray) -> Counts:
    """The sum of counts `(documents, 3)`."""
    return Counts(*(int(each) for each in counts.sum(axis=0)))
