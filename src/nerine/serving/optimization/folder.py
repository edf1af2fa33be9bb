"""Writes the folder `onnx` of a checkpoint, which is whole or absent."""

from __future__ import annotations

import contextlib
import json
import shutil
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from nerine.core.errors import CheckpointError
from nerine.core.filenames import ONNX_FOLDER, ONNX_INFO_FILE
from nerine.core.files import file_hash, put_folder, write_errors
from nerine.model.backends.saved import ModelFile, Range, SavedModel, SavedModels

_errors_at = partial(write_errors, CheckpointError, hint="the checkpoint is unchanged")


def check_folder(checkpoint: Path) -> None:
    """Raises `CheckpointError` if the folder of the checkpoint does not exist."""
    if not checkpoint.is_dir():
        raise CheckpointError(
            "there is no such folder",
            place=str(checkpoint),
            expected="the folder of a checkpoint, in which ONNX models can be written",
            hint="download one from the hub first: hf download OWNER/NAME --local-dir FOLDER",
        )


@contextlib.contextmanager
def workplace(checkpoint: Path) -> Iterator[Path]:
    """A temporary folder inside that of the checkpoint."""
    folder = checkpoint / f".{ONNX_FOLDER}.{uuid.uuid4().hex}.part"
    try:
        with _errors_at(checkpoint):
            folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def save_model(model: Any, path: Path, kind: Range | None = None) -> tuple[SavedModel, ModelFile]:
    """Writes an `onnx.ModelProto`; `kind` is the part of 8 bits that its weights use."""
    content = model.SerializeToString()
    with _errors_at(path):
        path.write_bytes(content)
    sha256 = file_hash(path)
    return SavedModel(path.name, sha256, len(content), kind), ModelFile(path, sha256)


def put_in_place(place: Path, saved: SavedModels) -> None:
    """Renames a workplace to the folder `onnx`, in the place of an older one.

    Files that `saved` does not name are removed.
    """
    final = place.parent / ONNX_FOLDER
    named = {each.file for each in saved.models.values()}
    with _errors_at(final):
        for path in place.iterdir():
            if path.name not in named:
                path.unlink()
        text = json.dumps(saved.to_dict(), indent=2, ensure_ascii=False)
        (place / Path(ONNX_INFO_FILE).name).write_text(f"{text}\n", encoding="utf-8")
        put_folder(place, final)
