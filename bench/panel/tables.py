"""The tables of the panel: scores of each system, and Nerine's difference to each peer."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

import numpy as np

from bench.panel.corpora import panel_corpus
from bench.panel.store import Result
from bench.panel.systems import CORPORA, CURVE, NERINE, SYSTEMS, WITHOUT_CRF
from nerine.evaluation.significance.intervals import LEVEL, SAMPLES, Interval, percentile_interval
from nerine.evaluation.significance.samples import (
    GOLD,
    FloatArray,
    bootstrap_f1,
    document_counts,
)

READINGS = ("strict", "default", "final")
"""Modes of seqeval, and the final epoch of a peer that keeps it by default."""

Runs = Mapping[tuple[str, str], Sequence[Result]]
"""The runs of each system on each corpus."""


def print_tables(results: Iterable[Result]) -> None:
    """Prints the table of scores, and if Nerine is among the systems those of differences."""
    runs: dict[tuple[str, str], list[Result]] = {}
    for result in sorted(results, key=lambda each: each.key):
        if result.system not in (*SYSTEMS, WITHOUT_CRF):  # a rule that was given up
            continue
        runs.setdefault((result.system, result.corpus), []).append(result)
    _print_scores(runs)
    if any(system == NERINE for system, _ in runs):
        _print_best_peers(runs)
        _print_mean_differences(runs)
        _print_curve(runs)


def best_reading(runs: Sequence[Result]) -> str:
    """The reading of predictions with the highest mean F1 over the runs."""
    return max(READINGS, key=lambda reading: statistics.mean(_f1(runs, reading)))


def _f1(runs: Sequence[Result], reading: str) -> list[float]:
    return [run.scores(reading).f1 for run in runs]


def mean_f1(runs: Sequence[Result]) -> float:
    """The mean test F1 of the runs, by their best reading."""
    return statistics.mean(_f1(runs, best_reading(runs)))


def difference_interval(corpus: str, runs: Sequence[Result], peers: Sequence[Result]) -> Interval:
    """The paired bootstrap interval of the mean F1 of runs minus that of a peer's.

    Each sample draws the same documents for both, and seeds of each.
    """
    first, second = (
        bootstrap_f1(_counts(corpus, side), SAMPLES, 0, index)[:, 0]
        for index, side in enumerate((runs, peers))
    )
    return percentile_interval(first - second, LEVEL)


def _counts(corpus: str, runs: Sequence[Result]) -> FloatArray:
    """Counts of correct, predicted and gold entities: (documents, runs, 1, 3)."""
    scores = [run.scores(best_reading(runs)) for run in runs]
    gold = _gold_counts(corpus)
    rows = [np.stack([each.correct, each.predicted, gold], axis=-1) for each in scores]
    return np.stack(rows, axis=1)[:, :, None, :].astype(np.float64)


@cache
def _gold_counts(corpus: str) -> FloatArray:
    documented = panel_corpus(corpus)
    return document_counts(documented.test, documented.test, documented.labels)[:, 0, GOLD]


def _print_scores(runs: Runs) -> None:
    """A row for each system, a column for each corpus."""
    print("\nTest F1, mean ± standard deviation over seeds, and mean minutes of one core. Peers by")
    print(
        "the better of seqeval's two readings; Flair also by its final epoch if that is better.\n"
    )
    print(f"| system | {' | '.join(CORPORA)} |\n|---|{'---|' * len(CORPORA)}")
    for system in (*SYSTEMS, WITHOUT_CRF):
        cells = [_cell(runs.get((system, corpus), ())) for corpus in CORPORA]
        if any(cells):
            print(f"| {system} | {' | '.join(cells)} |")


def _cell(runs: Sequence[Result]) -> str:
    if not runs:
        return ""
    values = _f1(runs, best_reading(runs))
    spread = f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else ""
    minutes = statistics.mean(run.core_minutes or run.minutes for run in runs)
    return f"{statistics.mean(values):.4f}{spread}, {minutes:.1f} min"


def _print_best_peers(runs: Runs) -> None:
    """Nerine against the best peer on each corpus."""
    print(f"\nNerine minus the best peer, with the paired {LEVEL:.0%} interval\n")
    columns = ("corpus", "best peer", "its F1", "Nerine", "difference", "interval")
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for corpus in CORPORA:
        on_it = {name: found for (name, on), found in runs.items() if on == corpus}
        peers = {name: found for name, found in on_it.items() if name in SYSTEMS}
        own = peers.pop(NERINE, None)
        if own and peers:
            name = max(peers, key=lambda each: mean_f1(peers[each]))
            interval = difference_interval(corpus, own, peers[name])
            print(
                f"| {corpus} | {name} | {mean_f1(peers[name]):.4f} | {mean_f1(own):.4f} "
                f"| {mean_f1(own) - mean_f1(peers[name]):+.4f} "
                f"| {interval.low:+.4f} to {interval.high:+.4f} |"
            )


def _print_mean_differences(runs: Runs) -> None:
    """Nerine's mean difference to each peer, over the corpora on which both ran."""
    print("\nNerine minus each peer, mean over the corpora on which it ran\n")
    print("| peer | corpora | its mean F1 | Nerine's | difference |\n|---|---|---|---|---|")
    for system in SYSTEMS:
        pairs = [
            (mean_f1(runs[system, corpus]), mean_f1(runs[NERINE, corpus]))
            for corpus in CORPORA
            if system != NERINE and (system, corpus) in runs and (NERINE, corpus) in runs
        ]
        if pairs:
            theirs, ours = map(statistics.mean, zip(*pairs, strict=True))
            print(f"| {system} | {len(pairs)} | {theirs:.4f} | {ours:.4f} | {ours - theirs:+.4f} |")


def _print_curve(runs: Runs) -> None:
    """A row for each size of WNUT's training split, with the times of the default recipe."""
    print("\nNerine on subsets of WNUT 17, by its default and by the one before\n")
    print("| system | corpus | test F1 | minutes | share of validation |\n|---|---|---|---|---|")
    for system, corpus in itertools.product((NERINE, WITHOUT_CRF), CURVE):
        own = runs.get((system, corpus), ())
        if own:
            minutes = ", ".join(f"{run.minutes:.1f}" for run in own)
            shares = ", ".join(f"{run.validation_share or 0:.0%}" for run in own)
            values = _f1(own, "strict")
            spread = f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else ""
            f1 = f"{statistics.mean(values):.4f}{spread}"
            print(f"| {system} | {corpus} | {f1} | {minutes} | {shares} |")
