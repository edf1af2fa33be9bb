"""The record of one evaluation of a checkpoint."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from nerine.core.document import digest_of, parts_of
from nerine.core.errors import SettingsError
from nerine.data.corpus import Corpus
from nerine.evaluation.evaluate import Evaluation
from nerine.model.provenance.conditions import hardware, versions
from nerine.model.provenance.sources import corpus_kind, shown_name

_TEXTS_OF_THE_CORPUS = ("errors", "missed_forms")


@dataclass(frozen=True, slots=True)
class CorpusOrigin:
    """The name of a corpus in public.

    Attributes:
        source: Its name, without the folders above it.
        hash: The hash of its texts and entities.
        kind: Where it is from, as in `corpus_kind`: bundled, files or the hub.
    """

    source: str
    hash: str
    kind: str


@dataclass(frozen=True, slots=True)
class EvaluationRecord:
    """An evaluation of a checkpoint.

    Attributes:
        split: The split that was tagged.
        corpus: Its corpus.
        texts: The digest of the gold documents.
        documents: The number of documents.
        thresholds: The thresholds of entities; None if every entity was kept.
        backend: The backend that ran the model.
        when: The time in UTC.
        versions: The versions of Nerine and of the libraries.
        hardware: The hardware that the model ran on.
        seconds: How many seconds tagging took.
        scores: As in `Evaluation.to_dict`, without texts of the corpus.
        shared: The share of texts that belong to the recorded splits of the checkpoint, such as
            `train`, as far as that can be told.
    """

    split: str
    corpus: CorpusOrigin
    texts: str
    documents: int
    thresholds: Mapping[str, Any] | None
    backend: str
    when: str
    versions: Mapping[str, str]
    hardware: Mapping[str, Any]
    seconds: float
    scores: Mapping[str, Any]
    shared: Mapping[str, float] = field(default_factory=dict)

    @property
    def conditions(self) -> tuple[Any, ...]:
        """The texts and the way of tagging. A later record of the same ones replaces this one."""
        thresholds = json.dumps(self.thresholds, sort_keys=True)
        return self.texts, self.split, thresholds, self.backend

    def to_dict(self) -> dict[str, Any]:
        """The record for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> EvaluationRecord:
        """The record from the result of `to_dict`.

        Args:
            values: The fields by name.

        Returns:
            The record.

        Raises:
            KeyError: If the scores are incomplete.
            TypeError: If a field is missing or unknown.
            ValueError: If a value has another form.
        """
        record = cls(**{**values, "corpus": CorpusOrigin(**values["corpus"])})
        for name in ("overall", "labels", "accuracy"):
            _ = record.scores[name]
        return record


def evaluation_record(
    corpus: Corpus,
    evaluation: Evaluation,
    *,
    thresholds: Mapping[str, Any] | None = None,
    backend: str = "pytorch",
    device: str = "cpu",
    seconds: float = 0.0,
) -> EvaluationRecord:
    """The record of an evaluation of documents of `corpus`; `seconds` is how long tagging took.

    Raises `SettingsError` if rules changed the predictions: records are of a model alone.
    """
    if evaluation.signature.rules is not None:
        raise SettingsError(
            "the scores are those of the model with rules, which are not part of the checkpoint",
            place="rules",
            hint="evaluate the model alone to save its scores",
        )
    kind, gold = corpus_kind(corpus.source), evaluation.analysis.gold
    seen = evaluation.contamination
    scores = evaluation.to_dict()
    scores["analysis"] = {
        name: each for name, each in scores["analysis"].items() if name not in _TEXTS_OF_THE_CORPUS
    }
    return EvaluationRecord(
        split=evaluation.signature.split,
        corpus=CorpusOrigin(shown_name(corpus.source, kind), corpus.hash, kind),
        texts=digest_of(parts_of(gold)),
        documents=len(gold),
        thresholds=thresholds,
        backend=backend,
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=versions(*(["onnxruntime"] if backend.startswith("onnx") else [])),
        hardware=hardware(device),
        seconds=seconds,
        scores=scores,
        shared={} if seen is None else seen.shares,
    )
