"""The training loop: transformers' Trainer with batches by token budget and entity scores."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate.data_loader import prepare_data_loader
from safetensors import SafetensorError
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer import TRAINER_STATE_NAME

from nerine.core.document import Document, count_entities
from nerine.core.errors import DivergenceError, TrainingError
from nerine.core.filenames import INFO_FILE
from nerine.evaluation.epochs import EpochRecord, best_record
from nerine.evaluation.metrics import Scores
from nerine.evaluation.signs import FEW_ENTITIES, LEAST_F1, Outcome
from nerine.model.backends.lean import takes_mask
from nerine.model.loading.checkpoint import Checkpoint, write_files
from nerine.model.tagger import Tagger
from nerine.training.batches import Shares, batches_of
from nerine.training.callbacks import whole_validations
from nerine.training.dataset import Collator, Examples
from nerine.training.ema import EMA
from nerine.training.epochs import epoch_records
from nerine.training.initialization import timestamp
from nerine.training.layer_rates import parameter_groups
from nerine.training.losses import Batch, Loss
from nerine.training.parallel.group import gathered, in_first, seed_noise
from nerine.training.settings import RunSettings
from nerine.training.states import States
from nerine.training.validation import judge, predict, validate

_SCHEDULES = {"linear": "linear", "cosine": "cosine", "constant": "constant_with_warmup"}
"""The settings' names of schedules, and transformers' names."""
_RANDOM_STATE = "rng_state.pth"
"""Trainer's file of the random state of one process."""
_MOST_TRAINING_DOCUMENTS = 100
"""Training documents that are scored where validation does not tell enough."""


