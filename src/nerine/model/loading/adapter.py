"""The folder of an adapter, which peft reads, too.

    adapter_model.safetensors  adapter_config.json  nerine.json

The weights are low-rank updates of an encoder's matrices, and a head. `adapter_config.json` is
peft's; `nerine.json` has the parts that it has in a checkpoint, and the hash of these weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nerine.core.errors import CheckpointError, NerineError
from nerine.core.filenames import (
    ADAPTER_CONFIG_FILE,
    ADAPTER_FOLDER,
    ADAPTER_WEIGHTS_FILE,
    CONFIG_FILE,
    INFO_FILE,
)
from nerine.core.files import file_hash
from nerine.core.strict_json import MEGABYTE, read_object
from nerine.evaluation.signs import Sign, saved_signs
from nerine.model.loading.trust.links import check_files
from nerine.model.loading.weights_hash import INFO_FORMAT, MOST_INFO_BYTES
from nerine.model.settings import ModelSettings

PREFIX = "base_model.model."
"""Before each tensor's name in peft's files."""

ENCODER_KEY, HASH_KEY = "encoder", "sha256"
"""In the provenance: the encoder of a run, and the hash of its weights."""

_MOST_CONFIG_BYTES = MEGABYTE
_PLAIN: Mapping[str, Any] = {
    "peft_type": "LORA",
    "bias": "none",
    "use_dora": False,
    "use_rslora": False,
    "rank_pattern": {},
    "alpha_pattern": {},
}
"""Keys of `adapter_config.json` → the values with which an update is alpha / rank · B A."""

_COPY_AGAIN = "the folder is a mixture or was cut short: copy it again"


@dataclass(frozen=True, slots=True)
class SavedAdapter:
    """An adapter on disk.

    Attributes:
        folder: Its folder.
        settings: How its model is used.
        scale: The factor of its updates, alpha / rank.
        scores: The scores of its run.
        provenance: What it was made from.
        signs: The signs of failure of its training; None if they were not looked for.
    """

    folder: Path
    settings: ModelSettings
    scale: float
    scores: Mapping[str, Any]
    provenance: Mapping[str, Any]
    signs: tuple[Sign, ...] | None

    @classmethod
    def read(cls, folder: Path) -> SavedAdapter:
        """The adapter in `folder`, which may also be that of its run; raises `CheckpointError`."""
        if not (folder / ADAPTER_CONFIG_FILE).is_file():
            folder = folder / ADAPTER_FOLDER
        place = folder / INFO_FILE
        if not ((folder / ADAPTER_CONFIG_FILE).is_file() and place.is_file()):
            raise CheckpointError(
                "this is not the folder of an adapter",
                place=str(folder),
                expected=f"{ADAPTER_CONFIG_FILE} and {INFO_FILE}",
                hint="nerine train CORPUS --lora-rank 16 -o RUN leaves an adapter in "
                f"RUN/{ADAPTER_FOLDER}",
            )
        check_files(folder)
        info = read_object(place, MOST_INFO_BYTES)
        if info.get("format") != INFO_FORMAT:
            raise CheckpointError(
                "an adapter of another format", place=str(place), expected=f"format {INFO_FORMAT}"
            )
        try:
            expected = str(info["weights"]["sha256"])
            settings = ModelSettings.from_dict(info["settings"])
            parts = dict(info["scores"]), dict(info["provenance"]), saved_signs(info)
        except (KeyError, TypeError, ValueError, NerineError) as error:
            raise CheckpointError(
                f"a part is missing or not valid: {error!r}", place=str(place), hint=_COPY_AGAIN
            ) from error
        weights = folder / ADAPTER_WEIGHTS_FILE
        if not weights.is_file() or file_hash(weights) != expected:
            raise CheckpointError(
                f"the weights are not those that {INFO_FILE} describes",
                place=str(weights),
                expected=f"a file with the SHA-256 {expected[:16]}…",
                hint=_COPY_AGAIN,
            )
        return cls(folder, settings, _scale(folder / ADAPTER_CONFIG_FILE), *parts)

    @property
    def encoder(self) -> Mapping[str, Any]:
        """The name and the hash of the encoder that it was trained over."""
        found = self.provenance.get(ENCODER_KEY)
        return found if isinstance(found, dict) else {}


def refuse_adapter(folder: Path, name: str) -> None:
    """Raises `CheckpointError` for an adapter where a whole model is asked for."""
    if (folder / ADAPTER_CONFIG_FILE).is_file() and not (folder / CONFIG_FILE).is_file():
        raise CheckpointError(
            "this is an adapter, not a whole model",
            place=name,
            expected=f"a folder with {CONFIG_FILE}",
            hint="the folder of its run has the whole model; in Python, nerine.Adapters.load loads "
            "adapters with their encoder",
        )


def _scale(path: Path) -> float:
    """The factor alpha / rank in `adapter_config.json`; raises `CheckpointError`."""
    config = read_object(path, _MOST_CONFIG_BYTES)
    for key, value in _PLAIN.items():
        if config.get(key, value) != value:
            raise CheckpointError(
                f"{key} is {config[key]!r:.40}",
                place=str(path),
                expected=f"{value!r}: an adapter as nerine train makes it",
            )
    rank, alpha = config.get("r", 0), config.get("lora_alpha", 0)
    if type(rank) is not int or type(alpha) not in (int, float) or rank < 1 or not alpha > 0:
        raise CheckpointError(
            "r or lora_alpha is not valid", place=str(path), expected="numbers above 0"
        )
    return float(alpha / rank)
