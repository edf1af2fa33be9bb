"""Options about the files that a command tags."""

from __future__ import annotations

from typing import Any

import click

from nerine.cli.flags import default_option, gathered
from nerine.core.errors import SettingsError
from nerine.serving.files.options import FORMATS, QUOTINGS, Start

SOME_FAILED = 1
"""The exit code if some documents failed and all others are done."""

_SIGNS = {"tab": "\t", "space": " "}


def _as_settings(values: dict[str, Any]) -> dict[str, Any]:
    """The options as fields of `TaggingOptions`."""
    sign = values["separator"]
    return {**values, "separator": _SIGNS.get(sign or "", sign)}


def _start(values: dict[str, Any]) -> Start:
    """How a run starts; raises `SettingsError` for both options."""
    resume, overwrite = values["resume"], values["overwrite"]
    if resume and overwrite:
        raise SettingsError("--resume and --overwrite are both given", expected="one of the two")
    return "resume" if resume else "overwrite" if overwrite else "new"


output_option = click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(),
    metavar="OUTPUT",
    help="A file if the input is one file, else a folder; or - for standard output.",
)
input_options = gathered(
    [
        click.option(
            "--format",
            "format",
            type=click.Choice(FORMATS),
            help="Format of all inputs.  [default: found from their names]",
        ),
        default_option(
            "--text-field",
            "text",
            "Field or column that holds the text.",
            metavar="NAME",
        ),
        click.option(
            "--document",
            metavar="NAME",
            help="Field or column that names the document of each sentence, for a model trained "
            "with --context.",
        ),
        click.option(
            "--separator",
            metavar="SIGN",
            help="Sign between cells, or tab or space.  [default: , in CSV, TAB in TSV]",
        ),
        click.option(
            "--quoting",
            type=click.Choice(QUOTINGS),
            help="Whether quotes are characters of cells (none) or surround them (csv).  [default: "
            "csv in CSV, in TSV what the file shows]",
        ),
    ],
    "reading",
    _as_settings,
)
start_options = gathered(
    [
        click.option("--resume", is_flag=True, help="Resume the interrupted run, if any."),
        click.option("--overwrite", is_flag=True, help="Start again, and replace existing output."),
    ],
    "start",
    _start,
)
