"""Speed of matrix products on this machine, and the number of operations for tagging."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import AutoConfig

from nerine.model.encoding import Windows

_ROWS = 512
_SECONDS = 0.4


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a BERT-like encoder that its matrix products depend on."""

    layers: int
    width: int
    inner: int
    tags: int

    @classmethod
    def of(cls, checkpoint: Path) -> Shape:
        """The shape of a checkpoint's model."""
        config = AutoConfig.from_pretrained(checkpoint)
        return cls(
            config.num_hidden_layers,
            config.hidden_size,
            config.intermediate_size,
            config.num_labels,
        )

    def products(self) -> tuple[tuple[int, int, float], ...]:
        """A layer's matrix products: (in, out, share of its multiplications)."""
        w, i = self.width, self.inner
        sizes = [(w, 3 * w), (w, w), (w, i), (i, w)]
        total = sum(a * b for a, b in sizes)
        return tuple((a, b, a * b / total) for a, b in sizes)

    def operations(self, windows: Windows) -> float:
        """Additions and multiplications for tagging these windows, without padding.

        In the last layer, the steps after attention run for the words' first subwords only.
        """
        lengths = windows.lengths.astype(np.float64)
        words = float(len(windows.words))
        w, i = self.width, self.inner
        projections = self.layers * float(lengths.sum()) * 3 * w * w
        attention = self.layers * float((lengths**2).sum()) * 2 * w
        rest = ((self.layers - 1) * float(lengths.sum()) + words) * (w * w + 2 * w * i)
        return 2 * (projections + attention + rest + words * w * self.tags)


def rate(shape: Shape, threads: int) -> float:
    """Operations per second of the model's own matrix products, by the faster of two libraries.

    Torch with all threads on one product, and ONNX Runtime with one product on each thread. The
    products have 512 rows; their rates are weighted by their share of a layer.
    """
    torch_seconds = runtime_seconds = 0.0
    for inputs, outputs, share in shape.products():
        torch_seconds += share / _torch_rate(inputs, outputs)
        runtime_seconds += share / _runtime_rate(inputs, outputs, threads)
    return 1 / min(torch_seconds, runtime_seconds)


def _torch_rate(inputs: int, outputs: int) -> float:
    rows = torch.randn(_ROWS, inputs)
    weights = torch.randn(inputs, outputs)
    return _measured([lambda: torch.mm(rows, weights)], 2.0 * _ROWS * inputs * outputs)


def _runtime_rate(inputs: int, outputs: int, threads: int) -> float:
    from onnx import TensorProto, helper, numpy_helper

    from nerine.model.backends.runtime import onnxruntime

    draw = np.random.default_rng(0)
    weights = numpy_helper.from_array(draw.random((inputs, outputs), dtype=np.float32), "weights")
    float32 = TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["rows", "weights"], ["result"])],
        "product",
        [helper.make_tensor_value_info("rows", float32, ["n", inputs])],
        [helper.make_tensor_value_info("result", float32, ["n", outputs])],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    rows = {"rows": draw.random((_ROWS, inputs), dtype=np.float32)}
    work = [lambda: session.run(None, rows)] * threads
    return _measured(work, 2.0 * _ROWS * inputs * outputs)


def _measured(work: Iterable[Callable[[], object]], operations: float) -> float:
    """Operations per second of functions that run in parallel: the median of five rounds."""
    sides = list(work)

    def repeat(function: Callable[[], object]) -> float:
        done, began = 0, time.perf_counter()
        while (spent := time.perf_counter() - began) < _SECONDS / 5:
            function()
            done += 1
        return done * operations / spent

    with ThreadPoolExecutor(len(sides)) as threads:
        rounds = [sum(threads.map(repeat, sides)) for _ in range(6)]
    return statistics.median(rounds[1:])
