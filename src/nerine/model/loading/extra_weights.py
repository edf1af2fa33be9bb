"""Weights that a checkpoint of another tool holds next to those of its model.

transformers has no place for them. The scores of a conditional random field are used all the same.
These are three tensors with the names that the package pytorch-crf gives them::

    crf.transitions        (tags, tags)  the score of a tag (column) after another (row)
    crf.start_transitions  (tags,)       the score of a tag at the first word
    crf.end_transitions    (tags,)       the score of a tag at the last word

They are read without torch, so that an ONNX model of the checkpoint is decoded in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nerine.core.errors import SettingsError
from nerine.core.filenames import INDEX_FILE, WEIGHTS_FILE
from nerine.model.loading.trust.headers import TensorPlace
from nerine.model.loading.trust.weights import read_weights
from nerine.model.settings import TransitionScores

_BETWEEN, _START, _END = "transitions", "start_transitions", "end_transitions"
_SHOWN = 5
"""The modules that a message names."""

_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}


def read_extra_weights(
    folder: Path, tags: int, unused: Sequence[str], architecture: str
) -> tuple[TransitionScores | None, tuple[str, ...]]:
    """The scores of a CRF for a number of tags, and notes on all extra weights.

    The weights in `folder` were checked. `unused` are tensors that an `architecture` of
    transformers has no place for, as far as they are known.
    """
    scores, names, notes = _find_crf(folder, tags)
    if others := [name for name in unused if name not in names]:
        notes.append(
            f"the weights hold {groups_of(others)}, which {architecture} has no place for: the "
            "author's own code may find other entities"
        )
    return scores, tuple(notes)


def groups_of(names: Sequence[str]) -> str:
    """Names of tensors by their modules, as in `lstm (8 tensors), crf.transitions`."""
    modules: dict[str, list[str]] = {}
    for name in names:
        modules.setdefault(name.partition(".")[0], []).append(name)
    shown = [
        members[0] if len(members) == 1 else f"{module} ({len(members)} tensors)"
        for module, members in modules.items()
    ]
    more = [f"{len(shown) - _SHOWN} other modules"] if len(shown) > _SHOWN else []
    return ", ".join([*shown[:_SHOWN], *more])


def _find_crf(
    folder: Path, tags: int
) -> tuple[TransitionScores | None, tuple[str, ...], list[str]]:
    """The scores of a CRF that fits, the names of its tensors, and notes."""
    if not any((folder / name).is_file() for name in (WEIGHTS_FILE, INDEX_FILE)):
        return None, (), []
    header = read_weights(folder)
    for start in [name for name in header.shapes if name.split(".")[-1] == _START]:
        prefix = start.removesuffix(_START)
        names = tuple(f"{prefix}{each}" for each in (_BETWEEN, _START, _END))
        shapes = [header.shapes[name] for name in names if name in header.shapes]
        if len(shapes) < len(names):
            continue
        if shapes != [(tags, tags), (tags,), (tags,)]:
            size = " × ".join(map(str, shapes[0]))
            return None, (), [f"{names[0]} is {size}, not {tags} × {tags}: the CRF is not used"]
        between, first, last = (
            _read(header.places[name], header.shapes[name]).tolist() for name in names
        )
        try:
            scores = TransitionScores.from_dict({"between": between, "start": first, "end": last})
        except SettingsError:
            return None, (), [f"{names[0]} is not made of finite numbers: the CRF is not used"]
        return scores, names, [f"the weights hold a CRF, whose {names[0]} is used in decoding"]
    return None, (), []


def _read(place: TensorPlace, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """The values of a tensor; those of a type other than floats are not numbers."""
    if place.dtype not in _TYPES:
        return np.full(shape, np.nan)
    with place.path.open("rb") as stream:
        stream.seek(place.start)
        values = np.frombuffer(stream.read(place.size), dtype=_TYPES[place.dtype])
    if place.dtype == "BF16":  # the upper half of a float in 32 bits
        values = (values.astype("<u4") << 16).view("<f4")
    return values.reshape(shape).astype(np.float64)
