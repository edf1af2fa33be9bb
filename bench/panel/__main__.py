"""The panel: test F1 of the default recipe and of other programs, resumable run by run.

    python -m bench.panel [--systems …] [--corpora …] [--seeds …] [--store FILE] [--table]

Every system trains on the train split of a corpus with the same encoder, keeps the epoch that is
best on the validation split, and predicts the test split once. A finished run is a line of the
store, and is not run again; small corpora come first. `--table` runs nothing. `--corpora wnut-50
wnut-100 wnut-300 wnut-1000 wnut --systems nerine` gives the curve over sizes of WNUT 17.

Flair and spaCy run in environments of their own, which are made in `build/` on first use
(`bench.panel.environments`).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from bench.common import machine
from bench.panel.corpora import panel_corpus
from bench.panel.store import STORE, Key, append_result, make_result, read_results
from bench.panel.systems import CORPORA, CURVE, SYSTEMS
from bench.panel.tables import print_tables


def main() -> None:
    """Runs what is missing in the store, then prints the tables."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    options.add_argument("--corpora", nargs="+", choices=(*CORPORA, *CURVE), default=CORPORA)
    options.add_argument("--seeds", nargs="+", type=int, help="by default those of the system")
    options.add_argument("--store", type=Path, default=STORE)
    options.add_argument("--threads", type=int, help="the number of threads that torch uses")
    options.add_argument("--table", action="store_true", help="only print the tables")
    chosen = options.parse_args()
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    if not chosen.table:
        print(machine(), flush=True)
        for key in _keys(chosen.systems, chosen.corpora, chosen.seeds):
            if key not in read_results(chosen.store):
                _run(key, chosen.store)
    print_tables(read_results(chosen.store).values())


def _keys(
    systems: Sequence[str], corpora: Sequence[str], seeds: Sequence[int] | None
) -> Iterator[Key]:
    """The runs, corpus by corpus."""
    for corpus in corpora:
        for system in systems:
            for seed in SYSTEMS[system].seeds.get(corpus, ()):
                if seeds is None or seed in seeds:
                    yield system, corpus, seed


def _run(key: Key, store: Path) -> None:
    system, name, seed = key
    corpus = panel_corpus(name)
    outcome = SYSTEMS[system].run(corpus, seed)
    result = make_result(key, corpus.test, outcome, torch.get_num_threads())
    append_result(store, result)
    print(
        f"{system}, {name}, seed {seed}: best epoch {result.best_epoch:g}, validation F1 "
        f"{result.validation_f1:.4f}, test F1 {result.scores('strict').f1:.4f} or "
        f"{result.scores('default').f1:.4f}, {result.minutes:.1f} minutes",
        flush=True,
    )


if __name__ == "__main__":
    main()