class NerTrainer(Trainer):
    """Trains the model of `checkpoint` on `examples`, and scores the EMA of its weights."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        settings: RunSettings,
        *,
        examples: Examples,
        loss: Loss,
        validation: Sequence[Document],
        states: States,
        callbacks: Sequence[TrainerCallback] = (),
    ) -> None:
        """`settings` has a number of steps or of epochs."""
        ema = EMA(checkpoint.model, settings.averaging)
        averaged = dataclasses.replace(checkpoint, model=ema.model)
        self._inference = Tagger.from_checkpoint(averaged).inference
        super().__init__(
            model=checkpoint.model,
            args=_arguments(settings, states.folder),
            train_dataset=examples,
            eval_dataset=validation,  # required by Trainer, but read by `evaluate` below
            data_collator=Collator(
                examples,
                checkpoint.tokenizer.pad_token_id or 0,
                self._inference.backend.batching.least_length,
            ),
            compute_loss_func=self._mean_loss,
            callbacks=[ema, *callbacks],
        )
        self.remove_callback(PrinterCallback)  # a `Listener` shows the progress
        self.settings = settings
        self._initial = checkpoint
        self._examples = examples
        self._loss = loss
        mask = ["attention_mask"] if takes_mask(checkpoint.model) else []
        self._inputs = ("input_ids", *mask, "labels")
        self._batch: Batch = {}  # the augmented batch whose loss is being computed
        self._validation = validation
        self._sample = sample_of(validation, settings.validation_sample)
        self._scores: dict[int, Scores] = {}  # of all validation documents, by step
        self._states = states
        self._ema = ema
        self._began = time.monotonic()
        self._earlier_seconds: float | None = 0.0

    def records(self) -> tuple[EpochRecord, ...]:
        """A record for each epoch so far, including those before the run was resumed."""
        return tuple(epoch_records(self.state.log_history))

    def checkpoint(self, step: int | None = None) -> Checkpoint:
        """The averaged model, with the scores of the evaluation at `step`, by default the last."""
        records = [record for record in self.records() if step in (None, record.step)]
        provenance = {**self._initial.provenance, "ended": timestamp()}
        if self._earlier_seconds is not None:
            provenance["seconds"] = self._earlier_seconds + time.monotonic() - self._began
        return dataclasses.replace(
            self._initial,
            model=self._ema.model,
            scores={"validation": records[-1].to_dict()} if records else {},
            provenance=provenance,
        )

    def get_train_dataloader(self) -> DataLoader[Any]:
        """The share of this process of each batch."""
        windows = self._examples.windows
        has_context = windows.lefts is not None
        batches = batches_of(windows.lengths, self.settings, has_context=has_context)
        loader: DataLoader[Any] = DataLoader(
            self._examples,  # type: ignore[arg-type] # it has the methods of a map-style data set
            batch_sampler=Shares(batches, self.args.process_index, self.args.world_size),
            collate_fn=self.data_collator,
        )
        prepared: DataLoader[Any] = prepare_data_loader(
            loader, self.args.device, num_processes=1, process_index=0, put_on_device=True
        )
        return prepared

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Trainer's optimizer with layer-wise learning rates."""
        if self.optimizer is None:
            kind, options = self.get_optimizer_cls_and_kwargs(self.args)
            groups = parameter_groups(
                self._initial.model,
                set(self.get_decay_parameter_names(self._initial.model)),
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
        """The loss of an augmented batch. Raises `DivergenceError` if it is not finite."""
        self._batch = self._loss.augment(inputs)
        seen = {name: self._batch[name] for name in self._inputs}
        result = super().compute_loss(model, seen, return_outputs, num_items_in_batch)
        loss = result[0] if isinstance(result, tuple) else result
        if not torch.isfinite(loss):
            numbers = sorted(set(inputs["documents"].tolist()))
            raise DivergenceError(
                f"the loss is {float(loss.detach())} at step {self.state.global_step + 1}, on "
                f"the training documents {', '.join(map(str, numbers))} (counted from 0)",
                expected="a finite loss",
                hint="lower --learning-rate or --max-gradient-norm, use --precision fp32, and "
                "look at these documents; --resume continues from the last saved state",
            )
        return result

    def _mean_loss(
        self,
        outputs: Any,
        labels: torch.Tensor,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor:
        """The mean loss over the words in all batches of one step."""
        total = self._loss(outputs, self._batch)
        return total / (num_items_in_batch if num_items_in_batch is not None else 1)

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Scores the validation split or a sample of it, tagged in the same way as any text.

        The state is saved if all documents are scored, since its weights may be kept.
        """
        began = time.monotonic()
        step = self.state.global_step
        is_whole = step in whole_validations(self.settings, self.state.max_steps)
        documents = self._validation if is_whole else self._sample
        scores, loss = self._validate(documents)
        if documents is self._validation:  # a sample may be as large
            self._scores[step] = scores
        metrics = {
            "eval_documents": len(documents),
            "eval_validation_loss": loss,
            "eval_precision": scores.overall.precision,
            "eval_recall": scores.overall.recall,
            "eval_f1": scores.overall.f1,
            "eval_accuracy": scores.accuracy,
            "eval_seconds": time.monotonic() - self._began,
            "eval_validation_seconds": time.monotonic() - began,
        }
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        if documents is self._validation:
            self.control.should_save = True
        return metrics

    def _validate(self, documents: Sequence[Document]) -> tuple[Scores, float]:
        """The result of `validate`. Each process tags a share, and all of them get the result."""
        process, processes = self.args.process_index, self.args.world_size
        share = predict(self._inference, documents[process::processes])
        return judge(documents, gathered(share))

    def outcome(self, step: int, documents: Sequence[Document]) -> Outcome:
        """What the run is judged by, if the averaged model has the weights of `step`.

        Some of the training `documents` are scored if validation does not tell enough.
        """
        scores = self._scores.get(step)  # a resumed run lacks those of earlier steps
        if scores is None:
            scores, _ = validate(self._inference, self._validation)
        training = None
        if scores.overall.f1 < LEAST_F1 and scores.overall.gold < FEW_ENTITIES:
            labelled = [document for document in documents if document.entities]
            training, _ = validate(self._inference, sample_of(labelled, _MOST_TRAINING_DOCUMENTS))
        counts = count_entities(documents)
        entities = {label: counts[label] for label in self._initial.settings.labels}
        rate = self.settings.learning_rate or 0.0
        return Outcome(self.records(), scores, entities, rate, training)

    def _determine_best_metric(self, metrics: dict[str, float], trial: Any) -> bool:
        """Whether the last validation is the best, whose state is kept."""
        records = self.records()
        best = best_record(records)
        self.state.best_global_step, self.state.best_metric = best.step, best.f1
        return best is records[-1]

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Writes the training state to a staging folder, renames it, and deletes old states.

        The last two states and that of the best epoch are kept.
        """
        in_first(self._write_state)

    def _write_state(self) -> None:
        step = self.state.global_step
        try:
            folder = self._states.stage(step, f"checkpoint-{step}")
            self.save_model(str(folder), _internal_call=True)
            self._save_optimizer_and_scheduler(str(folder))
            self._save_scaler(str(folder))
            if self.args.world_size == 1:
                self._save_rng_state(str(folder))
            self.state.save_to_json(str(folder / TRAINER_STATE_NAME))
            self._states.commit(step, folder.name)
        except (OSError, SafetensorError, RuntimeError) as error:
            raise TrainingError(
                f"the state after step {step} cannot be written: {error}",
                place=str(self._states.folder),
                hint="free some disk space; --resume continues from the last complete state",
            ) from error
        best = [self.state.best_global_step] if self.state.best_global_step else []
        self._states.keep_only([*self._states.steps()[-2:], *best])

    def _load_rng_state(self, checkpoint: str | None) -> None:
        """Continues with the noise of one process, if one has saved it and continues.

        Several processes draw their noise by the number of each step.
        """
        if self.args.world_size == 1 and Path(checkpoint or "", _RANDOM_STATE).is_file():
            super()._load_rng_state(checkpoint)
        else:
            seed_noise(self.settings.seed, self.state.global_step)

    def _get_output_dir(self, trial: Any) -> str:
        return str(self._states.staging(self.state.global_step))

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """Writes a Nerine checkpoint; Trainer's would include a pickle of its arguments."""
        if self.args.should_save:
            folder = Path(output_dir or self.args.output_dir or ".")
            write_files(folder, self.checkpoint())
            self._ema.save(folder)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        folder = Path(resume_from_checkpoint)
        self._ema.load(folder)
        earlier = json.loads((folder / INFO_FILE).read_text(encoding="utf-8"))["provenance"]
        self._earlier_seconds = earlier.get("seconds")  # None: older states lack it
        provenance = {**self._initial.provenance, "began": earlier["began"]}
        self._initial = dataclasses.replace(self._initial, provenance=provenance)


def _arguments(settings: RunSettings, folder: Path) -> TrainingArguments:
    # `Validations` validates, logs and saves at given steps.
    strategy = "epoch" if settings.validate_every is None else "no"
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=settings.epochs or 1,
        max_steps=settings.steps or -1,
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.gradient_accumulation,
        learning_rate=settings.learning_rate or 0.0,
        lr_scheduler_type=_SCHEDULES[settings.schedule],
        warmup_steps=settings.warmup,  # below 1: a share of all steps
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_gradient_norm,
        bf16=settings.precision == "bf16",
        fp16=settings.precision == "fp16",
        use_cpu=not torch.accelerator.is_available(),
        dataloader_pin_memory=torch.accelerator.is_available(),
        seed=settings.seed,
        eval_strategy=strategy,
        save_strategy=strategy,
        logging_strategy=strategy,
        metric_for_best_model="f1",
        greater_is_better=True,
        report_to=list(settings.report_to) or "none",
        remove_unused_columns=False,
        disable_tqdm=True,
        accelerator_config={"even_batches": False},
    )


def sample_of(documents: Sequence[Document], size: int | None) -> Sequence[Document]:
    """`size` of the documents at equal distances, or all."""
    if size is None or size >= len(documents):
        return documents
    return [documents[index * len(documents) // size] for index in range(size)]
