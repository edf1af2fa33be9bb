"""`nerine tag`: tag files of any length, resumably."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nerine.cli.cluster import ClusterOptions, cluster_options
from nerine.cli.completion import CHECKPOINT
from nerine.cli.flags import default_option, gathered, json_option, processes_option
from nerine.cli.help import Command
from nerine.cli.inputs import SOME_FAILED, input_options, output_option, start_options
from nerine.cli.model_options import ModelOptions, tagging_options
from nerine.cli.outputs import as_option, compact_option, escape_option
from nerine.cli.resuming import resumable
from nerine.cli.terminal import (
    binary_stdout,
    console,
    number_table,
    print_json,
    print_line,
    working,
)
from nerine.cli.verbosity import is_quiet
from nerine.core.display import counted
from nerine.core.errors import SettingsError
from nerine.serving.files.inputs import STANDARD
from nerine.serving.files.options import SHARD_BYTES, Start, TaggingOptions
from nerine.serving.files.plan import TaggingSummary, plan_tagging

if TYPE_CHECKING:
    from rich.console import Console

_MIB = 1 << 20


class _Share(click.ParamType[tuple[int, int]]):
    """A share of the shards, such as `3/64`."""

    name = "K/N"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        number, _, of = str(value).partition("/")
        if not (number.isdecimal() and of.isdecimal()):
            self.fail(f"{value!r} is not a share, such as 3/64", param, ctx)
        return int(number), int(of)


def _division(values: dict[str, Any]) -> dict[str, Any]:
    """The options of dividing a run, as settings."""
    share, size = values["share"], values["shard_size"]
    return {
        "shards": values["shards"] or share is not None,
        "share": share,
        "shard_bytes": max(1, round(size * _MIB)),
        "processes": values["processes"],
    }


_division_options = gathered(
    [
        processes_option(
            "Number of processes, each with a model of its own; they share out the threads."
        ),
        click.option(
            "--shards",
            is_flag=True,
            help="Write a folder with a file for each shard of the inputs.",
        ),
        default_option(
            "--shard-size",
            SHARD_BYTES / _MIB,
            "About how much of the inputs is a shard, in MiB.",
            type=click.FloatRange(min=0, min_open=True),
            metavar="MIB",
        ),
        click.option(
            "--shard",
            "share",
            type=_Share(),
            help="Tag only the K-th of N shares of the shards, as one of N jobs that write the "
            "same OUTPUT; with --shards.",
        ),
    ],
    "division",
    _division,
)

_id_option = click.option(
    "--id",
    metavar="NAME",
    help="Field or column of the record's id in a table of entities.  [default: id, if there is "
    "one]",
)
_shape_options = gathered(
    [compact_option, as_option, _id_option, escape_option], "shape", lambda values: values
)


@click.command(
    cls=Command,
    short_help="Tag files of any length, resumably.",
    epilog="""\b
Examples:
  nerine tag runs/wnut posts.txt -o posts.jsonl
  nerine tag runs/wnut posts.json.gz --text-field body -o out.json.gz --resume
  nerine tag runs/wnut table.csv --text-field comment -o table.tagged.csv
  nerine tag runs/wnut archive/ "more/*.parquet" -o tagged/ --thresholds saved
  nerine tag runs/wnut posts.jsonl -o entities.csv --as entities
  nerine tag runs/wnut archive/ -o tagged/ --shards --shard 3/64
  nerine tag runs/wnut archive/ -o tagged/ --on ray --workers 16 --address auto
  zcat posts.gz | nerine tag runs/wnut - --format text -o - | head

