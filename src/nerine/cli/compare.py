"""`nerine compare`: which system is better, and how sure that is."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nerine.cli.options import (
    CorpusReading,
    PredictedReading,
    Sampling,
    chosen_split,
    corpus_notes,
    corpus_options,
    json_option,
    predicted_options,
    sampling_options,
    split_option,
    split_shown,
)
from nerine.cli.score import alignment_notes, paired
from nerine.cli.terminal import cell, console, print_json, table, titled, working
from nerine.core.display import counted
from nerine.core.errors import CorpusError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from nerine.core.document import Document
    from nerine.data.corpus import Corpus
    from nerine.evaluation.error_analysis import DocumentDifference
    from nerine.evaluation.significance import Comparison, Difference, System

_FEW = "with so few documents intervals are too narrow and the bootstrap's p is too small"


@click.command(
    short_help="Test whether one system is better than another.",
    epilog="""\b
Examples:
  nerine compare wnut17/ old.jsonl new.jsonl
  nerine compare test.conll old=old-1.conll old=old-2.conll new=new-1.conll new=new-2.conll
  nerine compare wnut17/ runs/old runs/new --split validation --show 20

NAME=FILE gives a system its name; several files of one name are runs of several seeds.
""",
)
@click.argument("gold")
@click.argument("systems", metavar="SYSTEM SYSTEM...", nargs=-1, required=True)
@split_option
@click.option(
    "--show",
    default=0,
    type=click.IntRange(0),
    metavar="N",
    help="Show N texts on which two systems differ.",
)
@predicted_options
@sampling_options
@corpus_options
@json_option
def compare(
    gold: str,
    systems: tuple[str, ...],
    split: str | None,
    show: int,
    theirs: PredictedReading,
    sampling: Sampling,
    reading: CorpusReading,
    as_json: bool,
) -> None:
    """Compare systems on GOLD: is the difference in F1 more than chance?

    A SYSTEM is a file with predictions, of any format, or a checkpoint, a folder or hub id, which
    then tags the texts. Each pair is tested by the paired bootstrap, and by approximate
    randomisation where a system is one run, over all labels and for each.
    """
    from nerine.evaluation.error_analysis import document_differences
    from nerine.evaluation.metrics import Signature
    from nerine.evaluation.significance import compare as compare_systems
    from nerine.evaluation.significance.intervals import FEW_DOCUMENTS

    corpus = reading.load(gold)
    read = _Outputs(corpus, chosen_split(corpus, split), theirs)
    found = read.systems(systems)
    documents = read.gold
    with working(f"comparing {counted(len(found), 'system')}"):
        comparison = compare_systems(documents, found, **sampling.given)
    shown = split_shown(corpus, read.split)
    signature = str(Signature.of(documents, split=shown, scheme=read.scheme))
    differing = document_differences(documents, found[0].runs[0], found[1].runs[0])
    few = [_FEW] if len(documents) < FEW_DOCUMENTS else []
    notes = [*corpus_notes(corpus), *read.notes, *few]
    if as_json:
        print_json(
            {
                "gold": gold,
                "notes": notes,
                **comparison.to_dict(),
                "changes": [each.to_dict() for each in differing],
                "signature": signature,
            }
        )
        return
    on = console()
    for note in notes:
        on.print(cell(f"note: {note}"), soft_wrap=True)
    print_comparison(comparison, on)
    _print_changes(differing[:show], len(differing), found, read, on)
    on.print()
    on.print(cell(signature), soft_wrap=True)


class _Outputs:
    """Reads the outputs of systems for the documents of one split."""

    def __init__(self, corpus: Corpus, split: str, theirs: PredictedReading) -> None:
        self.corpus = corpus
        self.split = split
        self.gold = corpus.split(split)
        self.notes: list[str] = []
        self._schemes: dict[str | None, None] = {}
        self._theirs = theirs

    def systems(self, given: Sequence[str]) -> list[System]:
        """The systems, in the order of their names' first occurrences."""
        from nerine.evaluation.significance import System

        runs: dict[str, list[tuple[Document, ...]]] = {}
        for each in given:
            name, path = _named(each)
            runs.setdefault(name, []).append(self._output(path))
        if len(runs) < 2:
            raise CorpusError(
                f"there is {counted(len(runs), 'system')}: {', '.join(runs)}",
                expected="two or more, each a file or a checkpoint",
                hint="NAME=FILE gives a system a name of its own",
            )
        return [System(name, tuple(outputs)) for name, outputs in runs.items()]

    @property
    def scheme(self) -> str | None:
        """The scheme of the tags that were read; all of them, where the systems have several."""
        return ",".join(each or "ranges" for each in self._schemes) if any(self._schemes) else None

    def _output(self, path: Path) -> tuple[Document, ...]:
        from nerine.data.corpus import is_hub_id

        if path.is_dir() or (not path.exists() and is_hub_id(str(path))):
            from nerine.model.tagger import Tagger

            self._schemes[None] = None
            with working(f"tagging with {path}"):
                return tuple(Tagger.load(str(path)).predict(self.gold))
        alignment = paired(self.corpus, self.split, path, self._theirs)
        self._schemes[alignment.scheme.value if alignment.scheme else None] = None
        self.notes += [f"{path}: {note}" for note in alignment_notes(alignment)]
        return alignment.predicted


