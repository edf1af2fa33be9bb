"""The ONNX Runtime backend, on the CPU.

Batches run at the same time, each on one thread: ONNX Runtime releases Python's lock while it
computes, and one thread for each batch wastes less than many threads for one. A batch that comes
alone gets all threads.

A forked process inherits the session with one thread, which has no thread of its own. The session
with all threads is closed before a fork: in the new process its threads would be missing, and the
end of that process would wait for them.

A model is read as bytes, may not refer to other files, and can use the operators of ONNX Runtime
only: loading one runs no code from its folder.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from threading import RLock
from typing import Any, Self
from weakref import WeakSet

import numpy as np
import numpy.typing as npt

from nerine.core.errors import CheckpointError, first_line
from nerine.model.backends.hardware import number_of_threads
from nerine.model.backends.runtime import onnxruntime
from nerine.model.backends.saved import OPTIMIZE_AGAIN, ModelFile
from nerine.model.batching import Batch, Batching

INPUTS = ("input_ids", "attention_mask", "rows")
OUTPUT = "logits"
ERRORS_ONLY = 3
"""ONNX Runtime's level of logging."""

_lock = RLock()
"""Held while a session is opened or a process forks."""


class OnnxBackend:
    """Runs an ONNX model that takes the inputs of `LeanModel`.

    `batching` says how windows are batched, by default as for most models; `notes` what a user
    should know of the weights. `threads` are by default those of `number_of_threads`. Raises
    `CheckpointError` for a file that is not such a model.
    """

    token_budget = 384
    batch_overhead = 6

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
        self.workers = number_of_threads(threads)
        # read again later, when another folder may be the current one
        self._file = replace(file, path=file.path.absolute())
        self._all_threads: Any = None
        self._has_run = False
        self._one_thread = self._session(threads=1)
        inputs = tuple(sorted(each.name for each in self._one_thread.get_inputs()))
        outputs = [each.name for each in self._one_thread.get_outputs()]
        if inputs != tuple(sorted(INPUTS)) or outputs != [OUTPUT]:
            raise self._error(
                f"a model of {', '.join(inputs)} → {', '.join(outputs)}",
                expected=f"{', '.join(INPUTS)} → {OUTPUT}",
            )
        _backends.add(self)

    def logits(self, batch: Batch, *, alone: bool = True) -> npt.NDArray[np.float32]:
        """The logits of the batch's `rows`, `(rows, tags)`."""
        session = self._session_alone() if alone and self.workers > 1 else self._one_thread
        values = (batch.input_ids, batch.attention_mask, batch.rows)
        try:
            (logits,) = session.run([OUTPUT], dict(zip(INPUTS, values, strict=True)))
        except Exception as error:  # the errors of ONNX Runtime have no common base
            raise self._error(f"ONNX Runtime cannot run it: {first_line(error)}") from error
        result: npt.NDArray[np.float32] = logits
        return result

    def close_threads(self) -> None:
        """Closes the session with all threads, which is opened again when it is needed."""
        with _lock:
            self._all_threads, self._has_run = None, False

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """The same backend: its weights never change."""
        return self

    def _session_alone(self) -> Any:
        """The session for a batch that runs alone: with all threads, from the second batch on.

        It holds the weights a second time. For the first batch it would cost more time than it
        saves.
        """
        with _lock:
            if self._has_run and self._all_threads is None:
                self._all_threads = self._session(threads=self.workers)
            self._has_run = True
            return self._all_threads or self._one_thread

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


_backends: WeakSet[OnnxBackend] = WeakSet()


def _before_fork() -> None:
    _lock.acquire()
    for backend in _backends:
        backend.close_threads()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_lock.release, after_in_child=_lock.release
    )
