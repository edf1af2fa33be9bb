"""Evaluations of a checkpoint, saved in its folder.

::

    model.safetensors  nerine.json  …  evaluations.json

The file names the weights that were evaluated by their SHA-256: evaluations of other weights are
refused. It contains no texts of the corpus, and no folders.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nerine.core.document import digest_of, parts_of
from nerine.core.errors import CheckpointError, FormatError, NerineError
from nerine.core.filenames import EVALUATIONS_FILE
from nerine.core.files import replacing
from nerine.core.strict_json import MEGABYTE, read_object
from nerine.data.corpus import Corpus
from nerine.evaluation.evaluate import Evaluation
from nerine.model.loading.checkpoint import writable_info
from nerine.model.provenance.conditions import hardware, versions
from nerine.model.provenance.sketches import shares_known
from nerine.model.provenance.sources import corpus_kind, shown_name
from nerine.publishing.roles import Role, role_of

_FORMAT = 1
_MOST_BYTES = 50 * MEGABYTE
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
        shared: The share of texts that belong to the checkpoint's own `train` and `validation`, as
            far as that can be told.
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
    provenance: Mapping[str, Any],
    thresholds: Mapping[str, Any] | None = None,
    backend: str = "pytorch",
    device: str = "cpu",
    seconds: float = 0.0,
) -> EvaluationRecord:
    """The record of an evaluation of documents of `corpus`.

    `provenance` is that of the checkpoint; `seconds` is how long tagging took.
    """
    kind, gold = corpus_kind(corpus.source), evaluation.analysis.gold
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
        shared=shares_known(gold, provenance.get("splits") or {}),
    )


def read_evaluations(folder: Path) -> tuple[EvaluationRecord, ...]:
    """The evaluations saved in the folder of a checkpoint, the oldest first.

    Raises `CheckpointError` if they cannot be read or are of other weights.
    """
    if not (folder / EVALUATIONS_FILE).is_file():
        return ()
    return _read(folder, str(writable_info(folder, "evaluations")["weights"]["sha256"]))


def save_evaluation(folder: Path, record: EvaluationRecord) -> Path:
    """Saves an evaluation in the folder of a checkpoint, and returns the file's path.

    It replaces an earlier one of the same texts, split, thresholds and backend. The file is written
    whole or not at all. Raises `CheckpointError` if Nerine did not make the checkpoint, if the
    file is of other weights, or if the checkpoint was trained on the texts.
    """
    info = writable_info(folder, "evaluations")
    weights = str(info["weights"]["sha256"])
    place = folder / EVALUATIONS_FILE
    if role_of(record, info) is Role.TRAINED:
        raise trained_on_error(f"{record.split} of {record.corpus.source}", str(folder))
    before = _read(folder, weights) if place.is_file() else ()
    records = [each for each in before if each.conditions != record.conditions] + [record]
    evaluations = [each.to_dict() for each in records]
    data = {"format": _FORMAT, "weights": weights, "evaluations": evaluations}
    text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    try:
        with replacing(place) as stream:
            stream.write(text.encode("utf-8", "backslashreplace"))  # lone surrogates, as escapes
    except FormatError as error:
        raise CheckpointError(
            error.found, place=error.place, hint="the file is as it was before"
        ) from error
    return place


def trained_on_error(texts: str, place: str) -> CheckpointError:
    """The error for an evaluation of texts that the checkpoint was trained on."""
    return CheckpointError(
        f"the checkpoint was trained on the texts of this evaluation ({texts}), so scores on them "
        "mean nothing",
        place=place,
        expected="texts that it has not seen, such as the test split",
        hint="without --save the scores are shown",
    )


def _read(folder: Path, weights: str) -> tuple[EvaluationRecord, ...]:
    place = folder / EVALUATIONS_FILE
    hint = f"remove the file, and evaluate again: nerine evaluate {folder} CORPUS --save"
    try:
        data = read_object(place, _MOST_BYTES)
        if data["format"] != _FORMAT:
            raise ValueError(f"format {data['format']}, but this Nerine reads format {_FORMAT}")
        records = tuple(EvaluationRecord.from_dict(each) for each in data["evaluations"])
        evaluated = str(data["weights"])
    except (NerineError, ValueError, LookupError, TypeError, AttributeError) as error:
        found = error.found if isinstance(error, NerineError) else repr(error)
        raise CheckpointError(
            f"cannot be read as evaluations: {found}", place=str(place), hint=hint
        ) from error
    if evaluated != weights:
        raise CheckpointError(
            "the evaluations are of other weights than the checkpoint's",
            place=str(place),
            expected=f"evaluations of the weights {weights[:16]}…",
            hint=hint,
        )
    return records
