"""The group of all commands; it reports errors and sets the exit code."""

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

INTERRUPTED, BAD_INPUT, LEARNED_NOTHING = 1, 2, 3
"""Exit codes; the last one is of a training that ended, but whose model finds nothing."""

_COMMANDS = (
    *("demo", "train", "evaluate", "calibrate", "score", "compare", "report", "predict", "tag"),
    *("optimize", "distill", "explain", "check", "suspects", "convert", "split", "describe"),
    *("tune", "push", "pull", "serve", "runs"),
)


class _CommandGroup(click.Group):
    """Commands whose modules are imported when they are called, with one place for errors."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"nerine.cli.{cmd_name}"), cmd_name)
        return command

    def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> Any:
        """Runs the command line and exits. Errors that are not the user's are raised."""
        try:
            with optional_imports("this command"):
                code = super().main(args, *rest, **{**options, "standalone_mode": False})
            sys.stdout.flush()
        except NerineError as error:
            _print_error(f"error: {error}")
            code = BAD_INPUT
        except click.ClickException as error:
            context = getattr(error, "ctx", None)
            if isinstance(context, click.Context):
                hint = f"Try '{context.command_path} --help' for help."
                _print_error(f"{context.get_usage()}\n{hint}\n")
            _print_error(f"error: {error.format_message()}")
            code = error.exit_code
        except click.Abort:
            _print_error("interrupted")
            code = INTERRUPTED
        except OSError as error:
            if error.errno != errno.EPIPE:
                raise
            # Python flushes standard output once more at exit, which must not raise again
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = INTERRUPTED
        sys.exit(code if isinstance(code, int) else 0)


def _print_error(message: str) -> None:
    click.echo(visible(message, lines=True), err=True)


@click.group(
    cls=_CommandGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Examples:
  nerine demo
  nerine train wnut17/ --encoder distilbert/distilbert-base-uncased -o runs/wnut
  nerine predict runs/wnut "Mira Okonjo left Tandem Labs for Lisbon."

\b
To complete commands and options, add this to the start-up file of your shell:
  eval "$(_NERINE_COMPLETE=bash_source nerine)"     (or zsh_source; for fish:
  _NERINE_COMPLETE=fish_source nerine | source)
""",
)
@click.version_option(__version__, prog_name="nerine", message="%(prog)s %(version)s")
def main() -> None:
    """From labelled text to a named-entity recogniser in service."""
