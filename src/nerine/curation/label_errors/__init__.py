"""Labels of a corpus that are likely wrong, by a model that was not trained on them."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nerine.core.document import labels_of
from nerine.core.errors import CorpusError
from nerine.curation.label_errors.folds import CrossValidation, FoldListener
from nerine.curation.label_errors.ranking import (
    KINDS,
    Sample,
    Suspect,
    disagreements,
    ranked,
    samples_of,
)
from nerine.data.corpus import Corpus
from nerine.model.tagger import Tagger

__all__ = [
    "KINDS",
    "CrossValidation",
    "Findings",
    "FoldListener",
    "Sample",
    "Suspect",
    "cross_validated_suspects",
    "disagreements",
    "ranked",
    "samples_of",
    "suspects_of",
]


@dataclass(frozen=True, slots=True)
class Findings:
    """Suspects in the order of `ranked`, and how many documents and entities were looked at.

    `notes` are what a user should know of how it was done.
    """

    suspects: tuple[Suspect, ...]
    documents: int
    entities: int
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """For JSON; a suspect's rank counts from 1."""
        return {
            "documents": self.documents,
            "entities": self.entities,
            "suspects": [
                {"rank": rank, **suspect.to_dict()}
                for rank, suspect in enumerate(self.suspects, start=1)
            ],
            "notes": list(self.notes),
        }


def cross_validated_suspects(
    validation: CrossValidation, *, resume: bool = False, listener: FoldListener | None = None
) -> Findings:
    """The suspects of a corpus, each document judged by the model that was not trained on it.

    Raises as `CrossValidation.read` does. What an interrupted call has trained is kept in the
    working folder, and `resume` goes on from there.
    """
    found: list[Suspect] = []
    adapted = 0
    for samples, tagger in validation.read(resume=resume, listener=listener):
        suspects, changed = disagreements(samples, tagger)
        found += suspects
        adapted += changed
    return _findings(found, adapted, samples_of(validation.corpus, validation.splits))


def suspects_of(
    corpus: Corpus,
    splits: Sequence[str],
    tagger: Tagger,
    provenance: Mapping[str, Any] | None = None,
) -> Findings:
    """The suspects of `splits` by one tagger that was not trained on them.

    `provenance` is its checkpoint's. Raises `CorpusError` if that says that the tagger was trained
    on one of the splits, or if the tagger does not know a gold label.
    """
    notes = _check_unseen(corpus, splits, provenance or {})
    samples = samples_of(corpus, splits)
    unknown = set(labels_of(sample.document for sample in samples)) - set(tagger.labels)
    if unknown:
        raise CorpusError(
            f"the model does not know the label {min(unknown)!r}",
            place=corpus.source,
            expected=f"one of the model's: {', '.join(tagger.labels)}",
        )
    return _findings(*disagreements(samples, tagger), samples, notes)


def _findings(
    found: Sequence[Suspect], adapted: int, samples: Sequence[Sample], notes: Sequence[str] = ()
) -> Findings:
    entities = sum(len(sample.document.entities) for sample in samples)
    on_words = (
        f"{adapted} of {entities} entities do not fall on word boundaries: they were judged as "
        "the whole words that they touch, or not at all where they touch none"
    )
    notes = (*notes, *([on_words] if adapted else []))
    return Findings(tuple(ranked(found)), len(samples), entities, notes)


def _check_unseen(
    corpus: Corpus, splits: Sequence[str], provenance: Mapping[str, Any]
) -> list[str]:
    """Raises if the training split is to be judged by a model that was trained on it."""
    known = (provenance.get("corpus") or {}).get("hash")
    if known is None:
        note = "nothing is known of what the model was trained on: what it was is hardly suspected"
        return [note]
    if "train" in splits and known in _training_hashes(corpus, provenance):
        raise CorpusError(
            "the model was trained on the train split",
            place=corpus.source,
            expected="a model that has not seen the labels that it is to judge",
            hint="leave --model out, and models are trained by cross-validation",
        )
    return []


def _training_hashes(corpus: Corpus, provenance: Mapping[str, Any]) -> list[str]:
    """The hashes that the corpus has in training: with a validation split, its own or held out."""
    if "validation" in corpus.splits:
        return [corpus.hash]
    settings = provenance.get("settings") or {}
    with contextlib.suppress(CorpusError):  # one that cannot be divided was not trained on
        divided = corpus.hold_out_validation(
            settings.get("validation_fraction", 0.1), settings.get("seed", 0)
        )
        return [divided.hash]
    return []
