"""A checkpoint → its ONNX models, ready to be measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from nerine.core.document import Document
from nerine.core.logs import Say
from nerine.model.backends.hardware import adds_bytes_exactly
from nerine.model.backends.onnx import OnnxBackend
from nerine.model.backends.pytorch import TorchBackend
from nerine.model.backends.saved import FP32, INT8, MODEL_FILES, PYTORCH, VARIANTS, SavedModel
from nerine.model.batching import Batch, Batching
from nerine.model.loading.checkpoint import load_checkpoint
from nerine.model.loading.pretrained import longest_input
from nerine.model.loading.tokenizer import TokenizerInfo
from nerine.model.tagger import Tagger
from nerine.serving.optimization.channels import largest_inputs
from nerine.serving.optimization.exporting import check_export, export
from nerine.serving.optimization.folder import save_model
from nerine.serving.optimization.footprint import Variant
from nerine.serving.optimization.quantisation import quantise

# The export is checked on so many texts, in batches of one window and of many.
_CHECKED = 64
_CHECK_BUDGETS = (1, 256, 2048)

"""Is called with what is being done."""


@dataclass(frozen=True, slots=True)
class Variants:
    """The variants of a checkpoint, by their names.

    Attributes:
        variants: The variants, PyTorch first.
        taggers: A tagger of each.
        saved: The ONNX files, as `onnx.json` describes them.
        tokenizer: The facts about the tokenizer for `onnx.json`.
        difference: The largest difference between the logits of PyTorch and of the exported model,
            as a share of their size.
        batching: How windows are batched.
        notes: What a user should know of the weights, and only PyTorch can find.
    """

    variants: dict[str, Variant]
    taggers: dict[str, Tagger]
    saved: dict[str, SavedModel]
    tokenizer: TokenizerInfo | None
    difference: float
    batching: Batching
    notes: tuple[str, ...]


def make_variants(
    pytorch: Variant,
    place: Path,
    texts: Sequence[Document],
    names: Sequence[str] = VARIANTS,
    say: Say = lambda _: None,
) -> Variants:
    """Exports the checkpoint that `pytorch` runs and quantises it, into files in `place`.

    Some of `texts` check the export and show how large the numbers in the model get. Raises
    `CheckpointError` for a model that cannot be exported, or computes other logits then.
    """
    folder = pytorch.folder
    say("loading the checkpoint")
    taggers = {PYTORCH: pytorch.load()}
    batches = _check_batches(taggers[PYTORCH], texts)
    say("exporting to ONNX")
    load = partial(load_checkpoint, folder, scheme=pytorch.scheme, tags=pytorch.tags)
    model = export(load().model, folder)
    loaded = load()
    limit = longest_input(loaded.model, loaded.tokenizer)
    tokenizer = TokenizerInfo.of(folder, loaded.tokenizer, limit)
    saved, file = save_model(model, place / MODEL_FILES[FP32])
    source = TorchBackend.of(loaded.model)
    batching = source.batching
    variant = replace(pytorch, name=FP32, file=file, tokenizer=tokenizer, batching=batching)
    made = {FP32: (saved, variant)}
    exported = OnnxBackend(file, name=FP32)
    difference = check_export(source, exported, batches, folder)
    if INT8 in names:
        say("quantising to 8 bits")
        exact = adds_bytes_exactly()
        small = quantise(model, largest_inputs(model, batches), reduced=not exact)
        saved, file = save_model(small, place / MODEL_FILES[INT8], "full" if exact else "reduced")
        made[INT8] = (saved, replace(variant, name=INT8, file=file))
    variants = {PYTORCH: pytorch} | {name: made[name][1] for name in made if name in names}
    taggers |= {name: each.load() for name, each in variants.items() if name != PYTORCH}
    files = {name: made[name][0] for name in made if name in names}
    known = load(weights=False, tokenizer=tokenizer).notes
    notes = tuple(note for note in loaded.notes if note not in known)
    return Variants(variants, taggers, files, tokenizer, difference, batching, notes)


def _check_batches(tagger: Tagger, texts: Sequence[Document]) -> list[Batch]:
    """Some texts in batches of several shapes, the longest and the shortest text among them."""
    ordered = sorted(texts, key=lambda each: len(each.text))
    chosen = ordered[:: -(-len(ordered) // _CHECKED)] + ordered[-1:]
    inference = tagger.inference
    encoding = inference.encoder.encode(chosen)
    return [batch for budget in _CHECK_BUDGETS for batch in inference.batches(encoding, budget)]
