"""The group of all commands; it reports errors and sets the exit code."""

from __future__ import annotations

import difflib
import errno
import itertools
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import click

from nerine import __version__
from nerine.cli.completion import use_own_bash_completion
from nerine.cli.failures import INTERRUPTED, Failure
from nerine.cli.help import Look
from nerine.cli.terminal import is_main_process
from nerine.core.errors import NerineError, PeerError
from nerine.core.extras import optional_imports

LEARNED_NOTHING = 3
"""The exit code of a training that ended, but whose model finds nothing."""

GROUPS: Mapping[str, Sequence[str]] = {
    "Start": ("demo",),
    "Data": ("describe", "check", "convert", "split", "suspects"),
    "Train": ("train", "tune", "distill", "adapt", "runs"),
    "Judge": ("evaluate", "report", "compare", "score", "calibrate", "explain"),
    "Use": ("predict", "tag", "verify", "redact", "restore", "serve", "optimize"),
    "Share": ("push", "pull"),
}
"""The commands, in groups as the help shows them."""
_COMMANDS = [name for names in GROUPS.values() for name in names]


class _CommandGroup(Look, click.Group):
    """Commands whose modules are imported when they are called, with one place for errors."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return _COMMANDS

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"nerine.cli.{cmd_name}"), cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command; the error of one that does not exist names those with a similar name."""
        name = args[0]
        if name not in _COMMANDS and not ctx.resilient_parsing:
            similar = difflib.get_close_matches(name, _COMMANDS)
            meant = f" Did you mean {' or '.join(map(repr, similar))}?" if similar else ""
            raise click.UsageError(f"No such command {name!r}.{meant}", ctx)
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the commands of each group, then the options of all."""
        width = max(map(len, _COMMANDS))
        for title, names in GROUPS.items():
            commands = ((name, self.get_command(ctx, name)) for name in names)
            rows = [(f"{name:<{width}}", each.short_help or "") for name, each in commands if each]
            with formatter.section(title):
                formatter.write_dl(rows)
        click.Command.format_options(self, ctx, formatter)

    def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> Any:
        """Runs the command line and exits. Errors that are not the user's are raised."""
        use_own_bash_completion()
        given = sys.argv[1:] if args is None else [*args]
        colour = False if os.environ.get("NO_COLOR") else None
        try:
            with optional_imports("this command"):
                code = super().main(
                    given, *rest, **{"color": colour, **options, "standalone_mode": False}
                )
            sys.stdout.flush()
        except (NerineError, click.ClickException, click.Abort, OSError) as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                # Python flushes standard output once more at exit, which must not raise again
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                code = INTERRUPTED
            else:
                failure = Failure.of(error)
                options_given = itertools.takewhile(lambda each: each != "--", given)
                if not _is_said_elsewhere(error):
                    failure.show(as_json="--json" in options_given)
                code = failure.code
        sys.exit(code if isinstance(code, int) else 0)


def _is_said_elsewhere(error: Exception) -> bool:
    """Whether another of the processes that train together prints why they end."""
    is_usage = isinstance(error, click.ClickException)  # the same in all of them
    return isinstance(error, PeerError) or (is_usage and not is_main_process())


@click.group(
    "nerine",
    cls=_CommandGroup,
    invoke_without_command=True,
    subcommand_metavar="COMMAND [ARGS]...",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Examples:
  nerine demo
  nerine train wnut17/ -o runs/wnut
  nerine predict runs/wnut "Mira Okonjo left Tandem Labs for Lisbon."

Options and examples of a command: nerine COMMAND --help

Manual: docs/index.md in the source; make docs builds it as a site

\b
Completion with TAB, by a line in the start-up file of your shell:
  bash  eval "$(_NERINE_COMPLETE=bash_source nerine)"
  zsh   eval "$(_NERINE_COMPLETE=zsh_source nerine)"
  fish  _NERINE_COMPLETE=fish_source nerine | source
""",
)
@click.version_option(__version__, prog_name="nerine", message="%(prog)s %(version)s")
@click.pass_context
def main(context: click.Context) -> None:
    """From labelled text to a named-entity recogniser in service."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
