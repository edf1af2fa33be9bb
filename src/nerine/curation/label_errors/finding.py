"""Find label errors with one model, or with the models of a cross-validation."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nerine.core.arguments import checked
from nerine.core.display import listed
from nerine.core.document import labels_of
from nerine.core.errors import CorpusError
from nerine.curation.label_errors.cross_validation import (
    CrossValidation,
    FoldListener,
    check_judge,
)
from nerine.curation.label_errors.ranking import (
    LabelError,
    Sample,
    disagreements,
    rank_label_errors,
    samples_of,
)
from nerine.data.corpus import Corpus
from nerine.data.corpus.given import CorpusLike, as_corpus
from nerine.model.given import CheckpointLike, as_tagger


@dataclass(frozen=True, slots=True)
class LabelErrorReport:
    """Label errors, the likeliest first, with the numbers of documents and entities examined.

    `notes` tell the user how the labels were examined.
    """

    label_errors: tuple[LabelError, ...]
    documents: int
    entities: int
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The report for JSON, with the label errors as `suspects`; ranks count from 1."""
        return {
            "documents": self.documents,
            "entities": self.entities,
            "suspects": [
                {"rank": rank, **label_error.to_dict()}
                for rank, label_error in enumerate(self.label_errors, start=1)
            ],
            "notes": list(self.notes),
        }


@checked
def cross_validated_label_errors(
    validation: CrossValidation, *, resume: bool = False, listener: FoldListener | None = None
) -> LabelErrorReport:
    """Label errors of a corpus by cross-validation: no model judges labels that it was trained on.

    An interrupted call keeps its trained models in the working folder, and `resume` continues from
    there. Raises as `CrossValidation.folds_with_taggers` does.
    """
    found: list[LabelError] = []
    adapted = 0
    for samples, tagger in validation.folds_with_taggers(resume=resume, listener=listener):
        label_errors, changed = disagreements(samples, tagger)
        found += label_errors
        adapted += changed
    return _report(found, adapted, samples_of(validation.corpus, validation.splits))


@checked
def find_label_errors(
    corpus: CorpusLike,
    splits: Sequence[str],
    tagger: CheckpointLike,
    provenance: Mapping[str, Any] | None = None,
) -> LabelErrorReport:
    """Label errors of `splits` by one tagger that was not trained on them.

    `provenance` is that of the tagger's checkpoint. Entities of a label that the tagger does not
    have are not judged, with a note. Raises `CorpusError` if the provenance says that the tagger
    was trained on one of the splits, or if it knows no gold label; `CheckpointError` if it has
    learned nothing.
    """
    corpus, tagger = as_corpus(corpus), as_tagger(tagger)
    check_judge(tagger, "without --model, models are trained by cross-validation")
    notes = _check_not_trained_on(corpus, splits, provenance or {})
    samples = samples_of(corpus, splits)
    labels = labels_of(sample.document for sample in samples)
    unknown = [label for label in labels if label not in tagger.labels]
    said = listed(map(repr, unknown), 8)
    if unknown and len(unknown) == len(labels):
        raise CorpusError(
            f"the model does not know the {'label' if len(unknown) == 1 else 'labels'} {said}",
            place=corpus.source,
            expected=f"some of the model's: {', '.join(tagger.labels)}",
        )
    if unknown:
        notes.append(f"labels that the model does not know, whose entities were not judged: {said}")
    return _report(*disagreements(samples, tagger), samples, notes)


def _report(
    found: Sequence[LabelError], adapted: int, samples: Sequence[Sample], notes: Sequence[str] = ()
) -> LabelErrorReport:
    entities = sum(len(sample.document.entities) for sample in samples)
    on_words = (
        f"{adapted} of {entities} entities do not fall on word boundaries: they were judged as "
        "the whole words that they touch, or not at all where they touch none"
    )
    notes = (*notes, *([on_words] if adapted else []))
    return LabelErrorReport(tuple(rank_label_errors(found)), len(samples), entities, notes)


def _check_not_trained_on(
    corpus: Corpus, splits: Sequence[str], provenance: Mapping[str, Any]
) -> list[str]:
    """Raises `CorpusError` if the model was trained on `splits`; notes if nothing tells."""
    known = (provenance.get("corpus") or {}).get("hash")
    if known is None:
        note = "no record says what the model was trained on; it misses errors in its training data"
        return [note]
    trained = corpus
    if "validation" not in corpus.splits:  # training held documents out
        settings = provenance.get("settings") or {}
        with contextlib.suppress(CorpusError):  # one that cannot be divided was not trained on
            trained = corpus.hold_out_validation(
                settings.get("validation_fraction") or 0.1, settings.get("seed", 0)
            )
    if "train" in splits and known == trained.hash:
        raise CorpusError(
            "the model was trained on the train split",
            place=corpus.source,
            expected="a model that was not trained on the labels that it judges",
            hint="without --model, models are trained by cross-validation",
        )
    return []
