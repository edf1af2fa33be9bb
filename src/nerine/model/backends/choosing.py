"""Chooses the backend of a checkpoint, by the caller's wish and the ONNX models in its folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

from nerine.core.errors import CheckpointError, NerineError, SettingsError
from nerine.core.filenames import ONNX_FOLDER
from nerine.model.backends import Backend
from nerine.model.backends.hardware import adds_bytes_exactly, may_have_accelerator
from nerine.model.backends.saved import (
    FP32,
    INT8,
    PYTORCH,
    VARIANTS,
    ModelFile,
    SavedModels,
    read_saved,
)
from nerine.model.loading.sources import Source

AUTO, ONNX = "auto", "onnx"


@dataclass(frozen=True, slots=True)
class Opened:
    """A backend, None for PyTorch, and notes for the user."""

    backend: Backend | None = None
    notes: tuple[str, ...] = ()


def open_backend(
    source: Source, wanted: str | None, device: str | None, threads: int | None = None
) -> Opened:
    """The backend of the checkpoint at `source`, on torch's `device` or the default one.

    By default, or with `auto`, that is the variant that `nerine optimize` chose, on a CPU, if it
    can be run here, else PyTorch; a note says why a variant cannot be run. `threads` are those of
    `number_of_threads`. Raises `CheckpointError` or `SettingsError` if a wanted backend cannot be
    used.
    """
    wanted = wanted or AUTO
    if wanted not in (AUTO, PYTORCH, *OPENERS):
        raise SettingsError(
            f"the backend {wanted!r} is unknown",
            place="backend",
            expected=f"one of {', '.join((AUTO, PYTORCH, *OPENERS))}",
        )
    if wanted == PYTORCH:
        return Opened()
    if device is None and may_have_accelerator():
        from nerine.model.backends.pytorch import default_device

        device = default_device()
    on_cpu = device is None or device.split(":")[0] == "cpu"
    if wanted == AUTO:
        return _open_chosen(source, threads) if on_cpu else Opened()
    if not on_cpu:
        raise SettingsError(
            f"the backend {wanted} does not run on {device}",
            place="backend",
            expected="the device cpu, or the backend pytorch",
        )
    return Opened(OPENERS[wanted](source, wanted, threads))


def _open_wanted(source: Source, wanted: str, threads: int | None) -> Backend:
    """The ONNX model `wanted`, or the best one for `onnx`."""
    saved = read_saved(source.folder)
    if saved is None:
        raise CheckpointError(
            "the checkpoint has no ONNX models",
            place=str(source),
            hint=f"make them: nerine optimize {source}",
        )
    if wanted == ONNX:
        candidates = (saved.chosen, *reversed(VARIANTS))
        usable = (name for name in candidates if name in saved.models)
        wanted = next((name for name in usable if not _saturates(saved, name)), INT8)
    if wanted not in saved.models:
        raise CheckpointError(
            f"{wanted} is not among the ONNX models of this checkpoint",
            place=str(source),
            expected=" or ".join(saved.models) or "none of them was good enough to be kept",
            hint="the report in onnx/onnx.json says why",
        )
    return _open(source, saved, wanted, threads)


OPENERS: dict[str, Callable[[Source, str, int | None], Backend]] = dict.fromkeys(
    (ONNX, FP32, INT8), _open_wanted
)
"""Opens a backend of a checkpoint by the backend's name, to be run in so many threads; PyTorch is
the tagger's own."""


def _open_chosen(source: Source, threads: int | None) -> Opened:
    """The chosen variant, or else the next best one that can be run, with a note."""
    try:
        saved = read_saved(source.folder)
        if saved is None or saved.chosen == PYTORCH:
            return Opened()
        chosen = saved.chosen
        if _saturates(saved, chosen) and FP32 in saved.models:
            note = f"{FP32} is used: {_why_not(chosen)}"
            return Opened(_open(source, saved, FP32, threads), (note,))
        return Opened(_open(source, saved, chosen, threads))
    except NerineError as error:
        if find_spec("torch") is None:
            raise
        return Opened(notes=(f"PyTorch is used: {error.place or source}: {error.found}",))


def _open(source: Source, saved: SavedModels, variant: str, threads: int | None) -> Backend:
    from nerine.model.backends.onnx import OnnxBackend

    if _saturates(saved, variant):
        raise CheckpointError(
            _why_not(variant),
            place=str(source),
            expected="a processor with VNNI, or an ARM",
            hint=f"make it for this machine: nerine optimize {source}",
        )
    model = saved.models[variant]
    name = f"{ONNX_FOLDER}/{model.file}"
    source.bring(name)
    is_verified = source.verified_hash(name) == model.sha256
    file = ModelFile(source.folder / name, model.sha256, is_verified)
    return OnnxBackend(
        file, name=variant, batching=saved.batching, notes=saved.notes, threads=threads
    )


def _saturates(saved: SavedModels, variant: str) -> bool:
    return saved.models[variant].range == "full" and not adds_bytes_exactly()


def _why_not(variant: str) -> str:
    return f"{variant} was made for processors that add 8-bit products exactly, unlike this one"
