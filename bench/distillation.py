"""Distillation: the loss of F1 of a student against its teacher on WNUT 17.

    python -m bench.distillation [TEACHER] [--layers 3] [--seeds 0 1 2]

Without TEACHER, one is trained first, by the default recipe. Each student learns from the training
split alone and keeps the epoch that is best on the validation split; the test split is tagged once,
by that epoch. Scores are strict.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from bench.common import machine, wnut
from nerine.data.corpus import Corpus
from nerine.evaluation.evaluate import evaluate
from nerine.model.tagger import Tagger
from nerine.training.distillation.distill import distill
from nerine.training.train import train


def main() -> None:
    """Prints a row for the teacher and for each student, their mean, and the loss."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("teacher", nargs="?")
    options.add_argument("--layers", type=int, default=3)
    options.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    chosen = options.parse_args()
    corpus = wnut()
    print(machine())
    print("\n| model | seed | best epoch | validation F1 | test F1 | minutes |")
    print("|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        teacher = chosen.teacher or str(train(corpus, output=Path(folder) / "teacher").folder)
        goal = _scores(Tagger.load(teacher), corpus)
        print(f"| teacher | | | {goal[0]:.4f} | {goal[1]:.4f} | |", flush=True)
        students = [
            _student(teacher, corpus, Path(folder) / str(seed), chosen.layers, seed)
            for seed in chosen.seeds
        ]
    means = [statistics.mean(scores) for scores in zip(*students, strict=True)]
    lost = [100 * (best - mean) for best, mean in zip(goal, means, strict=True)]
    print(f"| students, mean | | | {means[0]:.4f} | {means[1]:.4f} | |")
    print(f"| points lost | | | {lost[0]:.2f} | {lost[1]:.2f} | |")


def _student(
    teacher: str, corpus: Corpus, folder: Path, layers: int, seed: int
) -> tuple[float, float]:
    began = time.monotonic()
    run = distill(teacher, corpus, output=folder, layers=layers, seed=seed)
    minutes = (time.monotonic() - began) / 60
    scores = _scores(run.tagger(), corpus)
    print(
        f"| {layers} layers | {seed} | {run.best.epoch:g} | {scores[0]:.4f} | {scores[1]:.4f} "
        f"| {minutes:.1f} |",
        flush=True,
    )
    return scores


def _scores(tagger: Tagger, corpus: Corpus) -> tuple[float, float]:
    """F1 on the validation split and on the test split."""
    validation, test = (evaluate(tagger, split) for split in (corpus.validation, corpus.test))
    return validation.overall.f1, test.overall.f1


if __name__ == "__main__":
    main()
