"""The validation split of a run: the corpus's own, or held-out training documents."""

from __future__ import annotations

from nerine.core.errors import TrainingError
from nerine.data.corpus import Corpus, unseen_label_notes
from nerine.training.settings import RunSettings

_HELD_OUT_SHARE, _MOST_HELD_OUT_SHARE = 0.1, 0.2
_WANTED_VALIDATION, _MOST_VALIDATION = 100, 2000


def with_validation(
    corpus: Corpus, settings: RunSettings, notes: list[str], context: int = 0
) -> Corpus:
    """The corpus, with a validation split held out of the training split if it has none.

    For a model with `context`, sentences of one document stay together. Adds a note if documents
    were held out.
    """
    if "validation" in corpus.splits:
        return corpus
    fraction = settings.validation_fraction
    split = corpus.hold_out_validation(
        held_out_share(len(corpus.train)) if fraction is None else fraction,
        settings.seed,
        whole_documents=context > 0,
    )
    notes.append(
        f"the corpus has no validation split: {len(split.validation)} of {len(corpus.train)} "
        "training documents were held out as one"
    )
    return split


def check_labels(corpus: Corpus) -> list[str]:
    """Notes on labels that training lacks; raises `TrainingError` if it has no entities."""
    if not any(document.entities for document in corpus.train):
        if corpus.labels:  # it had some before documents were held out
            found = "all entities are in the documents that were held out as validation split"
            hint = "label more documents, give a validation split, or hold out others with --seed"
        else:
            found = "the training split has no entities"
            hint = (
                "nerine describe CORPUS shows what was read; --tag-column names the column of "
                "tags, --text-field the field of texts"
            )
        raise TrainingError(
            found, place=corpus.source, expected="labelled entities to learn from", hint=hint
        )
    notes = unseen_label_notes(corpus, ["validation"])  # training does not read the test split
    return [note for note in notes if note not in corpus.notes]


def held_out_share(documents: int) -> float:
    """The share of so many training documents that is held out as a validation split.

    A hundred documents are wanted and two thousand are enough, but a fifth at most, and a tenth of
    a corpus between these sizes.
    """
    wanted = max(_WANTED_VALIDATION / max(documents, 1), _HELD_OUT_SHARE)
    return min(wanted, _MOST_HELD_OUT_SHARE, _MOST_VALIDATION / max(documents, 1))
