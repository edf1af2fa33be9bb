"""Scores the recipes that the levers led to on WNUT 17's test split, each run once.

    python -m bench.recipes [--recipes …] [--seeds 0 1 2] [--raw FILE …] [--mpnet FOLDER]
    python -m bench.recipes --table

A recipe is a lever of `bench.levers`, which trains it and compares it by validation. What it has
trained is taken from there. A run that is scored is a line of `bench/panel/results.jsonl`, and is
not scored again. `--table` runs nothing.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from bench.common import machine
from bench.levers.trials import STORE as TRIALS
from bench.levers.trials import Means, key_of, means_of, read, run_of, trial_options
from bench.panel.corpora import panel_corpus
from bench.panel.outcome import Outcome
from bench.panel.store import STORE, Result, append_result, make_result, read_results
from bench.panel.systems import NERINE
from bench.panel.tables import difference_interval, mean_f1
from nerine.evaluation.epochs import best_record, read_epochs
from nerine.model.loading.checkpoint import load_checkpoint
from nerine.model.loading.seeds import seed_folders
from nerine.model.tagger import Tagger

CORPUS = "wnut"
RECIPES: Mapping[str, str] = {
    "MPNet": "mpnet-crf-and-words",
    "soup": "soup",
    "MPNet teacher": "mpnet-teacher-crf",
    "raw text": "mpnet-teacher-raw-crf",
    "raw text, 3 layers": "three-layers-raw",
}
"""The lever of each recipe."""


def main() -> None:
    """Scores what is missing in the store, then prints the table."""
    options = trial_options(__doc__)
    options.add_argument("--recipes", nargs="+", choices=list(RECIPES), default=list(RECIPES))
    options.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    options.add_argument("--store", type=Path, default=STORE)
    options.add_argument("--levers", type=Path, default=TRIALS, help="the store of trials")
    chosen = options.parse_args()
    if not chosen.table:
        print(machine(), flush=True)
        for seed in chosen.seeds:
            for recipe in chosen.recipes:
                if (recipe, CORPUS, seed) not in read_results(chosen.store):
                    _score(recipe, seed, means_of(chosen), chosen.levers, chosen.store)
    _print_table(list(read_results(chosen.store).values()))


def _score(recipe: str, seed: int, means: Means, levers: Path, store: Path) -> None:
    """Trains a recipe if it is not trained yet, and appends its scores to the store."""
    trial = RECIPES[recipe], CORPUS, seed
    folder = run_of(trial, means, levers)
    corpus = panel_corpus(CORPUS)
    runs = seed_folders(folder) or [folder]  # a soup has no epochs of its own
    best = best_record([record for run in runs for record in read_epochs(run) or ()])
    checkpoint = load_checkpoint(folder)
    (row,) = (each for each in read(levers) if key_of(each) == trial)
    outcome = Outcome(
        best_epoch=best.epoch,
        validation_f1=checkpoint.scores["validation"]["f1"],
        predicted={"strict": Tagger.from_checkpoint(checkpoint).predict(corpus.test)},
        minutes=row["minutes"],
        core_minutes=row["core_minutes"],
        versions={name: version(name) for name in ("nerine", "torch", "transformers")},
    )
    append_result(store, make_result((recipe, CORPUS, seed), corpus.test, outcome, means.threads))


def _print_table(results: Sequence[Result]) -> None:
    """A row for each recipe, with its difference to the default recipe."""
    default = [each for each in results if (each.system, each.corpus) == (NERINE, CORPUS)]
    print("\nWNUT 17, test F1, mean ± standard deviation over seeds; minutes of one core, without")
    print("those of teachers; the difference to the default recipe, with its paired interval\n")
    columns = ("recipe", "seeds", "validation F1", "test F1", "minutes", "difference", "interval")
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for recipe in (NERINE, *RECIPES):
        runs = [each for each in results if (each.system, each.corpus) == (recipe, CORPUS)]
        if not runs:
            continue
        cells = (
            str(len(runs)),
            _mean([each.validation_f1 for each in runs]),
            _mean([each.scores("strict").f1 for each in runs]),
            f"{statistics.mean(each.core_minutes or each.minutes for each in runs):.1f}",
            *(("", "") if recipe == NERINE else _difference(runs, default)),
        )
        print(f"| {recipe} | {' | '.join(cells)} |")


def _difference(runs: Sequence[Result], default: Sequence[Result]) -> tuple[str, str]:
    interval = difference_interval(CORPUS, runs, default)
    gain = mean_f1(runs) - mean_f1(default)
    return f"{gain:+.4f}", f"{interval.low:+.4f} to {interval.high:+.4f}"


def _mean(values: Sequence[float]) -> str:
    spread = f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.4f}{spread}"


if __name__ == "__main__":
    main()
