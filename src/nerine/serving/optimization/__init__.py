"""Checkpoint → the fastest way to run it that is good enough.

==============  ============================================================
module          what lives there
==============  ============================================================
`exporting`     a model of PyTorch → an ONNX model, checked
`channels`      how large the numbers in it get on the user's documents
`quantisation`  an ONNX model → one of 8-bit numbers
`measuring`     scores, agreement and speed on the user's own documents
`fresh`         memory and time to the first result, in a process of its own
`choice`        which variant is good enough, and which of those is used
`folder`        the files beside the checkpoint
==============  ============================================================
"""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from nerine.core.document import Document
from nerine.core.errors import CorpusError, SettingsError
from nerine.core.filenames import WEIGHTS_FILE
from nerine.model.backends.onnx import ModelFile, OnnxBackend
from nerine.model.backends.processor import adds_bytes_exactly
from nerine.model.backends.pytorch import TorchBackend
from nerine.model.backends.saved import (
    FP32,
    INT8,
    MODEL_FILES,
    PYTORCH,
    VARIANTS,
    Range,
    SavedModel,
    SavedModels,
)
from nerine.model.batching import Batch
from nerine.model.loading.checkpoint import load_checkpoint, weights_hash
from nerine.model.tagger import Tagger
from nerine.serving.optimization.channels import largest_inputs
from nerine.serving.optimization.choice import TOLERANCE, Choice, check_tolerance, choose
from nerine.serving.optimization.exporting import check_export, export, import_exporter
from nerine.serving.optimization.folder import check_folder, put_in_place, save_model, workplace
from nerine.serving.optimization.fresh import measure_afresh, tagger_of
from nerine.serving.optimization.measuring import Measurement, compare_with, rates
from nerine.serving.optimization.quantisation import quantise

__all__ = ["TOLERANCE", "Choice", "Measurement", "Optimization", "choose", "optimize"]

# An export is checked on so many texts, and a process of its own tags so many.
_CHECKED, _AFRESH = 64, 256
# Batches of one window and of many, short and long, with little padding and with much.
_CHECK_BUDGETS = (1, 256, 2048)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Optimization:
    """What was measured, and which variant is used from now on.

    Attributes:
        checkpoint: The checkpoint, as it was named.
        weights: The hash of its weights.
        documents: How many documents it was measured on.
        tolerance: How much F1 a variant may lose, in points of 100.
        difference: The largest one between the logits of PyTorch and of the exported model, as a
            share of their size.
        measurements: Those of each variant, PyTorch among them.
        choice: Which variant is used, and why not the others.
    """

    checkpoint: str
    weights: str
    documents: int
    tolerance: float
    difference: float
    measurements: tuple[Measurement, ...]
    choice: Choice

    @property
    def chosen(self) -> str:
        """The variant that is used from now on."""
        return self.choice.chosen

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "checkpoint": self.checkpoint,
            "weights": self.weights,
            "documents": self.documents,
            "tolerance": self.tolerance,
            "difference": self.difference,
            "chosen": self.chosen,
            "good_enough": list(self.choice.good_enough),
            "reasons": dict(self.choice.reasons),
            "variants": [each.to_dict() for each in self.measurements],
            "machine": _machine(),
        }


@dataclass(frozen=True, slots=True)
class Variants:
    """Variants that can be measured, by their names: their taggers, PyTorch's first, and files.

    `difference` is that of `Optimization`.
    """

    taggers: dict[str, Tagger]
    files: Mapping[str, ModelFile]
    saved: Mapping[str, SavedModel]
    difference: float


def optimize(
    checkpoint: str | Path,
    documents: Iterable[Document],
    *,
    tolerance: float = TOLERANCE,
    variants: Sequence[str] = VARIANTS,
    about: Mapping[str, Any] | None = None,
    say: Say = lambda _: None,
) -> Optimization:
    """Makes ONNX models of a checkpoint, measures them, and puts those that are good enough in it.

    The fastest of those is what `Tagger.load` uses from then on, on a CPU.

    Args:
        checkpoint: The folder of the checkpoint.
        documents: Documents with gold entities, none of which the model was trained on.
        tolerance: How much lower than PyTorch's the F1 of a variant may be, in points of 100.
        variants: Those to be measured.
        about: What goes into the report, to say what the documents are.
        say: Hears what is being done.

    Returns:
        What was measured and chosen.

    Raises:
        CheckpointError: For a folder that is no checkpoint, or a model that cannot be exported.
        CorpusError: For documents without entities.
        SettingsError: For a tolerance out of its range, or a variant that there is not.
        EncodingError: For a tokenizer that cannot be used.
        SchemeError: For a tag scheme that there is not.
        HubError: For a checkpoint that cannot be reached.
        MissingExtraError: Where the extra `onnx` is not installed.
    """
    folder = Path(checkpoint).expanduser()
    gold = list(documents)
    _check(folder, gold, tolerance, variants)
    import_exporter()
    weights = weights_hash(folder)
    with workplace(folder) as place:
        made = make_variants(folder, place, gold, variants, say)
        measurements = _measured(folder, made, gold, say)
        choice = choose(measurements, tolerance)
        result = Optimization(
            str(checkpoint), weights, len(gold), tolerance, made.difference, measurements, choice
        )
        kept = {name: saved for name, saved in made.saved.items() if name in choice.good_enough}
        report = {**(about or {}), **result.to_dict()}
        put_in_place(place, SavedModels(weights, choice.chosen, kept, report))
    return result


