"""`nerine convert`: a corpus or a file of one in another format."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from nerine.cli.options import (
    SEPARATORS,
    CorpusReading,
    convert_options,
    corpus_notes,
    format_option,
    json_option,
    reading_notes,
)
from nerine.cli.terminal import print_json
from nerine.core.display import counted, visible
from nerine.core.errors import CorpusError
from nerine.core.tags import TagScheme
from nerine.data.formats import (
    FORMATS,
    ReadLog,
    Style,
    WriteOptions,
    read_documents,
    write_documents,
)
from nerine.data.split_files import is_pair_folder

if TYPE_CHECKING:
    from nerine.data.corpus import Corpus


@click.command(
    epilog="""\b
Examples:
  nerine convert train.conll train.jsonl
  nerine convert train.jsonl train.conll --scheme BIOES
  nerine convert wnut17/ wnut17-jsonl/ --to spans
  nerine convert annotated.jsonl train.jsonl --style prodigy --skip-rejected
  nerine convert wnut17/ wnut17-brat/ --to brat
  nerine convert project-7-export.json train.spacy
  nerine convert notes/ notes.jsonl --set-aside
  nerine convert tagged.jsonl review.json --to label-studio --as-predictions runs/wnut
  nerine convert owner/name here/ --to spans

--token-column, --tag-column and --separator say how INPUT is laid out.
"""
)
@click.argument("source", metavar="INPUT")
@click.argument("target", metavar="OUTPUT", type=click.Path(path_type=Path))
@format_option("--from", "from_", text="Format of INPUT; by default its name tells.")
@format_option("--to", text="Format of OUTPUT; by default its name tells. A folder needs it.")
@click.option("--scheme", default="IOB2", show_default=True, help="Scheme of the tags written.")
@click.option(
    "--style",
    type=click.Choice(get_args(Style)),
    default="nerine",
    show_default=True,
    help="Whose span records to write.",
)
@click.option(
    "--separator-out",
    type=click.Choice(SEPARATORS),
    default="tab",
    show_default=True,
    help="What to write between columns.",
)
@click.option(
    "--as-predictions",
    "predictions_of",
    metavar="MODEL",
    help="Write the entities as predictions of MODEL, any name, for annotators to go over; "
    "to Label Studio only.",
)
@convert_options
@json_option
def convert(
    source: str,
    target: Path,
    from_: str | None,
    to: str | None,
    scheme: str,
    style: Style,
    separator_out: str,
    predictions_of: str | None,
    reading: CorpusReading,
    as_json: bool,
) -> None:
    """Write INPUT in another format to OUTPUT.

    A file becomes a file. A folder, "sample" or a data set on the hub (owner/name or
    owner/name@revision) becomes a folder with a file for each split. Each file is written whole or
    not at all.

    In the format brat, a folder of .txt and .ann files takes the place of a file, as INPUT and
    as OUTPUT, which must be new or empty then.
    """
    options = WriteOptions(
        TagScheme.named(scheme), separator_out, style=style, predictions_of=predictions_of
    )
    if Path(source).is_file() or (from_ in (None, "brat") and is_pair_folder(Path(source))):
        log = ReadLog()
        documents = read_documents(source, from_, reading.options, log)
        written = {str(target): write_documents(documents, target, to, options)}
        notes = reading_notes({source: log})
    else:
        corpus = dataclasses.replace(reading, format=from_).load(source)
        written = _write_splits(corpus, target, to, options)
        notes = corpus_notes(corpus)
    _report(written, notes, as_json=as_json)


def _write_splits(
    corpus: Corpus, folder: Path, format_: str | None, options: WriteOptions
) -> dict[str, int]:
    """Writes a file for each split; returns how many documents each holds."""
    if format_ is None:
        raise click.UsageError(f"--to says in which format the files in {folder} shall be")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CorpusError(
            f"cannot be made: {error.strerror}",
            place=str(folder),
            expected="a folder, as the input is one of several files",
        ) from error
    written = {}
    for name, documents in corpus.splits.items():
        path = folder / FORMATS[format_].file_name(name)
        written[str(path)] = write_documents(documents, path, format_, options)
    return written


def _report(written: dict[str, int], notes: list[str], *, as_json: bool) -> None:
    if as_json:
        print_json({"written": written, "notes": notes})
        return
    lines = [f"note: {note}" for note in notes]
    lines += [f"wrote {path}: {counted(count, 'document')}" for path, count in written.items()]
    for line in lines:
        click.echo(visible(line), err=True)
