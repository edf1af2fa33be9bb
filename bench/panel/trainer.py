"""The peer `Trainer`: token classification by transformers' example `run_ner.py`.

One label a word, on its first subword. Everything that is not said here is a default of
`TrainingArguments` and of the example: AdamW without weight decay, batches of 8, a linear schedule
without warmup. After each epoch the validation split is scored by seqeval's default mode, as in the
example, and the epoch with the best F1 is kept. A word beyond the window of the encoder counts as
`O`; the example leaves it out of the scores.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
from seqeval.metrics import f1_score
from transformers import (
    AutoModelForTokenClassification,
    AutoTokenizer,
    DataCollatorForTokenClassification,
    EvalPrediction,
    PrinterCallback,
    Trainer,
    TrainingArguments,
    set_seed,
)

from bench.common import ENCODER
from bench.panel.outcome import Clock, Outcome, Sentence, Tags, read_tags, splits
from nerine.core.tags import TagScheme
from nerine.data.corpus import Corpus
from nerine.evaluation.metrics import score_tags
from nerine.model.loading.pretrained import quiet
from nerine.model.loading.sources import find_source

IGNORED = -100
"""The label of subwords that are not the first of a word."""


def trainer(learning_rate: float, epochs: int) -> Callable[[Corpus, int], Outcome]:
    """A system that trains with this learning rate for so many epochs."""
    return lambda corpus, seed: _run(corpus, seed, learning_rate, epochs)


def _run(corpus: Corpus, seed: int, learning_rate: float, epochs: int) -> Outcome:
    tags = TagScheme.IOB2.tags(corpus.labels)
    folder = find_source(ENCODER).folder
    tokenizer = AutoTokenizer.from_pretrained(folder)
    data = {name: _Split(words, tokenizer, tags) for name, words in splits(corpus).items()}
    set_seed(seed)
    with quiet(), tempfile.TemporaryDirectory() as states:
        peer = Trainer(
            model=AutoModelForTokenClassification.from_pretrained(
                folder,
                id2label=dict(enumerate(tags)),
                label2id={tag: index for index, tag in enumerate(tags)},
            ),
            args=_arguments(states, seed, learning_rate, epochs),
            train_dataset=data["train"].rows,
            eval_dataset=data["validation"].rows,
            data_collator=DataCollatorForTokenClassification(tokenizer),
            compute_metrics=_scorer(data["validation"], tags),
        )
        peer.remove_callback(PrinterCallback)
        clock = Clock()
        peer.train()
        minutes = clock.minutes()
        peer.compute_metrics = None
        logits = peer.predict(data["test"].rows).predictions
    best = _best_epoch(peer.state.log_history)
    return Outcome(
        best_epoch=best["epoch"],
        validation_f1=best["eval_strict"],
        predicted=read_tags(corpus.test, data["test"].tags(logits, tags)),
        versions={name: version(name) for name in ("torch", "transformers", "seqeval")},
        **minutes,
    )


def _arguments(states: str, seed: int, learning_rate: float, epochs: int) -> TrainingArguments:
    return TrainingArguments(
        output_dir=states,
        learning_rate=learning_rate,
        num_train_epochs=epochs,
        seed=seed,
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=1,
        save_only_model=True,
        load_best_model_at_end=True,
        metric_for_best_model="f1",
        report_to="none",
        disable_tqdm=True,
        use_cpu=True,
        dataloader_pin_memory=False,
    )


class _Split:
    """The sentences of a split, the inputs of the model, and the first subword of each word."""

    def __init__(self, words: Sequence[Sentence], tokenizer: Any, tags: Sequence[str]) -> None:
        number = {tag: index for index, tag in enumerate(tags)}
        self.gold: Tags = [sentence["tags"] for sentence in words]
        self.rows: Any = []  # Trainer says that it wants a Dataset, and takes a list
        self._places: list[dict[int, int]] = []
        for sentence in words:
            encoding = tokenizer(sentence["tokens"], is_split_into_words=True, truncation=True)
            places = _first_subwords(encoding.word_ids())
            row = {name: list(encoding[name]) for name in ("input_ids", "attention_mask")}
            row["labels"] = [IGNORED] * len(row["input_ids"])
            for word, place in places.items():
                row["labels"][place] = number[sentence["tags"][word]]
            self.rows.append(row)
            self._places.append(places)

    def tags(self, logits: Any, tags: Sequence[str]) -> Tags:
        """The tag of each word, that of its first subword; `O` for a word without subwords."""
        return [
            [tags[best[places[word]]] if word in places else "O" for word in range(len(gold))]
            for gold, places, best in zip(
                self.gold, self._places, np.argmax(logits, axis=-1), strict=True
            )
        ]


def _first_subwords(word_ids: Sequence[int | None]) -> dict[int, int]:
    """The place of the first subword of each word."""
    places: dict[int, int] = {}
    for place, word in enumerate(word_ids):
        if word is not None:
            places.setdefault(word, place)
    return places


def _scorer(split: _Split, tags: Sequence[str]) -> Callable[[EvalPrediction], dict[str, float]]:
    """F1 on the validation split by both modes of seqeval."""

    def scores(prediction: EvalPrediction) -> dict[str, float]:
        predicted = split.tags(prediction.predictions, tags)
        return {
            "f1": float(f1_score(split.gold, predicted, zero_division=0)),
            "strict": score_tags(split.gold, predicted).overall.f1,
        }

    return scores


def _best_epoch(history: Sequence[dict[str, float]]) -> dict[str, float]:
    """The first record with the highest F1, which `Trainer` keeps."""
    scored = [record for record in history if "eval_f1" in record]
    return max(scored, key=lambda record: record["eval_f1"])
