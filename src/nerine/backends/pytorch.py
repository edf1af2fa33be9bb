"""The PyTorch backend."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from nerine.batching import Batch


class TorchBackend:
    """Runs a transformers model where it lies: on the CPU or on an accelerator."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def logits(self, batch: Batch) -> npt.NDArray[np.float32]:
        """The logits of a batch, (batch × length × tags)."""
        device = self.model.device
        training = self.model.training
        self.model.eval()
        try:
            with torch.inference_mode():
                logits = self.model(
                    input_ids=torch.from_numpy(batch.input_ids).to(device),
                    attention_mask=torch.from_numpy(batch.attention_mask).to(device),
                ).logits
        finally:
            self.model.train(training)
        result: npt.NDArray[np.float32] = logits.float().cpu().numpy()
        return result
