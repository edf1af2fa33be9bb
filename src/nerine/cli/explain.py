"""`nerine explain`: each step from a text to its entities."""

from __future__ import annotations

import sys

import click

import nerine
from nerine.cli.options import ModelChoice, json_option, model_options
from nerine.cli.show import explanation_tables
from nerine.cli.terminal import console, print_json


@click.command(
    short_help="Show each step from a text to its entities.",
    epilog="""\b
Examples:
  nerine explain runs/wnut "Mira Okonjo left Tandem Labs for Lisbon."
  nerine explain runs/wnut "Mira Okonjo left Tandem Labs." --json
  nerine explain runs/wnut "Mira Okonjo left Tandem Labs." | less -S
""",
)
@click.argument("checkpoint")
@click.argument("text")
@model_options
@json_option
def explain(checkpoint: str, text: str, model: ModelChoice, as_json: bool) -> None:
    """Show how CHECKPOINT, a folder or hub id, finds the entities of TEXT.

    Subwords, windows, logits, probabilities, tags and entities, each as a table. On a terminal
    a wide table comes in parts.
    """
    tagger = model.load(checkpoint)
    explanation = nerine.explain(tagger, text)
    if as_json:
        print_json({"checkpoint": tagger.name, **explanation.to_dict()})
        return
    on = console()
    for number, table in enumerate(explanation_tables(explanation.tables(), on.width)):
        if number:
            on.print()
        on.print(table)
    sys.stdout.flush()
