"""A small corpus and a tiny run for tests of training, in this process or in one that is killed.

python tests/support/runs.py RUN ENCODER [resume] [crf] [dies-in-save-of-step N]
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from nerine.core.document import Document, Entity
from nerine.data.corpus import Corpus
from nerine.data.formats import write_documents
from nerine.training.run import TrainingRun
from nerine.training.train import train

_NAMES = {"Mira": "person", "Lisbon": "location", "Ana": "person", "Oslo": "location"}


def corpus(size: int = 24, *, validation: bool = True) -> Corpus:
    """Sentences with four names to learn."""
    documents = tuple(_sentence(index) for index in range(size))
    splits = {"train": documents, "validation": documents[: size // 3]}
    if not validation:
        del splits["validation"]
    return Corpus(splits=splits, labels=("location", "person"), source="a test")


def write_corpus(folder: Path, size: int = 24) -> Path:
    """Writes that corpus into a new folder, as a column file for each split."""
    folder.mkdir()
    for name, documents in corpus(size).splits.items():
        write_documents(documents, folder / f"{name}.conll")
    return folder


def _sentence(index: int) -> Document:
    names = list(_NAMES)
    first, second = names[index % 4], names[(index // 4) % 4]
    words = [
        *["so"] * (index % 5),
        first,
        "was",
        "in",
        second,
        *["again"] * (index % 3),
        f"{index}",
    ]
    document = Document.from_tokens(words)
    return document.with_entities(
        Entity(token.start, token.end, _NAMES[document.surface(token)])
        for token in document.tokens or ()
        if document.surface(token) in _NAMES
    )


def small_run(folder: Path, encoder: Path, **changes: Any) -> TrainingRun:
    """Three epochs of six batches without a CRF, with dropout: the random state matters."""
    chosen = {
        "epochs": 3,
        "batch_size": 4,
        "learning_rate": 1e-2,
        "seed": 5,
        "crf": False,
        **changes,
    }
    given = chosen.pop("corpus", None) or corpus()
    return train(given, output=folder, encoder=str(encoder), max_length=64, overlap=8, **chosen)


def _die_in_save_of(step: int) -> None:
    """Kills this process after the weights of that state are written, before its other files."""
    from nerine.model.loading.checkpoint import write_files
    from nerine.training import loop

    def write_and_die(folder: Path, checkpoint: Any) -> None:
        write_files(folder, checkpoint)
        if folder.name == f"checkpoint-{step}":
            weights = folder / "model.safetensors"
            weights.write_bytes(weights.read_bytes()[:1000])
            os.kill(os.getpid(), signal.SIGKILL)

    vars(loop)["write_files"] = write_and_die


if __name__ == "__main__":
    run, encoder, *rest = sys.argv[1:]
    if "dies-in-save-of-step" in rest:
        _die_in_save_of(int(rest[-1]))
    small_run(Path(run), Path(encoder), resume="resume" in rest, crf="crf" in rest)
