"""The files of a checkpoint's folder that are published, and the reasons why others are not.

Only the files of a fixed list are published. Others stay: states of training, which are large and
may be pickles, logs and settings with paths, hidden files such as `.env`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from nerine.core.errors import CheckpointError
from nerine.core.filenames import (
    CARD_FILE,
    CONFIG_FILE,
    EVALUATIONS_FILE,
    INFO_FILE,
    ONNX_FOLDER,
    ONNX_INFO_FILE,
    RUN_FILE,
    STATEMENTS_FILE,
    TOKENIZER_FILES,
    WEIGHTS_FILE,
)
from nerine.model.backends.saved import MODEL_FILES
from nerine.model.loading.trust.links import own_places

PUBLISHED = (CONFIG_FILE, WEIGHTS_FILE, *TOKENIZER_FILES, INFO_FILE, EVALUATIONS_FILE)
"""Files that are published if they exist, next to the card and ONNX models."""

ONNX_FILES = (ONNX_INFO_FILE, *(f"{ONNX_FOLDER}/{name}" for name in MODEL_FILES.values()))

DELETABLE = frozenset({*PUBLISHED, *ONNX_FILES})
"""Names of all files that a push may have sent, except the card: a later push may delete them."""

_REASONS = {
    RUN_FILE: "it marks a run; nerine.json says what others need",
    "settings.toml": "nerine.json has the settings",
    "plan.json": "why these settings were chosen",
    "epochs.json": "how a run went, epoch by epoch",
    STATEMENTS_FILE: "the card has its statements",
    CARD_FILE: "the card is written again from the records",
    "checkpoints": "states of training",
    ONNX_FOLDER: "ONNX models are published on request: --onnx all",
}
_REASONS_BY_PATTERN = (
    (("optimizer*", "scheduler*", "rng_state*", "trainer_state*"), "a state of training"),
    (("*.pt", "*.pth", "*.bin", "*.pkl", "*.ckpt"), "it may be a pickle, which can run code"),
    (("*.log", "logs", "runs", "events.out.*"), "a log"),
    (("*.safetensors", "*.index.json"), "weights that nerine.json does not name"),
)
_OTHER_REASON = "not on the list of a checkpoint's files"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file or folder that is not published.

    Attributes:
        name: Its name.
        reason: Why it is not published.
    """

    name: str
    reason: str


def published_files(folder: Path, onnx: Collection[str] = ()) -> dict[str, Path]:
    """The files to publish, by their names in the repository; `onnx` are names of ONNX models.

    Raises `CheckpointError` if one of them is not a file, or a link out of the folder.
    """
    names = [name for name in PUBLISHED if (folder / name).exists()]
    found = {name: folder / name for name in (*names, *(f"{ONNX_FOLDER}/{name}" for name in onnx))}
    for path in found.values():
        real = path.resolve()
        if not any(real.is_relative_to(place) for place in own_places(folder)):
            raise CheckpointError(
                f"this is a link out of the folder, to {real}",
                place=str(path),
                expected="a file in the folder",
                hint="copy the file to its place if it is to be published",
            )
        if not real.is_file():
            raise CheckpointError("this is not a file", place=str(path), expected="a file")
    return found


def left_out(folder: Path, sent: Collection[str]) -> tuple[LeftOut, ...]:
    """The other files and folders. Of the files in folders, only those of `onnx` are named."""
    some_onnx = any(name.startswith(f"{ONNX_FOLDER}/") for name in sent)
    names: list[str] = []
    for path in folder.iterdir():
        if path.name == ONNX_FOLDER and path.is_dir() and some_onnx:
            names += (f"{ONNX_FOLDER}/{inner.name}" for inner in path.iterdir())
        else:
            names.append(f"{path.name}/" if path.is_dir() else path.name)
    kept = sorted(name for name in names if name not in sent or name == CARD_FILE)
    return tuple(LeftOut(name, _reason(Path(name))) for name in kept)


def _reason(path: Path) -> str:
    if path.name.startswith("."):
        return "hidden"
    if path.name in _REASONS:
        return _REASONS[path.name]
    if path.parent.name == ONNX_FOLDER:
        return "not requested" if path.suffix == ".onnx" else _OTHER_REASON
    reasons = (why for patterns, why in _REASONS_BY_PATTERN if any(map(path.match, patterns)))
    return next(reasons, _OTHER_REASON)
