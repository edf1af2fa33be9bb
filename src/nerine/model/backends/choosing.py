"""Which backend runs a checkpoint: what was asked for, and what stands beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nerine.core.errors import CheckpointError, NerineError, SettingsError
from nerine.core.filenames import ONNX_FOLDER
from nerine.model.backends import Backend
from nerine.model.backends.onnx import OnnxBackend
from nerine.model.backends.processor import adds_bytes_exactly
from nerine.model.backends.pytorch import default_device
from nerine.model.backends.saved import FP32, INT8, PYTORCH, VARIANTS, SavedModels, read_saved
from nerine.model.loading.sources import Source

AUTO, ONNX = "auto", "onnx"

Opener = Callable[[Source, str], Backend]
"""Source of a checkpoint, name of the backend → the backend."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A backend, or None where PyTorch is to be used, and what a user should know of it."""

    backend: Backend | None = None
    notes: tuple[str, ...] = ()


def open_backend(source: Source, wanted: str | None, device: str | None) -> Opened:
    """The backend for the checkpoint at `source`, on torch's `device` or the usual one.

    Without a wish, or with `auto`, the variant that `nerine optimize` chose is used on the CPU,
    where it stands beside the checkpoint and can be run; what stands there and cannot is noted.
    Raises `CheckpointError`, `MissingExtraError` or `SettingsError` where what was asked for
    itself cannot be had.
    """
    wanted = wanted or AUTO
    if wanted not in (AUTO, PYTORCH, *OPENERS):
        raise SettingsError(
            f"{wanted!r} is no backend",
            place="backend",
            expected=f"one of {', '.join((AUTO, PYTORCH, *OPENERS))}",
        )
    device = device or default_device()
    on_cpu = device.split(":")[0] == "cpu"
    if wanted == PYTORCH or (wanted == AUTO and not on_cpu):
        return Opened()
    if wanted == AUTO:
        return _open_chosen(source)
    if not on_cpu:
        raise SettingsError(
            f"the backend {wanted} does not run on {device}",
            place="backend",
            expected="the device cpu, or the backend pytorch",
        )
    return Opened(OPENERS[wanted](source, wanted))


def _open_chosen(source: Source) -> Opened:
    try:
        saved = read_saved(source.folder)
        if saved is None or saved.chosen == PYTORCH:
            return Opened()
        chosen = saved.chosen
        if _saturates(saved, chosen) and FP32 in saved.models:
            return Opened(_open(source, saved, FP32), (f"{FP32} is used: {_why_not(chosen)}",))
        return Opened(_open(source, saved, chosen))
    except NerineError as error:
        return Opened(notes=(f"PyTorch is used: {error.place or source}: {error.found}",))


def _open_wanted(source: Source, wanted: str) -> OnnxBackend:
    saved = read_saved(source.folder)
    if saved is None:
        raise CheckpointError(
            "no ONNX models stand beside this checkpoint",
            place=str(source),
            hint=f"make them: nerine optimize {source}",
        )
    if wanted == ONNX:
        chosen = [saved.chosen, *reversed(VARIANTS)]
        usable = [each for each in chosen if each in saved.models and not _saturates(saved, each)]
        wanted = usable[0] if usable else INT8
    if wanted not in saved.models:
        raise CheckpointError(
            f"{wanted} is not among the ONNX models beside this checkpoint",
            place=str(source),
            expected=" or ".join(saved.models) or "none of them was good enough to be kept",
            hint="the report in onnx/onnx.json says why",
        )
    return _open(source, saved, wanted)


OPENERS: dict[str, Opener] = dict.fromkeys((ONNX, *VARIANTS[1:]), _open_wanted)
"""What opens a backend on the CPU, by the name that it is asked for with; `onnx` is the best of the
ONNX models. PyTorch is the tagger's own.
"""


def _open(source: Source, saved: SavedModels, variant: str) -> OnnxBackend:
    if _saturates(saved, variant):
        raise CheckpointError(
            _why_not(variant),
            place=str(source),
            expected="a processor with VNNI, or an ARM",
            hint=f"make it for this machine: nerine optimize {source}",
        )
    source.bring(f"{ONNX_FOLDER}/{saved.models[variant].file}")
    return OnnxBackend(saved.file(source.folder, variant), name=variant)


def _saturates(saved: SavedModels, variant: str) -> bool:
    return saved.models[variant].range == "full" and not adds_bytes_exactly()


def _why_not(variant: str) -> str:
    return f"{variant} was made for processors that add 8-bit products exactly, unlike this one"
