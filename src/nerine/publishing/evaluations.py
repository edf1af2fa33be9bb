"""Evaluations of a checkpoint, kept beside it.

::

    model.safetensors  nerine.json  …  evaluations.json

The file names the weights that were evaluated by their SHA-256: records of other weights are
never used. It holds no texts of the corpus, and no folders.
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
    """What a corpus is called in public.

    Attributes:
        source: Its name, without the folders of who has it.
        hash: The hash of its texts and entities.
        kind: Whether it is bundled, of files or of the hub, as `corpus_kind` has it.
    """

    source: str
    hash: str
    kind: str


@dataclass(frozen=True, slots=True)
class EvaluationRecord:
    """One evaluation of a checkpoint.

    Attributes:
        split: The split that was tagged.
        corpus: The corpus that it is of.
        texts: The digest of the gold documents.
        documents: How many documents there are.
        thresholds: Those that entities had to reach; None where every entity was kept.
        backend: What ran the model.
        when: The time of day in UTC.
        versions: Those of Nerine and of the libraries.
        hardware: What it was run on.
        seconds: How many seconds tagging took on that.
        scores: Those of `Evaluation.to_dict`, without what would tell the corpus's texts.
        shared: The share of texts that are of the checkpoint's own `train` and `validation`, as far
            as that can be told.
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
        """What was evaluated and how. Of two records that agree in this, the later one counts."""
        kept = json.dumps(self.thresholds, sort_keys=True)
        return self.texts, self.split, kept, self.backend

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> EvaluationRecord:
        """The record that `to_dict` gave.

        Args:
            values: The fields by their names.

        Returns:
            The record.

        Raises:
            KeyError: For scores that lack something.
            TypeError: For a field that is missing or unknown.
            ValueError: For a value of another form.
        """
        record = cls(**{**values, "corpus": CorpusOrigin(**values["corpus"])})
        for name in ("overall", "labels", "accuracy"):
            _ = record.scores[name]
        return record


def evaluation_of(
    corpus: Corpus,
    assessment: Evaluation,
    *,
    provenance: Mapping[str, Any],
    thresholds: Mapping[str, Any] | None = None,
    backend: str = "pytorch",
    device: str = "cpu",
    seconds: float = 0.0,
) -> EvaluationRecord:
    """The record of an assessment of documents of `corpus`.

    `provenance` is that of the checkpoint; `seconds` is how long it took to tag.
    """
    kind, gold = corpus_kind(corpus.source), assessment.analysis.gold
    scores = assessment.to_dict()
    analysis = {
        name: each for name, each in scores["analysis"].items() if name not in _TEXTS_OF_THE_CORPUS
    }
    return EvaluationRecord(
        split=assessment.signature.split,
        corpus=CorpusOrigin(shown_name(corpus.source, kind), corpus.hash, kind),
        texts=digest_of(parts_of(gold)),
        documents=len(gold),
        thresholds=thresholds,
        backend=backend,
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=versions(*(["onnxruntime"] if backend.startswith("onnx") else [])),
        hardware=hardware(device),
        seconds=seconds,
        scores={**scores, "analysis": analysis},
        shared=shares_known(gold, provenance.get("splits") or {}),
    )


def read_evaluations(folder: Path) -> tuple[EvaluationRecord, ...]:
    """The evaluations kept beside the checkpoint in `folder`, in the order of their making.

    Raises `CheckpointError` where they cannot be read or are of other weights.
    """
    place = folder / EVALUATIONS_FILE
    if not place.is_file():
        return ()
    info = writable_info(folder, "evaluations")
    return _read(place, str(info["weights"]["sha256"]))


def save_evaluation(folder: Path, record: EvaluationRecord) -> Path:
    """Puts an evaluation beside the checkpoint in `folder` and returns the file's path.

    It takes the place of an earlier one of the same texts, split, thresholds and backend. The
    file is written whole or not at all. Raises `CheckpointError` where there is no checkpoint of
    Nerine's, where the file there is of other weights, or where it was trained on the texts.
    """
    info = writable_info(folder, "evaluations")
    weights = str(info["weights"]["sha256"])
    place = folder / EVALUATIONS_FILE
    if role_of(record, info) is Role.TRAINED:
        raise refused(f"{record.split} of {record.corpus.source}", str(folder))
    before = _read(place, weights) if place.is_file() else ()
    others = [each for each in before if each.conditions != record.conditions]
    data = {
        "format": _FORMAT,
        "weights": weights,
        "evaluations": [each.to_dict() for each in (*others, record)],
    }
    text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    try:
        with replacing(place) as stream:
            stream.write(text.encode("utf-8", "backslashreplace"))  # for JSON, too, an escape
    except FormatError as error:
        raise CheckpointError(
            error.found, place=error.place, hint="the file is as it was before"
        ) from error
    return place


def refused(texts: str, place: str) -> CheckpointError:
    """The error for an evaluation of texts that the checkpoint was trained on."""
    return CheckpointError(
        f"the checkpoint was trained on the texts of this evaluation ({texts}): scores on them "
        "tell nothing",
        place=place,
        expected="texts that it has not seen, such as the test split",
        hint="without --save they are shown all the same",
    )


def _read(place: Path, weights: str) -> tuple[EvaluationRecord, ...]:
    try:
        data = read_object(place, _MOST_BYTES)
        if data["format"] != _FORMAT:
            raise ValueError(f"format {data['format']}, where this Nerine knows format {_FORMAT}")
        records = tuple(EvaluationRecord.from_dict(each) for each in data["evaluations"])
        made_of = str(data["weights"])
    except (NerineError, ValueError, LookupError, TypeError, AttributeError) as error:
        found = error.found if isinstance(error, NerineError) else repr(error)
        raise CheckpointError(
            f"cannot be read as evaluations: {found}", place=str(place), hint=_AGAIN
        ) from error
    if made_of != weights:
        raise CheckpointError(
            "the evaluations are of other weights than the checkpoint's",
            place=str(place),
            expected=f"evaluations of the weights {weights[:16]}…",
            hint=_AGAIN,
        )
    return records


_AGAIN = "take the file away, and evaluate again: nerine evaluate CHECKPOINT CORPUS --save"