def _named(given: str) -> tuple[str, Path]:
    """`NAME=FILE` in two parts; a name alone is that of the file."""
    name, equals, path = given.partition("=")
    if equals and name and not Path(given).exists():
        return name, Path(path)
    return given, Path(given)


def print_comparison(comparison: Comparison, on: Console) -> None:
    """F1 of each system, then the difference of each pair."""
    names = ("F1", f"{comparison.level:.0%} interval", "seeds", "deviation")
    scores = table(("system", *names), numbers=names)
    for each in comparison.systems:
        interval = f"{each.interval.low:.4f} to {each.interval.high:.4f}"
        spread = "" if each.spread is None else f"{each.spread:.4f}"
        scores.add_row(cell(each.name), f"{each.f1:.4f}", interval, f"{len(each.values)}", spread)
    on.print(titled(f"Strict F1 over {counted(comparison.documents, 'document')}", scores))
    pairs = itertools.groupby(comparison.differences, lambda each: (each.first, each.second))
    for (first, second), differences in pairs:
        on.print()
        title = f"F1 of {second} − {first}, and how often chance gives as much"
        on.print(titled(title, _differences(differences, comparison.level)))
    on.print(
        f"p over {comparison.samples:,} samples, seed {comparison.seed}; adjusted by Holm's "
        "procedure over all pairs, and over all pairs and labels"
    )


def _differences(differences: Iterable[Difference], level: float) -> Table:
    numbers = ("difference", f"{level:.0%} interval", "p randomisation", "p bootstrap")
    adjusted = ("adjusted randomisation", "adjusted bootstrap")
    result = table(("label", *numbers, *adjusted), numbers=(*numbers, *adjusted))
    for each in differences:
        result.add_row(cell(each.label or "all labels"), *_numbers(each))
    return result


def _numbers(each: Difference) -> list[str]:
    interval = f"{each.interval.low:+.4f} to {each.interval.high:+.4f}"
    values = (
        *(each.p_randomisation, each.p_bootstrap),
        *(each.adjusted_randomisation, each.adjusted_bootstrap),
    )
    shown = ("" if value is None else f"{value:.4f}" for value in values)
    return [f"{each.difference:+.4f}", interval, *shown]


def _print_changes(
    shown: Sequence[DocumentDifference],
    total: int,
    systems: Sequence[System],
    read: _Outputs,
    on: Console,
) -> None:
    """Texts on which the first two systems differ, those with most at stake first."""
    from nerine.cli.show import plain_line

    first, second = systems[0].name, systems[1].name
    on.print()
    several = any(len(system.runs) > 1 for system in systems[:2])
    of_runs = ", their first runs alone" if several else ""
    said = f"{first} and {second} differ in {counted(total, 'document')}{of_runs}"
    on.print(cell(said), soft_wrap=True)
    for change in shown:
        place = read.corpus.place(read.split, change.document)
        on.print()
        on.print(cell(f"{change.gain:+d} for {second}, {place}", "bold"), soft_wrap=True)
        for name, document in (
            ("gold", read.gold[change.document]),
            (first, change.first),
            (second, change.second),
        ):
            on.print(cell(f"  {name}: ") + cell(plain_line(document)), soft_wrap=True)
