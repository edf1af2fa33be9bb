"""The files that a push sends, after all checks.

Refused are: a run that has not ended, a model that has learned nothing, weights other than those of
`nerine.json`, scores that mean nothing, and secrets in any file.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nerine.core.errors import CheckpointError
from nerine.core.filenames import (
    CARD_FILE,
    CONFIG_FILE,
    EVALUATIONS_FILE,
    INFO_FILE,
    ONNX_FOLDER,
    ONNX_INFO_FILE,
    RUN_FILE,
    TOKENIZER_CONFIG_FILE,
    WEIGHTS_FILE,
)
from nerine.core.files import file_hash
from nerine.core.strict_json import MEGABYTE, read_object
from nerine.evaluation.contamination import Role
from nerine.evaluation.signs import learned_nothing, saved_signs
from nerine.hub.upload import LocalFile
from nerine.model.backends.saved import MODEL_FILES, PYTORCH, SavedModels, read_saved
from nerine.model.loading.checkpoint import load_checkpoint, writable_info
from nerine.publishing.card import Card
from nerine.publishing.file_list import LeftOut, left_out, published_files
from nerine.publishing.naming import Shortened, public_record
from nerine.publishing.secrets import check_no_secret

ALL = "all"
_MOST_BYTES = 20 * MEGABYTE


@dataclass(frozen=True, slots=True)
class Contents:
    """The contents of a push.

    Attributes:
        files: The files to send.
        left_out: The files that are not sent, and why.
        shortened: Paths that are published as names.
    """

    files: tuple[LocalFile, ...]
    left_out: tuple[LeftOut, ...]
    shortened: tuple[Shortened, ...]


def checked_info(folder: Path) -> dict[str, Any]:
    """`nerine.json` of a checkpoint that can be pushed: made by Nerine, ended, complete.

    Raises `CheckpointError` or `EncodingError` for any other.
    """
    if not ((folder / INFO_FILE).is_file() or (folder / RUN_FILE).is_file()):
        raise CheckpointError(
            f"{INFO_FILE} is missing: Nerine did not make this checkpoint",
            place=str(folder),
            expected="the folder of a training run that has ended",
            hint="in Python, save_checkpoint(folder, load_checkpoint(name)) makes such a folder "
            "of any model; then evaluate it: nerine evaluate FOLDER CORPUS --save",
        )
    info = writable_info(folder, "a card")
    load_checkpoint(folder, weights=False)  # raises for any other file that is wrong
    return info


def check_learned(folder: Path, info: Mapping[str, Any]) -> None:
    """Raises `CheckpointError` if the training of the model has failed."""
    failed = learned_nothing(saved_signs(info) or ())
    if failed:
        raise CheckpointError(
            failed.message,
            place=str(folder),
            expected="a model that finds entities",
            hint=f"{failed.hint}; --allow-failed (in Python allow_failed=True) pushes it as it is",
        )


def check_scores(folder: Path, info: Mapping[str, Any], card: Card) -> None:
    """Raises `CheckpointError` for a card without scores, or with meaningless ones.

    Scores on texts that chose the checkpoint are accepted: the card says so.
    """
    evaluate = f"nerine evaluate {folder} CORPUS --split test --save"
    if not card.results:
        raise CheckpointError(
            "this checkpoint has no scores, so its card would not say how good it is",
            place=str(folder),
            expected=f"scores in {INFO_FILE}, or {EVALUATIONS_FILE}",
            hint=evaluate,
        )
    others = sorted(set(info["scores"]) - {"validation"})
    if others:
        raise CheckpointError(
            f"the scores of {others[0]!r} are of unknown texts",
            place=f"{folder / INFO_FILE}, scores",
            expected="scores of the validation split, which training writes",
            hint=f"remove them, and evaluate: {evaluate}",
        )
    for result in card.results:
        if result.role is Role.UNKNOWN:
            raise CheckpointError(
                f"it is unknown whether the checkpoint has seen the texts of this evaluation "
                f"({result.split} of {result.source})",
                place=str(folder / EVALUATIONS_FILE),
                expected="texts that had no part in making the checkpoint",
                hint="remove this evaluation from the file; a checkpoint that is trained again "
                "records which texts it has seen",
            )


def gather(
    folder: Path, info: Mapping[str, Any], card: bytes, onnx: Sequence[str] = ()
) -> Contents:
    """The files of a checkpoint to push with its card, checked.

    `onnx` names variants, or `all` of them. Raises `CheckpointError`.
    """
    models = _chosen_models(folder, onnx)
    chosen = models.models.values() if models else ()
    contents: dict[str, Path | bytes] = {}
    contents |= published_files(folder, [model.file for model in chosen])
    records = {INFO_FILE: info}
    for name in (CONFIG_FILE, TOKENIZER_CONFIG_FILE):
        if name in contents:
            records[name] = read_object(folder / name, _MOST_BYTES)
    if models:
        records[ONNX_INFO_FILE] = models.to_dict()
    shortened: list[Shortened] = []
    for name, values in records.items():
        public, found = public_record(name, values)
        if found or name not in contents:
            text = json.dumps(public, indent=2, ensure_ascii=False) + "\n"
            contents[name] = text.encode("utf-8", "backslashreplace")  # lone surrogates, as escapes
        shortened += found
    contents[CARD_FILE] = card
    expected = {f"{ONNX_FOLDER}/{model.file}": model.sha256 for model in chosen}
    expected[WEIGHTS_FILE] = info["weights"]["sha256"]
    files = []
    for name, content in sorted(contents.items()):
        place = name if name == CARD_FILE else str(folder / name)
        file = _local_file(name, content, place)
        if expected.get(name, file.sha256) != file.sha256:
            raise CheckpointError(
                "the hash of this file is not the recorded one",
                place=place,
                expected=f"a file with the SHA-256 {expected[name][:16]}…",
                hint=f"make ONNX models again: nerine optimize {folder}",
            )
        files.append(file)
    return Contents(tuple(files), left_out(folder, contents), tuple(shortened))


def with_card(contents: Contents, card: bytes) -> Contents:
    """The same files with another card. Raises `CheckpointError`."""
    files = (
        _local_file(CARD_FILE, card, CARD_FILE) if file.name == CARD_FILE else file
        for file in contents.files
    )
    return dataclasses.replace(contents, files=tuple(files))


def _local_file(name: str, content: Path | bytes, place: str) -> LocalFile:
    """A file with its size and hash; raises `CheckpointError` if it holds a secret."""
    check_no_secret(content, place)
    if isinstance(content, bytes):
        return LocalFile(name, content, len(content), hashlib.sha256(content).hexdigest())
    return LocalFile(name, content, content.stat().st_size, file_hash(content))


def _chosen_models(folder: Path, onnx: Sequence[str]) -> SavedModels | None:
    """The ONNX models to push, None for none.

    If the variant that the checkpoint runs with is not among them, PyTorch takes its place.
    """
    unknown = sorted({*onnx} - {*MODEL_FILES, ALL})
    if unknown:
        raise CheckpointError(
            f"the ONNX variant {unknown[0]!r} is unknown",
            place=str(folder),
            expected=f"one of {', '.join(MODEL_FILES)}, or {ALL}",
        )
    if not onnx:
        return None
    saved = read_saved(folder)
    found = saved.models if saved else {}
    missing = [name for name in onnx if name != ALL and name not in found]
    if saved is None or missing or not found:
        raise CheckpointError(
            f"the ONNX model {missing[0]} is missing" if missing else "ONNX models are missing",
            place=str(folder / ONNX_FOLDER),
            expected=f"one of {', '.join(found)}" if found else "the models of nerine optimize",
            hint=f"make them first: nerine optimize {folder}",
        )
    kept = {name: model for name, model in found.items() if name in onnx or ALL in onnx}
    chosen = saved.chosen if saved.chosen in kept else PYTORCH
    return dataclasses.replace(saved, models=kept, chosen=chosen)
