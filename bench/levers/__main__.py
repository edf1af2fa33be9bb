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
from pathlib import Path

from bench.common import machine
from bench.levers.levers import ALL, LEVERS, SHOTS
from bench.levers.tables import print_tables
from bench.levers.trials import STORE, Means, read, try_once


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
                        try_once((lever, corpus, seed), means, chosen.store)
    print_tables(read(chosen.store))


if __name__ == "__main__":
    main()
