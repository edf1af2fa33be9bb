"""Options that commands of all kinds share, and several of them as one argument."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from nerine.cli.help import GLOBAL, options_in

Command = Callable[..., Any]
Decorator = Callable[[Command], Command]

FILE = click.Path(path_type=Path)


def gathered(
    options: Sequence[Decorator], name: str, make: Callable[[dict[str, Any]], Any]
) -> Decorator:
    """Adds `options` to a command, which gets `make` of their values as its argument `name`."""
    of_options_alone = click.Command(None)
    for option in options:
        option(of_options_alone)
    names = {parameter.name or "" for parameter in of_options_alone.params}

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def gathering(**values: Any) -> Any:
            own = {option: values.pop(option) for option in names}
            return command(**values, **{name: make(own)})

        wrapper: Command = gathering
        for option in reversed(options):
            wrapper = option(wrapper)
        return wrapper

    return decorate


def default_option(flag: str, default: Any, text: str, **details: Any) -> Decorator:
    """An option with a default, which the help shows."""
    return click.option(flag, default=default, show_default=True, help=text, **details)


class _Limit(click.IntRange):
    """A number of items, or the word `all`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        return sys.maxsize if value == "all" else super().convert(value, param, ctx)


def show_option(text: str, default: int = 0) -> Decorator:
    """The option `--show`, the most items to show."""
    return default_option("--show", default, text, type=_Limit(min=0), metavar="N|all")


def output_option(metavar: str, text: str, *, required: bool = True) -> Decorator:
    """The option `-o`, a path to write to."""
    names = ("-o", "--output")
    return click.option(*names, required=required, type=FILE, metavar=metavar, help=text)


def _set_threads(context: click.Context, _: click.Parameter, number: int | None) -> None:
    from nerine.model.backends.hardware import THREADS_VARIABLE

    if number is not None:
        before = os.environ.get(THREADS_VARIABLE)
        os.environ[THREADS_VARIABLE] = str(number)

        def restore() -> None:
            del os.environ[THREADS_VARIABLE]
            if before is not None:
                os.environ[THREADS_VARIABLE] = before

        context.call_on_close(restore)


threads_option = click.option(
    "--threads",
    type=click.IntRange(min=1),
    metavar="N",
    expose_value=False,
    callback=_set_threads,
    help="Threads on a CPU.  [default: those of NERINE_THREADS, or one for each core that "
    "the process may use]",
)
"""For commands that train or measure, which read the variable."""


def processes_option(text: str, option: Callable[..., Decorator] = click.option) -> Decorator:
    """The option `--processes`, how many do the work, made by `option`."""
    kind = click.IntRange(1)
    return option("--processes", default=1, show_default=True, help=text, type=kind, metavar="N")


json_option = options_in(GLOBAL)(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the result, or the error, as JSON.",
)
