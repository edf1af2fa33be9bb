"""`nerine train --seeds`: the runs of several seeds, and their output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nerine
from nerine.cli.terminal import (
    Titled,
    cell,
    is_main_process,
    noted_console,
    print_json,
    print_line,
    table,
)
from nerine.cli.training import (
    exit_if_interrupted,
    exit_if_nothing_learned,
    print_sign,
    run_as_json,
)
from nerine.core.filenames import RUN_FILE

if TYPE_CHECKING:
    from rich.text import Text

    from nerine.training.plan import Plan
    from nerine.training.seeds import Keep, SeedRuns


def resumed_seeds(folder: Path, keep: Keep | None) -> tuple[int | None, Keep | None]:
    """The number of seeds of the group to resume, and what it keeps unless `keep` is given.

    The number is None if the folder holds a run of one seed.
    """
    from nerine.training.seeds import KEEP_KEY, SEEDS_KEY

    try:
        saved = json.loads((folder / RUN_FILE).read_text(encoding="utf-8"))
        return saved.get(SEEDS_KEY), keep or saved.get(KEEP_KEY)
    except (OSError, ValueError, AttributeError):  # `train` reports them
        return None, keep


def run_seeds(
    corpus: nerine.Corpus,
    output: Path,
    plan: Plan,
    seeds: int,
    keep: Keep,
    *,
    resume: bool,
    processes: int,
) -> SeedRuns:
    """Trains with several seeds; a terminal shows the progress."""
    from nerine.cli.progress import training_display

    with training_display() as listener:
        return nerine.train_seeds(
            corpus,
            output=output,
            seeds=seeds,
            keep=keep,
            settings=plan,
            resume=resume,
            listener=listener,
            processes=processes,
        )


def end_seeds(group: SeedRuns, notes: list[str], plan: Plan, *, as_json: bool) -> None:
    """Prints the result of several seeds with their signs of failure.

    Exits with a code of its own if interrupted, or if the model of each seed has learned nothing.
    """
    if is_main_process():
        notes = [*notes, *group.notes]
        if as_json:
            print_json({**_group_as_json(group, notes), "plan": plan.to_dict()})
        elif group.interrupted is None:
            _print_group(group, notes)
    exit_if_interrupted(group.interrupted)
    exit_if_nothing_learned(*group.runs)


def _group_as_json(group: SeedRuns, notes: list[str]) -> dict[str, Any]:
    ended = group.interrupted is None
    return {
        "checkpoint": str(group.folder) if ended else None,
        "keep": group.keep,
        "mean": group.mean if ended else None,
        "deviation": group.deviation if ended else None,
        "seeds": [
            {"seed": seed, "f1": run.best.f1 if run.interrupted is None else None}
            | run_as_json(run, list(run.notes))
            for seed, run in zip(group.seeds, group.runs, strict=True)
        ],
        "kept": group.best_seed if ended and group.keep == "best" else None,
        "soup": None if group.soup is None else group.soup.to_dict(),
        "notes": notes,
        "interrupted": group.interrupted,
    }


def _print_group(group: SeedRuns, notes: list[str]) -> None:
    """Prints the notes, a row for each seed, their mean, and the folder of the checkpoint."""
    on = noted_console(notes)
    names = ("epoch", "validation loss", "precision", "recall", "F1", "accuracy")
    rows: list[list[str | Text]] = []
    for seed, run in zip(group.seeds, group.runs, strict=True):
        best = run.best
        values = (best.validation_loss, best.precision, best.recall, best.f1, best.accuracy)
        is_kept = group.keep == "best" and seed == group.best_seed
        mark = cell("kept" if is_kept else "", "bold")
        rows.append([f"{seed}", f"{best.epoch:g}", *(f"{value:.4f}" for value in values), mark])
    if group.soup is not None:
        overall = group.soup.overall
        scores = (overall.precision, overall.recall, overall.f1, group.soup.accuracy)
        shown = (f"{value:.4f}" for value in scores)
        rows.append(["soup", "", "", *shown, cell("kept", "bold")])
    title = "On the validation split, by the best epoch of each seed"
    on.print(Titled(title, table(("seed", *names, ""), rows, numbers=names)))
    spread = f"{group.mean:.4f} ± {group.deviation:.4f}"
    print_line(on, f"F1 {spread} over {len(group.runs)} seeds (mean ± standard deviation)")
    for sign in dict.fromkeys(sign for run in group.runs for sign in run.signs):
        print_sign(sign, on)
    print_line(on, f"the checkpoint is in {group.folder}")