Records keep all their fields, columns and bytes; "entities" is added, null where the text is null.
A table of entities has their records' numbers and ids in place of the records.
A record that cannot be read or tagged is written to OUTPUT.failed.jsonl, whole and with the reason,
and to no output. Exit codes: 0 all tagged, 1 some failed or interrupted, 2 unusable input; with
--allow-failures, 1 interrupted only.
""",
)
@click.argument("checkpoint", type=CHECKPOINT)
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True, type=click.Path())
@output_option
@input_options
@default_option("--into", "entities", "Field or column for the entities.", metavar="NAME")
@_shape_options
@start_options
@_division_options
@cluster_options
@click.option(
    "--allow-failures",
    is_flag=True,
    help="Exit with 0 if some records failed and all others are tagged.",
)
@tagging_options
@json_option
@click.pass_context
def tag(
    context: click.Context,
    checkpoint: str,
    inputs: tuple[str, ...],
    output: str,
    reading: dict[str, Any],
    into: str,
    shape: dict[str, Any],
    start: Start,
    division: dict[str, Any],
    cluster: ClusterOptions,
    allow_failures: bool,
    model: ModelOptions,
    as_json: bool,
) -> None:
    """Tag INPUTs with CHECKPOINT, a folder or hub id.

    An INPUT is a file of texts (a line each), JSON lines, CSV, TSV or Parquet, compressed (.gz,
    .bz2, .xz, .zst) or not; a folder or a quoted pattern of such files; the URL of one of these,
    such as s3://bucket/posts/; or - for standard input.
    """
    to_stream = output == STANDARD
    if to_stream and as_json:
        raise SettingsError("the records already go to standard output", place="--json")
    options = TaggingOptions(
        **reading, into=into, start=start, **shape, **cluster.divided(division)
    )
    target = binary_stdout() if to_stream else output
    with working("checking the inputs"):
        planned = plan_tagging(inputs, target, options)
    from nerine.cli.progress import tagging_display

    source = model.find(checkpoint)
    planned = planned.with_model(model.identity(source))
    tagger = _for_workers(model, cluster, options.processes).load(source)
    # a bar would stand between the records on a terminal
    shows_bar = not to_stream or not sys.stdout.isatty()
    display = tagging_display() if shows_bar else contextlib.nullcontext()
    with resumable(context, is_resumable=not to_stream and planned.resumable), display as listener:
        summary = cluster.run(planned, tagger, listener)
    if as_json:
        print_json({"checkpoint": tagger.name, **summary.to_dict()})
    print_summary(summary)
    if summary.failures and not allow_failures:
        context.exit(SOME_FAILED)


def _for_workers(model: ModelOptions, cluster: ClusterOptions, processes: int) -> ModelOptions:
    """The model's options with the threads of each process or worker."""
    if cluster.on:
        return dataclasses.replace(model, device="cpu", threads=model.threads or 1)
    return model.for_processes(processes)


def print_summary(summary: TaggingSummary) -> None:
    """Prints counts and outputs to standard error, as standard output may take the records.

    A quiet command prints only how many failed.
    """
    on = console(stderr=True)
    if not is_quiet():
        _print_counts(summary, on)
    if summary.failures:
        where = f": they and the reasons are in {summary.failed}" if summary.failed else ""
        print_line(on, f"{counted(summary.failures, 'document')} failed{where}", "bold")
    if not is_quiet():
        outputs = summary.outputs
        if summary.shards:
            done, of = summary.shards
            which = f"{done:,} of {counted(of, 'shard')}" if done < of else counted(of, "shard")
            print_line(on, f"written: {which} in {outputs[0]}; nerine verify reads all of it")
        elif len(outputs) > 1:
            print_line(on, f"written: {len(outputs):,} files, the last one {Path(outputs[-1])}")
        elif outputs != (STANDARD,):
            print_line(on, f"written: {outputs[0]}")


def _print_counts(summary: TaggingSummary, on: Console) -> None:
    for path in summary.passed_over:
        print_line(on, f"note: {path} is hidden and was passed over")
    for note in summary.notes:
        print_line(on, f"note: {note}")
    if summary.nulls:
        records = counted(summary.nulls, "record has", "records have")
        print_line(on, f"note: {records} null instead of a text: the entities are null")
    if summary.entities:
        rows = ((label, f"{number:,}") for label, number in summary.entities.items())
        on.print(number_table("label", ["entities"], rows))
    total = sum(summary.entities.values())
    tagged = summary.documents - summary.failures - summary.nulls
    found = counted(total, "entity", "entities")
    print_line(on, f"{counted(tagged, 'document')} tagged, {found}")
    if summary.tagged_now:
        now = f"{summary.tagged_now:,} of them " if summary.tagged_now < summary.documents else ""
        digits = 0 if summary.rate >= 10 else 1
        rate = f"{summary.rate:,.{digits}f} documents/s"
        print_line(on, f"{now}in {summary.seconds:,.1f} s, {rate}")
    kept = summary.documents - summary.failures
    records = counted(summary.documents, "record")
    print_line(on, f"{records} in = {kept:,} out + {summary.failures:,} failed")
