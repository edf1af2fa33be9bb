"""`nerine split`: documents divided into training, validation and test, or into folds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from nerine.cli.options import (
    CorpusReading,
    corpus_notes,
    corpus_options,
    format_option,
    json_option,
)
from nerine.cli.terminal import cell, console, print_json, table, titled
from nerine.core.display import counted
from nerine.core.errors import CorpusError
from nerine.core.files import replacing_folder
from nerine.data.formats import FORMATS, WriteOptions, write_documents
from nerine.data.splitting import Pool, fold_corpora, labels_without_training, split_corpus

if TYPE_CHECKING:
    from rich.table import Table

    from nerine.core.document import Document
    from nerine.data.corpus import Corpus

Parts = Mapping[str, tuple["Document", ...]]


@click.command(
    short_help="Divide the documents of CORPUS into splits.",
    epilog="""\b
Examples:
  nerine split annotated.jsonl -o corpus/
  nerine split wnut17/ -o again/ --of all --validation 0.15 --test 0.15 --seed 7
  nerine split train.conll -o corpus/ --test 0 --to spans
  nerine split annotated.jsonl -o folds/ --folds 5

Sentences of one -DOCSTART- article and equal texts stay together; labels are spread evenly. The
result depends on --seed, the texts and their labels, not on the order of the documents.
""",
)
@click.argument("corpus")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Where to write; a folder that is not there yet, or an empty one.",
)
@click.option(
    "--of",
    type=click.Choice(get_args(Pool)),
    default="train",
    show_default=True,
    help="What to divide: the training split, beside which others stay, or all splits together.",
)
@click.option("--validation", type=float, help="Share of the validation split.  [default: 0.1]")
@click.option("--test", type=float, help="Share of the test split.  [default: 0.1]")
@click.option("--folds", type=int, help="Make so many folds instead.")
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed, other splits.")
@format_option("--to", text="Format to write; by default that of CORPUS, or else spans.")
@corpus_options
@json_option
def split(
    corpus: str,
    output: Path,
    of: Pool,
    validation: float | None,
    test: float | None,
    folds: int | None,
    seed: int,
    to: str | None,
    reading: CorpusReading,
    as_json: bool,
) -> None:
    """Divide the documents of CORPUS into splits, written to FOLDER as a whole or not at all.

    With --folds K, FOLDER holds K corpora, fold-1 and so on: the test split of each is the fold,
    its training split the other folds.
    """
    if folds is not None and (validation is not None or test is not None):
        raise click.UsageError("--folds takes no shares: each fold is the test split once")
    loaded = reading.load(corpus)
    notes = corpus_notes(loaded)
    if folds is None:
        shares = {"validation": validation, "test": test}
        given = {name: share for name, share in shares.items() if share is not None}
        divided = split_corpus(loaded, **given, of=of, seed=seed)
        _check_labels(divided)
        corpora, parts = {"": divided}, divided.splits
    else:
        corpora = fold_corpora(loaded, folds, of=of, seed=seed)
        parts = {name: each.test for name, each in corpora.items()}
        notes += _notes_on_folds(loaded, corpora, of)
    written = _write(corpora, output, to or _format_of(loaded))
    _report(parts, written, notes, as_json=as_json)


def _check_labels(divided: Corpus) -> None:
    """Raises `CorpusError` where training would not know a label of another split."""
    missing = labels_without_training(divided)
    if missing:
        raise CorpusError(
            f"no training document would have the label {missing[0]!r}",
            place=divided.source,
            expected="every label in the training split",
            hint="another --seed, or smaller shares, may do",
        )


def _notes_on_folds(loaded: Corpus, corpora: Mapping[str, Corpus], of: Pool) -> list[str]:
    notes = [
        f"{name}: its label {label!r} is in no other fold"
        for name, each in corpora.items()
        for label in labels_without_training(each)
    ]
    if of == "train" and len(loaded.splits) > 1:
        others = " and ".join(name for name in loaded.splits if name != "train")
        notes.append(f"not in the folds: {others}")
    return notes


def _format_of(loaded: Corpus) -> str:
    """The format that the corpus was read from, if it can be written."""
    for log in loaded.logs.values():
        if log.format and FORMATS[log.format].can_write:
            return log.format
    return "spans"


def _write(corpora: Mapping[str, Corpus], output: Path, format_: str) -> dict[str, int]:
    """Writes each corpus into a folder of `output`; returns how many documents each file holds."""
    written = {}
    with replacing_folder(output) as partial:
        for folder, corpus in corpora.items():
            (partial / folder).mkdir(exist_ok=True)
            options = WriteOptions(corpus.scheme) if corpus.scheme else WriteOptions()
            for name, documents in corpus.splits.items():
                file = Path(folder, FORMATS[format_].file_name(name))
                count = write_documents(documents, partial / file, format_, options)
                written[str(output / file)] = count
    return written


def _report(parts: Parts, written: dict[str, int], notes: list[str], *, as_json: bool) -> None:
    counts = {name: _counts(documents) for name, documents in parts.items()}
    if as_json:
        print_json({"parts": counts, "written": written, "notes": notes})
        return
    on = console()
    for note in notes:
        on.print(cell(f"note: {note}"), soft_wrap=True)
    on.print(titled("Documents, and entities of each label", _table(counts)))
    for path, count in written.items():
        on.print(cell(f"wrote {path}: {counted(count, 'document')}"), soft_wrap=True)


def _counts(documents: tuple[Document, ...]) -> dict[str, Any]:
    labels = Counter(entity.label for document in documents for entity in document.entities)
    return {"documents": len(documents), "entities": dict(sorted(labels.items()))}


def _table(counts: Mapping[str, Mapping[str, Any]]) -> Table:
    """A row for each label, with what each part has and which share of all that is."""
    labels = sorted({label for each in counts.values() for label in each["entities"]})
    result = table(("", *counts), numbers=[*counts])
    result.add_row("documents", *_shares([each["documents"] for each in counts.values()]))
    for label in labels:
        numbers = [each["entities"].get(label, 0) for each in counts.values()]
        result.add_row(cell(label), *_shares(numbers))
    return result


def _shares(numbers: list[int]) -> list[str]:
    return [f"{number:,} {number / sum(numbers):>6.1%}" for number in numbers]
