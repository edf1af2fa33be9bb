"""Evaluations of a checkpoint, saved in its folder.

::

    model.safetensors  nerine.json  …  evaluations.json

The file names the weights that were evaluated by their SHA-256: evaluations of other weights are
refused. It contains no texts of the corpus, and no folders.
"""

from __future__ import annotations

import json
from pathlib import Path

from nerine.core.errors import CheckpointError, NerineError
from nerine.core.filenames import EVALUATIONS_FILE
from nerine.core.files import UNCHANGED, replacing
from nerine.core.strict_json import MEGABYTE, read_object
from nerine.evaluation.contamination import Role
from nerine.model.loading.checkpoint import writable_info
from nerine.publishing.evaluation_record import EvaluationRecord
from nerine.publishing.roles import role_of

_FORMAT = 1
_MOST_BYTES = 50 * MEGABYTE


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
    with replacing(place, CheckpointError, UNCHANGED) as stream:
        stream.write(text.encode("utf-8", "backslashreplace"))  # lone surrogates, as escapes
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
