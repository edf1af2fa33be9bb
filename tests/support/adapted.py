"""Runs as training with LoRA leaves them, with random updates in the place of trained ones."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import torch

from nerine.data.corpus import Corpus
from nerine.model.loading.checkpoint import Checkpoint, save_checkpoint
from nerine.training.initialization import new_checkpoint
from nerine.training.lora import merged, write_adapter
from nerine.training.settings import TrainingSettings
from runs import corpus

RANK = 3


def updated(encoder: Path, seed: int = 0, given: Corpus | None = None) -> Checkpoint:
    """The initial checkpoint of a run over `encoder`, with random updates."""
    settings = TrainingSettings(encoder=str(encoder), lora_rank=RANK, max_length=64, overlap=8)
    checkpoint = new_checkpoint(given or corpus(), settings)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in checkpoint.model.named_parameters():
            if parameter.requires_grad:
                noise = torch.randn(parameter.shape, generator=generator)
                parameter.copy_(noise * (0.1 if "lora_" in name else 1.0))
    checkpoint.model.eval()
    return checkpoint


def make_run(folder: Path, encoder: Path, seed: int = 0, given: Corpus | None = None) -> Path:
    """A folder with the merged checkpoint and the adapter."""
    checkpoint = updated(encoder, seed, given)
    plain = dataclasses.replace(checkpoint, model=merged(checkpoint.model))
    folder.mkdir(parents=True)
    write_adapter(folder / "adapter", checkpoint.model, plain)
    save_checkpoint(folder, plain)
    return folder


def logits_of(model: Any, input_ids: torch.Tensor) -> torch.Tensor:
    """The logits of a model of transformers."""
    with torch.inference_mode():
        logits: torch.Tensor = model(input_ids=input_ids).logits
    return logits
