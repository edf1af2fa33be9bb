"""Tiny checkpoints for pushes, with the records of a training run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from hub.samples import TOKEN
from nerine.core.files import file_hash
from nerine.core.sketches import used_splits
from nerine.data.corpus import Corpus
from nerine.evaluation.contamination import TrainingTexts
from nerine.evaluation.evaluate import evaluate_predictions
from nerine.model.backends.saved import SavedModel, SavedModels
from nerine.model.loading.weights_hash import weights_hash
from nerine.publishing.evaluation_record import evaluation_record
from nerine.publishing.evaluations import save_evaluation
from tiny import LABELS, documents, make_checkpoint

VARIANTS = ("onnx-fp32", "onnx-int8")
SCORES = {"precision": 0.75, "recall": 0.5, "f1": 0.6, "accuracy": 0.9}
PATH = "/home/mira/data/wnut17"


def corpus() -> Corpus:
    """Documents of three splits without common texts."""
    found = tuple(documents())
    splits = {"train": found[:6], "validation": found[6:8], "test": found[8:]}
    return Corpus(splits, LABELS, PATH)


def make_pushable(folder: Path) -> Path:
    """A checkpoint with scores and provenance, among files that are not published."""
    make_checkpoint(folder)
    shutil.rmtree(folder.with_name(f"{folder.name}-encoder"))
    own = corpus()
    provenance = {
        "corpus": {"source": PATH, "kind": "files", "hash": own.hash, "documents": {"train": 6}},
        "splits": used_splits(own.splits),
        "settings": {"encoder": "/home/mira/encoders/tiny", "epochs": 1},
        "encoder": {"name": "tiny", "kind": "folder"},
        "seed": 0,
    }
    change(folder / "nerine.json", scores={"validation": SCORES}, provenance=provenance)
    (folder / "run.json").write_text("{}")
    (folder / ".env").write_text(f"HF_TOKEN={TOKEN}\n")
    (folder / "train.log").write_text("/home/mira/secret\n")
    (folder / "optimizer.pt").write_bytes(b"\x80\x04")
    (folder / "checkpoints/step-1").mkdir(parents=True)
    return folder


def evaluate(folder: Path, split: str = "test") -> None:
    """Saves an evaluation of perfect predictions with a checkpoint."""
    own = corpus()
    gold = own.split(split)
    info = json.loads((folder / "nerine.json").read_text())
    seen = TrainingTexts(info["provenance"]).contamination(gold, corpus=own.hash, split=split)
    assessment = evaluate_predictions(gold, gold, split=split, samples=50, contamination=seen)
    record = evaluation_record(own, assessment)
    save_evaluation(folder, record)


def add_onnx(folder: Path, content: bytes = b"a model") -> None:
    """Adds files to a checkpoint that are recorded as its ONNX models."""
    (folder / "onnx").mkdir()
    models = {}
    for name in VARIANTS:
        path = folder / "onnx" / f"model-{name.removeprefix('onnx-')}.onnx"
        path.write_bytes(content + name.encode())
        models[name] = SavedModel(path.name, file_hash(path), path.stat().st_size)
    report = {"corpus": PATH, "checkpoint": str(folder), "chosen": VARIANTS[1]}
    saved = SavedModels(weights_hash(folder), VARIANTS[1], models, report)
    (folder / "onnx/onnx.json").write_text(json.dumps(saved.to_dict()))


def change(path: Path, **changes: Any) -> None:
    """Changes fields of a JSON file."""
    values = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n")
