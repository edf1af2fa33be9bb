"""`nerine explain`: each step from a text to its entities."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

import nerine
from nerine.cli.completion import CHECKPOINT
from nerine.cli.documents import check_is_text
from nerine.cli.flags import json_option
from nerine.cli.help import Command
from nerine.cli.model_options import ModelOptions, explaining_options
from nerine.cli.terminal import Titled, column_groups, console, print_json, table

if TYPE_CHECKING:
    from nerine.model import explanation


@click.command(
    cls=Command,
    short_help="Show each step from a text to its entities.",
    epilog="""\b
Examples:
  nerine explain runs/wnut "Mira Okonjo left Tandem Labs for Lisbon."
  nerine explain runs/wnut "Mira Okonjo left Tandem Labs." --json
  nerine explain runs/wnut "Mira Okonjo left Tandem Labs." | less -S
""",
)
@click.argument("checkpoint", type=CHECKPOINT)
@click.argument("text")
@explaining_options
@json_option
def explain(checkpoint: str, text: str, model: ModelOptions, as_json: bool) -> None:
    """Show how CHECKPOINT, a folder or hub id, finds the entities of TEXT.

    Shows subwords, windows, logits, probabilities, tags and entities, each as a table. A terminal
    shows a wide table in parts.
    """
    quoted = shlex.quote(text)
    check_is_text(
        text,
        f'"$(head -n 1 {quoted})" explains its first line; a space after the name makes it a text',
    )
    tagger = model.load(checkpoint)
    explanation = nerine.explain(tagger, text)
    if as_json:
        print_json({"checkpoint": tagger.name, **explanation.to_dict()})
        return
    on = console()
    for number, shown in enumerate(explanation_tables(explanation.tables(), on.width)):
        if number:
            on.print()
        on.print(shown)
    sys.stdout.flush()


def explanation_tables(tables: Sequence[explanation.Table], width: int) -> Iterator[Titled]:
    """The tables of an explanation; one wider than `width` comes in parts.

    Each part begins with the first columns. A cell wider than `width` is folded, not cut.
    """
    for each in tables:
        numbers = [
            name
            for name, cells in zip(each.columns, zip(*each.rows, strict=True), strict=False)
            if all(value.removeprefix("-").replace(".", "", 1).isdecimal() for value in cells)
        ]
        groups = column_groups(each.columns, each.rows, width)
        for part, columns in enumerate(groups, start=1):
            title = each.title + (f" ({part} of {len(groups)})" if len(groups) > 1 else "")
            rows = ([row[index] for index in columns] for row in each.rows)
            names = [each.columns[index] for index in columns]
            yield Titled(title, table(names, rows, numbers=numbers))
