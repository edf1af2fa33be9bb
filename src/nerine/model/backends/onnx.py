"""The ONNX Runtime backend, on the CPU.

Batches run at the same time, each on one thread: ONNX Runtime releases Python's lock while it
computes, and one thread for each batch wastes less than many threads for one. A batch that comes
alone gets all threads.

A model is read as bytes, may not refer to other files, and can use the operators of ONNX Runtime
only: loading one runs no code from its folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from nerine.core.errors import CheckpointError, first_line
from nerine.model.backends.hardware import number_of_threads
from nerine.model.backends.saved import OPTIMIZE_AGAIN, ModelFile
from nerine.model.batching import Batch, Batching

INPUTS = ("input_ids", "attention_mask", "rows")
OUTPUT = "logits"
ERRORS_ONLY = 3
"""ONNX Runtime's level of logging."""


class OnnxBackend:
    """Runs an ONNX model that takes the inputs of `LeanModel`.

    `batching` says how windows are batched, by default as for most models; `notes` what a user
    should know of the weights. `threads` are by default those of `number_of_threads`. Raises
    `CheckpointError` for a file that is not such a model.
    """

    token_budget = 384

    def __init__(
        self,
        file: ModelFile,
        *,
        name: str,
        batching: Batching | None = None,
        notes: Sequence[str] = (),
        threads: int | None = None,
    ) -> None:
        self.name = name
        self.batching = batching or Batching()
        self.notes = (*notes, *self.batching.notes())
        self.workers = threads or number_of_threads()
        self._file = file
        self._lock = Lock()
        self._has_run = False
        self._one_thread = self._session(threads=1)
        inputs = tuple(sorted(each.name for each in self._one_thread.get_inputs()))
        outputs = [each.name for each in self._one_thread.get_outputs()]
        if inputs != tuple(sorted(INPUTS)) or outputs != [OUTPUT]:
            raise self._error(
                f"a model of {', '.join(inputs)} → {', '.join(outputs)}",
                expected=f"{', '.join(INPUTS)} → {OUTPUT}",
            )

    @cached_property
    def _all_threads(self) -> Any:
        """A session with all threads, which holds the weights a second time."""
        return self._one_thread if self.workers == 1 else self._session(threads=self.workers)

    def logits(self, batch: Batch, *, alone: bool = True) -> npt.NDArray[np.float32]:
        """The logits of the batch's `rows`, `(rows, tags)`."""
        session = self._one_thread
        if alone:
            with self._lock:
                # For the first batch, a second session would cost more time than it saves.
                session = self._all_threads if self._has_run else session
                self._has_run = True
        values = (batch.input_ids, batch.attention_mask, batch.rows)
        try:
            (logits,) = session.run([OUTPUT], dict(zip(INPUTS, values, strict=True)))
        except Exception as error:  # the errors of ONNX Runtime have no common base
            raise self._error(f"ONNX Runtime cannot run it: {first_line(error)}") from error
        result: npt.NDArray[np.float32] = logits
        return result

    def _session(self, *, threads: int) -> Any:
        content = self._file.read()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = ERRORS_ONLY
        options.enable_mem_pattern = False  # a plan is kept for each shape, and shapes differ
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            return onnxruntime.InferenceSession(
                content,
                options,
                providers=["CPUExecutionProvider"],
                # fused with the sum before it, layer normalisation is slower than apart
                disabled_optimizers=["SkipLayerNormFusion"],
            )
        except Exception as error:
            raise self._error(f"ONNX Runtime cannot load it: {first_line(error)}") from error

    def _error(self, found: str, expected: str | None = None) -> CheckpointError:
        place = str(self._file.path)
        return CheckpointError(found, place=place, expected=expected, hint=OPTIMIZE_AGAIN)
