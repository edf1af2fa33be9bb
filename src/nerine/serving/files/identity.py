"""A run's identity: its inputs, settings and model. A run is resumed only with the same ones."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nerine.core.errors import TaggingError
from nerine.core.files import file_hash
from nerine.model.pickling import pickled_of
from nerine.serving.files.inputs import Inputs
from nerine.serving.files.options import TaggingOptions
from nerine.serving.files.remote import RemoteStatus

USE = "the use of the model"
"""The part of a run's identity that is its tagger's."""

_HASHED_BYTES = 1 << 20
_MODEL_FILES = (
    "*.safetensors",
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "onnx/*.onnx",
)


def inputs_identity(inputs: Inputs) -> dict[str, Any]:
    """Each input file by its path: size, time of change, and the hash of its first MiB.

    A file at a URL has what its file system says of its version in place of the time.
    """
    identity: dict[str, Any] = {}
    for file in inputs.files:
        if file.path is not None:
            status = file.path.stat()
            with file.path.open("rb") as stream:
                digest = hashlib.sha256(stream.read(_HASHED_BYTES)).hexdigest()
            version: Mapping[str, Any]
            if isinstance(status, RemoteStatus):
                version = status.version
            else:
                version = {"changed": status.st_mtime_ns}
            values = {"size": status.st_size, **version, "sha256": digest}
            identity[f"the input {file.place}"] = values
    return identity


def run_identity(inputs: Inputs, options: TaggingOptions) -> dict[str, Any]:
    """The identity of a run as far as it is known before a model is loaded."""
    return {
        "the list of inputs": [file.place for file in inputs.files],
        "the settings": options.to_dict(),
        **options.model_identity(),
        "the version of Nerine": version("nerine"),
        **inputs_identity(inputs),
    }


def tagger_identity(tagger: Any) -> dict[str, Any]:
    """The settings, thresholds, rules and backend of a `Tagger`; nothing of any other tagger."""
    inference = getattr(tagger, "inference", None)
    if inference is None:
        return {}
    return {
        USE: {
            "settings": tagger.settings.to_dict(),
            "thresholds": tagger.thresholds and tagger.thresholds.to_dict(),
            **({} if tagger.rules is None else {"rules": tagger.rules.fingerprint}),
            "token budget": inference.token_budget,
            **{
                f"backend's {name}": getattr(inference.backend, name)
                for name in ("name", "workers", "token_budget")
            },
        }
    }


def model_identity(name: str, revision: str | None = None) -> Mapping[str, Any]:
    """The hashes of a checkpoint's files, or the id and revision of a repository.

    Give a repository with its commit: a branch may move without being noticed.
    """
    folder = Path(name).expanduser()
    if not folder.is_dir():
        return {"name": name, "revision": revision}
    paths = {path for pattern in _MODEL_FILES for path in folder.glob(pattern)}
    return {path.relative_to(folder).as_posix(): file_hash(path) for path in sorted(paths)}


def model_of(tagger: Any) -> Mapping[str, Any]:
    """The identity of a loaded `Tagger`'s model, as of one that `nerine tag` loads.

    Raises `ProcessError` for a tagger that was made in memory.
    """
    pickled = pickled_of(tagger)
    given = pickled.arguments
    tags = given["tags"]
    tags = dict(tags) if isinstance(tags, Mapping) else tags and list(tags)
    return {**model_identity(pickled.place), "scheme": given["scheme"], "tags": tags}


def check_same(
    then: Mapping[str, Any],
    now: Mapping[str, Any],
    output: Path,
    hint: str = "--overwrite starts again",
) -> None:
    """Raises `TaggingError` naming the first difference between two identities of a run.

    Parts that only one of them has are skipped, so that an incomplete identity can be checked.
    """
    for name in then.keys() & now.keys():
        before, after = json.loads(json.dumps(then[name])), json.loads(json.dumps(now[name]))
        if before == after:
            continue
        pairs = {"": (before, after)}
        if isinstance(before, dict) and isinstance(after, dict):
            pairs = {f"{key} ": (before.get(key), after.get(key)) for key in {**before, **after}}
        changes = [
            f"{key}was {_shortened(old)}, and is {_shortened(new)}"
            for key, (old, new) in pairs.items()
            if old != new
        ]
        raise TaggingError(
            f"{name} changed since the run was interrupted: {'; '.join(changes)}",
            place=str(output),
            expected="the inputs, settings and model that the run started with",
            hint=hint,
        )


def _shortened(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:79]}…"
