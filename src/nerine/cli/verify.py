"""`nerine verify`: prove that an output of shards is whole."""

from __future__ import annotations

from pathlib import Path

import click

from nerine.cli.flags import FILE, json_option
from nerine.cli.help import Command
from nerine.cli.terminal import console, print_json, print_line
from nerine.core.display import counted
from nerine.serving.files.verifying import Verification, verify_output

NOT_WHOLE = 1
"""The exit code if shards are missing or something is wrong."""


@click.command(
    cls=Command,
    short_help="Prove that an output of shards is whole.",
    epilog="""\b
Examples:
  nerine tag runs/wnut archive/ -o tagged/ --shards
  nerine verify tagged/

Exit codes: 0 whole, 1 shards are missing or something is wrong, 2 another folder.
""",
)
@click.argument("output", type=FILE)
@json_option
@click.pass_context
def verify(context: click.Context, output: Path, as_json: bool) -> None:
    """Read all of OUTPUT, a folder that tag --shards has written, and compare it with its receipts.

    Each shard needs a receipt of the run, and its file the size and the hash of the receipt. A file
    that has no receipt is a problem, too.
    """
    from nerine.cli.progress import tagging_display

    with tagging_display() as listener:
        found = verify_output(output, listener)
    if as_json:
        print_json(found.to_dict())
    else:
        _print(found)
    if not found.is_whole:
        context.exit(NOT_WHOLE)


def _print(found: Verification) -> None:
    on = console()
    for problem in found.problems:
        print_line(on, problem)
    kept = found.documents - found.failures
    records = counted(found.documents, "record")
    shards = counted(found.shards, "shard is", "shards are")
    print_line(on, f"{found.done:,} of {shards} done")
    print_line(on, f"{records} in = {kept:,} out + {found.failures:,} failed")
    if found.is_whole:
        print_line(on, "whole: sizes, hashes and counts are those of the receipts")
    elif found.problems:
        print_line(on, f"not whole: {counted(len(found.problems), 'problem')}", "bold")
    else:
        print_line(on, "not whole yet: nerine tag with --resume completes it", "bold")