def _check(
    folder: Path, gold: Sequence[Document], tolerance: float, variants: Sequence[str]
) -> None:
    check_tolerance(tolerance)
    unknown = [each for each in variants if each not in VARIANTS]
    if unknown:
        raise SettingsError(
            f"{unknown[0]!r} is no variant", place="variants", expected=", ".join(VARIANTS)
        )
    check_folder(folder)
    if not any(each.entities for each in gold):
        raise CorpusError(
            f"{len(gold)} documents hold no entity, so that nothing can be measured on them",
            expected="documents with gold entities",
        )


def make_variants(
    folder: Path,
    place: Path,
    texts: Sequence[Document],
    variants: Sequence[str] = VARIANTS,
    say: Say = lambda _: None,
) -> Variants:
    """Exports the checkpoint in `folder` and quantises it, into files in `place`.

    Some of `texts` check the export, and tell how large the numbers in the model get. Raises
    `CheckpointError` for a model that cannot be exported, or gives other logits then.
    """
    say("loading the checkpoint")
    taggers = {PYTORCH: tagger_of(folder, None, PYTORCH)}
    some = list(_check_batches(taggers[PYTORCH], texts))
    say("exporting to ONNX")
    model = export(load_checkpoint(folder).model, folder)
    made = {FP32: save_model(model, place / MODEL_FILES[FP32])}
    reference = TorchBackend.of(load_checkpoint(folder).model)
    exported = OnnxBackend(made[FP32][1], name=FP32)
    difference = check_export(reference, exported, some, folder)
    if INT8 in variants:
        say("quantising to 8 bits")
        exact = adds_bytes_exactly()
        small = quantise(model, largest_inputs(model, some), reduced=not exact)
        kind: Range = "full" if exact else "reduced"
        made[INT8] = save_model(small, place / MODEL_FILES[INT8], kind)
    wanted = {name: each for name, each in made.items() if name in variants}
    files = {name: file for name, (_, file) in wanted.items()}
    taggers |= {name: tagger_of(folder, file, name) for name, file in files.items()}
    saved = {name: each for name, (each, _) in wanted.items()}
    return Variants(taggers, files, saved, difference)


def _check_batches(tagger: Tagger, gold: Sequence[Document]) -> Iterable[Batch]:
    """Some documents in batches of several shapes, the longest and the shortest among them."""
    ordered = sorted(gold, key=lambda each: len(each.text))
    chosen = ordered[:: -(-len(ordered) // _CHECKED)] + ordered[-1:]
    encodings = tagger.inference.encoder.encode(chosen)
    for budget in _CHECK_BUDGETS:
        yield from tagger.inference.batches(encodings, budget)


def _measured(
    folder: Path, made: Variants, gold: Sequence[Document], say: Say
) -> tuple[Measurement, ...]:
    found = {}
    for name, tagger in made.taggers.items():
        say(f"scoring {name}")
        found[name] = tagger.predict(gold)
    say("timing the variants in turns")
    speeds = rates(made.taggers, gold)
    texts = [each.text for each in gold[:_AFRESH]]
    measurements = []
    for name in made.taggers:
        say(f"memory and time to the first result of {name}")
        opinion = compare_with(gold, found[PYTORCH], found[name])
        weights = made.files[name].path if name in made.files else folder / WEIGHTS_FILE
        measurements.append(
            Measurement(
                variant=name,
                counts=opinion.counts,
                interval=opinion.interval,
                same_documents=opinion.same_documents,
                same_f1=opinion.same_f1,
                rate=speeds[name],
                size=weights.stat().st_size,
                footprint=measure_afresh(folder, made.files.get(name), name, texts),
            )
        )
    return tuple(measurements)


def _machine() -> dict[str, Any]:
    packages = ("onnx", "onnxruntime", "torch", "transformers")
    return {
        "processor": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "versions": {name: importlib.metadata.version(name) for name in packages},
    }
