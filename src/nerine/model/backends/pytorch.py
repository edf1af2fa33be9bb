"""The PyTorch backend.

On the CPU a model never runs in the main thread: in a forked process it would wait there for ever
for torch's threads (`processes`).
"""

from __future__ import annotations

import contextlib
import copy
import os
from collections.abc import Iterator
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch

from nerine.core.errors import ProcessError, SettingsError
from nerine.model.backends.hardware import number_of_threads
from nerine.model.backends.lean import LeanModel, WholeModel, lean_or_whole, probe
from nerine.model.backends.packing import pack
from nerine.model.backends.processes import off_main_thread
from nerine.model.batching import Batch, Batching

# In half precision an entity's probability may move by about this much, and no more.
_HALF_TOLERANCE = 0.02


class TorchBackend:
    """Runs a model on its device: the CPU, with all of torch's threads, or an accelerator.

    Args:
        module: Takes the inputs of `LeanModel`.
        is_frozen: Whether its weights will not change any more.
        mixed: A type of 16 bits for the products of matrices, as in training with mixed precision.
    """

    name = "pytorch"
    workers = 1

    def __init__(
        self,
        module: LeanModel | WholeModel,
        *,
        is_frozen: bool = False,
        mixed: torch.dtype | None = None,
    ) -> None:
        self.module = module
        self.is_frozen = is_frozen
        self.mixed = mixed
        self._process = os.getpid()

    @classmethod
    def of(cls, model: Any, *, mixed: torch.dtype | None = None) -> TorchBackend:
        """For a model of transformers that may still be trained."""
        return cls(WholeModel(model), mixed=mixed)

    @classmethod
    def frozen(cls, model: Any) -> TorchBackend:
        """For a model that is not trained any more, made faster.

        On a CPU its linear layers are packed. On an accelerator it runs in half precision, if
        that gives the same probabilities as single precision.
        """
        module = off_main_thread(lean_or_whole, model)
        off_main_thread(lambda: module.batching)  # before the weights lose their precision
        if model.device.type != "cpu":
            return cls(halved(module), is_frozen=True)
        off_main_thread(pack, module)
        return cls(module, is_frozen=True)

    @property
    def device(self) -> torch.device:
        """The device of the model."""
        return next(self.module.parameters()).device

    @property
    def token_budget(self) -> int:
        """Small for the cache of a processor, large for an accelerator."""
        return 1024 if self.device.type == "cpu" else 32_768

    @property
    def batch_overhead(self) -> int | None:
        """Large on an accelerator, where batches are few."""
        return 40 if self.device.type == "cpu" else None

    @property
    def batching(self) -> Batching:
        """How windows are batched; a trial finds it out for some architectures."""
        with _evaluating(self.module):
            return off_main_thread(lambda: self.module.batching)

    @property
    def notes(self) -> tuple[str, ...]:
        """Those on how windows are batched."""
        return self.batching.notes()

    def logits(self, batch: Batch, *, alone: bool = True) -> npt.NDArray[np.float32]:  # noqa: ARG002 - a batch always has all threads
        """The logits of the batch's `rows`, `(rows, tags)`.

        Raises:
            ProcessError: If the model lies on an accelerator, and this process is a fork.
        """
        if self.device.type == "cpu":
            return off_main_thread(self._logits, batch, torch.get_num_threads())
        if os.getpid() != self._process:
            raise ProcessError(
                f"the model lies on {self.device}, which a forked process cannot use",
                place="device",
                expected="a tagger that was loaded in this process, or one on the CPU",
                hint="start the process with multiprocessing.get_context('spawn'), or load the "
                "tagger after the fork",
            )
        return self._logits(batch)

    def _logits(self, batch: Batch, threads: int | None = None) -> npt.NDArray[np.float32]:
        """The logits, computed in this thread with so many of torch's threads."""
        if threads is not None and threads != torch.get_num_threads():
            torch.set_num_threads(threads)  # those of the caller's thread
        inputs = []
        for values in (batch.input_ids, batch.attention_mask, batch.rows):
            tensor = torch.from_numpy(values)
            if self.device.type == "cuda":  # from pinned memory, the copy runs asynchronously
                tensor = tensor.pin_memory()
            inputs.append(tensor.to(self.device, non_blocking=self.device.type == "cuda"))
        mixed = torch.autocast(self.device.type, self.mixed, enabled=self.mixed is not None)
        with _evaluating(self.module), torch.inference_mode(), mixed:
            result: npt.NDArray[np.float32] = self.module(*inputs).float().cpu().numpy()
        return result

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """The same backend if its weights will not change, else one with a copy of them."""
        if self.is_frozen:
            return self
        return type(self)(copy.deepcopy(self.module, memo), mixed=self.mixed)


def use_threads(stated: int | None = None) -> None:
    """Sets the number of torch's threads to `number_of_threads(stated)`, for the whole program."""
    threads = number_of_threads(stated)
    if threads != torch.get_num_threads():
        torch.set_num_threads(threads)


def default_device() -> str:
    """The default device: an accelerator if torch has one, else the CPU."""
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    return accelerator.type if accelerator else "cpu"


def placed(model: Any, device: str | None) -> Any:
    """The model, moved to torch's `device` or the default one; raises `SettingsError`."""
    try:
        return model.to(device or default_device())
    except (RuntimeError, AssertionError) as error:  # the latter from a torch without CUDA
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise SettingsError(
            f"torch cannot use {device!r}: {reason}",
            place="device",
            expected="a device of this machine, such as 'cpu' or 'cuda'",
        ) from error


@contextlib.contextmanager
def _evaluating(module: torch.nn.Module) -> Iterator[None]:
    """Switches dropout off, and on again afterwards for modules in training."""
    training = [each for each in module.modules() if each.training]
    for each in training:
        each.training = False
    try:
        yield
    finally:
        for each in training:
            each.training = True


def halved(module: LeanModel | WholeModel) -> LeanModel | WholeModel:
    """`module` in half precision if that gives the same probabilities, else unchanged."""
    inputs = probe(module, next(module.parameters()).device)
    half = copy.deepcopy(module).half()
    with torch.inference_mode():
        expected = module(*inputs).softmax(dim=-1)
        found = half(*inputs).float().softmax(dim=-1)
    return half if torch.allclose(found, expected, rtol=0.0, atol=_HALF_TOLERANCE) else module
