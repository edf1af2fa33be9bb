"""`nerine train`: fine-tune an encoder on a corpus."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import nerine
from nerine.cli.completion import CORPUS
from nerine.cli.flags import json_option, output_option, processes_option, threads_option
from nerine.cli.help import Command
from nerine.cli.launched import in_first_process, launched_together
from nerine.cli.options import CorpusOptions, corpus_options, notes_on
from nerine.cli.outputs import check_start, overwrite_option, remove_run
from nerine.cli.seeds import end_seeds, resumed_seeds, run_seeds
from nerine.cli.terminal import console, is_main_process, print_json, print_line, working
from nerine.cli.training import (
    end_run,
    print_plan,
    recipe_option,
    run_settings,
    run_training,
    setting_options,
    settings_file_option,
)
from nerine.training.recipes import recipe
from nerine.training.settings import TrainingSettings

if TYPE_CHECKING:
    from nerine.training.plan import Plan
    from nerine.training.seeds import Keep


@click.command(
    cls=Command,
    short_help="Fine-tune an encoder on a corpus.",
    epilog="""\b
Examples:
  nerine train sample -o runs/sample
  nerine train wnut17/ -o runs/large --encoder FacebookAI/roberta-large
  nerine train wnut17/ --plan
  nerine train wnut17/ -o runs/wnut --resume
  nerine train wnut17/ -o runs/wnut --seeds 3
  nerine train wnut17/ -o runs/wnut --processes 2
  nerine train wnut17/ -o runs/notebook --recipe notebook --learning-rate 5e-5

The settings are those of a recipe, changed by a settings file, then by options. A resumed run keeps
the settings that it began with.
""",
)
@click.argument("corpus", type=CORPUS)
@output_option(
    "RUN",
    "Folder for the checkpoint: a new or empty one, or that of the run to resume.",
    required=False,
)
@recipe_option
@settings_file_option
@click.option("--plan", "plan_only", is_flag=True, help="Print the plan of the run and stop.")
@click.option("--resume", is_flag=True, help="Resume the interrupted run in RUN.")
@overwrite_option
@threads_option
@click.option(
    "--seeds",
    type=click.IntRange(2),
    metavar="N",
    help="Train with N seeds, from --seed on, each in a folder of its own in RUN.",
)
@processes_option(
    "Train in N processes on this machine, which share each batch: one for each GPU, or for some "
    "cores each."
)
@click.option(
    "--keep",
    type=click.Choice(["best", "soup"]),
    help="With --seeds: keep the run with the best validation F1, or the mean of all weights.  "
    "[default: best]",
)
@setting_options(TrainingSettings())
@corpus_options
@json_option
def train(
    corpus: str,
    output: Path | None,
    recipe_name: str | None,
    settings_file: Path | None,
    resume: bool,
    overwrite: bool,
    seeds: int | None,
    keep: Keep | None,
    processes: int,
    plan_only: bool,
    changes: dict[str, Any],
    reading: CorpusOptions,
    as_json: bool,
) -> None:
    """Fine-tune an encoder on CORPUS and keep the weights that score best on its validation split.

    What the settings leave open is planned from the corpus: the plan is printed and saved in RUN.

    CORPUS is a folder with a file for each split, "sample", or a data set on the hub as
    owner/name or owner/name@revision. Its test split is not used.
    """
    if output is None and not plan_only:
        raise click.MissingParameter(param_hint="'-o' / '--output'", param_type="option")
    if resume and output is not None and seeds is None:
        seeds, keep = resumed_seeds(output, keep)
    check_start(resume=resume, overwrite=overwrite)
    if keep and seeds is None:
        raise click.UsageError("--keep needs --seeds")
    resumed = output if resume and recipe_name is None else None
    from nerine.training.parallel.launch import check_processes

    with launched_together():
        base = recipe(recipe_name or "default")
        settings = run_settings(base, changes, settings_file, resumed)
        with working(f"reading {corpus}"):
            loaded = reading.load(corpus)
        with working("planning"):
            plan = nerine.plan_training(loaded, settings)
        _show(plan, plan_only=plan_only, as_json=as_json)
        if output is None or plan_only:
            return
        check_processes(processes, plan.settings.batch_size)
        if overwrite:
            in_first_process(lambda: remove_run(output, [corpus, plan.settings.encoder]))
    if seeds is not None:
        keep = keep or "best"
        group = run_seeds(loaded, output, plan, seeds, keep, resume=resume, processes=processes)
        end_seeds(group, notes_on(loaded), plan, as_json=as_json)
        return
    run = run_training(loaded, output, plan, resume=resume, processes=processes)
    end_run(run, notes_on(loaded), as_json=as_json, plan=plan)


def _show(plan: Plan, *, plan_only: bool, as_json: bool) -> None:
    """Prints a plan; as JSON only if it is the whole result."""
    if not as_json:
        print_plan(plan)
        if plan_only and not plan.choices:
            print_line(console(), "all settings are given: there is nothing to choose")
    elif plan_only and is_main_process():
        print_json(plan.to_dict())
