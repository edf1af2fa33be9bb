"""Trials of settings on the panel, by validation only; each is a line of `docs/trials.jsonl`.

    python -m bench.trials run NAME [SETTING=VALUE ...] --corpora ai politics [--seeds 0] [--base R]
    python -m bench.trials table [NAME ...]

The protocol is `docs/trials.md`. A trial whose name, corpus and seed are in the file is not run
again. The test split is deleted before a run starts.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch

from bench.panel.corpora import panel_corpus, without_test
from nerine.training.plan import plan_training
from nerine.training.recipes import RECIPES, recipe
from nerine.training.train import train

STORE = Path(__file__).parents[1] / "docs" / "trials.jsonl"


def main() -> None:
    """Runs the trials that are missing, or prints those in the file."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--store", type=Path, default=STORE)
    verbs = options.add_subparsers(dest="verb", required=True)
    run = verbs.add_parser("run")
    run.add_argument("name")
    run.add_argument("changes", nargs="*", metavar="SETTING=VALUE", help="TOML values")
    run.add_argument("--base", choices=list(RECIPES), default="default")
    run.add_argument("--corpora", nargs="+", required=True)
    run.add_argument("--seeds", nargs="+", type=int, default=[0])
    table = verbs.add_parser("table")
    table.add_argument("names", nargs="*")
    chosen = options.parse_args()
    if chosen.verb == "table":
        print_table(read(chosen.store), chosen.names)
        return
    changes = tomllib.loads("\n".join(chosen.changes))
    for seed in chosen.seeds:
        for corpus in chosen.corpora:
            key = chosen.name, corpus, seed
            if key in {(row["name"], row["corpus"], row["seed"]) for row in read(chosen.store)}:
                continue
            row = trial(chosen.base, changes, corpus, seed)
            line = {"name": chosen.name, "corpus": corpus, "seed": seed, **row}
            with chosen.store.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            print(
                *key, f"{row['f1']:.4f} at step {row['step']}, {row['minutes']:.1f} min", flush=True
            )


def trial(base: str, changes: dict[str, Any], name: str, seed: int) -> dict[str, Any]:
    """Trains once, and returns the validation scores of the weights that were kept."""
    corpus = without_test(panel_corpus(name))
    plan = plan_training(corpus, recipe(base).changed({**changes, "seed": seed}))
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        run = train(corpus, output=Path(folder) / "run", settings=plan)
        if run.interrupted:
            raise KeyboardInterrupt(run.interrupted)
    return {
        "base": base,
        "changes": changes,
        "settings": plan.settings.to_dict(),
        "f1": run.best.f1,
        "precision": run.best.precision,
        "recall": run.best.recall,
        "loss": run.best.validation_loss,
        "step": run.best.step,
        "last_f1": run.epochs[-1].f1,
        "curve": [[each.step, round(each.f1, 4)] for each in run.epochs],
        "minutes": (time.monotonic() - began) / 60,
        "threads": torch.get_num_threads(),
        "load": os.getloadavg()[0],
        "date": time.strftime("%Y-%m-%d"),
    }


def read(store: Path) -> list[dict[str, Any]]:
    """The trials in the file, in the order in which they ended."""
    if not store.is_file():
        return []
    return [json.loads(line) for line in store.read_text(encoding="utf-8").splitlines()]


def print_table(rows: list[dict[str, Any]], names: list[str]) -> None:
    """Prints the mean validation F1 of each trial on each corpus, over its seeds."""
    cells: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in rows:
        cells[row["name"], row["corpus"]].append(row["f1"])
    corpora = sorted({corpus for _, corpus in cells})
    shown = names or list(dict.fromkeys(row["name"] for row in rows))
    print("| trial |", " | ".join(corpora), "|")
    print("|---|" + "---|" * len(corpora))
    for name in shown:
        values = [cells.get((name, corpus), []) for corpus in corpora]
        texts = [f"{statistics.mean(each):.4f} ({len(each)})" if each else "" for each in values]
        print(f"| {name} |", " | ".join(texts), "|")


if __name__ == "__main__":
    main()
