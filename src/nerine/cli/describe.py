"""`nerine describe`: what there is to know about a corpus."""

from __future__ import annotations

import click

from nerine.cli.options import CorpusReading, corpus_notes, corpus_options, json_option
from nerine.cli.show import print_statistics
from nerine.cli.terminal import cell, console, print_json


@click.command(
    epilog="""\b
Examples:
  nerine describe sample
  nerine describe wnut17/ --json
  nerine describe owner/name@main --config en
  nerine describe eng.train --tag-column -1 --scheme-in IOB1
"""
)
@click.argument("corpus")
@corpus_options
@json_option
def describe(corpus: str, reading: CorpusReading, as_json: bool) -> None:
    """Describe CORPUS: splits, labels, lengths, repetition, examples.

    CORPUS is a folder, a single file, "sample", or a data set on the hub as owner/name or
    owner/name@revision.
    """
    from nerine.data.statistics import corpus_statistics

    loaded = reading.load(corpus)
    statistics = corpus_statistics(loaded)
    notes = corpus_notes(loaded)
    if as_json:
        print_json({**statistics.to_dict(), "notes": notes})
        return
    on = console()
    for note in notes:
        on.print(cell(f"note: {note}"), soft_wrap=True)
    print_statistics(statistics, on)
