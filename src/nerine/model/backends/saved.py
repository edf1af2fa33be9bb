"""The ONNX models that stand beside a checkpoint.

::

    model.safetensors  nerine.json  …  onnx/onnx.json  onnx/model-fp32.onnx  onnx/model-int8.onnx

`onnx.json` names the weights that the models were made from and each model by its SHA-256, says
which variant was chosen, and what was measured. Models of other weights are never used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from nerine.core.errors import CheckpointError
from nerine.core.filenames import ONNX_FOLDER, ONNX_INFO_FILE
from nerine.core.strict_json import MEGABYTE, read_object
from nerine.model.backends.onnx import ModelFile
from nerine.model.loading.checkpoint import weights_hash

PYTORCH, FP32, INT8 = "pytorch", "onnx-fp32", "onnx-int8"
VARIANTS = (PYTORCH, FP32, INT8)
"""The ways to run a checkpoint, the most exact first."""

MODEL_FILES = {FP32: "model-fp32.onnx", INT8: "model-int8.onnx"}
"""What the folder `onnx` calls the model of a variant."""

FORMAT = 1
_MOST_BYTES = 5 * MEGABYTE

Range = Literal["full", "reduced"]


@dataclass(frozen=True, slots=True)
class SavedModel:
    """One ONNX file; `range` says how much of 8 bits its weights use, None if they are no bytes."""

    file: str
    sha256: str
    bytes: int
    range: Range | None = None


@dataclass(frozen=True, slots=True)
class SavedModels:
    """What `onnx.json` says.

    `weights` is the SHA-256 of the weights, `chosen` the variant to be used, `models` are the ONNX
    files by their variants, `report` is what was measured.
    """

    weights: str
    chosen: str
    models: Mapping[str, SavedModel]
    report: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SavedModels:
        """Raises `KeyError`, `TypeError` or `ValueError` for what is no such thing."""
        models = {name: SavedModel(**each) for name, each in data["models"].items()}
        if data["chosen"] != PYTORCH and data["chosen"] not in models:
            raise ValueError(f"the chosen variant {data['chosen']!r} has no file")
        for each in models.values():
            if Path(each.file).name != each.file:
                raise ValueError(f"{each.file!r} is no plain name of a file")
        return cls(data["weights"], data["chosen"], models, data.get("report", {}))

    def file(self, folder: Path, variant: str) -> ModelFile:
        """The file of a variant beside the checkpoint in `folder`."""
        model = self.models[variant]
        return ModelFile(folder / ONNX_FOLDER / model.file, model.sha256)


def read_saved(folder: Path) -> SavedModels | None:
    """What stands beside the checkpoint in `folder`, None if nothing does.

    Raises `CheckpointError` where it cannot be read or was made from other weights.
    """
    place = folder / ONNX_INFO_FILE
    if not place.is_file():
        return None
    try:
        data = read_object(place, _MOST_BYTES)
        if data["format"] != FORMAT:
            raise ValueError(f"format {data['format']}, where this Nerine knows format {FORMAT}")
        saved = SavedModels.from_dict(data)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"cannot be read: {error!r}", place=str(place), hint=_again(folder)
        ) from error
    weights = weights_hash(folder)
    if saved.weights != weights:
        raise CheckpointError(
            "the ONNX models were made from other weights than the checkpoint's",
            place=str(place),
            expected=f"models of the weights {weights[:16]}…",
            hint=_again(folder),
        )
    return saved


def _again(folder: Path) -> str:
    return f"make them again: nerine optimize {folder}"
