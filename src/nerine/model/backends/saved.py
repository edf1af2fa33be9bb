"""The ONNX models in a checkpoint's folder.

::

    model.safetensors  nerine.json  …  onnx/onnx.json  onnx/model-fp32.onnx  onnx/model-int8.onnx

`onnx.json` names the weights that the models were made from and each model by its SHA-256. It
holds the chosen variant, facts about the tokenizer, and the report of the measurements. Models of
other weights are never used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from nerine.core.errors import CheckpointError, FormatError
from nerine.core.filenames import ONNX_INFO_FILE
from nerine.core.files import read_bytes
from nerine.core.strict_json import MEGABYTE, read_object
from nerine.model.batching import Batching
from nerine.model.loading.tokenizer import TokenizerInfo
from nerine.model.loading.weights_hash import weights_hash

PYTORCH, FP32, INT8 = "pytorch", "onnx-fp32", "onnx-int8"
VARIANTS = (PYTORCH, FP32, INT8)
"""The ways to run a checkpoint, the most exact first."""

MODEL_FILES = {FP32: "model-fp32.onnx", INT8: "model-int8.onnx"}
"""The file of a variant in the folder `onnx`."""

FORMAT = 1
OPTIMIZE_AGAIN = "make it again: nerine optimize CHECKPOINT"
_MOST_BYTES = 5 * MEGABYTE
_EXTERNAL = b"location"
"""The key of a tensor's data in another file; no name in a model of ours contains it."""

Range = Literal["full", "reduced"]


@dataclass(frozen=True, slots=True)
class ModelFile:
    """An ONNX file.

    Attributes:
        path: The file.
        sha256: The hash that it must have.
        is_verified: Whether the file was compared with the hash already.
    """

    path: Path
    sha256: str
    is_verified: bool = False

    def read(self) -> bytes:
        """The content; raises `CheckpointError` if it has another hash or needs other files."""
        try:
            content = read_bytes(self.path)
        except FormatError as error:
            raise CheckpointError(error.found, place=error.place, hint=OPTIMIZE_AGAIN) from error
        if not self.is_verified and hashlib.sha256(content).hexdigest() != self.sha256:
            raise CheckpointError(
                "the file is not the one that was measured",
                place=str(self.path),
                expected=f"a file with the SHA-256 {self.sha256[:16]}…",
                hint=OPTIMIZE_AGAIN,
            )
        if refers_to_files(content):
            raise CheckpointError(
                "the model may keep some of its weights in other files",
                place=str(self.path),
                expected="an ONNX model in a single file",
                hint=OPTIMIZE_AGAIN,
            )
        return content


def refers_to_files(content: bytes) -> bool:
    """Whether an ONNX model may keep tensors in other files."""
    return _EXTERNAL in content


@dataclass(frozen=True, slots=True)
class SavedModel:
    """An ONNX file in `onnx.json`.

    `range` is the part of 8 bits that its weights use, None for weights in 32 bits.
    """

    file: str
    sha256: str
    bytes: int
    range: Range | None = None


@dataclass(frozen=True, slots=True)
class SavedModels:
    """The content of `onnx.json`.

    Attributes:
        weights: The SHA-256 of the checkpoint's weights.
        chosen: The variant to use.
        models: The ONNX files by their variants.
        report: The measurements.
        tokenizer: Facts about the tokenizer, with which it is read without transformers.
        batching: How windows are batched.
        notes: What a user should know of the weights.
    """

    weights: str
    chosen: str
    models: Mapping[str, SavedModel]
    report: Mapping[str, Any] = field(default_factory=dict)
    tokenizer: TokenizerInfo | None = None
    batching: Batching = field(default_factory=Batching)
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The content for JSON."""
        values = {"format": FORMAT, **asdict(self)}
        if self.tokenizer is None:
            del values["tokenizer"]
        return values

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SavedModels:
        """The content from JSON; raises `KeyError`, `TypeError` or `ValueError` if it is wrong."""
        models = {name: SavedModel(**each) for name, each in data["models"].items()}
        if data["chosen"] != PYTORCH and data["chosen"] not in models:
            raise ValueError(f"the chosen variant {data['chosen']!r} has no file")
        for each in models.values():
            if Path(each.file).name != each.file:
                raise ValueError(f"{each.file!r} is not a plain file name")
        tokenizer = TokenizerInfo.from_dict(data.get("tokenizer"))
        # a file of an earlier Nerine does not say whether padding matters
        safe = {"sharing": "equal lengths", "is_measured": False}
        batching = Batching.from_dict(data.get("batching", safe))
        notes = tuple(data.get("notes", ()))
        if not all(isinstance(each, str) for each in notes):
            raise ValueError("the notes are not strings")
        report = data.get("report", {})
        return cls(data["weights"], data["chosen"], models, report, tokenizer, batching, notes)


def read_saved(folder: Path) -> SavedModels | None:
    """The content of `onnx.json` in a checkpoint's folder; None without that file.

    Raises `CheckpointError` if it cannot be read or the models were made from other weights.
    """
    place = folder / ONNX_INFO_FILE
    if not place.is_file():
        return None
    again = f"make them again: nerine optimize {folder}"
    try:
        data = read_object(place, _MOST_BYTES)
        if data["format"] != FORMAT:
            raise ValueError(f"format {data['format']}, but this Nerine knows format {FORMAT}")
        saved = SavedModels.from_dict(data)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"cannot be read: {error!r}", place=str(place), hint=again) from error
    weights = weights_hash(folder)
    if saved.weights != weights:
        raise CheckpointError(
            "the ONNX models were made from other weights than the checkpoint's",
            place=str(place),
            expected=f"models of the weights {weights[:16]}…",
            hint=again,
        )
    return saved
