"""`nerine tag`: files → the same files with entities."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import click

from nerine.cli.flags import resuming_command
from nerine.cli.options import ModelChoice, json_option, tagging_options
from nerine.cli.terminal import VisibleOutput, cell, console, print_json, stdout, table, working
from nerine.core.display import counted
from nerine.core.errors import SettingsError
from nerine.serving.files.inputs import STANDARD
from nerine.serving.files.options import FORMATS, Format, Start, TaggingOptions
from nerine.serving.files.outputs import Outputs
from nerine.serving.files.plan import TaggingPlan, TaggingSummary, plan_tagging

if TYPE_CHECKING:
    from nerine.model.loading.sources import Source

SOME_FAILED = 1
"""The exit code where all else went well."""


@click.command(
    short_help="Tag files of any length, and resume where it stopped.",
    epilog="""\b
Examples:
  nerine tag runs/wnut posts.txt -o posts.jsonl
  nerine tag runs/wnut posts.jsonl.gz --field body -o tagged.jsonl.gz --resume
  nerine tag runs/wnut table.csv --column comment -o table.tagged.csv
  nerine tag runs/wnut archive/ "more/*.parquet" -o tagged/ --thresholds saved
  zcat posts.gz | nerine tag runs/wnut - --format text -o - | head

Every field, column and byte of a record stays as it is; "entities" is added. A record that cannot
be read or tagged lies in OUTPUT.failed.jsonl with its reason, and in no output. Exit codes: 0 all
tagged, 1 some failed or interrupted, 2 nothing can be done.
""",
)
@click.argument("checkpoint")
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="OUTPUT",
    help="A file for one file, a folder for anything else, or - for standard output.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    help="Format of all inputs; by default their names tell.",
)
@click.option(
    "--field",
    default="text",
    show_default=True,
    metavar="NAME",
    help="Field of the text, in JSON lines.",
)
@click.option(
    "--column",
    default="text",
    show_default=True,
    metavar="NAME",
    help="Column of the text, in CSV, TSV and Parquet.",
)
@click.option(
    "--into",
    default="entities",
    show_default=True,
    metavar="NAME",
    help="Field or column to put the entities into.",
)
@click.option("--delimiter", metavar="SIGN", help="Between cells.  [default: , in CSV, TAB in TSV]")
@click.option("--resume", is_flag=True, help="Go on with the run that was interrupted, if any.")
@click.option("--overwrite", is_flag=True, help="Begin anew, and replace what is there.")
@tagging_options
@json_option
@click.pass_context
def tag(
    context: click.Context,
    checkpoint: str,
    inputs: tuple[str, ...],
    output: str,
    format_: Format | None,
    field: str,
    column: str,
    into: str,
    delimiter: str | None,
    resume: bool,
    overwrite: bool,
    model: ModelChoice,
    as_json: bool,
) -> None:
    """Tag INPUTs with CHECKPOINT, a folder or hub id.

    An INPUT is a file of texts (a line each), JSON lines, CSV, TSV or Parquet, as it is or
    compressed (.gz, .bz2, .xz, .zst); a folder or a quoted pattern of such files; or -.
    """
    start = _start(resume, overwrite)
    to_stream = output == STANDARD
    if to_stream and as_json:
        raise SettingsError("standard output takes the records already", place="--json")
    options = TaggingOptions(format_, field, column, into, delimiter, start)
    with working("checking the inputs"):
        planned = plan_tagging(inputs, _standard_output() if to_stream else output, options)
    source = model.find(checkpoint)
    planned = planned.with_model(_identity(source, model))
    tagger = model.load(source)
    with _resumable(context, None if to_stream else planned):
        summary = _run(planned, tagger)
    if as_json:
        print_json({"checkpoint": tagger.name, **summary.to_dict()})
    _print_summary(summary)
    if summary.failures:
        context.exit(SOME_FAILED)


def _start(resume: bool, overwrite: bool) -> Start:
    if resume and overwrite:
        raise SettingsError(
            "--resume and --overwrite are both given", expected="the one or the other"
        )
    return "resume" if resume else "overwrite" if overwrite else "new"


def _identity(source: Source, model: ModelChoice) -> dict[str, Any]:
    """What tells the model from others: its files, or the commit that these are of."""
    from nerine.serving.files.identity import model_identity

    tags = None if model.tags is None else list(model.tags)
    return {**model_identity(str(source)), "scheme": model.scheme, "tags": tags}


def _standard_output() -> BinaryIO:
    return cast(BinaryIO, _VisibleBytes() if sys.stdout.isatty() else stdout().buffer)


class _VisibleBytes:
    """Standard output where it is a terminal: no control character gets through."""

    def __init__(self) -> None:
        self._stream = VisibleOutput()

    def write(self, data: bytes) -> int:
        self._stream.write(data.decode(errors="replace"))
        return len(data)

    def flush(self) -> None:
        stdout().flush()


def _run(planned: TaggingPlan, tagger: Any) -> TaggingSummary:
    from nerine.cli.progress import tagging_display

    if not isinstance(planned.output, Outputs) and sys.stdout.isatty():
        return planned.run(tagger)  # whose records a bar would stand between
    with tagging_display() as listener:
        return planned.run(tagger, listener)


@contextlib.contextmanager
def _resumable(context: click.Context, planned: TaggingPlan | None) -> Iterator[None]:
    """Ends on SIGINT and SIGTERM alike, and says how to go on."""
    previous = None
    if threading.current_thread() is threading.main_thread():
        previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        if planned is not None and planned.resumable:
            on = console(stderr=True)
            on.print(cell("the state was saved"), soft_wrap=True)
            on.print(cell(f"go on with: {resuming_command(context)}"), soft_wrap=True)
        raise click.Abort from None
    finally:
        if previous is not None:
            signal.signal(signal.SIGTERM, previous)


def _print_summary(summary: TaggingSummary) -> None:
    """On standard error, as standard output may hold records."""
    on = console(stderr=True)
    for path in summary.passed_over:
        on.print(cell(f"note: {path} is hidden and was passed over"), soft_wrap=True)
    if summary.entities:
        counts = table(("label", "entities"), numbers=("entities",))
        for label, number in summary.entities.items():
            counts.add_row(cell(label), f"{number:,}")
        on.print(counts)
    total = sum(summary.entities.values())
    tagged = summary.documents - summary.failures
    found = counted(total, "entity", "entities")
    on.print(cell(f"{counted(tagged, 'document')} tagged, {found}"), soft_wrap=True)
    if summary.tagged_now:
        now = f"{summary.tagged_now:,} of them " if summary.tagged_now < summary.documents else ""
        digits = 0 if summary.rate >= 10 else 1
        rate = f"{summary.rate:,.{digits}f} documents/s"
        on.print(cell(f"{now}in {summary.seconds:,.1f} s, {rate}"))
    if summary.failures:
        where = f": they and the reasons are in {summary.failed}" if summary.failed else ""
        on.print(
            cell(f"{counted(summary.failures, 'document')} failed{where}", "bold"), soft_wrap=True
        )
    for path in _shown(summary.outputs):
        on.print(cell(path), soft_wrap=True)


def _shown(outputs: tuple[str, ...]) -> list[str]:
    if outputs == (STANDARD,):
        return []
    if len(outputs) == 1:
        return [f"written: {outputs[0]}"]
    return [f"written: {len(outputs):,} files, the last one {Path(outputs[-1])}"]
