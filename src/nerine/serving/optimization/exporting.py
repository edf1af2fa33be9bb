"""Exports a model of PyTorch to ONNX, and checks that it gives the same logits.

The ONNX model takes the inputs of `LeanModel`, with any number of sentences, subwords and rows.
BERT-like models are exported as `LeanModel`, any other architecture as it is, if torch's exporter
can follow it.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import re
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
"""The largest difference between logits of PyTorch and ONNX Runtime, for logits of about 1."""

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_STAYS = "tag with the PyTorch backend, which runs every model"


def export(model: Any, place: Path) -> Any:
    """The ONNX model (`onnx.ModelProto`) of a token-classification model of transformers.

    The model is changed and must not be used afterwards. `place` is for errors. Raises
    `CheckpointError` if the exporter cannot follow the architecture, or `MissingExtraError`.
    """
    check_exporter()
    model = model.cpu().eval()
    with contextlib.suppress(ValueError):  # some architectures have only one kind of attention
        model.set_attn_implementation("eager")
    module = lean_or_whole(model)
    for each in module.modules():
        if isinstance(each, Attention):
            each.take_apart()  # ONNX Runtime's fused attention is slower than plain operators
    free = torch.export.Dim.AUTO
    try:
        with _quiet(), torch.no_grad():
            program: Any = torch.onnx.export(
                module,
                probe(module, torch.device("cpu")),
                input_names=INPUTS,
                output_names=[OUTPUT],
                dynamic_shapes=({0: free, 1: free}, {0: free, 1: free}, {0: free}),
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    except Exception as error:  # the exporter raises every kind
        raise CheckpointError(
            f"a model of the type {model.config.model_type} cannot be exported: "
            f"{_COLOUR.sub('', first_line(error))}",
            place=str(place),
            hint=_STAYS,
        ) from error
    return _plain(program.model_proto, place)


def check_export(module: Any, backend: Any, batches: Sequence[Batch], place: Path) -> float:
    """The largest difference between the logits of two backends, over some batches.

    Raises `CheckpointError` if it is larger than rounding explains.
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


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silences what the exporter prints; errors are still raised."""
    level = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


def _plain(proto: Any, place: Path) -> Any:
    """The model without the exporter's comments, which name files of this machine."""
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
