"""The largest size of each channel of the inputs of a model's products, on some texts."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from nerine.model.backends.onnx import ERRORS_ONLY, INPUTS
from nerine.model.backends.runtime import onnxruntime
from nerine.model.batching import Batch
from nerine.serving.optimization.quantisation import products_of

_PREFIX = "largest_of_"

FloatArray = npt.NDArray[np.float32]


def largest_inputs(model: Any, batches: Iterable[Batch]) -> Mapping[str, FloatArray]:
    """The largest size of each channel of each product's input, (inputs), by the input's name."""
    watched, names = _watched(model)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = ERRORS_ONLY
    session = onnxruntime.InferenceSession(
        watched.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    found: dict[str, FloatArray] = {}
    for batch in batches:
        feeds = {name: getattr(batch, name) for name in INPUTS}
        results = session.run([f"{_PREFIX}{name}" for name in names], feeds)
        for name, sizes in zip(names, results, strict=True):
            found[name] = np.maximum(found.get(name, np.zeros_like(sizes)), sizes)
    return found


def _watched(model: Any) -> tuple[Any, list[str]]:
    """The model with an output for each input of a product, and the inputs' names."""
    from onnx import helper, numpy_helper

    result = copy.deepcopy(model)
    graph = result.graph
    shapes = {each.name: each.dims for each in graph.initializer}
    widths = {
        each.values: int(shapes[each.weights][1 if each.transposed else 0])
        for each in products_of(graph)
    }
    graph.initializer.append(numpy_helper.from_array(np.array([0]), f"{_PREFIX}axis"))
    for name, width in widths.items():
        shape = numpy_helper.from_array(np.array([-1, width]), f"{_PREFIX}shape_{name}")
        graph.initializer.append(shape)
        flat, sizes, output = (f"{_PREFIX}{kind}{name}" for kind in ("flat_", "sizes_", ""))
        graph.node.extend(
            [
                helper.make_node("Reshape", [name, shape.name], [flat]),
                helper.make_node("Abs", [flat], [sizes]),
                helper.make_node("ReduceMax", [sizes, f"{_PREFIX}axis"], [output], keepdims=0),
            ]
        )
        graph.output.append(helper.make_tensor_value_info(output, 1, [width]))
    return result, list(widths)
