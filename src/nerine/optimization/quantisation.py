"""An ONNX model in 32-bit numbers → one whose matrix products are of 8-bit numbers.

- Weights get a scale for each output, symmetric around zero, once and for all.
- What goes into a product gets a scale for each row when it comes: the largest size in the row
  becomes 127. A row is a subword, so that what the model says of a text does not depend on the
  texts beside it. (A scale for the whole batch, as usual tools have it, depends on them, and
  lets one large number coarsen all others.)
- Tables of embeddings get a scale for each row.
- The last product, which gives the logits, stays as it is, and so does attention.

`reduced` leaves a bit of the weights unused, for processors that sum products in 16 bits: two of
the largest products, 255 · 63 each, still fit.

The scheme is that of Dettmers et al. (2022), "LLM.int8()", section 2.1 (vector-wise quantisation),
without its outliers.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nerine.errors import CheckpointError

FULL, REDUCED = 127, 63
"""The largest size of a weight in 8 bits."""

_ACTIVATION = 127
_ZERO = 128
_SMALLEST = 1e-12
_OWN_OPERATORS = "com.microsoft"
"""Operators of ONNX Runtime beside the standard ones."""

FloatArray = npt.NDArray[np.float32]


def quantise(model: Any, *, reduced: bool = False) -> Any:
    """A quantised copy of an `onnx.ModelProto`.

    Raises `CheckpointError` where there is nothing to quantise.
    """
    from onnx import helper

    result = copy.deepcopy(model)
    if all(each.domain != _OWN_OPERATORS for each in result.opset_import):
        result.opset_import.append(helper.make_opsetid(_OWN_OPERATORS, 1))
    _Rewriter(result.graph, limit=REDUCED if reduced else FULL).rewrite()
    return result


@dataclass(frozen=True, slots=True)
class _Product:
    """A node that multiplies with constant weights: its input, name and bias of the weights."""

    node: Any
    values: str
    weights: str
    bias: str | None
    transposed: bool


class _Rewriter:
    """Replaces nodes of one graph."""

    def __init__(self, graph: Any, *, limit: int) -> None:
        self._graph = graph
        self._limit = limit
        self._constants = {each.name: each for each in graph.initializer}
        self._nodes: list[Any] = []
        self._rows: dict[tuple[str, bool], tuple[str, str]] = {}
        self._weights: dict[tuple[str, bool], tuple[str, str]] = {}

    def rewrite(self) -> None:
        """All products but the last one, and all tables."""
        products = [found for node in self._graph.node if (found := self._product(node))]
        if len(products) < 2:
            raise CheckpointError("the ONNX model has no matrix products to quantise")
        wanted = {each.node.output[0]: each for each in products[:-1]}
        for node in list(self._graph.node):
            if node.output[0] in wanted:
                self._replace_product(wanted[node.output[0]])
            elif self._is_table(node):
                self._replace_table(node)
            else:
                self._nodes.append(node)
        del self._graph.node[:]
        self._graph.node.extend(self._nodes)
        self._drop_unused()

    def _product(self, node: Any) -> _Product | None:
        if node.op_type not in ("Gemm", "MatMul") or not self._is_matrix(node.input[1]):
            return None
        if node.op_type == "MatMul":
            return _Product(node, node.input[0], node.input[1], None, transposed=False)
        plain = {"alpha": 1.0, "beta": 1.0, "transA": 0}
        given = {
            each.name: each.f if each.type == each.FLOAT else each.i for each in node.attribute
        }
        if any(given.get(name, value) != value for name, value in plain.items()):
            return None
        bias = node.input[2] if len(node.input) > 2 else None
        return _Product(
            node, node.input[0], node.input[1], bias, transposed=bool(given.get("transB", 0))
        )

    def _is_matrix(self, name: str) -> bool:
        constant = self._constants.get(name)
        return constant is not None and len(constant.dims) == 2 and constant.data_type == 1

    def _is_table(self, node: Any) -> bool:
        axis = next((each.i for each in node.attribute if each.name == "axis"), 0)
        return node.op_type == "Gather" and axis == 0 and self._is_matrix(node.input[0])

    def _replace_product(self, product: _Product) -> None:
        """`values @ weights + bias`, of 8-bit numbers, each row of the result scaled back."""
        name = product.node.output[0]
        is_flat = product.node.op_type == "Gemm"
        weights, weight_scales = self._quantised_weights(product.weights, product.transposed)
        values, scales = self._quantised_rows(product.values, is_flat)
        sums = self._add(
            "MatMulIntegerToFloat",
            [values, weights, self._number("one", 1.0), weight_scales, self._zero()],
            f"{name}_sums",
            domain=_OWN_OPERATORS,
        )
        last = name if is_flat and product.bias is None else f"{name}_scaled"
        scaled = self._add("Mul", [sums, scales], last)
        if not is_flat:
            self._reshape_like(scaled, product.values, weight_scales, name)
        elif product.bias is not None:
            self._add("Add", [scaled, product.bias], name)

    def _quantised_weights(self, name: str, transposed: bool) -> tuple[str, str]:
        """The names of the weights in 8 bits (inputs × outputs) and their scales (outputs)."""
        if (name, transposed) not in self._weights:
            matrix = self._array(name)
            numbers, scales = rows_in_bytes(matrix if transposed else matrix.T, self._limit)
            flat = np.ascontiguousarray(numbers.T)
            self._weights[name, transposed] = (
                self._constant(f"{name}_int8_{transposed:d}", flat),
                self._constant(f"{name}_scales_{transposed:d}", scales),
            )
        return self._weights[name, transposed]

    def _quantised_rows(self, name: str, is_flat: bool) -> tuple[str, str]:
        """The names of the values in 8 bits (rows × inputs) and of their scales (rows × 1)."""
        if (name, is_flat) not in self._rows:
            base = f"{name}_rows" if is_flat else f"{name}_flat_rows"
            flat = name if is_flat else self._add("Reshape", [name, self._flat(name)], base)
            sizes = self._add("Abs", [flat], f"{base}_sizes")
            axis = self._integers("axis_1", [1])
            largest = self._add("ReduceMax", [sizes, axis], f"{base}_largest", keepdims=0)
            # a row of zeros has no scale of its own
            safe = self._add("Max", [largest, self._number("smallest", _SMALLEST)], f"{base}_safe")
            scales = self._add(
                "Mul", [safe, self._number("step", 1 / _ACTIVATION)], f"{base}_scales"
            )
            zeros = self._zeros_like(scales, base)
            values = self._add("QuantizeLinear", [flat, scales, zeros], f"{base}_uint8", axis=0)
            column = self._add("Unsqueeze", [scales, axis], f"{base}_column")
            self._rows[name, is_flat] = values, column
        return self._rows[name, is_flat]

    def _zeros_like(self, scales: str, base: str) -> str:
        from onnx import numpy_helper

        shape = self._add("Shape", [scales], f"{base}_count")
        value = numpy_helper.from_array(np.array([_ZERO], dtype=np.uint8))
        return self._add("ConstantOfShape", [shape], f"{base}_zeros", value=value)

    def _flat(self, name: str) -> str:
        """The shape (rows × inputs) for values of any number of dimensions."""
        inputs = next(
            self._constants[each.input[1]].dims[0]
            for each in self._graph.node
            if each.op_type == "MatMul" and each.input[0] == name and self._is_matrix(each.input[1])
        )
        return self._integers(f"rows_of_{inputs}", [-1, inputs])

    def _reshape_like(self, scaled: str, values: str, scales: str, name: str) -> None:
        """Gives `scaled` (rows × outputs) the dimensions of `values`, but for the last one."""
        outputs = int(self._constants[scales].dims[0])
        outer = self._add("Shape", [values], f"{name}_outer", end=-1)
        shape = self._add(
            "Concat", [outer, self._integers(f"of_{outputs}", [outputs])], f"{name}_shape", axis=0
        )
        self._add("Reshape", [scaled, shape], name)

    def _replace_table(self, node: Any) -> None:
        """The rows of a table in 8 bits, each scaled back."""
        table, indices = node.input
        name = node.output[0]
        if (table, True) not in self._weights:
            numbers, scales = rows_in_bytes(self._array(table), FULL)
            self._weights[table, True] = (
                self._constant(f"{table}_int8", numbers),
                self._constant(f"{table}_scales", scales[:, None]),
            )
        numbers_name, scales_name = self._weights[table, True]
        row = self._add("Gather", [numbers_name, indices], f"{name}_int8", axis=0)
        size = self._add("Gather", [scales_name, indices], f"{name}_scale", axis=0)
        self._add("Mul", [self._add("Cast", [row], f"{name}_cast", to=1), size], name)

    def _array(self, name: str) -> FloatArray:
        from onnx import numpy_helper

        array: FloatArray = numpy_helper.to_array(self._constants[name])
        return array

    def _add(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        from onnx import helper

        self._nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def _constant(self, name: str, values: npt.NDArray[Any]) -> str:
        from onnx import numpy_helper

        if name not in self._constants:
            tensor = numpy_helper.from_array(values, name)
            self._graph.initializer.append(tensor)
            self._constants[name] = tensor
        return name

    def _number(self, name: str, value: float) -> str:
        return self._constant(f"int8_{name}", np.array(value, dtype=np.float32))

    def _integers(self, name: str, values: Sequence[int]) -> str:
        return self._constant(f"int8_{name}", np.array(values, dtype=np.int64))

    def _zero(self) -> str:
        return self._constant("int8_zero", np.array(_ZERO, dtype=np.uint8))

    def _drop_unused(self) -> None:
        used = set(_names_read(self._graph))
        kept = [each for each in self._graph.initializer if each.name in used]
        del self._graph.initializer[:]
        self._graph.initializer.extend(kept)


def rows_in_bytes(matrix: FloatArray, limit: int) -> tuple[npt.NDArray[np.int8], FloatArray]:
    """A matrix in 8 bits, and the scale of each of its rows: `matrix ≈ numbers * scales[:, None]`.

    The largest size in a row becomes `limit`.
    """
    largest = np.abs(matrix).max(axis=1, initial=0.0)
    scales = (np.maximum(largest, _SMALLEST) / limit).astype(np.float32)
    numbers = np.rint(matrix / scales[:, None]).clip(-limit, limit).astype(np.int8)
    return numbers, scales


def _names_read(graph: Any) -> Iterator[str]:
    """What the nodes of a graph and of the graphs in them read, and what the graph gives."""
    yield from (each.name for each in graph.output)
    for node in graph.node:
        yield from node.input
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _names_read(attribute.g)
