"""transformers' Trainer with our batches, our scores and our care for what is saved."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from nerine.core.document import Document
from nerine.core.errors import TrainingError
from nerine.core.filenames import INFO_FILE
from nerine.evaluation.epochs import EpochRecord
from nerine.evaluation.metrics import Scores, score
from nerine.model.batching import BudgetSampler, look_aheads
from nerine.model.inference import Inference
from nerine.model.loading.checkpoint import Checkpoint, write_files
from nerine.model.logits import WordLogits
from nerine.model.tagger import Tagger
from nerine.training.dataset import Collator, Examples
from nerine.training.ema import WeightAverage
from nerine.training.epochs import epoch_records
from nerine.training.layer_rates import parameter_groups
from nerine.training.losses import Batch, Objective
from nerine.training.settings import RunSettings
from nerine.training.start import now
from nerine.training.states import States


class TokenTrainer(Trainer):
    """One run's loop.

    It trains the model of `checkpoint` on `examples` towards `objective`, keeps `average` of its
    weights, and scores that on `validation` through `tagger`.
    """

    def __init__(
        self,
        tagger: Tagger,
        checkpoint: Checkpoint,
        settings: RunSettings,
        *,
        examples: Examples,
        objective: Objective,
        validation: Sequence[Document],
        states: States,
        average: WeightAverage,
        callbacks: list[TrainerCallback],
    ) -> None:
        super().__init__(
            model=checkpoint.model,
            args=_arguments(settings, states.folder),
            train_dataset=examples,
            eval_dataset=validation,  # asked for by Trainer; `evaluate` below reads it itself
            data_collator=Collator(examples, checkpoint.tokenizer.pad_token_id or 0),
            compute_loss_func=self._word_loss,
            callbacks=[average, *callbacks],
        )
        self.remove_callback(PrinterCallback)  # a `Listener` shows what is to be seen
        self.tagger = tagger
        self._as_loaded = checkpoint
        self.settings = settings
        self._examples = examples
        self._objective = objective
        self._batch: Batch = {}  # what the loss is being counted of
        self._validation = validation
        self._states = states
        self._average = average
        self._saving = False
        self._began = time.monotonic()
        self._before: float | None = 0.0

    def records(self) -> tuple[EpochRecord, ...]:
        """A record for each epoch so far, those before a resumption included."""
        return tuple(epoch_records(self.state.log_history))

    def checkpoint(self, step: int | None = None) -> Checkpoint:
        """The average as it is now, with the scores of the evaluation after `step`, or the last."""
        records = [record for record in self.records() if step in (None, record.step)]
        scores = {"validation": records[-1].to_dict()} if records else {}
        return dataclasses.replace(
            self._as_loaded,
            model=self._average.model,
            scores=scores,
            provenance={**self._as_loaded.provenance, **self._times()},
        )

    def _times(self) -> dict[str, Any]:
        """When the run has come to where it is, and after how long, if that is known."""
        if self._before is None:
            return {"ended": now()}
        return {"ended": now(), "seconds": self._before + time.monotonic() - self._began}

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Batches of like length under a budget; for random ones, Trainer's own."""
        if self.settings.batching == "random":
            loader: DataLoader[Any] = super().get_train_dataloader()
            return loader
        lengths = self._examples.windows.lengths.tolist()
        sampler = BudgetSampler(
            lengths,
            batch_size=self.settings.batch_size,
            token_budget=self.settings.token_budget,
            seed=self.settings.seed,
            multiple_of=self.args.world_size,
        )
        loader = DataLoader(
            self._examples,  # type: ignore[arg-type] # it has what a map-style data set needs
            batch_sampler=sampler,
            collate_fn=self.data_collator,
        )
        return self.accelerator.prepare(loader)  # type: ignore[no-any-return]

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Trainer's own, with slower lower layers."""
        if self.optimizer is None:
            kind, options = self.get_optimizer_cls_and_kwargs(self.args)
            groups = parameter_groups(
                self._as_loaded.model,
                set(self.get_decay_parameter_names(self._as_loaded.model)),
                learning_rate=self.args.learning_rate,
                layer_decay=self.settings.layer_decay,
                weight_decay=self.args.weight_decay,
            )
            self.optimizer_cls_and_kwargs = kind, {**options, "params": groups}
        optimizer: torch.optim.Optimizer = super().create_optimizer(model)
        return optimizer

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, torch.Tensor | Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """Trainer's loss; stops the run where it is no number."""
        self._batch = self._objective.shown(inputs)
        seen = {name: self._batch[name] for name in ("input_ids", "attention_mask", "labels")}
        result = super().compute_loss(model, seen, return_outputs, num_items_in_batch)
        loss = result[0] if isinstance(result, tuple) else result
        if not torch.isfinite(loss):
            raise TrainingError(
                f"the loss is {float(loss.detach())} at step {self.state.global_step + 1}, on "
                f"{self._named(inputs['documents'])}",
                expected="a finite loss",
                hint="lower --learning-rate or --max-gradient-norm, use --precision fp32, and "
                "look at these documents; --resume goes on from the last saved state",
            )
        return result

    def _word_loss(
        self,
        outputs: Any,
        labels: torch.Tensor,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor:
        """The objective's loss, its mean over the words of all batches of one step."""
        total = self._objective.loss(outputs, self._batch)
        return total / (num_items_in_batch if num_items_in_batch is not None else 1)

    def _named(self, documents: torch.Tensor) -> str:
        numbers = ", ".join(str(number) for number in sorted(set(documents.tolist())))
        return f"the training documents {numbers} (counted from 0)"

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Scores the validation split as a user's text would be tagged."""
        result, loss = validation_of(self.tagger, self._validation)
        metrics = {
            "eval_validation_loss": loss,
            "eval_precision": result.overall.precision,
            "eval_recall": result.overall.recall,
            "eval_f1": result.overall.f1,
            "eval_accuracy": result.accuracy,
            "eval_seconds": time.monotonic() - self._began,
        }
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Trainer's state, staged and then renamed; keeps the last two and the best."""
        step = self.state.global_step
        self._saving = True
        try:
            if self.args.should_save:
                self._states.clear_staging(step)
            self.accelerator.wait_for_everyone()
            super()._save_checkpoint(model, trial)
            self.accelerator.wait_for_everyone()
            if self.args.should_save:
                self._states.commit(step, f"checkpoint-{step}")
        except (OSError, SafetensorError, RuntimeError) as error:
            raise TrainingError(
                f"the state after step {step} cannot be written: {error}",
                place=str(self._states.folder),
                hint="free some space; --resume goes on from the last whole state",
            ) from error
        finally:
            self._saving = False
        best = [self.state.best_global_step] if self.state.best_global_step else []
        if self.args.should_save:
            self._states.keep_only([*self._states.steps()[-2:], *best])

    def _get_output_dir(self, trial: Any) -> str:
        if self._saving:
            return str(self._states.staging(self.state.global_step))
        return str(super()._get_output_dir(trial))

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """A checkpoint of ours; Trainer's own would hold a pickle of its arguments."""
        if self.args.should_save:
            folder = Path(output_dir or self.args.output_dir or ".")
            write_files(folder, self.checkpoint())
            self._average.save(folder)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        folder = Path(resume_from_checkpoint)
        self._average.load(folder)
        earlier = json.loads((folder / INFO_FILE).read_text(encoding="utf-8"))["provenance"]
        self._before = earlier.get("seconds")  # None in a state of before it was recorded
        began = {"began": earlier["began"]}
        self._as_loaded = dataclasses.replace(
            self._as_loaded, provenance={**self._as_loaded.provenance, **began}
        )


# Our names → transformers' names; all of them warm up first.
_SCHEDULES = {"linear": "linear", "cosine": "cosine", "constant": "constant_with_warmup"}


def _arguments(settings: RunSettings, folder: Path) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.gradient_accumulation,
        learning_rate=settings.learning_rate or 0.0,
        lr_scheduler_type=_SCHEDULES[settings.schedule],
        warmup_steps=settings.warmup,  # a share of all steps if below 1
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_gradient_norm,
        bf16=settings.precision == "bf16",
        fp16=settings.precision == "fp16",
        use_cpu=not torch.accelerator.is_available(),
        dataloader_pin_memory=torch.accelerator.is_available(),
        seed=settings.seed,
        eval_strategy="epoch",
        save_strategy="epoch",
        logging_strategy="epoch",
        metric_for_best_model="f1",
        greater_is_better=True,
        report_to=list(settings.report_to) or "none",
        remove_unused_columns=False,
        disable_tqdm=True,
        accelerator_config={"even_batches": False},
    )


def validation_of(tagger: Tagger, documents: Sequence[Document]) -> tuple[Scores, float]:
    """Scores on the validation split, and the mean loss over words that have subwords."""
    predicted: list[Document] = []
    loss = words = 0.0
    for ahead in look_aheads(documents):
        logits = tagger.inference.word_logits(ahead)
        predicted += tagger.inference.head.decode(ahead, logits)
        for document, each in zip(ahead, logits, strict=True):
            part, size = _loss(document, each, tagger.inference)
            loss += part
            words += size
    return score(documents, predicted), loss / max(words, 1)


def _loss(document: Document, read: WordLogits, inference: Inference) -> tuple[float, int]:
    gold, _ = inference.head.targets(document, read.encoding.words)
    seen = read.encoding.word_starts >= 0
    logits = read.values[seen]
    if not len(logits):
        return 0.0, 0
    logits = logits - logits.max(axis=1, keepdims=True)
    log_sums = np.log(np.exp(logits).sum(axis=1))
    return float((log_sums - logits[np.arange(len(logits)), gold[seen]]).sum()), len(logits)
