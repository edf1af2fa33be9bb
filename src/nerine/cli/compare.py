"""`nerine compare`: test whether one system is better than another."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nerine.cli.completion import CHECKPOINT, CORPUS
from nerine.cli.flags import json_option, show_option
from nerine.cli.help import Command
from nerine.cli.model_options import ModelOptions, running_options
from nerine.cli.options import CorpusOptions, corpus_options, notes_on, split_option
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
from nerine.core.filenames import INFO_FILE
from nerine.data.corpus.given import GoldSplit

if TYPE_CHECKING:
    from rich.console import Console

    from nerine.core.document import Document
    from nerine.data.corpus import Corpus
    from nerine.evaluation.contamination import Contamination
    from nerine.evaluation.error_analysis import DocumentDifference
    from nerine.evaluation.significance import Comparison, System

_FEW = "with so few documents intervals are too narrow and the bootstrap's p is too small"


@click.command(
    cls=Command,
    short_help="Test whether one system is better than another.",
    epilog="""\b
Examples:
  nerine compare wnut17/ old.jsonl new.jsonl
  nerine compare gold.conll a=a1.conll a=a2.conll b=b1.conll b=b2.conll
  nerine compare wnut17/ runs/old runs/new --split validation --show 20
  nerine compare runs/old runs/new

NAME=FILE names a system; several files with one name are its runs with several seeds. So are the
runs in a folder of nerine train --seeds. If GOLD is a checkpoint, it is a system, too, and the
corpus is the one that the records of all of them name.
""",
)
@click.argument("gold", type=CORPUS)
@click.argument("systems", metavar="SYSTEM SYSTEM...", nargs=-1, required=True, type=CHECKPOINT)
@split_option
@show_option("Most texts to show on which the first two systems differ.")
@click.option(
    "--kept", is_flag=True, help="Compare the kept checkpoint of a group of seeds, not its runs."
)
@running_options
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
    model: ModelOptions,
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

    recorded = _checkpoint_in(gold) is not None
    systems = (gold, *systems) if recorded else systems
    files = [_name_and_path(each)[1] for each in systems]
    model.check_one([str(each) for each in files if not each.is_file()])
    corpus = _recorded_corpus(systems, reading) if recorded else reading.load(gold)
    documents = GoldSplit.of(corpus, split)
    found, schemes, aligned = _read_systems(systems, documents, prediction, model, kept=kept)
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
    warnings = _warnings(comparison)
    if as_json:
        compared = comparison.to_dict()
        print_json(
            {
                "contamination": compared.pop("contamination"),
                "gold": corpus.source if recorded else gold,
                "notes": notes,
                "warnings": warnings,
                **compared,
                "changes": [each.to_dict() for each in differing],
                "reading": prediction.reading,
                "signature": signature,
            }
        )
        return
    on = noted_console(notes, {each.name: each.contamination for each in found})
    print_comparison(comparison, on)
    print_changes(differing, show, found, documents, on)
    on.print()
    print_line(on, signature)
    print_warnings(on, warnings)


def _warnings(comparison: Comparison) -> list[str]:
    """A warning for each system that has learned nothing."""
    from nerine.evaluation.signs import LEAST_F1

    return [
        f"{system.name} finds next to nothing here, F1 {system.f1:.4f}: a difference from it is no "
        "progress"
        for system in comparison.systems
        if system.f1 < LEAST_F1
    ]


def _checkpoint_in(given: str) -> Path | None:
    """The folder of a checkpoint that an argument names, as FOLDER or NAME=FOLDER."""
    folder = _name_and_path(given)[1].expanduser()
    return folder if (folder / INFO_FILE).is_file() else None


def _name_and_path(given: str) -> tuple[str, Path]:
    """The name and the path of NAME=PATH, or of a path alone, which is its own name."""
    name, equals, path = given.partition("=")
    if not (equals and name) or Path(given).exists():
        name = path = given
    return name, Path(path)


def _recorded_corpus(systems: Sequence[str], reading: CorpusOptions) -> Corpus:
    """The one corpus that the records of all systems name; raises `CorpusError`."""
    from nerine.cli.optimize import corpus_to_measure_on

    found: dict[str, Corpus] = {}
    hint = "name the corpus first: nerine compare CORPUS SYSTEM SYSTEM"
    for each in systems:
        folder = _checkpoint_in(each)
        if folder is None:
            raise CorpusError(
                "this is not a checkpoint with a record of its corpus",
                place=each,
                expected="checkpoints only, or a corpus as the first argument",
                hint=hint,
            )
        try:
            found[each] = corpus_to_measure_on(str(folder), None, reading)[0]
        except CorpusError as error:
            raise CorpusError(
                error.found, place=error.place, expected=error.expected, hint=hint
            ) from error
    first = next(iter(found.values()))
    for name, corpus in found.items():
        if corpus.hash != first.hash:
            raise CorpusError(
                f"{systems[0]} and {name} were trained on different corpora",
                place=f"{first.source} and {corpus.source}",
                expected="checkpoints of one corpus",
                hint=hint,
            )
    note = f"the corpus is {first.source}, as the records of the checkpoints say"
    return dataclasses.replace(first, notes=(*first.notes, note))


def _read_systems(
    given: Sequence[str],
    gold: GoldSplit,
    prediction: PredictionOptions,
    model: ModelOptions,
    *,
    kept: bool,
) -> tuple[list[System], list[str | None], list[str]]:
    """The systems in order of their first run, the schemes of their tags, and notes."""
    from nerine.data.corpus import is_hub_id
    from nerine.evaluation.contamination import gravest
    from nerine.evaluation.significance import System
    from nerine.model.loading.seeds import seed_folders

    runs: dict[str, list[tuple[Document, ...]]] = {}
    seen: dict[str, list[Contamination]] = {}
    schemes: dict[str | None, None] = {}
    notes: list[str] = []
    for each in given:
        name, path = _name_and_path(each)
        outputs = runs.setdefault(name, [])
        if path.is_dir() or (not path.exists() and is_hub_id(str(path))):
            folders = [] if kept else seed_folders(path)
            if folders:
                notes.append(f"{path}: the runs of its {len(folders)} seeds are compared")
            for folder in folders or [path]:
                predicted, contamination = _tagged(folder, gold, model)
                outputs.append(predicted)
                seen.setdefault(name, []).append(contamination)
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
    systems = [
        System(name, tuple(outputs), gravest(seen.get(name, ()))) for name, outputs in runs.items()
    ]
    return systems, [*schemes], notes


def _tagged(
    checkpoint: Path, gold: GoldSplit, model: ModelOptions
) -> tuple[tuple[Document, ...], Contamination]:
    from nerine.model.evaluate import seen_by

    with working(f"tagging with {checkpoint}"):
        tagger = model.tagger(model.find(str(checkpoint)))
        return tuple(tagger.predict(gold.documents)), seen_by(tagger, gold)


def print_comparison(comparison: Comparison, on: Console) -> None:
    """Prints the F1 of each system, then the differences of each pair."""
    for number, part in enumerate(comparison.results()):
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
