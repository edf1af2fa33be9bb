"""The ONNX Runtime backend, on the CPU.

Batches run side by side, each on one thread: ONNX Runtime lets go of Python's lock while it
computes, and a thread of its own for each batch wastes less than many threads on one. A batch that
comes alone has all threads.

A model file is read as bytes and may not refer to other files, and no operators but those of ONNX
Runtime are known: loading one runs no code that lies beside it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from nerine.core.errors import CheckpointError, MissingExtraError, first_line
from nerine.core.files import read_bytes
from nerine.model.batching import Batch

INPUTS = ("input_ids", "attention_mask", "rows")
OUTPUT = "logits"
EXTRA = "onnx"

_AGAIN = "make it again: nerine optimize CHECKPOINT"
# Fused with the sum before it, layer normalisation is slower than both apart.
_UNWANTED = ["SkipLayerNormFusion"]
ERRORS_ONLY = 3
# Tensors in other files are named under this key, and nowhere else in what we write.
_EXTERNAL = b"location"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """An ONNX file, and the SHA-256 that it must have."""

    path: Path
    sha256: str

    def read(self) -> bytes:
        """Its content; raises `CheckpointError` where it is another one."""
        content = read_bytes(self.path)
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise CheckpointError(
                "the file is not the one that was measured",
                place=str(self.path),
                expected=f"a file with the SHA-256 {self.sha256[:16]}…",
                hint=_AGAIN,
            )
        if refers_to_files(content):
            raise CheckpointError(
                "the model may keep some of its weights in other files",
                place=str(self.path),
                expected="an ONNX model that is whole in one file",
                hint=_AGAIN,
            )
        return content


def refers_to_files(content: bytes) -> bool:
    """Whether an ONNX model may keep tensors in other files.

    Such a tensor has the key `location`, so that a model without these letters has none. A model
    of ours has them neither in its names.
    """
    return _EXTERNAL in content


class OnnxBackend:
    """Runs an ONNX model that takes what `LeanModel` takes.

    `threads` are by default as many as torch would use. Raises `CheckpointError` for a file that
    is no such model, and `MissingExtraError`.
    """

    token_budget = 384

    def __init__(self, file: ModelFile, *, name: str, threads: int | None = None) -> None:
        self.name = name
        self.workers = threads or torch.get_num_threads()
        self._file = file
        self._lock = Lock()
        self._apart = self._session(threads=1)
        self._check()

    @cached_property
    def _together(self) -> Any:
        """A session with all threads; it holds the weights once more."""
        return self._apart if self.workers == 1 else self._session(threads=self.workers)

    def logits(self, batch: Batch, *, alone: bool = True) -> npt.NDArray[np.float32]:
        """The logits of the batch's `rows`, `(rows, tags)`."""
        if alone:
            with self._lock:  # made once, whoever comes first
                session = self._together
        else:
            session = self._apart
        values = (batch.input_ids, batch.attention_mask, batch.rows)
        try:
            (logits,) = session.run([OUTPUT], dict(zip(INPUTS, values, strict=True)))
        except Exception as error:  # ONNX Runtime has kinds of its own, without a common base
            raise self._error(f"ONNX Runtime cannot run it: {first_line(error)}") from error
        result: npt.NDArray[np.float32] = logits
        return result

    def _session(self, *, threads: int) -> Any:
        runtime = import_runtime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = ERRORS_ONLY
        options.enable_mem_pattern = False  # a plan is kept for each shape, and shapes differ
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            return runtime.InferenceSession(
                self._file.read(),
                options,
                providers=["CPUExecutionProvider"],
                disabled_optimizers=_UNWANTED,
            )
        except CheckpointError:
            raise
        except Exception as error:  # as above
            raise self._error(f"ONNX Runtime cannot load it: {first_line(error)}") from error

    def _check(self) -> None:
        inputs = tuple(sorted(each.name for each in self._apart.get_inputs()))
        shapes = {each.name: each.shape for each in self._apart.get_outputs()}
        if inputs != tuple(sorted(INPUTS)) or list(shapes) != [OUTPUT]:
            raise self._error(
                f"a model of {', '.join(inputs)} → {', '.join(shapes)}",
                expected=f"{', '.join(INPUTS)} → {OUTPUT}",
            )

    def _error(self, found: str, expected: str | None = None) -> CheckpointError:
        return CheckpointError(found, place=str(self._file.path), expected=expected, hint=_AGAIN)


def import_runtime() -> Any:
    """The package onnxruntime; raises `MissingExtraError`."""
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError.of("onnxruntime", EXTRA, "running an ONNX model") from error
    return onnxruntime
