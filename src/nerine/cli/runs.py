"""`nerine runs`: list the training runs in a folder."""

from __future__ import annotations

import click

from nerine.cli.flags import json_option
from nerine.cli.help import Command
from nerine.cli.terminal import console, print_json, print_line, table

_MEGABYTE = 1_000_000


@click.command(
    cls=Command,
    short_help="List the training runs in a folder.",
    epilog="""\b
Examples:
  nerine runs
  nerine runs experiments/ --json | jq '.runs[] | select(.f1 > 0.5) | .folder'
""",
)
@click.argument("folder", default="runs")
@json_option
def runs(folder: str, as_json: bool) -> None:
    """List the training runs in FOLDER: corpus, recipe, validation F1, time and size.

    FOLDER is runs if it is not given; its subfolders are looked through, too.
    """
    from nerine.training.listing import list_runs

    found = list_runs(folder)
    if as_json:
        print_json({"folder": folder, "runs": [each.to_dict() for each in found]})
        return
    on = console()
    if not found:
        print_line(on, f"there are no training runs in {folder}")
        return
    columns = ("run", "corpus", "recipe", "validation F1", "minutes", "MB", "optimised")
    rows = []
    for each in found:
        seeds = f", {each.seeds} seeds" if each.seeds else ""
        recipe = f"{each.recipe or ''}{seeds}" if each.state != "unreadable" else each.fault or ""
        optimised = [f"{name}*" if name == each.chosen else name for name in each.optimized]
        score = each.state if each.f1 is None else f"{each.f1:.4f}"
        minutes = "" if each.seconds is None else f"{each.seconds / 60:.1f}"
        size = "" if each.bytes is None else f"{each.bytes / _MEGABYTE:.1f}"
        rows.append(
            (str(each.folder), each.corpus or "", recipe, score, minutes, size, " ".join(optimised))
        )
    on.print(table(columns, rows, numbers=("validation F1", "minutes", "MB")))
    if any(each.chosen in each.optimized for each in found):
        print_line(on, "* runs by default")
