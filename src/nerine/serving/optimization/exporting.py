"""A model of PyTorch → an ONNX model that gives the same logits.

The ONNX model takes what `LeanModel` takes, for any number of sentences, of any length, and of
rows. BERT and its kin are exported as `LeanModel`; any other architecture whole, if torch's
exporter can follow it.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nerine.core.errors import CheckpointError, first_line
from nerine.core.extras import optional_imports
from nerine.model.backends.lean import Attention, lean_or_whole, probe
from nerine.model.backends.onnx import INPUTS, OUTPUT
from nerine.model.backends.saved import refers_to_files
from nerine.model.batching import Batch

LARGEST_DIFFERENCE = 1e-4
"""Between logits of PyTorch and ONNX Runtime, for logits of a size about 1."""

_STAYS = "tag with the PyTorch backend, which runs every model"


def export(model: Any, place: Path) -> Any:
    """The ONNX model (`onnx.ModelProto`) of a token-classification model of transformers.

    The model is changed for it and not to be used any more. `place` is for errors. Raises
    `CheckpointError` where the exporter cannot follow the architecture, and `MissingExtraError`.
    """
    check_exporter()
    model = model.cpu().eval()
    with contextlib.suppress(ValueError):  # some architectures have only one kind of attention
        model.set_attn_implementation("eager")
    module = _explicit(lean_or_whole(model))
    try:
        with _quiet(), torch.no_grad():
            program: Any = torch.onnx.export(
                module,
                probe(module, torch.device("cpu")),
                input_names=INPUTS,
                output_names=[OUTPUT],
                dynamic_shapes=_any_shape(),
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    except Exception as error:  # the exporter raises every kind there is
        raise CheckpointError(
            f"a model of the type {model.config.model_type} cannot be exported: "
            f"{first_line(error)}",
            place=str(place),
            hint=_STAYS,
        ) from error
    return _plain(program.model_proto, place)


def check_export(module: Any, backend: Any, batches: Sequence[Batch], place: Path) -> float:
    """The largest difference between the logits of two backends, over some batches.

    Raises `CheckpointError` where it is larger than rounding explains.
    """
    worst = 0.0
    for batch in batches:
        expected, found = module.logits(batch), backend.logits(batch)
        difference = float(np.abs(expected - found).max(initial=0.0))
        worst = max(worst, difference / max(1.0, float(np.abs(expected).max(initial=0.0))))
    if not worst <= LARGEST_DIFFERENCE:
        raise CheckpointError(
            f"the exported model's logits differ from PyTorch's by {worst:.2g} of their size",
            place=str(place),
            expected=f"at most {LARGEST_DIFFERENCE}",
            hint=_STAYS,
        )
    return worst


def check_exporter() -> None:
    """Raises `MissingExtraError` if a package that exporting needs is not installed."""
    with optional_imports("exporting to ONNX"):
        for package in ("onnx", "onnxscript"):
            importlib.import_module(package)


def _explicit(module: torch.nn.Module) -> torch.nn.Module:
    """With attention as plain operators: ONNX Runtime's own fused one is of no use here."""
    for each in module.modules():
        if isinstance(each, Attention):
            each.take_apart()
    return module


def _any_shape() -> tuple[dict[int, Any], ...]:
    free = torch.export.Dim.AUTO
    return {0: free, 1: free}, {0: free, 1: free}, {0: free}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter prints; what matters is raised."""
    level = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


def _plain(proto: Any, place: Path) -> Any:
    """Without remarks of the exporter, which name files and lines of this machine."""
    graphs = [proto.graph, *proto.functions]
    for owner in (proto, proto.graph, *proto.functions):
        del owner.metadata_props[:]
    for graph in graphs:
        for node in graph.node:
            del node.metadata_props[:]
            node.doc_string = ""
        for value in graph.value_info:
            del value.metadata_props[:]
    for tensor in proto.graph.initializer:
        del tensor.metadata_props[:]
    if refers_to_files(proto.SerializeToString()):
        raise CheckpointError("its ONNX model refers to other files", place=str(place), hint=_STAYS)
    return proto
