"""`nerine convert`: write a corpus, or a file of one, in another format."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from nerine.cli.completion import CORPUS
from nerine.cli.flags import FILE, default_option, json_option
from nerine.cli.help import Command
from nerine.cli.options import (
    SEPARATORS,
    CorpusOptions,
    convert_options,
    format_option,
    notes_on,
    reading_notes,
)
from nerine.cli.terminal import print_json, say
from nerine.core.display import counted
from nerine.core.errors import CorpusError
from nerine.core.tags import TagScheme
from nerine.data.formats import (
    FORMATS,
    ReadLog,
    Style,
    WriteOptions,
    is_folder_of,
    read_documents,
    write_documents,
)
from nerine.data.formats.registry import Part, format_by_extension

if TYPE_CHECKING:
    from nerine.core.document import Document
    from nerine.data.corpus import Corpus


@click.command(
    cls=Command,
    short_help="Write a corpus in another format.",
    epilog="""\b
Examples:
  nerine convert train.conll train.jsonl
  nerine convert train.jsonl train.conll --scheme-out BIOES
  nerine convert wnut17/ wnut17-jsonl/ --to spans
  nerine convert annotated.jsonl train.jsonl --style prodigy --skip rejected
  nerine convert wnut17/ wnut17-brat/ --to brat
  nerine convert project-7-export.json train.spacy
  nerine convert notes/ notes.jsonl --skip pieces
  nerine convert tagged.jsonl tasks.json --to label-studio --as-predictions v1
  nerine convert owner/name here/ --to spans

--token-column, --tag-column and --separator describe INPUT; --scheme-out and --separator-out
describe OUTPUT.
""",
)
@click.argument("source", metavar="INPUT", type=CORPUS)
@click.argument("target", metavar="OUTPUT", type=FILE)
@format_option("--format", "format_", text="Format of INPUT.  [default: found from its content]")
@format_option(
    "--to", text="Format of OUTPUT; needed if it is a folder.  [default: found from its name]"
)
@default_option("--scheme-out", "IOB2", "Scheme of the tags to write.")
@default_option(
    "--style", "nerine", "Style of the span records to write.", type=click.Choice(get_args(Style))
)
@default_option(
    "--separator-out", "tab", "Separator of the columns to write.", type=click.Choice(SEPARATORS)
)
@click.option(
    "--as-predictions",
    "predictions_of",
    metavar="MODEL",
    help="Write the entities as predictions of MODEL, any name, for annotators to review; in the "
    "format label-studio only.",
)
@convert_options
@json_option
def convert(
    source: str,
    target: Path,
    format_: str | None,
    to: str | None,
    scheme_out: str,
    style: Style,
    separator_out: str,
    predictions_of: str | None,
    reading: CorpusOptions,
    as_json: bool,
) -> None:
    """Write INPUT in another format to OUTPUT.

    A file becomes a file. A folder, "sample" or a data set on the hub (owner/name or
    owner/name@revision) becomes a folder with a file for each split. Each file is written
    completely or not at all, and replaces one that exists.

    In the format brat, a folder of .txt and .ann files takes the place of a file, as INPUT and
    as OUTPUT, which must then be new or empty. INPUT may be a folder of webanno, bioc or i2b2 too.
    """
    options = WriteOptions(
        TagScheme.named(scheme_out), separator_out, style=style, predictions_of=predictions_of
    )
    if Path(source).is_file() or is_folder_of(format_, Path(source)):
        log = ReadLog()
        losses = Losses(target, to)
        documents = losses.counted(read_documents(source, format_, reading.options, log))
        written = {str(target): write_documents(documents, target, to, options)}
        notes = [*reading_notes({source: log}), *losses.notes()]
    else:
        corpus = dataclasses.replace(reading, format=format_).load(source)
        if to is None:
            raise click.UsageError(f"Missing option '--to', the format of the files in {target}")
        losses = Losses(target, to)
        written = _write_splits(corpus, target, to, options, losses)
        notes = [*notes_on(corpus), *losses.notes()]
    if as_json:
        print_json({"written": written, "notes": notes})
        return
    lines = [f"note: {note}" for note in notes]
    lines += [f"wrote {path}: {counted(count, 'document')}" for path, count in written.items()]
    for line in lines:
        say(line)


_HAS: Mapping[Part, Callable[[Document], bool]] = {
    "tokens": lambda document: document.tokens is not None,
    "scores": lambda document: any(each.score is not None for each in document.entities),
    "other fields": lambda document: bool(document.meta.keys() - {"pubtator", "entity_fields"}),
}


class Losses:
    """Counts the documents that have what the format to write has no place for.

    Args:
        target: The file or folder to write.
        format_: The format; None means the one of the file's extension.
    """

    def __init__(self, target: Path, format_: str | None) -> None:
        self._format = FORMATS[format_] if format_ else format_by_extension(target, "--to")
        self._numbers = dict.fromkeys(self._format.lacks, 0)

    def counted(self, documents: Iterable[Document]) -> Iterator[Document]:
        """The documents, which are counted on their way."""
        for document in documents:
            for part in self._numbers:
                self._numbers[part] += _HAS[part](document)
            yield document

    def notes(self) -> list[str]:
        """A note for each part that some documents have."""
        return [
            f"{part} of {counted(number, 'document')} not written: the format "
            f"{self._format.name!r} has no place for them"
            for part, number in self._numbers.items()
            if number
        ]


def _write_splits(
    corpus: Corpus, folder: Path, format_: str, options: WriteOptions, losses: Losses
) -> dict[str, int]:
    """Writes a file for each split; returns the number of documents in each file."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CorpusError(
            f"the folder cannot be made: {error.strerror}",
            place=str(folder),
            expected="a folder, as the input has several files",
        ) from error
    written = {}
    for name, documents in corpus.splits.items():
        path = folder / FORMATS[format_].file_name(name)
        written[str(path)] = write_documents(losses.counted(documents), path, format_, options)
    return written
