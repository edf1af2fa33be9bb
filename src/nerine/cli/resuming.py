"""The command that resumes an interrupted one, and the message that shows it."""

from __future__ import annotations

import contextlib
import shlex
import signal
import threading
from collections.abc import Iterator

import click

from nerine.cli.terminal import console, print_line


def resuming_command(context: click.Context) -> str:
    """The command with the arguments and options that the user typed, and `--resume`."""
    words = ["nerine", context.info_name or ""]
    for parameter in context.command.params:
        name, value = parameter.name or "", context.params.get(parameter.name or "")
        source = context.get_parameter_source(name)
        if source is not click.core.ParameterSource.COMMANDLINE or name in ("resume", "overwrite"):
            continue
        if value is None:  # --threads, which no command gets as an argument
            continue
        if isinstance(value, tuple) and not parameter.multiple and parameter.nargs == 1:
            value = ",".join(map(str, value))
        values = [str(each) for each in (value if isinstance(value, tuple) else (value,))]
        if isinstance(parameter, click.Argument):
            words += values
        elif isinstance(value, bool):
            words.append((parameter.opts if value else parameter.secondary_opts)[0])
        else:
            words += [word for each in values for word in (parameter.opts[0], each)]
    return shlex.join([*words, "--resume"])


def print_resuming_command(state: str, command: str) -> None:
    """Prints the state of the interrupted run and the `command` that resumes it, on stderr."""
    on = console(stderr=True)
    print_line(on, state)
    print_line(on, f"resume with: {command}")


@contextlib.contextmanager
def resumable(context: click.Context, *, is_resumable: bool) -> Iterator[None]:
    """Ends the block on SIGINT and on SIGTERM, and prints the command that resumes it."""
    previous = None
    if threading.current_thread() is threading.main_thread():
        previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        if is_resumable:
            print_resuming_command("the state was saved", resuming_command(context))
        raise click.Abort from None
    finally:
        if previous is not None:
            signal.signal(signal.SIGTERM, previous)
