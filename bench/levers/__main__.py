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

from pathlib import Path

from bench.common import machine
from bench.levers.levers import ALL, LEVERS, SHOTS
from bench.levers.tables import print_tables
from bench.levers.trials import STORE, means_of, read, trial_options, try_once


def main() -> None:
    """Runs the trials that are missing, then prints the table."""
    options = trial_options(__doc__)
    options.add_argument("--levers", nargs="+", choices=list(LEVERS), default=list(LEVERS))
    options.add_argument("--corpora", nargs="+", choices=(*ALL, *SHOTS), default=(*SHOTS, *ALL))
    options.add_argument("--seeds", nargs="+", type=int, default=[0])
    options.add_argument("--store", type=Path, default=STORE)
    chosen = options.parse_args()
    if not chosen.table:
        print(machine(), flush=True)
        for seed in chosen.seeds:
            for corpus in chosen.corpora:
                for lever in chosen.levers:
                    if corpus in LEVERS[lever].corpora:
                        try_once((lever, corpus, seed), means_of(chosen), chosen.store)
    print_tables(read(chosen.store))


if __name__ == "__main__":
    main()
