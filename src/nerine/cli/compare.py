"""`nerine compare`: test whether one system is better than another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nerine.cli.flags import json_option, limit_option
from nerine.cli.options import CorpusOptions, GoldSplit, corpus_options, notes_on, split_option
from nerine.cli.prediction_options import PredictionOptions, prediction_options, sampling_options
from nerine.cli.terminal import (
    cell,
    noted_console,
    print_json,
    print_line,
    print_numbers,
    print_warnings,
    working,
)
from nerine.core.display import counted
from nerine.core.document import plain_line
from nerine.core.errors import CorpusError

if TYPE_CHECKING:
    from rich.console import Console

    from nerine.core.document import Document
    from nerine.evaluation.error_analysis import DocumentDifference
    from nerine.evaluation.significance import Comparison, System

_FEW = "with so few documents intervals are too narrow and the bootstrap's p is too small"


@click.command(
    short_help="Test whether one system is better than another.",
    epilog="""\b
Examples:
  nerine compare wnut17/ old.jsonl new.jsonl
  nerine compare test.conll old=old-1.conll old=old-2.conll new=new-1.conll new=new-2.conll
  nerine compare wnut17/ runs/old runs/new --split validation --show 20

NAME=FILE names a system; several files with one name are its runs with several seeds. So are the
runs in a folder of nerine train --seeds.
""",
)
@click.argument("gold")
@click.argument("systems", metavar="SYSTEM SYSTEM...", nargs=-1, required=True)
@split_option
@limit_option("--show", "Number of texts to show on which the first two systems differ.")
@click.option(
    "--kept", is_flag=True, help="Compare the kept checkpoint of a group of seeds, not its runs."
)
@prediction_options
@sampling_options
@corpus_options
@json_option
def compare(
    gold: str,
    systems: tuple[str, ...],
    split: str | None,
    show: int,
    kept: bool,
    prediction: PredictionOptions,
    sampling: dict[str, Any],
    reading: CorpusOptions,
    as_json: bool,
) -> None:
    """Compare systems on GOLD: is the difference in F1 more than chance?

    A SYSTEM is a file of predictions, in any format, or a checkpoint, a folder or hub id, which
    then tags the texts. Each pair is tested by the paired bootstrap and, if both are single runs,
    by approximate randomisation, over all labels and for each label.
    """
    from nerine.evaluation.error_analysis import document_differences
    from nerine.evaluation.metrics import Signature
    from nerine.evaluation.significance import compare as compare_systems
    from nerine.evaluation.significance.intervals import FEW_DOCUMENTS
    from nerine.evaluation.signs import LEAST_F1

    corpus = reading.load(gold)
    documents = GoldSplit.of(corpus, split)
    found, schemes, aligned = _read_systems(systems, documents, prediction, kept=kept)
    with working(f"comparing {counted(len(found), 'system')}"):
        comparison = compare_systems(documents.documents, found, **sampling)
    scheme = ",".join(each or "ranges" for each in schemes) if any(schemes) else None
    signature = str(
        Signature.of(
            documents.documents, split=documents.title, scheme=scheme, reading=prediction.reading
        )
    )
    differing = document_differences(documents.documents, found[0].runs[0], found[1].runs[0])
    few = [_FEW] if len(documents.documents) < FEW_DOCUMENTS else []
    notes = [*notes_on(corpus), *aligned, *few]
    warnings = [
        f"{system.name} finds next to nothing here, F1 {system.f1:.4f}: a difference from it is no "
        "progress"
        for system in comparison.systems
        if system.f1 < LEAST_F1
    ]
    if as_json:
        print_json(
            {
                "gold": gold,
                "notes": notes,
                "warnings": warnings,
                **comparison.to_dict(),
                "changes": [each.to_dict() for each in differing],
                "reading": prediction.reading,
                "signature": signature,
            }
        )
        return
    on = noted_console(notes)
    print_comparison(comparison, on)
    print_changes(differing, show, found, documents, on)
    on.print()
    print_line(on, signature)
    print_warnings(on, warnings)


def _read_systems(
    given: Sequence[str], gold: GoldSplit, prediction: PredictionOptions, *, kept: bool
) -> tuple[list[System], list[str | None], list[str]]:
    """The systems in order of their first run, the schemes of their tags, and notes."""
    from nerine.data.corpus import is_hub_id
    from nerine.evaluation.significance import System
    from nerine.model.loading.seeds import seed_folders

    runs: dict[str, list[tuple[Document, ...]]] = {}
    schemes: dict[str | None, None] = {}
    notes: list[str] = []
    for each in given:
        name, equals, file = each.partition("=")
        if not (equals and name) or Path(each).exists():
            name = file = each
        path = Path(file)
        outputs = runs.setdefault(name, [])
        if path.is_dir() or (not path.exists() and is_hub_id(file)):
            folders = [] if kept else seed_folders(path)
            if folders:
                notes.append(f"{path}: the runs of its {len(folders)} seeds are compared")
            outputs += [_tagged(each, gold) for each in folders or [path]]
            schemes[None] = None
        else:
            alignment = prediction.align(gold, path)
            outputs.append(alignment.read(prediction.reading))
            schemes[alignment.arguments()["scheme"]] = None
            notes += [f"{path}: {note}" for note in alignment.notes]
    if len(runs) < 2:
        raise CorpusError(
            f"{counted(len(runs), 'system')} given: {', '.join(runs)}",
            expected="two or more, each a file or a checkpoint",
            hint="NAME=FILE gives a system a name of its own",
        )
    return [System(name, tuple(outputs)) for name, outputs in runs.items()], [*schemes], notes


def _tagged(checkpoint: Path, gold: GoldSplit) -> tuple[Document, ...]:
    from nerine.model.tagger import Tagger

    with working(f"tagging with {checkpoint}"):
        return tuple(Tagger.load(str(checkpoint)).predict(gold.documents))


def print_comparison(comparison: Comparison, on: Console) -> None:
    """Prints the F1 of each system, then the differences of each pair."""
    for number, part in enumerate(comparison.shown_parts()):
        if isinstance(part, str):
            print_line(on, part)
            continue
        if number:
            on.print()
        key, *numbers = part.columns
        print_numbers(on, part.title, key, numbers, part.rows)


def print_changes(
    changes: Sequence[DocumentDifference],
    most: int,
    systems: Sequence[System],
    gold: GoldSplit,
    on: Console,
) -> None:
    """Prints texts on which the first two systems differ, those with the largest gain first."""
    first, second = systems[0].name, systems[1].name
    on.print()
    several = any(len(system.runs) > 1 for system in systems[:2])
    of_runs = ", their first runs alone" if several else ""
    differing = counted(len(changes), "document")
    print_line(on, f"{first} and {second} differ in {differing}{of_runs}")
    for change in changes[:most]:
        on.print()
        place = gold.corpus.place(gold.name, change.document)
        print_line(on, f"{change.gain:+d} for {second}, {place}", "bold")
        for name, document in (
            ("gold", gold.documents[change.document]),
            (first, change.first),
            (second, change.second),
        ):
            on.print(cell(f"  {name}: ") + cell(plain_line(document)), soft_wrap=True)
