"""Find label errors with one model, or with the models of a cross-validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nerine.core.arguments import checked
from nerine.core.display import counted, listed
from nerine.core.document import labels_of
from nerine.core.errors import CorpusError, TrainingError
from nerine.core.files import disk_errors
from nerine.core.ray_cluster import RayCluster
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
from nerine.evaluation.contamination import Contamination, Role
from nerine.model.given import CheckpointLike, as_tagger
from nerine.model.tagger import Tagger


@dataclass(frozen=True, slots=True)
class LabelErrorReport:
    """Label errors, the likeliest first, with the numbers of documents and entities examined.

    `notes` tell the user how the labels were examined, `contamination` how many of the documents
    the models that judged them have seen.
    """

    label_errors: tuple[LabelError, ...]
    documents: int
    entities: int
    contamination: Contamination
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The report for JSON, with the label errors as `suspects`; ranks count from 1."""
        return {
            "contamination": self.contamination.to_dict(),
            "documents": self.documents,
            "entities": self.entities,
            "suspects": [
                {"rank": rank, **label_error.to_dict()}
                for rank, label_error in enumerate(self.label_errors, start=1)
            ],
            "notes": list(self.notes),
        }


@disk_errors(TrainingError)
@checked
def cross_validated_label_errors(
    validation: CrossValidation,
    *,
    resume: bool = False,
    listener: FoldListener | None = None,
    processes: int = 1,
    cluster: RayCluster | None = None,
) -> LabelErrorReport:
    """Label errors of a corpus by cross-validation: no model judges labels that it was trained on.

    An interrupted call keeps its trained models in the working folder, and `resume` continues from
    there. With several `processes`, or on a `cluster` of Ray, folds are trained at the same time.
    Raises as `CrossValidation.folds_with_taggers` does.
    """
    found: list[LabelError] = []
    adapted = 0
    for samples, tagger in validation.folds_with_taggers(
        resume=resume, listener=listener, processes=processes, cluster=cluster
    ):
        label_errors, changed = disagreements(samples, tagger)
        found += label_errors
        adapted += changed
    samples = samples_of(validation.corpus, validation.splits)
    unseen = Contamination(len(samples), Role.UNSEEN)
    return _report(found, adapted, samples, unseen)


@checked
def find_label_errors(
    corpus: CorpusLike, splits: Sequence[str], tagger: CheckpointLike
) -> LabelErrorReport:
    """Label errors of `splits` by one tagger that was not trained on them.

    Entities of a label that the tagger does not have are not judged, with a note. Raises
    `CorpusError` if the tagger's records say that it was trained on one of the splits, or if it
    knows no gold label; `CheckpointError` if it has learned nothing.
    """
    corpus, tagger = as_corpus(corpus), as_tagger(tagger)
    check_judge(tagger, "without --checkpoint, models are trained by cross-validation")
    _check_not_trained_on(corpus, splits, tagger)
    notes: list[str] = []
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
    seen = tagger.training_texts.contamination(
        [sample.document for sample in samples],
        corpus=corpus.hash,
        split=splits[0] if len(splits) == 1 else "",
    )
    return _report(*disagreements(samples, tagger), samples, seen, notes)


def _report(
    found: Sequence[LabelError],
    adapted: int,
    samples: Sequence[Sample],
    seen: Contamination,
    notes: Sequence[str] = (),
) -> LabelErrorReport:
    entities = sum(len(sample.document.entities) for sample in samples)
    on_words = (
        f"{adapted} of {entities} entities do not fall on word boundaries: they were judged as "
        "the whole words that they touch, or not at all where they touch none"
    )
    notes = (*notes, *([on_words] if adapted else []))
    ranked = tuple(rank_label_errors(found))
    return LabelErrorReport(ranked, len(samples), entities, seen, notes)


def _check_not_trained_on(corpus: Corpus, splits: Sequence[str], tagger: Tagger) -> None:
    """Raises `CorpusError` if the model was trained on at least half of one of the splits."""
    for split in splits:
        seen = tagger.training_texts.contamination(
            corpus.split(split), corpus=corpus.hash, split=split
        )
        if seen.is_grave:
            raise CorpusError(
                f"the model was trained on the {split} split: on {seen.trained:,} of its "
                f"{counted(seen.documents, 'text')}",
                place=corpus.source,
                expected="a model that was not trained on the labels that it judges",
                hint="without --checkpoint, models are trained by cross-validation",
            )
