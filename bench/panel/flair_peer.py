"""The peer Flair: `ModelTrainer.fine_tune` with its defaults, in Flair's own environment.

    python -I flair_peer.py JOB OUTPUT

The model is the one that Flair's documentation gives for fine-tuning: the last layer of the
encoder at the first subword of each word, and a linear layer without CRF, RNN or reprojection.
`fine_tune` by default trains 10 epochs at 5e-5 with batches of 4 and a linear schedule with a
tenth of warmup, and keeps the final model. Here the model of the best epoch by the F1 of the
validation split predicts too. Runs without Nerine: `bench.panel.environments` says what a job has.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import flair
import torch
from flair.data import Corpus, Sentence
from flair.embeddings import TransformerWordEmbeddings
from flair.models import SequenceTagger
from flair.trainers import ModelTrainer

TAG = "ner"


def main() -> None:
    """Runs a job."""
    job_file, output = map(Path, sys.argv[1:])
    job = json.loads(job_file.read_text(encoding="utf-8"))
    torch.set_num_threads(job["threads"])
    flair.device = torch.device("cpu")
    flair.set_seed(job["seed"])
    splits = {name: list(map(_sentence, split)) for name, split in job["splits"].items()}
    corpus: Any = Corpus(
        train=splits["train"],
        dev=splits["validation"],
        sample_missing_splits=False,
        name="panel",
    )
    tagger = _tagger(corpus, job["encoder"])
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic(), time.process_time()
        # of both models the final one is saved too
        ModelTrainer(tagger, corpus).fine_tune(folder, use_final_model_for_eval=False)
        ended = time.monotonic(), time.process_time()
        best = _epoch_of_best(Path(folder, "loss.tsv"))
        if not Path(folder, "best-model.pt").exists():  # no epoch scored above 0
            Path(folder, "best-model.pt").symlink_to("final-model.pt")
        spans = {
            kept: _predict(Path(folder, f"{kept}-model.pt"), job["splits"])
            for kept in ("best", "final")
        }
    versions = {name: version(name) for name in ("flair", "torch", "transformers")}
    result = {
        "best_epoch": best,
        "minutes": [(end - start) / 60 for start, end in zip(began, ended, strict=True)],
        "spans": spans,
        "versions": versions,
    }
    output.write_text(json.dumps(result), encoding="utf-8")


def _tagger(corpus: Any, encoder: str) -> Any:
    embeddings = TransformerWordEmbeddings(
        model=encoder,
        layers="-1",
        subtoken_pooling="first",
        fine_tune=True,
        use_context=False,
    )
    return SequenceTagger(
        hidden_size=256,
        embeddings=embeddings,
        tag_dictionary=corpus.make_label_dictionary(label_type=TAG, add_unk=False),
        tag_type=TAG,
        use_crf=False,
        use_rnn=False,
        reproject_embeddings=False,
    )


def _sentence(row: dict[str, Any]) -> Any:
    """A sentence with a label for each entity."""
    sentence = Sentence(row["tokens"])
    if len(sentence) != len(row["tokens"]):
        sys.exit(f"Flair reads {len(sentence)} tokens in {row['tokens']}")
    for start, end, label in row["spans"]:
        sentence[start:end].add_label(TAG, label)
    return sentence


def _epoch_of_best(losses: Path) -> int:
    """The first epoch with the highest F1 in Flair's table of losses."""
    header, *rows = [line.split("\t") for line in losses.read_text().splitlines()]
    f1, epoch = header.index("DEV_F1"), header.index("EPOCH")
    return int(max(rows, key=lambda row: float(row[f1]))[epoch])


def _predict(model: Path, splits: dict[str, Any]) -> dict[str, list[list[tuple[int, int, str]]]]:
    """The predicted entities of the validation and the test split."""
    tagger: Any = SequenceTagger.load(model)
    predicted = {}
    for name in ("validation", "test"):
        blank = [Sentence(row["tokens"]) for row in splits[name]]
        tagger.predict(blank, mini_batch_size=16)
        predicted[name] = list(map(_spans, blank))
    return predicted


def _spans(sentence: Any) -> list[tuple[int, int, str]]:
    """The predicted entities as ranges of tokens."""
    return [(span[0].idx - 1, span[-1].idx, span.tag) for span in sentence.get_spans(TAG)]


if __name__ == "__main__":
    main()
