"""Which files of a checkpoint's folder go out, and which stay, and why.

There is a list of what goes out. Whatever is not on it stays: states of training and optimizers,
which are large and may be pickles, logs and settings with paths, hidden files such as `.env`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
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

SENT = (CONFIG_FILE, WEIGHTS_FILE, *TOKENIZER_FILES, INFO_FILE, EVALUATIONS_FILE)
"""Files that are sent where they are there, beside the card and ONNX models."""

ONNX_FILES = (ONNX_INFO_FILE, *(f"{ONNX_FOLDER}/{name}" for name in MODEL_FILES.values()))

OURS = frozenset({*SENT, *ONNX_FILES})
"""Names of all that a push has ever sent but the card: one of an earlier push may be taken away."""

_REASONS = {
    RUN_FILE: "it marks a run; nerine.json says what others need",
    "settings.toml": "nerine.json has the settings",
    "epochs.json": "how a run went, epoch by epoch",
    STATEMENTS_FILE: "what it states is in the card",
    CARD_FILE: "the card is written anew, from the records",
    "checkpoints": "states of training",
    ONNX_FOLDER: "ONNX models go where they are asked for: --onnx all",
}
_KINDS = (
    (("optimizer*", "scheduler*", "rng_state*", "trainer_state*"), "a state of training"),
    (("*.pt", "*.pth", "*.bin", "*.pkl", "*.ckpt"), "it may be a pickle, which can run code"),
    (("*.log", "logs", "runs", "events.out.*"), "a log"),
    (("*.safetensors", "*.index.json"), "weights that nerine.json does not speak of"),
)
_OTHER = "not on the list of what makes a checkpoint"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file or a folder that stays here.

    Attributes:
        name: Its name.
        reason: Why it stays.
    """

    name: str
    reason: str


def files_of(folder: Path, onnx: Collection[str] = ()) -> dict[str, Path]:
    """The files that go out, by their names in the repository; `onnx` are names in its folder.

    Raises `CheckpointError` for one that is no file, or lies outside of the folder by a link.
    """
    names = [name for name in SENT if (folder / name).exists()]
    names += [f"{ONNX_FOLDER}/{name}" for name in onnx]
    found = {name: folder / name for name in names}
    for path in found.values():
        _check_inside(path, folder)
    return found


def left_out(folder: Path, sent: Collection[str]) -> tuple[LeftOut, ...]:
    """All else that lies in the folder: what lies in other folders than `onnx` is not named."""
    return tuple(
        LeftOut(name, _reason(name))
        for name in sorted(_entries(folder, sent))
        if name not in sent or name == CARD_FILE
    )


def _entries(folder: Path, sent: Collection[str]) -> Iterator[str]:
    some_onnx = any(name.startswith(f"{ONNX_FOLDER}/") for name in sent)
    for path in folder.iterdir():
        if path.name == ONNX_FOLDER and path.is_dir() and some_onnx:
            yield from (f"{ONNX_FOLDER}/{inner.name}" for inner in path.iterdir())
        else:
            yield f"{path.name}/" if path.is_dir() else path.name


def _reason(name: str) -> str:
    path = Path(name)
    if path.name.startswith("."):
        return "hidden"
    if path.name in _REASONS:
        return _REASONS[path.name]
    if path.parent.name == ONNX_FOLDER:
        return "not asked for" if path.suffix == ".onnx" else _OTHER
    matching = (why for patterns, why in _KINDS if any(map(path.match, patterns)))
    return next(matching, _OTHER)


def _check_inside(path: Path, folder: Path) -> None:
    """No link leads elsewhere: what is published lies in the folder, or in the hub's own cache."""
    real = path.resolve()
    if not any(real.is_relative_to(place) for place in own_places(folder)):
        raise CheckpointError(
            f"this is a link that leads out of the folder, to {real}",
            place=str(path),
            expected="files that lie in the folder",
            hint="put the file itself there, if it is to be published",
        )
    if not real.is_file():
        raise CheckpointError("this is no file", place=str(path), expected="a file")
