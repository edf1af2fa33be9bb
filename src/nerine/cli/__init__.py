"""The command line: each command parses, calls one function of the library, and shows.

| module | what lives there |
|---|---|
| `options`, `flags` | options that commands share; settings of training as flags |
| `terminal` | streams, JSON, tables, and text that a terminal may be given |
| `show` | scores, epochs, tagged texts, descriptions as lines and tables |
| `scores` | scores with their intervals, and what explains them |
| `progress` | how training and tagging go on, on a terminal |
| `outputs` | files that a command may replace |
| the others | a command each |

Exit codes: 0 done, 1 interrupted or cut off by a closed pipe, 2 input that cannot be used. Of
`check`: 0 where nothing is as bad as `--fail-on` says, 1 where something is. Of `tag`: 1 too where
some documents failed and all others are done.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from nerine import __version__
from nerine.core.display import visible
from nerine.core.errors import NerineError
from nerine.core.extras import optional_imports

__all__ = ["main"]

INTERRUPTED, BAD_INPUT = 1, 2

_COMMANDS = (
    *("demo", "train", "evaluate", "calibrate", "score", "compare", "report", "predict", "tag"),
    *("optimize", "distill", "explain", "check", "suspects", "convert", "split", "describe"),
    *("push", "pull"),
)


class _CommandLine(click.Group):
    """Commands that are imported when they are asked for, behind one boundary for errors."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"nerine.cli.{cmd_name}"), cmd_name)
        return command

    def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> Any:
        """Runs the command line and exits. What is no error of the user's is let through."""
        try:
            with optional_imports("this command"):
                code = super().main(args, *rest, **{**options, "standalone_mode": False})
            sys.stdout.flush()
        except NerineError as error:
            _say(f"error: {error}")
            code = BAD_INPUT
        except click.ClickException as error:
            _show_usage(error)
            code = error.exit_code
        except click.Abort:
            _say("interrupted")
            code = INTERRUPTED
        except OSError as error:
            if error.errno != errno.EPIPE:
                raise
            _forget_stdout()
            code = INTERRUPTED
        sys.exit(code if isinstance(code, int) else 0)


def _say(message: str) -> None:
    click.echo(visible(message, lines=True), err=True)


def _show_usage(error: click.ClickException) -> None:
    """As click does it, with our prefix."""
    context = getattr(error, "ctx", None)
    if isinstance(context, click.Context):
        _say(f"{context.get_usage()}\nTry '{context.command_path} --help' for help.\n")
    _say(f"error: {error.format_message()}")


def _forget_stdout() -> None:
    """Sends what is still to be written nowhere, so that Python's own last flush is quiet."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.group(
    cls=_CommandLine,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Examples:
  nerine demo
  nerine train wnut17/ --encoder distilbert/distilbert-base-uncased -o runs/wnut
  nerine predict runs/wnut "Mira Okonjo left Tandem Labs for Lisbon."

\b
Completion of commands and options, for the shell's start-up file:
  eval "$(_NERINE_COMPLETE=bash_source nerine)"     (or zsh_source; for fish:
  _NERINE_COMPLETE=fish_source nerine | source)
""",
)
@click.version_option(__version__, prog_name="nerine", message="%(prog)s %(version)s")
def main() -> None:
    """From labelled text to a named-entity recogniser in service."""
