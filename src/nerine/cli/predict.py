"""`nerine predict`: tag texts."""

from __future__ import annotations

import dataclasses
import itertools
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from nerine.cli.completion import CHECKPOINT
from nerine.cli.documents import check_is_text, entity_lines, print_documents
from nerine.cli.flags import FILE, output_option
from nerine.cli.help import Command
from nerine.cli.model_options import NO_CONTEXT, ModelOptions, tagging_options
from nerine.cli.options import format_option, reading_options
from nerine.cli.outputs import as_option, check_output, compact_option, escape_option
from nerine.cli.terminal import VisibleOutput, console, print_notes, say, stdout
from nerine.core.context import with_context
from nerine.core.document import Document, plain_line
from nerine.core.errors import FormatError, SettingsError
from nerine.core.files import line_text, read_lines, replacing
from nerine.core.streams import PAUSE, Pause, timely_lines
from nerine.core.tagged_page import tagged_page
from nerine.data.formats import (
    FORMATS,
    ReadOptions,
    WriteOptions,
    detect_format,
    read_documents,
    write_documents,
)
from nerine.data.formats.entity_table import (
    EntityTable,
    TableFormat,
    formula_note,
    write_entity_table,
)

if TYPE_CHECKING:
    from nerine.model.tagger import Tagger
    from nerine.serving.client import Client

_TABLES = ("jsonl", "csv", "tsv", "parquet")
_OUTPUTS = ("text", "columns", "html", *_TABLES)
_OURS = {"jsonl": "spans", "columns": "columns"}
"""Outputs that are formats of corpora, with the names of these formats."""

Texts = Iterator[str | Document | Pause]
_STANDARD_INPUT = Path("-")


