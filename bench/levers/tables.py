"""The table of levers: each one's difference to the plan on each corpus, and its cost."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

import numpy as np

from bench.levers.levers import ALL, BIAS, LEVERS, PLAN, SHOTS
from bench.levers.trials import Row, lever_corpus
from nerine.evaluation.significance.intervals import LEVEL, SAMPLES, percentile_interval
from nerine.evaluation.significance.samples import (
    GOLD,
    FloatArray,
    bootstrap_scores,
    document_counts,
    f1,
    for_other_seeds,
)

Rows = Mapping[tuple[str, str], Sequence[Row]]
"""The trials of each lever on each corpus, by seed."""


def print_tables(rows: Sequence[Row]) -> None:
    """Prints F1, the differences with their intervals, and the cost."""
    trials: dict[tuple[str, str], list[Row]] = {}
    for row in sorted(rows, key=lambda each: int(each["seed"])):
        trials.setdefault((row["lever"], row["corpus"]), []).append(row)
        if row["lever"] == PLAN:
            trials.setdefault((BIAS, row["corpus"]), []).append({**row, "counts": row["biased"]})
    corpora = [name for name in (*ALL, *SHOTS) if (PLAN, name) in trials]
    print("\nStrict F1 on the validation split: the plan, and each lever's difference to it with")
    print(f"the {LEVEL:.0%} interval, paired by seed, and the number of seeds that both have.\n")
    print(f"| lever | {' | '.join(corpora)} |\n|---|{'---|' * len(corpora)}")
    plan = [_plan_cell(trials[PLAN, corpus]) for corpus in corpora]
    print(f"| {PLAN} | {' | '.join(plan)} |")
    for lever in (BIAS, *(name for name in LEVERS if name != PLAN)):
        cells = [_difference(trials, lever, corpus) for corpus in corpora]
        if any(cells):
            print(f"| {lever} | {' | '.join(cells)} |")
    print("\nTime and memory of the training, without those of teachers and of adaptation: minutes")
    print("of one core, and the peak of memory in MiB.\n")
    print(f"| lever | {' | '.join(corpora)} |\n|---|{'---|' * len(corpora)}")
    for lever in LEVERS:
        cells = [_cost(trials.get((lever, corpus), ())) for corpus in corpora]
        if any(cells):
            print(f"| {lever} | {' | '.join(cells)} |")


def _plan_cell(runs: Sequence[Row]) -> str:
    values = [run["f1"] for run in runs]
    spread = f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.4f}{spread} ({len(values)})"


def _difference(trials: Rows, name: str, corpus: str) -> str:
    """The mean difference over the seeds that both have; empty if there are none."""
    own = {run["seed"]: run for run in trials.get((name, corpus), ())}
    seeds = [run["seed"] for run in trials[PLAN, corpus] if run["seed"] in own]
    if not seeds:
        return ""
    others = {run["seed"]: run for run in trials[PLAN, corpus]}
    # a seed draws the same few sentences for both, so each is compared with its own counterpart
    sides = [_counts(corpus, [runs[seed] for seed in seeds]) for runs in (own, others)]
    lever, plan = (bootstrap_scores(side, SAMPLES, 0) for side in sides)
    values = [f1(side.sum(axis=0)) for side in sides]
    differences = values[0] - values[1]
    sampled = for_other_seeds(differences, lever - plan, 0, 0)[:, 0]
    interval = percentile_interval(sampled, LEVEL)
    mean = differences.mean()
    return f"{mean:+.4f} ({interval.low:+.4f} to {interval.high:+.4f}; {len(seeds)})"


def _counts(corpus: str, runs: Sequence[Row]) -> FloatArray:
    """Counts of correct, predicted and gold entities: (documents, runs, 1, 3)."""
    rows = [np.stack([*run["counts"], _gold(corpus, run["seed"])], axis=-1) for run in runs]
    return np.stack(rows, axis=1)[:, :, None, :].astype(np.float64)


_gold_counts: dict[str, FloatArray] = {}


def _gold(corpus: str, seed: int) -> FloatArray:
    """The number of gold entities of each validation document."""
    whole = corpus.partition("-")[0]  # a few training sentences have the same validation split
    if whole not in _gold_counts:
        loaded = lever_corpus(whole, seed)
        _gold_counts[whole] = document_counts(loaded.validation, loaded.validation, loaded.labels)[
            :, 0, GOLD
        ]
    return _gold_counts[whole]


def _cost(runs: Sequence[Row]) -> str:
    if not runs:
        return ""
    minutes, peak = (statistics.mean(run[name] for run in runs) for name in _COSTS)
    return f"{minutes:.1f} min, {peak:.0f}"


_COSTS = "core_minutes", "peak_mib"
