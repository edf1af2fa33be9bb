"""Quality: WNUT 17's test F1 under several settings, over seeds, chosen by validation alone.

    python -m bench.quality [--settings plan rule tokens notebook] [--seeds 0 1 2] [--encoder NAME]

Each run trains on the training split and keeps the epoch that is best on the validation split;
the test split is tagged once, by that epoch. Scores are strict, on the same gold entities for all
kinds of words. Minutes include training and validation, not the loading of libraries.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import tempfile
import time
from pathlib import Path

from bench.common import ENCODER, machine, wnut
from nerine.data.corpus import Corpus
from nerine.evaluation.evaluate import evaluate
from nerine.evaluation.metrics import Scores
from nerine.training.recipes import RECIPES
from nerine.training.settings import TrainingSettings
from nerine.training.train import train

SETTINGS = {
    "plan": RECIPES["default"],
    "rule": RECIPES["four-epochs"],
    "tokens": dataclasses.replace(RECIPES["four-epochs"], words="tokens"),
    "notebook": RECIPES["notebook"],
}


def main() -> None:
    """Prints a row for each run, then a table of means."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--settings", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    options.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    options.add_argument("--encoder", default=ENCODER)
    chosen = options.parse_args()
    corpus = wnut()
    print(machine(), flush=True)
    print(
        "\n| settings | seed | best epoch | validation F1 | test P | test R | test F1 "
        "| accuracy | minutes |\n|---|---|---|---|---|---|---|---|---|",
        flush=True,
    )
    means = []
    for name in chosen.settings:
        rows = []
        for seed in chosen.seeds:
            settings = dataclasses.replace(SETTINGS[name], encoder=chosen.encoder, seed=seed)
            epoch, validation, result, minutes = _run(corpus, settings)
            overall = result.overall
            rows.append((validation, overall.f1, minutes))
            print(
                f"| {name} | {seed} | {epoch:g} | {validation:.4f} | {overall.precision:.3f} "
                f"| {overall.recall:.3f} | {overall.f1:.4f} | {result.accuracy:.4f} "
                f"| {minutes:.1f} |",
                flush=True,
            )
        means.append((name, *zip(*rows, strict=True)))
    print("\n| settings | validation F1, mean ± sd | test F1, mean ± sd | most minutes |")
    print("|---|---|---|---|")
    for name, validations, tests, times in means:
        print(f"| {name} | {_spread(validations)} | {_spread(tests)} | {max(times):.1f} |")


def _run(corpus: Corpus, settings: TrainingSettings) -> tuple[float, float, Scores, float]:
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        run = train(corpus, output=Path(folder) / "run", settings=settings)
        minutes = (time.monotonic() - began) / 60
        result = evaluate(run.tagger(), corpus.test).scores
    return run.best.epoch, run.best.f1, result, minutes


def _spread(values: tuple[float, ...]) -> str:
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.4f} ± {deviation:.4f}"


if __name__ == "__main__":
    main()
