"""The training loop: transformers' Trainer with batches by token budget and entity scores."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader
from transformers import TrainerCallback

from nerine.core.document import Document, count_entities
from nerine.core.errors import DivergenceError, TrainingError
from nerine.core.filenames import INFO_FILE
from nerine.evaluation.epochs import EpochRecord, best_record
from nerine.evaluation.metrics import Scores
from nerine.evaluation.signs import FEW_ENTITIES, LEAST_F1, Outcome
from nerine.model.backends.lean import takes_mask
from nerine.model.inference import Inference
from nerine.model.loading.adapter import ENCODER_KEY, HASH_KEY
from nerine.model.loading.checkpoint import Checkpoint, write_files
from nerine.model.outside_bias import with_fitted_bias
from nerine.model.settings import ModelSettings
from nerine.model.tagger import Tagger
from nerine.training.batches import Batches, Shares, batches_of
from nerine.training.callbacks import whole_validations
from nerine.training.crf import CrfModel, PairScores, zero_scores
from nerine.training.dataset import Collator, Examples
from nerine.training.ema import EMA, load_weights
from nerine.training.epochs import epoch_records
from nerine.training.initialization import timestamp
from nerine.training.layer_rates import parameter_groups
from nerine.training.lora import has_updates, merged, write_adapter
from nerine.training.losses import Batch, Loss
from nerine.training.parallel.group import gathered
from nerine.training.resumable import ResumableTrainer, arguments_of
from nerine.training.settings import RunSettings
from nerine.training.states import States
from nerine.training.validation import judge, predict, validate

_MOST_TRAINING_DOCUMENTS = 100
"""Training documents that are scored where validation does not tell enough."""


class NerTrainer(ResumableTrainer):
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
        pairs: PairScores | None = None,
        batches: Batches | None = None,
    ) -> None:
        """`settings` has a number of steps or of epochs.

        `pairs` are trained with the model. `batches` are by default all examples.
        """
        trained = checkpoint.model if pairs is None else CrfModel(checkpoint.model, pairs)
        ema = EMA(trained, settings.averaging, has_updates=has_updates(checkpoint.model))
        self._averaged = ema.model if pairs is None else ema.model.model
        self._averaged_pairs: PairScores | None = None if pairs is None else ema.model.pairs
        averaged = dataclasses.replace(checkpoint, model=self._averaged)
        self._tagging = Tagger.from_checkpoint(averaged).inference
        super().__init__(
            states,
            model=trained,
            args=arguments_of(settings, states.folder, settings.validate_every),
            train_dataset=examples,
            eval_dataset=validation,  # required by Trainer, but read by `evaluate` below
            data_collator=Collator(
                examples,
                checkpoint.tokenizer.pad_token_id or 0,
                self._tagging.backend.batching.least_length,
                sequences=checkpoint.settings.learned is not None,
            ),
            compute_loss_func=self._mean_loss,
            callbacks=[ema, *callbacks],
        )
        self.settings = settings
        self._initial = checkpoint
        self._pairs = pairs
        self._examples = examples
        self._batches = batches
        self._loss = loss
        mask = ["attention_mask"] if takes_mask(checkpoint.model) else []
        self._inputs = ("input_ids", *mask, "labels")
        self._batch: Batch = {}  # the augmented batch whose loss is being computed
        self._validation = validation
        self._sample = sample_of(validation, settings.validation_sample)
        self._scores: dict[int, Scores] = {}  # of all validation documents, by step
        self._ema = ema
        self._began = time.monotonic()
        self._earlier_seconds: float | None = 0.0

    def records(self) -> tuple[EpochRecord, ...]:
        """A record for each epoch so far, including those before the run was resumed."""
        return tuple(epoch_records(self.state.log_history))

    @property
    def _inference(self) -> Inference:
        """Tags with the averaged model and the averaged transitions."""
        return self._tagging.changed(settings=self._settings)

    @property
    def _settings(self) -> ModelSettings:
        """The settings of the averaged model."""
        if self._averaged_pairs is None:
            return self._initial.settings
        return dataclasses.replace(
            self._initial.settings, transitions=self._averaged_pairs.scores()
        )

    def checkpoint(self, step: int | None = None) -> Checkpoint:
        """The averaged model, with the scores of the evaluation at `step`, by default the last."""
        records = [record for record in self.records() if step in (None, record.step)]
        provenance = {**self._initial.provenance, "ended": timestamp()}
        if self._earlier_seconds is not None:
            provenance["seconds"] = self._earlier_seconds + time.monotonic() - self._began
        return dataclasses.replace(
            self._initial,
            model=merged(self._averaged),
            settings=self._settings,
            scores={"validation": records[-1].to_dict()} if records else {},
            provenance=provenance,
        )

    def load_average(self, folder: Path) -> None:
        """Sets the averaged model to that of a state."""
        if has_updates(self._averaged):
            self._ema.load_updates(folder)
            return
        load_weights(self._averaged, folder)
        if self._averaged_pairs is not None:
            info = json.loads((folder / INFO_FILE).read_text(encoding="utf-8"))
            settings = ModelSettings.from_dict(info["settings"])
            self._averaged_pairs.load(settings.transitions or zero_scores(len(settings.tags)))

    def write_adapter(self, folder: Path, checkpoint: Checkpoint) -> None:
        """Writes what LoRA has trained to `folder`, for the `checkpoint` with its sums."""
        if has_updates(self._averaged):
            write_adapter(folder, self._averaged, checkpoint)

    def get_train_dataloader(self) -> DataLoader[Any]:
        """The share of this process of each batch."""
        windows = self._examples.windows
        has_context = windows.lefts is not None
        batches = self._batches or batches_of(
            windows.lengths, self.settings, has_context=has_context
        )
        return self.batches(Shares(batches, self.args.process_index, self.args.world_size))

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Trainer's optimizer with layer-wise learning rates."""
        if self.optimizer is None:
            kind, options = self.get_optimizer_cls_and_kwargs(self.args)
            decay = self.settings.layer_decay
            groups = parameter_groups(
                self._initial.model,
                set(self.get_decay_parameter_names(self._initial.model)),
                learning_rate=self.args.learning_rate,
                layer_decay=1.0 if decay is None else decay,
                weight_decay=self.args.weight_decay,
            )
            if self._pairs is not None:
                groups.append(
                    {
                        "params": list(self._pairs.parameters()),
                        "lr": self._pairs.learning_rate,
                        "weight_decay": 0.0,
                    }
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

    def with_fitted_bias(self, checkpoint: Checkpoint, notes: list[str]) -> Checkpoint:
        """A checkpoint of the averaged model with a bias of `O` fitted on the validation split.

        A note tells of it.
        """
        checkpoint, note = with_fitted_bias(checkpoint, self._inference, self._validation)
        notes.append(note)
        return checkpoint

    def _determine_best_metric(self, metrics: dict[str, float], trial: Any) -> bool:
        """Whether the last validation is the best, whose state is kept."""
        records = self.records()
        best = best_record(records)
        self.state.best_global_step, self.state.best_metric = best.step, best.f1
        return best is records[-1]

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """Writes a Nerine checkpoint; Trainer's would include a pickle of its arguments."""
        if self.args.should_save:
            folder = Path(output_dir or self.args.output_dir or ".")
            write_files(folder, self.checkpoint())
            self._ema.save(folder)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        folder = Path(resume_from_checkpoint)
        earlier = json.loads((folder / INFO_FILE).read_text(encoding="utf-8"))["provenance"]
        if has_updates(self._averaged):
            self._check_encoder(earlier, folder)
        self.load_average(folder)
        self._ema.load(folder)
        self._earlier_seconds = earlier.get("seconds")  # None: older states lack it
        provenance = {**self._initial.provenance, "began": earlier["began"]}
        self._initial = dataclasses.replace(self._initial, provenance=provenance)

    def _check_encoder(self, earlier: Mapping[str, Any], folder: Path) -> None:
        """Raises `TrainingError` if the frozen weights are not those of the state in `folder`."""
        now = self._initial.provenance[ENCODER_KEY]
        if earlier[ENCODER_KEY].get(HASH_KEY) != now[HASH_KEY]:
            raise TrainingError(
                f"the weights of the encoder {now['name']} have changed since the run began",
                place=str(folder),
                expected="the encoder with which it began, which LoRA has not saved",
            )


def sample_of(documents: Sequence[Document], size: int | None) -> Sequence[Document]:
    """`size` of the documents at equal distances, or all."""
    if size is None or size >= len(documents):
        return documents
    return [documents[index * len(documents) // size] for index in range(size)]
