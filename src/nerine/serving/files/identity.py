"""What tells one run from another: its inputs, its settings, its model.

A run is resumed only with the very same, or its output would be of two pieces.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nerine.core.files import file_hash
from nerine.serving.files.inputs import Found
from nerine.serving.files.options import TaggingOptions

_BEGINNING = 1 << 20
_MODEL_FILES = (
    "*.safetensors",
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "onnx/*.onnx",
)


def inputs_identity(found: Found) -> dict[str, Any]:
    """Each input by its name: size, time of change, and the hash of its first MiB."""
    return {
        f"the input {each.place}": _file_identity(each.path)
        for each in found.inputs
        if each.path is not None
    }


def _file_identity(path: Path) -> dict[str, Any]:
    status = path.stat()
    with path.open("rb") as stream:
        digest = hashlib.sha256(stream.read(_BEGINNING)).hexdigest()
    return {"size": status.st_size, "changed": status.st_mtime_ns, "sha256": digest}


def run_identity(found: Found, options: TaggingOptions) -> dict[str, Any]:
    """All that is known before a model is loaded."""
    return {
        "the list of inputs": [each.place for each in found.inputs],
        "the settings": options.to_dict(),
        **options.model_identity(),
        "the version of Nerine": version("nerine"),
        **inputs_identity(found),
    }


def tagger_identity(tagger: Any) -> dict[str, Any]:
    """What a tagger says of itself: how its model is used and run, and what is kept."""
    thresholds = getattr(tagger, "thresholds", None)
    settings = getattr(tagger, "settings", None)
    backend = getattr(tagger, "backend", None)
    return {
        "the way the model is used": {
            "settings": settings and settings.to_dict(),
            "thresholds": thresholds and thresholds.to_dict(),
            "token budget": getattr(tagger, "token_budget", None),
            **{
                f"backend's {name}": getattr(backend, name, None)
                for name in ("name", "workers", "token_budget")
            },
        }
    }


def model_identity(name: str, revision: str | None = None) -> Mapping[str, Any]:
    """A checkpoint's files by their hashes, or the id and revision of one that is no folder.

    A branch may move: to be noticed, a repository is to be given with its commit.
    """
    folder = Path(name).expanduser()
    if not folder.is_dir():
        return {"name": name, "revision": revision}
    paths = {path for pattern in _MODEL_FILES for path in folder.glob(pattern)}
    return {path.relative_to(folder).as_posix(): file_hash(path) for path in sorted(paths)}