@click.command(
    cls=Command,
    short_help="Tag a few texts.",
    epilog="""\b
Examples:
  nerine predict runs/wnut "Mira Okonjo left Tandem Labs for Lisbon."
  nerine predict runs/wnut < posts.txt > posts.jsonl
  nerine predict runs/wnut --file posts.jsonl --file more.txt -o tagged.jsonl
  nerine predict runs/wnut --thresholds saved < posts.txt > sure.jsonl
  nerine predict runs/wnut --file posts.txt --to html -o posts.html
  nerine predict runs/wnut --file posts.txt --as entities -o entities.csv
  nerine predict --server http://127.0.0.1:8000 "Mira left for Lisbon."

Each text gives one document, in the same order; an empty line is an empty document.
""",
)
@click.argument("arguments", metavar="[CHECKPOINT] [TEXT]...", nargs=-1, type=CHECKPOINT)
@click.option(
    "--server",
    metavar="URL",
    help="Tag with a server that nerine serve runs, in place of a checkpoint. Its key is that of "
    "NERINE_KEY.",
)
@click.option(
    "--model",
    "served",
    metavar="NAME",
    help="Name of the server's model.  [default: its first one]",
)
@click.option(
    "--file",
    "files",
    multiple=True,
    type=FILE,
    help="A .txt file with a text in each line, JSON lines with texts, a column file, or - for "
    "standard input. May be repeated.",
)
@format_option(
    "--format", "format_", text="Format of the files.  [default: found from their names]"
)
@click.option(
    "--to",
    type=click.Choice(_OUTPUTS),
    help="Form of the output; csv, tsv and parquet are tables of entities.  [default: found from "
    "the name of the output file; else text on a terminal, jsonl in a pipe]",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --to jsonl.")
@compact_option
@as_option
@escape_option
@output_option(
    "FILE",
    "File to write, completely or not at all; replaced if it exists.  [default: standard output]",
    required=False,
)
@tagging_options
@reading_options
def predict(
    arguments: tuple[str, ...],
    server: str | None,
    served: str | None,
    files: tuple[Path, ...],
    format_: str | None,
    to: str | None,
    as_json: bool,
    compact: bool,
    rows: str,
    escape_formulas: bool,
    output: Path | None,
    model: ModelOptions,
    options: ReadOptions,
) -> None:
    """Tag texts with CHECKPOINT, a folder or hub id.

    The texts are the arguments, then the texts of the files. Without both, each line of standard
    input is a text. With --server there is no CHECKPOINT.
    """
    if server is None and not arguments:
        raise click.UsageError("Missing argument 'CHECKPOINT'.", click.get_current_context())
    texts = arguments if server is not None else arguments[1:]
    if served is not None and server is None:
        raise SettingsError("there is no server", place="--model", hint="give --server URL")
    for text in texts:
        quoted = shlex.quote(text)
        check_is_text(
            text,
            f"--file {quoted} tags the texts in it, as nerine tag does with large files; echo "
            f"{quoted} | nerine predict … tags the name itself",
        )
    asked = "jsonl" if as_json else to
    kind = _kind(rows, asked, output, compact=compact, escape=escape_formulas)
    if output:
        check_output(output, files)
    if not texts and not files:
        files = (_STANDARD_INPUT,)
    if files.count(_STANDARD_INPUT) > 1:
        raise SettingsError("standard input can be read once only", place="--file -")
    options = options.accepting("unlabelled")
    sources = [file_texts(path, format_, options) for path in files]
    tagger = model.load(arguments[0]) if server is None else _client(server, served, model)
    if _STANDARD_INPUT in files and sys.stdin.isatty():
        say("type a text in each line; Ctrl-D ends")
    documents = tagger.pipe(_noted(itertools.chain(texts, *sources), tagger))
    if output is None:
        documents = _flushed(documents)
    if rows == "entities":
        _write_entities(documents, kind, output, escape=escape_formulas)
    else:
        _write(documents, kind, output, tagger, entity_texts=not compact)
    stdout().flush()


def _noted(texts: Texts, tagger: Tagger | Client) -> Texts:
    """The texts; a note at the end if the model sees those around each one, and none has any."""
    settings = getattr(tagger, "settings", None)  # those of a server are its own
    is_noted = settings is not None and settings.context > 0
    for text in texts:
        is_noted = is_noted and not (isinstance(text, Document) and text.context)
        yield text
    print_notes([NO_CONTEXT] if is_noted else [])


def _client(url: str, name: str | None, model: ModelOptions) -> Client:
    """The client of a server; raises `SettingsError` for options that the server has."""
    for field in dataclasses.fields(model):
        option = field.name
        if option != "thresholds" and getattr(model, option) != field.default:
            raise SettingsError(
                "this is a setting of the server, which the command does not change",
                place=f"--{option.replace('_', '-')}",
                hint="give it to nerine serve",
            )
    from nerine.serving.client import Client

    key = os.environ.get("NERINE_KEY") or None
    client = Client(url, key=key, model=name, thresholds=model.thresholds)
    click.get_current_context().call_on_close(client.close)
    return client


def file_texts(path: Path, format_: str | None, options: ReadOptions) -> Texts:
    """The texts of a file, which is read when they are needed; the format is found at once."""
    if path == _STANDARD_INPUT:
        return _standard_lines() if format_ is None else _standard_documents(format_, options)
    if not path.is_file():
        raise FormatError(
            "this is a folder" if path.is_dir() else "the file does not exist",
            place=str(path),
            expected="a file with texts",
        )
    if format_ is None and path.suffix.lower() == ".txt":
        return (line for _, line in read_lines(path))
    return with_context(read_documents(path, format_ or detect_format(path), options))


def _standard_lines() -> Iterator[str | Pause]:
    """The lines of standard input as texts, with a pause where it stands still."""
    number = 0
    for raw in timely_lines(sys.stdin.buffer):
        if isinstance(raw, Pause):
            yield raw
            continue
        number += 1
        yield line_text(raw, "standard input", number)
        if sys.stdin.isatty():
            yield PAUSE  # each line is answered as soon as it is typed


def _standard_documents(format_: str, options: ReadOptions) -> Iterator[Document]:
    """The documents in standard input, which is copied into a file for the format's reader."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "standard input")
        with copy.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield from with_context(read_documents(copy, format_, options))


def _flushed(documents: Iterator[Document]) -> Iterator[Document]:
    """The documents; what was written of those before is shown while the next one is awaited."""
    for document in documents:
        yield document
        stdout().flush()


def _kind(
    rows: str, format_: str | None, output: Path | None, *, compact: bool, escape: bool
) -> str:
    """The form of the output; raises `SettingsError` if the options do not go together."""
    kind = format_ or _default_format(output, rows)
    if rows == "records":
        for option, is_given in (("--escape-formulas", escape), (kind, kind in _TABLES[1:])):
            if is_given:
                raise SettingsError(
                    "this is for a table of entities", place=option, hint="add --as entities"
                )
        return kind
    if compact:
        raise SettingsError("a table of entities has their texts", place="--compact")
    if kind not in _TABLES and not (kind == "text" and output is None):
        raise SettingsError(
            f"a table of entities cannot be written as {kind}",
            place="--as entities",
            expected=f"one of {', '.join(_TABLES)}, by --format or by the name of the output",
        )
    if kind == "parquet" and output is None:
        raise SettingsError("Parquet needs a file", place="--format parquet", hint="give -o FILE")
    return kind


def _default_format(output: Path | None, rows: str) -> str:
    if output is None:
        return "text" if sys.stdout.isatty() else "jsonl"
    suffix = output.suffix.lower()
    kinds = {**dict.fromkeys(FORMATS["columns"].extensions, "columns"), ".txt": "text"}
    kinds |= {".html": "html", ".htm": "html", ".csv": "csv", ".parquet": "parquet"}
    if rows == "entities":
        kinds[".tsv"] = "tsv"
    return kinds.get(suffix, "jsonl")


def _write_entities(
    documents: Iterable[Document], kind: str, output: Path | None, *, escape: bool
) -> None:
    if kind == "text":
        console().print(entity_lines(documents))
        return
    form = EntityTable(cast(TableFormat, kind), has_mark=output is not None, escape_formulas=escape)
    if output is None:
        write_entity_table(documents, stdout().buffer, form)
        return
    with replacing(output) as file:
        write_entity_table(documents, file, form)
    if kind == "csv":
        with output.open(encoding="utf-8-sig", newline="") as lines:
            _, formulas = form.count(lines)
        print_notes([formula_note(str(output), formulas)] if formulas else [])


def _write(
    documents: Iterable[Document],
    kind: str,
    output: Path | None,
    tagger: Tagger | Client,
    *,
    entity_texts: bool,
) -> None:
    on_terminal = output is None and sys.stdout.isatty()
    if kind in _OURS:
        stream = VisibleOutput() if on_terminal else stdout()
        options = WriteOptions(entity_texts=entity_texts)
        write_documents(documents, output or stream, _OURS[kind], options)
    elif kind == "text" and on_terminal:
        print_documents(documents, tagger.labels, console())
    else:
        if kind == "html":
            pieces = tagged_page(documents, tagger.labels)
        else:
            pieces = (f"{plain_line(document)}\n" for document in documents)
        if output:
            with replacing(output) as file:
                file.writelines(piece.encode() for piece in pieces)
        else:
            stdout().writelines(pieces)
