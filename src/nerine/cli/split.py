"""`nerine split`: divide documents into training, validation and test splits, or into folds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from nerine.cli.completion import CORPUS
from nerine.cli.flags import default_option, json_option, output_option
from nerine.cli.help import Command
from nerine.cli.options import CorpusOptions, corpus_options, format_option, notes_on
from nerine.cli.terminal import noted_console, print_json, print_line, print_numbers
from nerine.core.display import counted, listed
from nerine.core.document import count_entities
from nerine.core.files import replacing_folder
from nerine.data.formats import FORMATS, WriteOptions, write_documents
from nerine.data.splitting import Pool, fold_corpora, labels_without_training, split_corpus

if TYPE_CHECKING:
    from rich.console import Console

    from nerine.data.corpus import Corpus


@click.command(
    cls=Command,
    short_help="Divide a corpus into splits or folds.",
    epilog="""\b
Examples:
  nerine split annotated.jsonl -o corpus/
  nerine split wnut17/ -o again/ --of all --validation 0.2 --test 0.2 --seed 7
  nerine split train.conll -o corpus/ --test 0 --to spans
  nerine split annotated.jsonl -o folds/ --folds 5

Sentences of one -DOCSTART- article and equal texts stay together; labels are distributed evenly.
The result depends on --seed, the texts and their labels, not on the order of the documents.
""",
)
@click.argument("corpus", type=CORPUS)
@output_option("FOLDER", "Folder to write: a new or empty one.")
@default_option(
    "--of",
    "train",
    "Documents to divide: those of the training split, so that other splits stay, or all.",
    type=click.Choice(get_args(Pool)),
)
@click.option("--validation", type=float, help="Share of the validation split.  [default: 0.1]")
@click.option("--test", type=float, help="Share of the test split.  [default: 0.1]")
@click.option("--folds", type=int, help="Make this number of folds instead.")
@default_option("--seed", 0, "Seed of the division.", type=int)
@format_option("--to", text="Format to write.  [default: that of CORPUS, or spans]")
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
    reading: CorpusOptions,
    as_json: bool,
) -> None:
    """Divide the documents of CORPUS into splits, written to FOLDER completely or not at all.

    With --folds K, FOLDER gets K corpora, fold-1 and so on: the test split of each is one fold, the
    training split is the other folds.
    """
    if folds is not None and (validation is not None or test is not None):
        raise click.UsageError("--folds cannot be combined with --validation or --test")
    loaded = reading.load(corpus)
    notes = notes_on(loaded)
    if folds is None:
        shares = {"validation": validation, "test": test}
        given = {name: share for name, share in shares.items() if share is not None}
        divided = split_corpus(loaded, **given, of=of, seed=seed)
        known = labels_without_training(loaded) if of == "train" else ()
        missing = [label for label in labels_without_training(divided) if label not in known]
        if missing:
            said = listed(map(repr, missing), 8)
            notes.append(
                f"no document of the new training split has the labels {said}: another --seed or "
                "smaller shares may give it some"
            )
        corpora, parts = {"": divided}, divided.splits
    else:
        corpora = fold_corpora(loaded, folds, of=of, seed=seed)
        parts = {name: each.test for name, each in corpora.items()}
        notes += [
            f"{name}: its label {label!r} is in no other fold"
            for name, each in corpora.items()
            for label in labels_without_training(each)
        ]
        if of == "train" and len(loaded.splits) > 1:
            others = " and ".join(name for name in loaded.splits if name != "train")
            notes.append(f"not in the folds: {others}")
    read_formats = (log.format for log in loaded.logs.values() if log.format)
    writable = (name for name in read_formats if FORMATS[name].can_write)
    written = _write(corpora, output, to or next(writable, "spans"))
    counts: dict[str, dict[str, Any]] = {}
    for name, documents in parts.items():
        found = count_entities(documents)
        counts[name] = {"documents": len(documents), "entities": dict(sorted(found.items()))}
    if as_json:
        print_json({"parts": counts, "written": written, "notes": notes})
        return
    on = noted_console(notes)
    print_counts(counts, on)
    for path, count in written.items():
        print_line(on, f"wrote {path}: {counted(count, 'document')}")


def _write(corpora: Mapping[str, Corpus], output: Path, format_: str) -> dict[str, int]:
    """Writes each corpus to a folder in `output`; returns the number of documents in each file."""
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


def print_counts(counts: Mapping[str, Mapping[str, Any]], on: Console) -> None:
    """Prints the documents, and the entities of each label, in each part."""
    rows = [("documents", *_shares([each["documents"] for each in counts.values()]))]
    for label in sorted({label for each in counts.values() for label in each["entities"]}):
        numbers = [each["entities"].get(label, 0) for each in counts.values()]
        rows.append((label, *_shares(numbers)))
    print_numbers(on, "Documents, and entities of each label", "", [*counts], rows)


def _shares(numbers: list[int]) -> list[str]:
    """Each number with its share of all."""
    return [f"{number:,} {number / sum(numbers):>6.1%}" for number in numbers]
