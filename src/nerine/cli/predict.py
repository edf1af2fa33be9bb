"""`nerine predict`: texts → texts with entities."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nerine.cli.options import (
    ModelChoice,
    format_option,
    reading_options,
    tagging_options,
)
from nerine.cli.outputs import check_output
from nerine.cli.terminal import VisibleOutput, console, stdout
from nerine.core.document import Document
from nerine.core.errors import FormatError
from nerine.core.files import read_lines, replacing, stream_lines
from nerine.data.formats import FORMATS, ReadOptions, detect_format, read_documents, write_documents

if TYPE_CHECKING:
    from nerine.model.tagger import Tagger

_OUTPUTS = ("text", "jsonl", "columns", "html")
_OURS = {"jsonl": "spans", "columns": "columns"}
"""Outputs that are formats of corpora, by the names of these."""

Texts = Iterator[str | Document]


@click.command(
    epilog="""\b
Examples:
  nerine predict runs/wnut "Mira Okonjo left Tandem Labs for Lisbon."
  nerine predict runs/wnut < posts.txt > posts.jsonl
  nerine predict runs/wnut --file posts.jsonl --file more.txt -o tagged.jsonl
  nerine predict runs/wnut --thresholds saved < posts.txt > sure.jsonl
  nerine predict runs/wnut --file posts.txt --format html -o posts.html

As many documents come out as went in, in the same order; an empty line is an empty document.
"""
)
@click.argument("checkpoint")
@click.argument("texts", metavar="[TEXT]...", nargs=-1)
@click.option(
    "--file",
    "files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A .txt file with a text in each line, JSON lines with texts, or a column file. "
    "May be given again.",
)
@format_option("--from", "from_", text="Format of the files; by default their names tell.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(_OUTPUTS),
    help="What to write; by default the name of the output tells, else text on a terminal and "
    "jsonl in a pipe.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format jsonl.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File to write, whole or not at all; by default standard output.",
)
@tagging_options
@reading_options
def predict(
    checkpoint: str,
    texts: tuple[str, ...],
    files: tuple[Path, ...],
    from_: str | None,
    format_: str | None,
    as_json: bool,
    output: Path | None,
    model: ModelChoice,
    options: ReadOptions,
) -> None:
    """Tag texts with CHECKPOINT, a folder or hub id.

    The texts are the arguments, then those of the files. Without either, each line of standard
    input is a text.
    """
    if output:
        check_output(output, files)
    options = dataclasses.replace(options, unlabelled=True)
    sources = [file_texts(path, from_, options) for path in files]
    tagger = model.load(checkpoint)
    given = _all_of(texts, sources)
    documents = tagger.pipe(given) if texts or files else _tagged_input(tagger)
    kind = "jsonl" if as_json else format_ or _usual_format(output)
    if output:
        _write_file(documents, kind, output, tagger)
    else:
        _write_stdout(documents, kind, tagger)


def _all_of(texts: tuple[str, ...], sources: list[Texts]) -> Texts:
    yield from texts
    for source in sources:
        yield from source


def file_texts(path: Path, format_: str | None, options: ReadOptions) -> Texts:
    """The texts of a file, which is looked at now and read later."""
    if not path.is_file():
        raise FormatError(
            "this is a folder" if path.is_dir() else "there is no such file",
            place=str(path),
            expected="a file with texts",
        )
    if format_ is None and path.suffix.lower() == ".txt":
        return (line for _, line in read_lines(path))
    return iter(read_documents(path, format_ or detect_format(path), options))


def _tagged_input(tagger: Tagger) -> Iterator[Document]:
    """The lines of standard input; from a terminal, each one is answered at once."""
    stream = sys.stdin.buffer
    lines = (line for _, line in stream_lines(stream, "standard input"))
    if not sys.stdin.isatty():
        return tagger.pipe(lines)
    click.echo("a text in each line; Ctrl-D ends", err=True)
    return map(tagger, lines)


def _usual_format(output: Path | None) -> str:
    if output is None:
        return "text" if sys.stdout.isatty() else "jsonl"
    suffix = output.suffix.lower()
    kinds = {**dict.fromkeys(FORMATS["columns"].extensions, "columns"), ".txt": "text"}
    return {**kinds, ".html": "html", ".htm": "html"}.get(suffix, "jsonl")


def _write_file(documents: Iterable[Document], kind: str, path: Path, tagger: Tagger) -> None:
    if kind in _OURS:
        write_documents(documents, path, _OURS[kind])
        return
    with replacing(path) as stream:
        for piece in _pieces(documents, kind, tagger):
            stream.write(piece.encode())


def _write_stdout(documents: Iterable[Document], kind: str, tagger: Tagger) -> None:
    is_terminal = sys.stdout.isatty()
    if kind in _OURS:
        stream = VisibleOutput() if is_terminal else stdout()
        write_documents(documents, stream, _OURS[kind])
    elif kind == "text" and is_terminal:
        from nerine.cli.show import print_documents

        print_documents(documents, tagger.labels, console())
    else:
        stream = stdout()
        for piece in _pieces(documents, kind, tagger):
            stream.write(piece)
    stdout().flush()


def _pieces(documents: Iterable[Document], kind: str, tagger: Tagger) -> Iterator[str]:
    from nerine.cli.show import plain_line
    from nerine.core.display import tagged_page

    if kind == "html":
        return tagged_page(documents, tagger.labels)
    return (f"{plain_line(document)}\n" for document in documents)
