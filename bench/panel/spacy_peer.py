"""The peer spaCy: its NER on a transformer, in spaCy's own environment.

    python -I spacy_peer.py JOB OUTPUT

The configuration is that of `spacy init config --pipeline ner --optimize accuracy --gpu`, with the
encoder of the job in place of RoBERTa: batches of 2,000 padded words, Adam at 5e-5 with 250 steps
of warmup and a linear schedule, and the best step by the F1 of the validation split is kept. By
default spaCy stops after 1,600 steps without a better score, or after 20,000; on one core that
takes hours even for 100 sentences. Here a run has MAX_STEPS, the schedule ends there, and the
validation split is scored every EVAL_FREQUENCY steps instead of every 200. Runs without Nerine:
`bench.panel.environments` says what a job has.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import spacy
import torch
from spacy.cli.init_config import init_config
from spacy.cli.train import train
from spacy.tokens import Doc, DocBin, Span

MAX_STEPS = 600
EVAL_FREQUENCY = 50


def main() -> None:
    """Runs a job."""
    job_file, output = map(Path, sys.argv[1:])
    job = json.loads(job_file.read_text(encoding="utf-8"))
    torch.set_num_threads(job["threads"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for split in ("train", "validation"):
            _write(job["splits"][split], folder / f"{split}.spacy")
        _config(job, folder).to_disk(folder / "config.cfg")
        began = time.monotonic(), time.process_time()
        train(folder / "config.cfg", folder / "run")
        ended = time.monotonic(), time.process_time()
        best = _best_record(folder / "scores.jsonl")
        nlp = spacy.load(folder / "run" / "model-best")
        spans = {split: _predict(nlp, job["splits"][split]) for split in ("validation", "test")}
    versions = {name: version(name) for name in ("spacy", "spacy-transformers", "torch")}
    result = {
        "best_epoch": best["epoch"],
        "minutes": [(end - start) / 60 for start, end in zip(began, ended, strict=True)],
        "spans": {"best": spans},
        "versions": versions,
    }
    output.write_text(json.dumps(result), encoding="utf-8")


def _config(job: dict[str, Any], folder: Path) -> Any:
    config: Any = init_config(pipeline=["ner"], optimize="accuracy", gpu=True, silent=True)
    config["paths"]["train"] = str(folder / "train.spacy")
    config["paths"]["dev"] = str(folder / "validation.spacy")
    config["system"]["seed"] = job["seed"]
    config["components"]["transformer"]["model"]["name"] = job["encoder"]
    training = config["training"]
    training["max_steps"] = MAX_STEPS
    training["eval_frequency"] = EVAL_FREQUENCY
    training["optimizer"]["learn_rate"]["total_steps"] = MAX_STEPS
    training["logger"] = {
        "@loggers": "spacy.ConsoleLogger.v3",
        "progress_bar": None,
        "console_output": True,
        "output_file": str(folder / "scores.jsonl"),
    }
    return config


def _write(split: Sequence[dict[str, Any]], path: Path) -> None:
    """The gold documents of a split as a file of spaCy."""
    vocab = spacy.blank("en").vocab
    documents = DocBin()
    for row in split:
        document = Doc(vocab, words=row["tokens"])
        document.ents = [Span(document, *span) for span in row["spans"]]
        documents.add(document)
    documents.to_disk(path)


def _best_record(scores: Path) -> dict[str, Any]:
    """The first record with the highest score, which spaCy keeps."""
    records = list(map(json.loads, scores.read_text().splitlines()))
    return max(records, key=lambda record: record["score"])


def _predict(nlp: Any, split: Sequence[dict[str, Any]]) -> list[list[tuple[int, int, str]]]:
    """The predicted entities of each document as ranges of tokens."""
    documents = [Doc(nlp.vocab, words=row["tokens"]) for row in split]
    return [
        [(span.start, span.end, span.label_) for span in document.ents]
        for document in nlp.pipe(documents)
    ]


if __name__ == "__main__":
    main()
