"""`nerine tune`: search for settings of training that suit a corpus."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import nerine
from nerine.cli.cluster import Spread, spread_options
from nerine.cli.completion import CORPUS
from nerine.cli.failures import INTERRUPTED
from nerine.cli.flags import default_option, json_option, output_option, threads_option
from nerine.cli.help import Command
from nerine.cli.options import CorpusOptions, corpus_options, notes_on
from nerine.cli.outputs import check_start, overwrite_option, remove_run
from nerine.cli.resuming import print_resuming_command, resuming_command
from nerine.cli.terminal import Titled, noted_console, print_json, print_line, table, working
from nerine.cli.training import recipe_option, run_settings, setting_options, settings_file_option
from nerine.core.display import counted
from nerine.core.filenames import STUDY_FILE
from nerine.training.recipes import recipe
from nerine.training.settings import TrainingSettings

if TYPE_CHECKING:
    from rich.console import Console

    from nerine.training.tuning.result import Tuning


@click.command(
    cls=Command,
    short_help="Search for settings that suit a corpus.",
    epilog="""\b
Examples:
  nerine tune posts/ -o tuned --minutes 30
  nerine tune posts/ -o tuned --minutes 120 --resume
  nerine tune posts/ -o tuned --minutes 30 --processes 4
  nerine tune posts/ -o tuned --runs 40 --tune learning_rate --tune dropout
  nerine tune posts/ -o tuned --encoder FacebookAI/roberta-base
  nerine train posts/ --settings tuned/recipe.toml -o runs/posts

The first trial has the settings of `nerine train`. The best trials are trained with other seeds,
and the recipe differs from the default only if they are better by more than chance. TUNED has
study.jsonl, from which --resume continues, also with a larger budget; trials.jsonl; report.md; and
recipe.toml. Checkpoints are not kept.
""",
)
@click.argument("corpus", type=CORPUS)
@output_option("TUNED", "Folder for the search: a new or empty one, or that of the one to resume.")
@click.option(
    "--tune",
    "names",
    multiple=True,
    metavar="SETTING",
    help="Setting to tune: learning_rate, steps, batch_size, masking, freeze_embeddings, "
    "layer_decay, averaging, warmup, dropout or weight_decay. May be repeated.  [default: the "
    "first six, without those that are given as options]",
)
@click.option(
    "--minutes", type=float, help="Budget in minutes.  [default: 60, if --runs is not given]"
)
@click.option("--runs", type=int, help="Budget in training runs, pruned ones included.")
@default_option(
    "--finalists", 3, "Settings to train with several seeds, the default ones included.", type=int
)
@default_option("--seeds", 3, "Seeds of each finalist, that of the search included.", type=int)
@recipe_option
@settings_file_option
@click.option("--resume", is_flag=True, help="Resume the interrupted search in TUNED.")
@overwrite_option
@threads_option
@spread_options("Train in N processes at the same time, each with its share of the threads.")
@setting_options(TrainingSettings())
@corpus_options
@json_option
def tune(
    corpus: str,
    output: Path,
    names: tuple[str, ...],
    minutes: float | None,
    runs: int | None,
    finalists: int,
    seeds: int,
    recipe_name: str | None,
    settings_file: Path | None,
    resume: bool,
    overwrite: bool,
    changes: dict[str, Any],
    reading: CorpusOptions,
    as_json: bool,
    spread: Spread,
) -> None:
    """Search for settings of training that suit CORPUS, by validation F1.

    A setting that is given as an option keeps its value. CORPUS is a folder with a file for each
    split, "sample", or a data set on the hub as owner/name or owner/name@revision. Its test split
    is not used.
    """
    check_start(resume=resume, overwrite=overwrite)
    search = nerine.tune  # before the corpus is read: its package may be missing
    settings = run_settings(recipe(recipe_name or "default"), {}, settings_file, None)
    with working(f"reading {corpus}"):
        loaded = reading.load(corpus)
    if overwrite:
        remove_run(output, [corpus, settings.changed(changes).encoder])
    from nerine.cli.progress import training_display

    try:
        with training_display() as listener:
            tuning = search(
                loaded,
                output=output,
                settings=settings,
                names=names or None,
                minutes=minutes,
                runs=runs,
                finalists=finalists,
                seeds=seeds,
                resume=resume,
                listener=listener,
                processes=spread.processes,
                cluster=spread.cluster,
                **changes,
            )
    except KeyboardInterrupt as signal:
        if not (output / STUDY_FILE).is_file():
            raise click.Abort from None
        context = click.get_current_context()
        stopped_by = signal.args[0] if signal.args else "SIGINT"
        state = f"stopped by {stopped_by}; the search was saved"
        print_resuming_command(state, resuming_command(context))
        context.exit(INTERRUPTED)
    notes = [*notes_on(loaded), *tuning.notes]
    if as_json:
        print_json({**tuning.to_dict(), "notes": notes})
        return
    on = noted_console(notes)
    print_tuning(tuning, on)
    command = ["nerine", "train", corpus, "--settings", str(output / "recipe.toml"), "-o", "RUN"]
    print_line(on, f"train with: {shlex.join(command)}")


def print_tuning(tuning: Tuning, on: Console) -> None:
    """Prints the budget, the finalists, the importance of the settings and the decision."""
    runs, seconds = tuning.spent
    names = ", ".join(each.name for each in tuning.space.ranges)
    print_line(on, f"tuned {names}")
    print_line(
        on, f"{counted(runs, 'run')} in {seconds / 60:.1f} minutes; the budget was {tuning.budget}"
    )
    columns, rows = tuning.finalist_rows()
    title = "Validation F1 of the finalists"
    on.print(Titled(title, table(columns, rows, numbers=columns[2:])))
    if tuning.importance:
        shares = (f"{name} {share:.0%}" for name, share in tuning.importance.items())
        print_line(on, f"importance: {', '.join(shares)}")
    print_line(on, tuning.decision.statement())
    print_line(on, f"wrote {tuning.folder}/recipe.toml, report.md and trials.jsonl")
