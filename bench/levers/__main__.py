"""Tries the levers on the panel, trial by trial, or prints the table of those in the store.

    python -m bench.levers [--levers …] [--corpora …] [--seeds 0] [--raw FILE …]
                           [--mpnet FOLDER] [--store FILE]
    python -m bench.levers --table

The protocol is `docs/trials.md`. A trial that is in the store is not run again, so a run that was
killed goes on where it was. Models are scored on validation splits only. Levers with raw texts
need files of them, a text a line; a test split is read to leave out raw texts that are like its
own.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from bench.common import machine
from bench.levers.levers import ALL, LEVERS, SHOTS
from bench.levers.tables import print_tables
from bench.levers.trials import Means, key_of, read, run_apart, run_folder

STORE = Path(__file__).parents[2] / "docs" / "levers.jsonl"


def main() -> None:
    """Runs the trials that are missing, then prints the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--levers", nargs="+", choices=list(LEVERS), default=list(LEVERS))
    options.add_argument("--corpora", nargs="+", choices=(*ALL, *SHOTS), default=(*SHOTS, *ALL))
    options.add_argument("--seeds", nargs="+", type=int, default=[0])
    options.add_argument("--raw", nargs="+", type=Path, default=[], help="files of a text a line")
    options.add_argument("--mpnet", type=Path, help="the folder of a base-sized encoder")
    options.add_argument("--store", type=Path, default=STORE)
    options.add_argument("--threads", type=int, default=1, help="the threads of torch")
    options.add_argument("--table", action="store_true", help="only print the table")
    chosen = options.parse_args()
    means = Means(chosen.raw, chosen.mpnet, chosen.threads)
    if not chosen.table:
        print(machine(), flush=True)
        for seed in chosen.seeds:
            for corpus in chosen.corpora:
                for lever in chosen.levers:
                    if corpus in LEVERS[lever].corpora:
                        _try((lever, corpus, seed), means, chosen.store)
    print_tables(read(chosen.store))


def _try(key: tuple[str, str, int], means: Means, store: Path) -> None:
    """Runs a trial and appends its line, unless it is in the store; its teachers are tried first.

    A teacher that is in the store, but whose run is gone, is trained again without a line.
    """
    if key in {key_of(row) for row in read(store)}:
        return
    lever = LEVERS[key[0]]
    for number in range(lever.teachers):
        teacher = (lever.teacher, key[1], number)
        _try(teacher, means, store)
        if not (run_folder(*teacher) / "nerine.json").is_file():
            run_apart(*teacher, means)
    row = run_apart(*key, means)
    with store.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row, separators=(",", ":")) + "\n")
    print(
        f"{key[0]}, {key[1]}, seed {key[2]}: F1 {row['f1']:.4f} at step {row['best_step']}, "
        f"{row['core_minutes']:.1f} minutes of one core",
        flush=True,
    )


if __name__ == "__main__":
    main()
